from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`before` occurs once in `path` and becomes `after`; then `tests` (arguments of pytest) must fail."""

    name: str
    path: str
    before: str
    after: str
    tests: str
