"""OPENAI_BASE_URL leads to the wrong place: said as what it is, before the start (`check`) and in the answer."""

from __future__ import annotations

import pytest

from rooms.providers import fault_of

from . import asking

desk = asking.desk

WRONG = "The configured address of the model provider leads to no model."


@pytest.mark.parametrize(
    ("url", "what", "better"),
    [
        ("localhost:11434/v1", "http://", "http://localhost:11434/v1"),
        ("192.168.0.1:8000", "http://", "http://192.168.0.1:8000/v1"),
        ("ollama:11434/v1", "http://", "http://ollama:11434/v1"),
        ("ollama/v1", "http://", "http://ollama/v1"),
        ("api.example.com/v1", "https://", "https://api.example.com/v1"),
        ("https//api.example.com/v1", "https://", "https://api.example.com/v1"),
        ("https:api.example.com/v1", "https://", "https://api.example.com/v1"),
        ("http:/localhost/v1", "http://", "http://localhost/v1"),
        ("//localhost/v1", "http://", "http://localhost/v1"),
        ("ws://localhost/v1", "http://", "http://localhost/v1"),
        ("http://localhost /v1", "blanks", "http://localhost/v1"),
        ('"http://localhost/v1"', "quotes", "http://localhost/v1"),
        ("http://localhost/v1/chat/completions", "past", "http://localhost/v1"),
        ("http://localhost/v1/chat/completions/", "past", "http://localhost/v1"),
        ("http://localhost/v1/responses", "past", "http://localhost/v1"),
        ("http://localhost/v1/v1", "past", "http://localhost/v1"),
        ("http://localhost/v1/models", "past", "http://localhost/v1"),
        ("http://localhost:11434/api/chat", "past", "http://localhost:11434/v1"),
        ("https://x.openai.azure.com/openai/v1?api-version=preview", "behind", "https://x.openai.azure.com/openai/v1"),
        ("http://localhost:123456/v1", "read", "http://localhost:11434/v1"),
        ("http://[::1/v1", "read", "http://localhost:11434/v1"),
        ("http:///v1", "host", "http://localhost:11434/v1"),
    ],
)
def test_an_address_that_can_lead_nowhere_is_named_by_its_looks(url, what, better) -> None:
    fault = fault_of(url)
    assert fault.certain and what in fault.what and fault.better == better
    assert fault_of(better) is None


@pytest.mark.parametrize("url", ["http://localhost:11434", "http://localhost:11434/", "https://openrouter.ai/api"])
def test_an_address_without_v1_is_doubted(url) -> None:
    fault = fault_of(url)
    assert not fault.certain and fault.better == f"{url.rstrip('/')}/v1" and "/v1" in fault.what


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost:11434/v1",
        "http://localhost:11434/v1/",
        "https://openrouter.ai/api/v1",
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "https://open.bigmodel.cn/api/paas/v4",
        "https://gateway.example.com/chat",
        "https://[::1]:8000/v1",
    ],
)
def test_an_address_that_can_be_right_is_let_be(url) -> None:
    assert fault_of(url) is None


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("url", ["not/a/url at all", "http://[::1/v1", "localhost/v1", "http://localhost/v1/responses"])
def test_every_answer_names_an_address_that_can_lead_nowhere(desk, settings, caplog, api, url) -> None:
    settings.OPENAI_BASE_URL, settings.OPENAI_API = url, api
    answer = desk.ask({"text": "never"})
    assert (answer.end, answer.detail, answer.row.attempts) == (("failed", "address"), WRONG, 1)
    assert "OPENAI_BASE_URL" in answer.error and "perhaps it should be" in caplog.text


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("path", ["", "/v2", "/v1/v2"])
def test_a_server_that_knows_no_such_path_is_named_with_the_path(desk, settings, upstream, api, path) -> None:
    settings.OPENAI_BASE_URL = upstream.base_url.removesuffix("/v1") + path
    settings.OPENAI_API = api
    answer = desk.ask({"text": "never"})
    assert (answer.end, answer.detail, answer.row.attempts) == (("failed", "address"), WRONG, 1)
    assert f"POST {settings.OPENAI_BASE_URL}/" in answer.error, "staff see where it went"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, "<html><h1>Not Found</h1></html>", "address"),
        (404, "404 page not found", "address"),
        (404, "", "address"),
        (404, {"detail": "Not Found"}, "address"),
        (
            404,
            {"error": {"message": "Invalid URL (POST /v1/v1/responses)", "type": "invalid_request_error"}},
            "address",
        ),
        (405, {"detail": "Method Not Allowed"}, "address"),
        (501, "<html>Unsupported method ('POST')</html>", "address"),
        (404, {"error": {"message": 'model "x" not found, try pulling it first'}}, "bad_request"),
        (404, {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}, "bad_request"),
        (404, {"error": "model 'x' not found"}, "bad_request"),
        (404, {"error": {"message": "Publisher Model was not found"}}, "bad_request"),
        (403, "<html>Forbidden</html>", "auth"),
        (502, "<html>Bad gateway</html>", "upstream"),
    ],
)
def test_where_no_model_is_known_is_told_from_a_model_that_is_not(desk, settings, status, body, code) -> None:
    settings.CHATLAB_ATTEMPTS = 1
    answer = desk.ask({"status": status, "body": body})
    assert answer.end == ("failed", code) and str(status) in answer.error
