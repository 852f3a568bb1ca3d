"""I1: committed sequences of a room are exactly 1..head, in commit order, and whoever sees n sees everything below."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from rooms import frames, log
from rooms.errors import Conflict
from rooms.log import Batch, Change, Transaction, Writer
from rooms.log.append import next_chain
from rooms.models import Delta, Room

from .fakes import new_place
from .profiles import examples

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("alone")]


def appending(room: str, text: str, times: int, refuse: bool) -> Change:
    """A change that appends; or one that finds, before its first write, that it may not."""

    def apply(transaction: Transaction) -> list[int]:
        if refuse:
            raise Conflict("No.")
        return [transaction.append(room, "room", frames.room_changed({"title": text})) for _ in range(times)]

    return Change(room, apply)


class Watcher:
    """Another connection that looks all the time: the rows it sees of a room never have a hole below the newest."""

    def __init__(self, rooms: list[str]):
        self._rooms, self._over = rooms, threading.Event()
        self.holes: list[tuple] = []

    def __enter__(self) -> Watcher:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        try:
            while not self._over.is_set():
                for room in self._rooms:
                    seen = list(Delta.objects.filter(room=room).order_by("pk").values_list("seq", flat=True))
                    if seen != list(range(1, len(seen) + 1)):
                        self.holes.append((room, seen))
        finally:
            connections.close_all()


work = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans()), min_size=4, max_size=16)


@examples(12)
@given(st.lists(work, min_size=2, max_size=4), st.integers(1, 2))
def test_sequences_have_no_gaps_and_follow_the_commits(threads: list[list[tuple]], processes: int) -> None:
    """Several threads, and two writers as two processes have them, append to the same rooms."""
    rooms = [new_place().room for _ in range(3)]
    batches: list[Batch] = []
    writers = [Writer(batches.append) for _ in range(processes)]

    def submit(number: int) -> list[tuple[str, list[int]]]:
        writer, done = writers[number % processes], []
        futures = [
            (rooms[room], refuse, writer.submit(appending(rooms[room], f"{number}.{step}", times, refuse)))
            for step, (room, times, refuse) in enumerate(threads[number])
        ]
        for room, refuse, future in futures:
            if refuse:
                assert isinstance(future.exception(10), Conflict)
            else:
                done.append((room, future.result(10)))
        return done

    with Watcher(rooms) as watcher, ThreadPoolExecutor(len(threads)) as pool:
        results = list(pool.map(submit, range(len(threads))))
    for writer in writers:
        writer.close()

    assert watcher.holes == []
    for room in rooms:
        check_room(room, [segment for batch in batches for segment in batch.segments if segment.room == room])
        own = [[seq for place, seqs in done if place == room for seq in seqs] for done in results]
        assert all(seqs == sorted(seqs) for seqs in own), "a thread's appends stand in the order it made them"
        assert sorted(seq for seqs in own for seq in seqs) == list(range(2, log.head_of(room).seq + 1))


def check_room(room: str, segments: list) -> None:
    rows = list(Delta.objects.filter(room=room).order_by("pk").values_list("seq", "kind", "payload", "chain"))
    head, chain, floor_chain = Room.objects.values_list("head", "chain", "floor_chain").get(pk=room)
    assert [seq for seq, *_ in rows] == list(range(1, head + 1)), "rows were inserted in the order of their sequences"
    running = floor_chain
    for seq, kind, payload, stored in rows:
        running = next_chain(running, seq, kind, payload)
        assert stored == running
    assert chain == running
    # What was published is what was committed, each row once (the first row of a room came from another writer).
    published = sorted((segment.first, segment.last) for segment in segments)
    assert [seq for first, last in published for seq in range(first, last + 1)] == list(range(2, head + 1))
    assert log.verify(room) == []
