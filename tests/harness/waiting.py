"""Bounded waits on conditions: the drill's. Nothing in the tests sleeps for a guessed time."""

from rooms.drill.waiting import describe, eventually, wait_for

__all__ = ["describe", "eventually", "wait_for"]
