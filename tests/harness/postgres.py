"""The drill's PostgreSQL, for tests: skipped where it is not installed."""

from __future__ import annotations

from pathlib import Path

from rooms.drill import postgres
from rooms.drill.postgres import REMEDY, Cluster, programs

from .programs import or_skip

__all__ = ["REMEDY", "Cluster", "programs", "require"]


def require() -> Path:
    return or_skip(postgres.require)
