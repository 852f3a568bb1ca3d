from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys

from .server import Upstream


async def main(port: int) -> None:
    server = await asyncio.start_server(Upstream().serve, "127.0.0.1", port, limit=16 * 2**20)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await server.serve_forever()


parser = argparse.ArgumentParser(prog="python -m tests.upstream", description="A scripted provider.")
parser.add_argument("--port", type=int, default=0)
with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(main(parser.parse_args().port))
