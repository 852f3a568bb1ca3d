"""chatlab's rooms: one ordered, durable log per room, and everything else a way to look at it.

The tour, in five lines:
  models.py      Room, Member, Message, Generation, Delta: what is stored, and what the database itself forbids
  log/           the only writer and the only reader of deltas: append (group commit), read, snapshot, verify
  actions.py     the verbs: join, post, stop, retry ...: commit, then publish
  generation.py  the life of one answer: claim, stream, record, renew, close
  consumers.py   one socket: translate frames to verbs, send deltas, repair gaps from the log

Imports go down only (docs/architecture.md has the layers and the invariants, tests/test_architecture.py holds them).
"""
