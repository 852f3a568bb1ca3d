"""The drill: real tabs against a running deployment, and every promise checked from the outside (`manage.py drill`).

It knows of chatlab what any program can know: the wire (docs/protocol.md), and the commands that start its processes.

A drill: `run` lets `player`s play and `faults` strike; what they do and see goes into a `history`, as `witness` notes
it, and so does what the API holds, as `auditor` reads it. The verdict comes from the history alone: `record` and
`ledger` index it, `promises` looks for breaches, `report` prints.

The end-to-end tests are built from the same parts: `tab` is a correct client that notes broken promises on its
`screen`, `people` joins and creates rooms over HTTP; `processes`, `server`, `worker`, `postgres` and `redis` start
what a `deployment` consists of and end it in every way a process can end; `waiting` waits, with a bound.
"""
