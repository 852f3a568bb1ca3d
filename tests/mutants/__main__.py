from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..harness.processes import ROOT, environment
from .bounds import BOUNDS
from .catalogue import MUTANTS, Mutant
from .database import DATABASE
from .generations import GENERATIONS
from .layer import LAYER
from .people import PEOPLE
from .searches import SEARCHES
from .sockets import SOCKETS
from .texts import TEXTS
from .unseen import UNSEEN

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "var", "__pycache__", ".*_cache", "node_modules", "screens", ".hypothesis"
)


def outcome(mutant: Mutant, tree: Path) -> str:
    """What the tests say about a tree with this mutant in it."""
    path = tree / mutant.path
    source = path.read_text()
    if source.count(mutant.before) != 1:
        return "NOT FOUND"
    path.write_text(source.replace(mutant.before, mutant.after))
    try:
        return verdict(tree, mutant.tests)
    finally:
        path.write_text(source)


def verdict(tree: Path, tests: str) -> str:
    """A test has to fail; a fixture or an import that breaks proves nothing."""
    path, *options = tests.split(" ", 2)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", path, *options]
    env = {**environment(), "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=600)
    noticed = "\nFAILED " in done.stdout or "ERROR at teardown" in done.stdout
    if done.returncode == 1 and noticed and "ERROR at setup" not in done.stdout:
        return "caught"
    return "SURVIVED" if done.returncode == 0 else f"BROKEN\n{done.stdout[-3000:]}{done.stderr[-2000:]}\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Take mechanisms out, one by one.")
    parser.add_argument("words", nargs="*", help="only mutants whose name holds one of these")
    words = parser.parse_args().words
    known = [*MUTANTS, *GENERATIONS, *DATABASE, *SOCKETS, *PEOPLE, *LAYER, *TEXTS, *UNSEEN, *SEARCHES, *BOUNDS]
    chosen = [mutant for mutant in known if not words or any(word in mutant.name for word in words)]
    caught = 0
    with tempfile.TemporaryDirectory(prefix="chatlab-mutants-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        for mutant in chosen:
            started = time.monotonic()
            found = outcome(mutant, tree)
            caught += found == "caught"
            sys.stdout.write(f"{found:<10} {time.monotonic() - started:5.1f} s  {mutant.name}\n")
            sys.stdout.flush()
    return 0 if caught == len(chosen) else 1


sys.exit(main())
