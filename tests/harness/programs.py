"""Server programs that tests start for themselves: from a wheel in this environment, else from the machine."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest


def in_wheel(package: str, pattern: str) -> Path | None:
    """A program inside an installed wheel, the newest version of several. The package itself is not imported."""
    spec = find_spec(package)
    if spec is None:
        return None
    return max(Path(spec.origin).parent.glob(pattern), default=None)


def missing(name: str, remedy: str) -> None:
    """Skip, except under CI=true, where a skip would hide a hole."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} was not found: {remedy}")


def reachable(path: Path) -> bool:
    """Whether users other than the owner get to a file."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
