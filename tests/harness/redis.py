"""The drill's Redis, for tests: skipped where it is not installed."""

from __future__ import annotations

from rooms.drill import redis
from rooms.drill.redis import REMEDY, Redis, program

from .programs import or_skip

__all__ = ["REMEDY", "Redis", "program", "require"]


def require() -> str:
    return or_skip(redis.require)
