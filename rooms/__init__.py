"""chatlab's rooms: one ordered, durable log per room, and everything else a way to look at it.

The tour, in seven lines:
  models.py    Room, Member, Message, Generation, Delta: what is stored, and what the database itself forbids
  log/         the only writer and the only reader of deltas: append (group commit), read, snapshot, verify
  actions/     the verbs: join, post, stop, retry ...: commit, then publish
  generation/  the life of one answer: claim, stream, record, renew, close
  delivery/    the hub hears what was committed, and each subscription keeps one client level
  consumers/   one socket: translate frames to verbs, hold a subscription
  providers/   where model text comes from

Imports go down only (docs/architecture.md has the layers and the invariants, tests/test_architecture.py holds them).
"""
