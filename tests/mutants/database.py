"""Mechanisms against a database that goes away, is slow or full, or comes back with another history."""

from __future__ import annotations

from .mutant import Mutant

DATABASE = [
    # -- another history -------------------------------------------------------------------------------------------
    Mutant(
        "restored: the heads are compared by their sequence",
        "rooms/log/read.py",
        "            found[room_id] = head if unknown or there == cursor.chain else None\n",
        "            found[room_id] = head if unknown or head >= seq else None\n",
        "tests/test_restored.py -k live_readers",
    ),
    Mutant(
        "restored: a shorter log is not noticed",
        "rooms/log/read.py",
        "            found[room_id] = head if unknown or there == cursor.chain else None\n",
        "            found[room_id] = head if unknown or head < seq or there == cursor.chain else None\n",
        "tests/test_restored.py -k live_readers",
    ),
    Mutant(
        "restored: an event is due by its sequence",
        "rooms/delivery/subscription.py",
        "due = event.before == self.sent and event.frame",
        "due = event.before.seq == self.sent.seq and event.frame",
        "tests/test_restored.py -k event_of_another",
    ),
    Mutant(
        "restored: a page is believed to follow",
        "rooms/log/read.py",
        "    if seq != after.seq + 1 or chain != next_chain(after.chain, seq, kind, payload):\n        return None\n",
        "",
        "tests/test_restored.py -k slow_reader",
    ),
    Mutant(
        "restored: places of the lost history stay in the window",
        "rooms/delivery/subscription.py",
        "        self._window.start_over()\n",
        "",
        "tests/test_restored.py -k confirm_the_snapshot",
    ),
    Mutant(
        "restored: a fence is all that a worker needs",
        "rooms/log/append.py",
        "        if not self.holds(generation.room, written):\n",
        "        if False:\n",
        "tests/test_restored.py -k words_that_were_lost",
    ),
    Mutant(
        "restored: a worker's place is compared by its sequence",
        "rooms/log/append.py",
        "        return Delta.objects.filter(room=room_id, seq=cursor.seq, chain=cursor.chain).exists()\n",
        "        return True\n",
        "tests/test_restored.py -k words_that_were_lost",
    ),
    Mutant(
        "restored: a head that is lower than the known one is never believed",
        "rooms/delivery/hub.py",
        "                self.doubt()  # a shared read is older than an event, or the log has become shorter\n",
        "                return\n",
        "tests/test_restored.py -k slow_reader",
    ),
    # -- retention -------------------------------------------------------------------------------------------------
    Mutant(
        "retention: open answers lose their deltas",
        "rooms/log/retention.py",
        "    if first_needed is not None:\n",
        "    if False:\n",
        "tests/test_retention.py -k not_closed",
    ),
    Mutant(
        "retention: a chain that is not kept",
        "rooms/log/retention.py",
        "update(floor=newest.seq + 1, floor_chain=newest.chain)",
        "update(floor=newest.seq + 1)",
        "tests/test_retention.py -k still_fits",
    ),
    Mutant(
        "retention: whatever is old goes",
        "rooms/log/retention.py",
        "            break\n",
        "            continue\n",
        "tests/test_retention.py -k clocks_differ",
    ),
    Mutant(
        "retention: a page after rows that are gone",
        "rooms/log/read.py",
        "    if seq != after.seq + 1 or chain != next_chain(after.chain, seq, kind, payload):\n        return None\n",
        "",
        "tests/test_retention.py -k c13",
    ),
    Mutant(
        "retention: an empty page after rows that are gone",
        "rooms/log/read.py",
        " or floor - 1 <= after.seq < head\n",
        " or after.seq < head\n",
        "tests/test_retention.py -k c13",
    ),
    Mutant(
        "retention: the watch takes a floor for another history",
        "rooms/log/read.py",
        "            unknown = not cursor.chain or seq < floor - 1\n",
        "            unknown = not cursor.chain\n",
        "tests/test_retention.py -k watch",
    ),
    # -- PostgreSQL ------------------------------------------------------------------------------------------------
    Mutant(
        "postgres: a lost database is not waited for",
        "rooms/log/writer.py",
        "                if time.monotonic() > deadline or database.is_sated(error):\n",
        "                if True:\n",
        "tests/test_faults_database.py -k c1",
    ),
    Mutant(
        "full: waited for as if it were away",
        "rooms/log/writer.py",
        " or database.is_sated(error)",
        "",
        "tests/test_writer.py -k without_room",
    ),
    Mutant(
        "power: nothing waits for the disk",
        "rooms/log/writer.py",
        "database.wait_for_disk(any(change.told for change in self.changes))",
        "database.wait_for_disk(False)",
        "tests/test_power_cut.py -k acknowledged_is",
    ),
    Mutant(
        "power: words wait for the disk",
        "rooms/actions/generations.py",
        ", told=renew)",
        ")",
        "tests/test_writer.py -k waits_for_the_disk",
    ),
    Mutant(
        "postgres: what was lost in COMMIT is made again",
        "rooms/log/writer.py",
        "            if unknown is not None and unknown.landed():\n",
        "            if False:\n",
        "tests/test_faults_database.py -k cut_during_commit",
    ),
    Mutant(
        "postgres: what was lost in COMMIT is taken for done",
        "rooms/log/writer.py",
        "            if unknown is not None and unknown.landed():\n",
        "            if unknown is not None:\n",
        "tests/test_faults_database.py -k cut_during_commit",
    ),
    Mutant(
        "postgres: a COMMIT is asked about without the rooms' locks",
        "rooms/log/writer.py",
        "            log = Transaction(self.changes)\n            if unknown is not None and unknown.landed():\n",
        "            landed = unknown is not None and unknown.landed()\n"
        "            log = Transaction(self.changes)\n"
        "            if landed:\n",
        "tests/test_faults_database.py -k under_way",
    ),
    Mutant(
        "postgres: a locked room keeps the others waiting",
        "rooms/log/writer.py",
        "                if several and unknown is None and database.is_contention(error):\n",
        "                if False:\n",
        "tests/test_faults_database.py -k somebody_locks",
    ),
    Mutant(
        "postgres: a page without its database is a traceback",
        "rooms/middleware.py",
        "        if not isinstance(exception, CONNECTION_ERRORS):\n",
        "        if True:\n",
        "tests/test_faults_database.py -k c5",
    ),
    Mutant(
        "postgres: a socket waits for its database as long as daphne lets it",
        "rooms/consumers/room.py",
        "            async with asyncio.timeout(ADMIT_WITHIN):\n",
        "            async with asyncio.timeout(None):\n",
        "tests/test_faults_database.py -k c5",
    ),
    Mutant(
        "postgres: a delta for each piece of text, however many have gathered",
        "rooms/generation/recorder.py",
        "        if pieces and pieces[-1].part == part:\n",
        "        if False:\n",
        "tests/test_faults_database.py -k c6",
    ),
    # -- SQLite ----------------------------------------------------------------------------------------------------
    Mutant(
        "sqlite: nobody is told that it could not be saved",
        "rooms/log/writer.py",
        '                    raise Unavailable("This could not be saved. Try again.", retry_after=5) from error\n',
        "                    pass\n",
        "tests/test_faults_database_sqlite.py -k takes_nothing",
    ),
    # -- a long history --------------------------------------------------------------------------------------------
    Mutant(
        "history: everybody who joins reads the room",
        "rooms/delivery/hub.py",
        "        if future is None:\n            future = self._shared[key]",
        "        if True:\n            future = self._shared[key]",
        "tests/test_faults_database_history.py -k few_queries",
    ),
    Mutant(
        "history: whoever was here is sent all that he missed",
        "rooms/log/read.py",
        " or head - seq > settings.CHATLAB_REPLAY_MAX:\n",
        ":\n",
        "tests/test_faults_database_history.py -k fifty",
    ),
]
