"""Measures what docs/performance.md promises: `python -m bench` for every figure, `python -m bench latency` for one.

Each figure runs on a fresh stack of real processes: a scripted provider that stamps every delta with its time of
emission, the server on a new SQLite file, and this process as the tabs. They share one clock, so a latency is a
subtraction.
"""
