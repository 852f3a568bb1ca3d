"""Processes of ours, as the drill starts and ends them."""

from rooms.drill.processes import ROOT, Process, environment, free_port, python

__all__ = ["ROOT", "Process", "environment", "free_port", "python"]
