"""An answer of 10,000 deltas at 2,000 a second: when it ends in the tabs, after it ended at the provider."""

from __future__ import annotations

import argparse
import asyncio

from tests.harness.upstream import Question

from .latency import latencies
from .stack import WIDTH, line, quantiles, stack

OPTIONS = {
    "deltas": (10_000, "deltas of the answer"),
    "rate": (2000.0, "deltas a second"),
    "tabs": (5, "tabs of the room"),
}


async def run(arguments: argparse.Namespace) -> None:
    async with stack(arguments.server, arguments.layer) as running:
        (room,) = await running.rooms(1)
        tabs = [await running.tab(room) for _ in range(arguments.tabs)]
        await asyncio.gather(*(tab.seen(b'"synced"') for tab in tabs))
        question = Question({"stamps": arguments.deltas, "rate": arguments.rate, "width": WIDTH})
        cpu = running.server.cpu_seconds()
        tabs[0].post(question)
        limit = arguments.deltas / arguments.rate + 60
        ends = await asyncio.gather(*(tab.seen(b'"kind":"closed"', limit) for tab in tabs))
        cpu = running.server.cpu_seconds() - cpu
        ended = (await running.upstream.closed(question))["last_at"] * 1000
        (answer,) = running.server.database.answers(room)
        stored = running.server.database.text(answer)
        assert len(stored) == arguments.deltas * WIDTH
        assert all("".join(text for _, text in tab.appended()) == stored for tab in tabs)
        rows = len(running.server.database.appended(answer))
        line("end in the tabs after the end, ms", quantiles([end / 1000 - ended for end in ends]))
        line("latency of a delta, ms", quantiles([late for tab in tabs for late in latencies(tab.appended())]))
        line("server CPU", f"{cpu:.2f} s for {arguments.deltas / arguments.rate:.1f} s of text")
        line("deltas per row of the log", f"{arguments.deltas / rows:.1f} ({rows:,} rows)")
