"""The scripted provider as a process, and how a test tells it what to say (see tests/upstream)."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import httpx2

from rooms.drill.people import authorities

from .processes import Process, environment, free_port, python
from .waiting import eventually, wait_for


class UpstreamProcess(Process):
    def __init__(self, folder: Path):
        super().__init__(python("-m", "tests.upstream"), folder / "upstream.log", environment())
        self.port = free_port()
        self.command += ["--port", str(self.port)]

    def start(self) -> None:
        mark = self.mark()
        super().start()
        wait_for(lambda: '"port"' in self.log(mark) or not self.running, 15, "the upstream listens")
        assert self.running, self.log(mark)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def control(self, place: str, body: object = None, **query: str) -> dict:
        method = "GET" if place == "log" else "POST"
        async with httpx2.AsyncClient(timeout=10, trust_env=False, verify=authorities()) as client:
            url = f"http://127.0.0.1:{self.port}/control/{place}"
            response = await client.request(method, url, json=body, params=query)
        response.raise_for_status()
        return response.json()

    async def open(self, gate: str) -> None:
        """Let every script pass that waits at {"gate": gate}, now and later."""
        await self.control("open", {"gate": gate})

    async def requests(self, question: Question | None = None) -> list[dict]:
        """What was asked so far (only about one question, if given), oldest first."""
        query = {"name": question.name} if question else {}
        return (await self.control("log", **query))["requests"]

    async def closed(self, question: Question, within: float = 5.0) -> dict:
        """The request about this question, once nothing is connected for it any more."""

        async def done() -> dict | None:
            found = await self.requests(question)
            return found[-1] if found and all(entry["ended_at"] for entry in found) else None

        return await eventually(done, within, "the upstream call is closed")


class Question(str):
    """A question that carries the script of its answer. `name` finds its requests in the upstream's log again."""

    name: str

    def __new__(cls, *steps: dict, scripts: list[list[dict]] | None = None) -> Question:
        name = secrets.token_hex(6)
        body = {"name": name, "scripts": scripts if scripts is not None else [list(steps)]}
        self = super().__new__(cls, json.dumps(body))
        self.name = name
        return self

    def gate(self, label: str = "gate") -> str:
        return f"{label}-{self.name}"


def words(count: int, start: int = 0) -> list[str]:
    """Deltas that are all different: a lost, doubled or moved one is seen."""
    return [f"w{number} " for number in range(start, start + count)]
