"""The drill: real tabs against a running deployment, and every promise checked from the outside (`manage.py drill`).

It knows of chatlab what any program can know: the wire (docs/protocol.md), and the commands that start its processes.
The end-to-end tests are built from the same parts: `tab` is a correct client that notes broken promises, `people`
joins and creates rooms over HTTP; `processes`, `server`, `worker`, `postgres` and `redis` start what a deployment
consists of and end it in every way a process can end; `waiting` waits for conditions, with a bound.
"""
