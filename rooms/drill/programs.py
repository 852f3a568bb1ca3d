"""Server programs that are started for a while: from a wheel in this environment, else from the machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


class Missing(Exception):
    """A program is not there; the text says how to get it."""

    def __init__(self, name: str, remedy: str):
        super().__init__(f"{name} was not found: {remedy}")


def in_wheel(package: str, pattern: str) -> Path | None:
    """A program inside an installed wheel, the newest version of several. The package itself is not imported."""
    spec = find_spec(package)
    if spec is None:
        return None
    return max(Path(spec.origin).parent.glob(pattern), default=None)


def reachable(path: Path) -> bool:
    """Whether users other than the owner get to a file."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
