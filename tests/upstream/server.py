"""The routes: what is asked, which script answers it, what was seen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections import Counter, defaultdict, deque

from .answer import Answer
from .dialects import Chat, Responses
from .http import Connection, Request

_BACKGROUND = re.compile(r"/v1/responses/([^/]+)(/cancel)?\Z")
SECRETS = ("authorization", "cookie", "openai-organization", "api-key")


class Upstream:
    def __init__(self) -> None:
        self.log: list[dict] = []
        self.open = self.accepted = 0
        self.answers: dict[str, Answer] = {}
        self.queued: dict[str, deque[list[dict]]] = defaultdict(deque)
        self.asked: Counter[str] = Counter()
        self.gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self.open, self.accepted = self.open + 1, self.accepted + 1
        connection.number = self.accepted
        try:
            while connection.usable and (request := await connection.read_request()):
                await self._route(request, connection)
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            connection.close()

    async def _route(self, request: Request, connection: Connection) -> None:
        place = f"{request.method} {request.path}"
        if request.path.startswith("/control/"):
            await self._control(place, request, connection)
        elif place == "POST /v1/responses":
            await self._ask(request, connection, self._note(request, connection))
        elif place == "POST /v1/chat/completions":
            await self._ask(request, connection, self._note(request, connection), chat=True)
        elif known := _BACKGROUND.match(request.path):
            await self._known(request, connection, self._note(request, connection), known[1], bool(known[2]))
        else:
            self._note(request, connection)
            await connection.respond(404, {"error": {"message": "No such route.", "type": "invalid_request_error"}})

    def _note(self, request: Request, connection: Connection) -> dict:
        headers = {name: value for name, value in request.headers.items() if name not in SECRETS}
        with contextlib.suppress(ValueError):
            body = request.json()
        entry = {
            "at": time.monotonic(),
            "method": request.method,
            "path": request.path,
            "connection": connection.number,
            "query": request.query,
            "headers": headers,
            "authorized": "authorization" in request.headers,
            "body": body,
            "answer": None,  # the id of the response that is made
            "name": None,  # the `name` beside the script, for tests that look for their own
            "ended_at": None,  # the answer's connection is done with
            "closed_at": None,  # the client closed it before its end
            "emitted": 0,
            "last_at": 0.0,
        }
        self.log.append(entry)
        return entry

    # -- the provider ----------------------------------------------------------------------------------------------

    async def _ask(self, request: Request, connection: Connection, entry: dict, chat: bool = False) -> None:
        body = request.json()
        steps, entry["name"] = self._script(body)
        number, model = f"{len(self.log):06d}", body.get("model", "")
        usage_wanted = bool((body.get("stream_options") or {}).get("include_usage"))
        dialect = Chat(f"chatcmpl-{number}", model, usage_wanted) if chat else Responses(f"resp_{number}", model)
        answer = Answer(dialect, steps, self.gates.__getitem__, background=bool(body.get("background")))
        refusal = next((step for step in steps if "status" in step), None)
        if refusal:
            await self._refuse(answer, refusal, connection, entry)
        else:
            await self._make(answer, connection, entry)

    async def _make(self, answer: Answer, connection: Connection, entry: dict) -> None:
        if answer.background:
            self.answers[answer.dialect.id] = answer
        entry["answer"] = answer.dialect.id
        answer.start()
        await self._stream(answer, connection, entry, 0)
        if not answer.background:
            answer.cancel()

    async def _refuse(self, answer: Answer, refusal: dict, connection: Connection, entry: dict) -> None:
        before = answer.steps[: answer.steps.index(refusal)]
        answer.steps = [*before, {"eof": True}]
        watching = asyncio.create_task(connection.watch())
        await answer.run()
        await cancelled(watching)
        error = {"error": {"message": "Refused.", "type": "invalid_request_error", "code": None, "param": None}}
        body = refusal.get("body", error)
        if isinstance(body, str):
            body *= refusal.get("repeat", 1)
        await connection.respond(refusal["status"], body, refusal.get("headers"))
        entry["ended_at"], entry["closed_at"] = time.monotonic(), connection.closed_at

    async def _known(self, request: Request, connection: Connection, entry: dict, answer_id: str, cancel: bool) -> None:
        answer = self.answers.get(answer_id)
        if answer is not None and cancel:
            answer.cancel()
        if answer is None:
            error = {"message": f"Response with id '{answer_id}' not found.", "type": "invalid_request_error"}
            await connection.respond(404, {"error": error})
        elif cancel or request.query.get("stream") != "true":
            await connection.respond(200, answer.dialect.response(answer.status))
        elif answer.refusals:
            status = answer.refusals.pop(0)
            await connection.respond(status, {"error": {"message": f"Response '{answer_id}' not found: {status}."}})
        else:
            after = -1 if answer.replays else int(request.query.get("starting_after", -1))
            await self._stream(answer, connection, entry, answer.after(after))

    async def _stream(self, answer: Answer, connection: Connection, entry: dict, place: int) -> None:
        watching = asyncio.create_task(connection.watch())
        writing = asyncio.create_task(self._write(answer, connection, place))
        await asyncio.wait([watching, writing], return_when=asyncio.FIRST_COMPLETED)
        if answer.stubborn:
            await writing
        for task in (watching, writing):
            await cancelled(task)
        entry["ended_at"], entry["closed_at"] = time.monotonic(), connection.closed_at
        entry["emitted"], entry["last_at"] = answer.emitted, answer.last_at

    async def _write(self, answer: Answer, connection: Connection, place: int) -> None:
        started = False
        async for piece in answer.follow(place):
            if not started:
                connection.start_stream(answer.headers)
                started = True
            if piece.lost:
                piece.lost = False
                continue
            connection.chunk(piece.data)
            if piece.happens:
                # Once: whoever resumes behind it is spared.
                happens, piece.happens = piece.happens, None
                await connection.drain()
                happens(connection)
                return
            if connection.writer.transport.get_write_buffer_size():
                await connection.drain()
        if not started:
            connection.start_stream(answer.headers)
        connection.end_stream()

    # -- scripts ---------------------------------------------------------------------------------------------------

    def _script(self, body: dict) -> tuple[list[dict], str | None]:
        question = last_question(body)
        asked = _json_of(question)
        for model in (body.get("model", ""), "*"):
            if self.queued[model]:
                return self.queued[model].popleft(), None
        if asked is None or not ("script" in asked or "scripts" in asked):
            return [{"text": f"You said: {question}"}], None
        scripts = asked.get("scripts") or [asked["script"]]
        call = self.asked[question]
        self.asked[question] += 1
        return scripts[min(call, len(scripts) - 1)], asked.get("name")

    # -- control ---------------------------------------------------------------------------------------------------

    async def _control(self, place: str, request: Request, connection: Connection) -> None:
        asked = request.json()
        if place == "POST /control/script":
            asked = {"script": asked} if isinstance(asked, list) else asked
            self.queued[asked.get("model", "*")].append(asked["script"])
        elif place == "POST /control/open":
            self.gates[asked["gate"]].set()
        elif place == "POST /control/reset":
            self.queued.clear()
            self.log.clear()
        await connection.respond(200, self._seen(request.query.get("name")))

    def _seen(self, name: str | None) -> dict:
        entries = [entry for entry in self.log if name is None or entry["name"] == name]
        streaming = sum(1 for entry in self.log if entry["ended_at"] is None)
        return {"now": time.monotonic(), "connections": self.open, "streaming": streaming, "requests": entries}


async def cancelled(task: asyncio.Task) -> None:
    """Cancel a task and wait until it has let go of what it held."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
        await task


def last_question(body: dict) -> str:
    """The text of the last user message that is a script, else of the last one, in either dialect.

    A client that joins several messages of a user leaves an empty line between them.
    """
    messages = body.get("input", body.get("messages", ""))
    if isinstance(messages, str):
        return messages
    said = [_text_of(message) for message in messages if isinstance(message, dict) and message.get("role") == "user"]
    paragraphs = [paragraph for text in said for paragraph in text.split("\n\n")]
    return next((text for text in reversed(paragraphs) if _json_of(text)), said[-1] if said else "")


def _text_of(message: dict) -> str:
    content = message.get("content", "")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _json_of(text: str) -> dict | None:
    with contextlib.suppress(ValueError):
        found = json.loads(text) if text.lstrip().startswith("{") else None
        return found if isinstance(found, dict) else None
    return None
