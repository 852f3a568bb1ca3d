"""How late tabs are when Redis's events are lost on their way: each server process drops this share of them."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from . import latency
from .stack import line, stack

OPTIONS = {**latency.OPTIONS, "rate": (20.0, "deltas a second in each room"), "loss": (0.01, "share of lost events")}


async def run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="chatlab-bench-") as folder:
        shares, lost = Path(folder) / "shares", Path(folder) / "shares.lost"
        shares.write_text(f"{arguments.loss} 0 0")
        accident = {"DJANGO_SETTINGS_MODULE": "tests.accidents.settings", "CHATLAB_ACCIDENT": f"hears_badly:{shares}"}
        async with stack(arguments.server, "redis", **accident) as running:
            await latency.measure(running, arguments)
        line("events lost", str(len(lost.read_bytes()) if lost.exists() else 0))
