"""Servers that break a promise now and then, and say nothing: for those who check from the outside."""

from __future__ import annotations

import itertools
from dataclasses import replace


def loses_what_it_acknowledges(every: str) -> None:
    """Of so many questions one gets its receipt, and is never written."""
    from rooms import frames
    from rooms.consumers import commands
    from rooms.text import new_id

    post, due = commands._post, _one_of(every)

    async def lying_post(socket, frame) -> None:
        if next(due):
            await socket.send(frames.receipt(frame.client_id, new_id(), socket.subscription.sent.seq + 1))
        else:
            await post(socket, frame)

    commands._COMMANDS[frames.Post] = lying_post


def writes_it_twice(every: str) -> None:
    """Of so many questions one is written once more, under another name."""
    from rooms import actions, frames
    from rooms.consumers import commands
    from rooms.text import new_id

    post, due = commands._post, _one_of(every)

    async def eager_post(socket, frame) -> None:
        await post(socket, frame)
        if next(due):
            again = replace(frame, client_id=new_id())
            await actions.commit(actions.post(socket.member.pk, socket.room_id, again))

    commands._COMMANDS[frames.Post] = eager_post


def tells_something_else(every: str) -> None:
    """Of so many committed batches one is told with another text than was committed."""
    from rooms.actions.commit import _writer

    publish, due = _writer._on_commit, _one_of(every)

    def lying_publish(batch) -> None:
        if next(due):
            for segment in batch.segments:
                segment.items[:] = [item.replace('"text":"', '"text":"not ') for item in segment.items]
        publish(batch)

    _writer._on_commit = lying_publish


def tells_before_it_commits(every: str) -> None:
    """Of so many batches one is told, rolled back, and then made once more."""
    from django.db import transaction

    from rooms import database
    from rooms.actions.commit import _writer
    from rooms.log.writer import _Attempt

    run, due = _Attempt.run, _one_of(every)

    def hasty_run(self, unknown) -> None:
        if next(due):
            wait, database.wait_for_disk = database.wait_for_disk, lambda waits: None  # not within a transaction
            with transaction.atomic():
                run(self, unknown)
                _writer._on_commit(self.batch)
                transaction.set_rollback(True)
            database.wait_for_disk = wait
            self.__init__(self.changes)
        run(self, unknown)

    _Attempt.run = hasty_run


def _one_of(count: str):
    return itertools.cycle([False] * (int(count) - 1) + [True])


LIES = (loses_what_it_acknowledges, writes_it_twice, tells_something_else, tells_before_it_commits)
