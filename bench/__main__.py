from __future__ import annotations

import argparse
import asyncio

from . import burst, flood, idle, join, latency, page, search, slow, staleness, storm, upstream

FIGURES = {
    "latency": latency,
    "staleness": staleness,
    "burst": burst,
    "join": join,
    "storm": storm,
    "slow": slow,
    "flood": flood,
    "idle": idle,
    "page": page,
    "upstream": upstream,
    "search": search,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__import__("bench").__doc__)
    figures = parser.add_subparsers(dest="figure")
    for name, module in FIGURES.items():
        figure = figures.add_parser(name, help=module.__doc__.splitlines()[0])
        figure.add_argument("--server", choices=["daphne", "uvicorn"], default="daphne")
        figure.add_argument("--layer", choices=["memory", "redis"], default="memory")
        for option, (default, text) in module.OPTIONS.items():
            figure.add_argument(f"--{option}", type=type(default), default=default, help=f"{text} ({default})")
    chosen = parser.parse_args()
    for name in [chosen.figure] if chosen.figure else FIGURES:
        arguments = chosen if chosen.figure else figures.choices[name].parse_args([])
        print(f"\n{name}: {FIGURES[name].__doc__.splitlines()[0]}", flush=True)
        asyncio.run(FIGURES[name].run(arguments))


main()
