"""What an answer can be: too much (D6), ended more than once (D10), of other kinds than text (D11), from a provider
that is not there (D13), or that does not stop (D14).
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import asking
from .fakes import in_thread
from .harness.processes import free_port
from .harness.upstream import Question, words

BUSY = "The model is busy."

desk = asking.desk


# -- D6: too much ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 10, 64])
@pytest.mark.parametrize("before", ["", "short "])
def test_d6_a_huge_delta_is_refused_and_what_came_before_it_stays(desk, size, before) -> None:
    steps = [{"text": before}] if before else []
    answer = desk.ask(*steps, {"huge": size * 2**20})
    assert answer.end == ("interrupted" if before else "failed", "upstream")
    assert (answer.text, answer.detail) == (before, "The model provider sent more at once than it may.")
    assert len(desk.requests(answer)) == 1, "more of the same would come"


def test_d6_a_line_without_an_end_is_refused(desk) -> None:
    answer = desk.ask({"text": "short "}, {"huge": 64 * 2**20, "bare": True})
    assert (answer.end, answer.text) == (("interrupted", "upstream"), "short ")
    assert answer.detail == "The model provider sent more at once than it may."


def test_d6_an_answer_that_grows_too_long_is_cut_and_keeps_its_beginning(desk, settings) -> None:
    settings.CHATLAB_ANSWER_MAX = 10_000
    answer = desk.ask({"text": "x" * 100, "repeat": 1_000}, {"wait": "forever"})
    assert (answer.end, answer.text) == (("incomplete", "too_long"), "x" * 10_100)
    assert answer.detail == "The answer reached the longest that is kept."


def test_d6_a_final_text_that_is_much_longer_is_cut_too(desk, settings) -> None:
    settings.CHATLAB_ANSWER_MAX = 10_000
    answer = desk.ask({"text": "x" * 100}, {"final": "x" * 50_000})
    assert (answer.end, answer.text) == (("incomplete", "too_long"), "x" * 10_000)


def test_d6_an_astral_text_is_as_long_as_it_is_in_javascript(desk, settings) -> None:
    settings.CHATLAB_ANSWER_MAX = 1_000
    answer = desk.ask({"text": "\U0001f600" * 10, "repeat": 100}, {"wait": "forever"})
    assert answer.end == ("incomplete", "too_long") and len(answer.text) == 510


def test_d6_twenty_thousand_empty_deltas_are_nothing(desk) -> None:
    answer = desk.ask({"text": "a"}, {"text": "", "repeat": 20_000}, {"text": "b"})
    assert (answer.end, answer.text) == (("complete", ""), "ab")


def test_d6_a_fast_answer_is_few_rows(desk) -> None:
    answer = desk.ask({"text": words(3000)})
    assert answer.text == "".join(words(3000))
    assert answer.row.message.deltas.filter(kind="appended").count() < 300


# -- D10: one end ------------------------------------------------------------------------------------------------------


def test_d10_what_comes_after_the_end_is_not_heard(desk) -> None:
    late = {"event": {"type": "response.output_text.delta", "delta": "late"}}
    failed = {"event": {"type": "response.failed", "response": {"error": {"code": "server_error"}}}}
    answer = desk.ask({"text": "all"}, {"completed": {}}, late, failed, {"completed": {}})
    assert (answer.end, answer.text) == (("complete", ""), "all")


def test_d10_a_failure_before_the_end_is_the_end(desk) -> None:
    answer = desk.ask({"text": "some"}, {"failed": {"message": "raw"}}, {"completed": {}})
    assert (answer.end, answer.text) == (("failed", "upstream"), "some")
    assert "raw" in answer.error


# -- D11: what else an answer can be -----------------------------------------------------------------------------------


def ends_with(output: list[dict]) -> dict:
    return {"completed": {"response": {"output": output}}}


def test_d11_a_refusal_is_the_answer(desk) -> None:
    refused = {"type": "message", "content": [{"type": "refusal", "refusal": "I can't help."}]}
    answer = desk.ask({"refusal": ["I can't ", "help."]}, ends_with([refused]))
    assert (answer.end, answer.text) == (("complete", ""), "I can't help.")


def said_in(item: int | None, text: str, **fields: object) -> dict:
    """A delta of one of several messages."""
    place = {} if item is None else {"output_index": item, "item_id": f"msg_{item}"}
    return {"event": {"type": "response.output_text.delta", **place, **fields, "delta": text}}


def messages(*texts: str) -> dict:
    return ends_with([{"type": "message", "content": [{"type": "output_text", "text": text}]} for text in texts])


@pytest.mark.parametrize("final", [True, False])
def test_d11_messages_of_one_answer_are_paragraphs_of_it(desk, final) -> None:
    """Live, and in the final text: both have the same border, or they would differ."""
    steps = [{"text": ["Let me ", "look."]}, said_in(1, "", x=1), said_in(2, "It "), said_in(2, "is 4.")]
    end = messages("Let me look.", "", "It is 4.") if final else ends_with([])
    answer = desk.ask(*steps, end)
    assert (answer.end, answer.text) == (("complete", ""), "Let me look.\n\nIt is 4.")


def test_d11_a_message_has_no_number_and_no_border(desk) -> None:
    """Some servers number nothing, or give a message another name with each event."""
    steps = [said_in(None, text, item_id=f"random-{text}", output_index=0) for text in ("One", " message", ".")]
    assert desk.ask({"begin": True}, *steps, messages("One message.")).text == "One message."
    steps = [said_in(None, text) for text in ("One", " message", ".")]
    assert desk.ask({"begin": True}, *steps, messages("One message.")).text == "One message."


def test_d11_a_final_text_with_a_message_more_is_completed_behind_a_border(desk) -> None:
    answer = desk.ask({"text": "One."}, messages("One.", "Two."))
    assert (answer.end, answer.text) == (("complete", ""), "One.\n\nTwo.")


@pytest.mark.parametrize("kind", ["reasoning", "reasoning_text", "reasoning_summary", "thinking"])
@pytest.mark.parametrize("delta", ["Hm.", {"type": "text", "text": "Hm."}, [{"text": "Hm."}]])
def test_d11_thoughts_are_read_under_every_name(desk, kind, delta) -> None:
    answer = desk.ask({"begin": True}, {"event": {"type": f"response.{kind}.delta", "delta": delta}}, {"text": "So."})
    assert (answer.text, answer.reasoning, answer.end) == ("So.", "Hm.", ("complete", ""))


def test_d11_thoughts_that_only_the_end_tells_are_read(desk) -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in ("One.", "Two.")]}
    said = {"type": "message", "content": [{"type": "output_text", "text": "So."}]}
    answer = desk.ask({"text": "So."}, ends_with([thought, said]))
    assert (answer.text, answer.reasoning) == ("So.", "One.\n\nTwo.")


@pytest.mark.parametrize(
    "done",
    [
        {"type": "response.output_text.done", "output_index": 1, "text": "Two."},
        {"type": "response.refusal.done", "output_index": 1, "refusal": "Two."},
        {
            "type": "response.output_item.done",
            "output_index": 1,
            "item": {"type": "message", "content": [{"type": "output_text", "text": "Two."}]},
        },
    ],
    ids=lambda event: event["type"],
)
def test_d11_a_message_without_deltas_is_read_from_its_end(desk, done) -> None:
    answer = desk.ask({"text": "One."}, {"event": done}, {"event": done}, ends_with([]))
    assert (answer.end, answer.text) == (("complete", ""), "One.\n\nTwo.")


UNREAD = "A part of this answer came in a form that is not known here."


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "response.output_text.delta", "delta": {"text": "b"}},
        {"type": "response.output_text.delta", "delta": 7},
        {"type": "response.text.delta", "delta": "b"},
        {"choices": [{"delta": {"content": "b"}}]},
    ],
)
@pytest.mark.parametrize("text", ["a", ""])
def test_d11_what_could_have_been_text_is_never_passed_over(desk, odd, text) -> None:
    """Unless a final text proves that it was none."""
    steps = [{"text": text}] if text else [{"begin": True}]
    raw = {"raw": f"data: {json.dumps(odd)}\n\n"}
    answer = desk.ask(*steps, raw, ends_with([]))
    assert (answer.end, answer.detail) == (("incomplete" if text else "failed", "upstream"), UNREAD)
    assert "b" in answer.error or "7" in answer.error
    assert desk.ask({"text": "a"}, raw, messages("a")).end == ("complete", "")


@pytest.mark.parametrize("status", ["failed", "incomplete", "cancelled"])
def test_d11_of_two_words_on_the_end_the_worse_counts(desk, status) -> None:
    answer = desk.ask({"text": "some"}, {"completed": {"response": {"status": status}}})
    assert answer.row.status == ("failed" if status == "failed" else "incomplete")


def test_d11_reasoning_has_its_own_text_in_paragraphs(desk) -> None:
    think = {"type": "response.reasoning_summary_text.delta", "output_index": 0}
    thoughts = [(0, "**First"), (0, "**"), (1, "**Second**")]
    steps = [{"event": {**think, "summary_index": index, "delta": text}} for index, text in thoughts]
    answer = desk.ask({"begin": True}, *steps, {"text": "So."})
    assert (answer.text, answer.reasoning, answer.end) == ("So.", "**First**\n\n**Second**", ("complete", ""))


def test_d11_what_an_open_model_thinks_is_reasoning(desk) -> None:
    think = {"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "Hm."}
    thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}], "summary": []}
    said = {"type": "message", "content": [{"type": "output_text", "text": "So."}]}
    answer = desk.ask({"begin": True}, {"event": think}, {"text": "So."}, ends_with([thought, said]))
    assert (answer.text, answer.reasoning, answer.end) == ("So.", "Hm.", ("complete", ""))


def test_d11_tools_nobody_asked_for_are_passed_over(desk) -> None:
    call = {"type": "function_call", "name": "rm", "arguments": "{}"}
    steps = [
        {"event": {"type": "response.output_item.added", "output_index": 1, "item": call}},
        {"event": {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a": 1}'}},
    ]
    answer = desk.ask({"text": "text"}, *steps)
    assert (answer.text, answer.end) == ("text", ("complete", ""))


@pytest.mark.parametrize(
    ("reason", "code", "detail"),
    [
        ("max_output_tokens", "max_tokens", "The model reached the longest answer it may give."),
        ("content_filter", "filtered", "The provider stopped this answer: its content filter."),
        ("something_new", "upstream", "The model ended this answer early."),
        (None, "upstream", "The model ended this answer early."),
        ({"un": "hashable"}, "upstream", "The model ended this answer early."),
    ],
)
def test_d11_incomplete_says_why(desk, reason, code, detail) -> None:
    answer = desk.ask({"text": "as far as"}, {"incomplete": reason})
    assert (answer.end, answer.detail, answer.text) == (("incomplete", code), detail, "as far as")
    assert answer.row.usage == {"input": 12, "output": 34, "reasoning": 0}


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("server_error", "upstream"),
        ("rate_limit_exceeded", "rate_limited"),
        ("context_length_exceeded", "too_long"),
        ("429", "rate_limited"),
        (None, "upstream"),
        ([], "upstream"),
    ],
)
@pytest.mark.parametrize("kind", ["failed", "error"])
def test_d11_an_error_inside_the_stream_ends_the_answer(desk, kind, word, code) -> None:
    answer = desk.ask({"text": "some "}, {kind: {"code": word, "message": "raw words"}})
    assert (answer.end, answer.text) == (("failed", code), "some ")
    assert "raw words" in answer.error and answer.row.attempts == 1


def test_d11_an_error_object_without_a_type_is_an_error(desk) -> None:
    """The way of gateways, which the SDK raises."""
    answer = desk.ask(
        {"text": "some "}, {"event": {"error": {"code": 429, "message": "raw \ud800\0 words"}}}, {"eof": True}
    )
    assert (answer.end, answer.detail) == (("failed", "rate_limited"), BUSY)
    assert "words" in answer.error


def test_d11_usage_is_kept_as_far_as_it_is_numbers(desk) -> None:
    odd = {"input_tokens": 7, "output_tokens": "many", "output_tokens_details": {"reasoning_tokens": -1}}
    answer = desk.ask({"text": "a"}, {"completed": {"response": {"usage": odd}}})
    assert (answer.end, answer.row.usage) == (("complete", ""), {"input": 7})


# -- D13: it is not there ----------------------------------------------------------------------------------------------


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that neither accepts nor refuses: the queue of its listener is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(client := socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for client in waiting:
                client.close()


@pytest.mark.parametrize("where", ["refused", "unknown name", "black hole"])
def test_d13_a_provider_that_cannot_be_reached(desk, settings, where) -> None:
    settings.CHATLAB_CONNECT_TIMEOUT = 0.2
    with black_hole() as hole:
        settings.OPENAI_BASE_URL = {
            "refused": f"http://127.0.0.1:{free_port()}/v1",
            "unknown name": "http://no-such-host.invalid/v1",
            "black hole": f"http://127.0.0.1:{hole}/v1",
        }[where]
        started = time.monotonic()
        answer = desk.ask({"text": "never"})
    assert (answer.end, answer.row.attempts) == (("failed", "upstream"), 2)
    assert answer.detail == "The model provider could not be reached."
    assert "Connect" in answer.error, "the SDK itself only says: Connection error."
    assert time.monotonic() - started < 10


def serving(settings, serve: Callable, scheme: str = "http", **options: object) -> Callable:
    """For `inside`: a server of another kind stands where the provider should."""

    @asynccontextmanager
    async def inside() -> AsyncIterator[None]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
        settings.OPENAI_BASE_URL = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with server:
            yield

    return inside


def test_d13_a_server_that_does_not_speak_http(desk, settings) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        writer.close()

    answer = desk.ask({"text": "never"}, inside=serving(settings, greet))
    assert (answer.end, answer.detail) == (("failed", "upstream"), "The connection to the model provider broke.")


@pytest.mark.parametrize(("name", "trusted"), [("elsewhere.example", True), ("127.0.0.1", False)])
def test_d13_a_certificate_that_proves_nothing(desk, settings, monkeypatch, tmp_path, name, trusted) -> None:
    """Of another name, or signed by nobody: the key is not shown to it."""
    said: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read(100))
        writer.close()

    context, path = certified(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    answer = desk.ask({"text": "never"}, inside=serving(settings, listen, "https", ssl=context))
    assert (answer.end, answer.detail) == (("failed", "upstream"), "The model provider could not be reached.")
    assert "certificate" in answer.error.lower() and not any(said)


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS, with a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName("elsewhere.example")])
    if name == "127.0.0.1":
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (path := folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, folder / "key.pem")
    return context, path


# -- D14: it goes on after the end -------------------------------------------------------------------------------------


def test_d14_what_a_provider_sends_after_a_stop_is_not_stored(desk) -> None:
    """It does not hear that the connection is closed; nobody reads it any more."""

    async def stop(answer: str, question: Question) -> None:
        await in_thread(desk.stop, answer)
        await desk.upstream.open(gate)
        await desk.upstream.closed(question, within=2)

    gate = Question().gate()
    late = {"text": words(500), "rate": 500, "stubborn": True}
    answer = desk.ask({"text": "shown"}, {"gate": gate}, late, meanwhile=desk.until_shown("shown", stop))
    assert (answer.end, answer.text) == (("stopped", ""), "shown")
