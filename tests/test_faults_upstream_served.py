"""The faults of a provider as people meet them: through a real server, on a socket, in the admin, in the log files. And
the key of the account, which is nowhere.
"""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from .harness.tab import Refused
from .harness.upstream import Question, words
from .harness.waiting import eventually

KEY = "canary-8d1f6b40c2e9a753"
BROKE = "The connection to the model provider broke."
PASSWORD = "only-for-this-test"


def scripts(key: str) -> list[list[dict]]:
    """Everything a provider can say about a key, in every place where it can say something."""
    said = f"Incorrect API key provided: {key}. Part of it is {key[:12]}*****{key[-4:]}."
    error = {"error": {"message": said, "type": "invalid_request_error", "code": "invalid_api_key", "param": key}}
    html = f"<html><body><pre>Authorization: Bearer {key}</pre></body></html>"
    moved = {"status": 302, "body": html, "headers": {"location": f"http://127.0.0.1:9/?key={key}"}}
    return [
        *([{"status": status, "body": error}] for status in (400, 401, 404, 429, 503)),
        [{"status": 502, "body": html}],
        [moved],
        [{"headers": {"content-type": "text/html"}}, {"raw": html}, {"eof": True}],
        [{"text": "some "}, {"error": {"message": said, "code": key}}],
        [{"text": "some "}, {"failed": {"message": said, "code": "server_error"}}],
        [{"text": "some "}, {"event": {"error": {"message": said}}}, {"eof": True}],
        [{"text": "some "}, {"raw": f"data: {key}\n\n"}, {"eof": True}],
        [{"text": "some "}, {"incomplete": f"because of {key}"}],
        [{"text": "some "}, {"reset": True}],
    ]


def everything_stored(folder: Path) -> str:
    """Every row of the database, and the bytes of its files."""
    with sqlite3.connect(f"file:{folder / 'chatlab.sqlite3'}?mode=ro", uri=True) as connection:
        # The full-text index keeps its words in tables of its own; itself it can't be read through.
        real = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        tables = [name for (name,) in connection.execute(real)]
        dump = "\n".join(f"{name}: {connection.execute(f'SELECT * FROM {name}').fetchall()}" for name in tables)
    raw = b"".join(path.read_bytes() for path in folder.iterdir() if path.name.startswith("chatlab.sqlite3"))
    return dump + raw.decode("latin-1")


@pytest.mark.sqlite_only("read SQLite's files")
@pytest.mark.parametrize("api", ["responses", "chat"])
@pytest.mark.timeout(120)
async def test_the_key_is_nowhere(upstream, own_server, visitor, tab, api) -> None:
    server = own_server(
        OPENAI_API_KEY=KEY,
        OPENAI_API=api,
        CHATLAB_MODEL=f"canary-{api}",
        CHATLAB_ATTEMPTS="1",
        LOG_LEVEL="DEBUG",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    server.manage("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    for script in scripts(KEY):
        # Not in the question, as elsewhere: that would carry the key into the database itself.
        await upstream.control("script", {"model": f"canary-{api}", "script": script})
        ended = await here.finished(await here.post("Do you know the key?"), within=20)
        assert (ended["status"], bool(ended["failure"]["detail"])) != ("complete", False), script
    asked = [entry for entry in await upstream.requests() if (entry["body"] or {}).get("model") == f"canary-{api}"]
    assert len(asked) == len(scripts(KEY)) and all(entry["authorized"] for entry in asked)

    admin = visitor(server)
    await sign_in(admin)
    ids = [generation for (generation,) in server.database.rows("SELECT id FROM rooms_generation")]
    paths = ["/admin/rooms/generation/", *(f"/admin/rooms/generation/{generation}/change/" for generation in ids)]
    seen = [await page(admin, path) for path in paths]
    assert "invalid_api_key" in "".join(seen), "staff read what the provider said"
    seen += [
        (await alice.client.get(path)).text for path in ("/", f"/rooms/{room}/", f"/api/rooms/{room}", "/nowhere/")
    ]
    seen += [json.dumps(here.frames), server.log(), everything_stored(server.folder)]
    for text in seen:
        assert KEY not in text and KEY[:12] not in text


async def page(person, path: str) -> str:
    answer = await person.client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return answer.text


async def sign_in(person) -> None:
    page = await person.client.get("/admin/login/")
    form = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": person.client.cookies["csrftoken"]}
    assert page.status_code == 200
    answer = await person.client.post("/admin/login/?next=/admin/", data=form, headers={"Referer": person.server.url})
    assert answer.status_code == 302


# -- as people meet them -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "status", "code", "detail"),
    [
        ([{"status": 401}], "failed", "auth", "The model provider rejected the key."),
        (
            [{"text": "some "}, {"reset": True}],
            "interrupted",
            "upstream",
            "The connection to the model provider broke.",
        ),
        ([{"text": "some "}, {"incomplete": "max_output_tokens"}], "incomplete", "max_tokens", None),
        ([{"text": "some "}, {"final": "other"}], "failed", "mismatch", None),
        ([{"text": "some "}, {"huge": 2**20}], "interrupted", "upstream", None),
    ],
)
async def test_every_tab_is_told_how_it_ended(upstream, server, alice, bob, room, tab, steps, status, code, detail):
    here, there = await tab(alice, room), await tab(bob, room)
    answer = await here.post(Question(*steps))
    for someone in (here, there):
        ended = await someone.finished(answer)
        assert (ended["status"], ended["failure"]["code"]) == (status, code)
        assert ended["failure"]["detail"].endswith(".") and detail in (None, ended["failure"]["detail"])
        assert ended["text"] == "".join(step.get("text", "") for step in steps)
    server.database.check_room(room)


async def test_an_answer_that_waits_for_the_provider_can_be_stopped(upstream, server, alice, bob, room, tab):
    """The provider asks for a minute's patience; nobody has to have it."""
    here, there = await tab(alice, room), await tab(bob, room)
    question = Question({"status": 429, "headers": {"retry-after": "60"}})
    answer = await here.post(question)
    await eventually(lambda: upstream.requests(question))
    started = time.monotonic()
    await there.send({"type": "stop", "message": answer})
    assert (await here.finished(answer))["status"] == "stopped" and time.monotonic() - started < 1
    assert len(await upstream.requests(question)) == 1


async def test_a_background_response_is_cut_and_stopped(upstream, own_server, visitor, tab):
    """Its readers see one sentence without a seam; a stop ends it at the provider too."""
    server = own_server(OPENAI_BACKGROUND="1")
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    question = Question({"text": words(20)}, {"reset": True}, {"text": words(20, 20)}, {"wait": "forever"})
    answer = await here.post(question)
    await here.until(lambda: here.text(answer) == "".join(words(40)))
    await here.send({"type": "stop", "message": answer})
    assert (await here.finished(answer))["status"] == "stopped"
    name = (await upstream.requests(question))[0]["answer"]

    async def cancelled() -> bool:
        return any(entry["path"].endswith(f"/{name}/cancel") for entry in await upstream.requests())

    await eventually(cancelled, 2)
    server.database.check_room(room)


async def test_a_model_that_is_not_on_the_list_is_refused_at_every_door(upstream, own_server, visitor, tab):
    server = own_server(CHATLAB_MODELS="small,org/large:8b")
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    with pytest.raises(Refused, match="conflict"):
        await here.post("Why?", model="of-somebody-else")
    body = {"client_id": "of-somebody-else", "text": "Why?", "model": "of-somebody-else"}
    refused = await alice.request("POST", f"/api/rooms/{room}/messages", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    question = Question({"text": "a"})
    answer = await here.post(question, model="org/large:8b")
    assert (await here.finished(answer))["model"] == "org/large:8b"
    assert (await upstream.requests(question))[0]["body"]["model"] == "org/large:8b"
