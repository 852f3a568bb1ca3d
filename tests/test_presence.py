"""Presence: every process ends with the same picture whatever the layer does to its events, forgets who is gone, and
costs no more for a crowd. The clock is the test's.
"""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.access import Grant, Visitor
from rooms.delivery.presence import REPEAT_EVERY, SENDS, TICK, Presence
from rooms.delivery.roster import GONE_AFTER, MEMBERS_MAX, REPORT_HOLDS, TABS_MAX, TRUSTED, TYPING_SHOWN
from rooms.frames import Cursor

ROOM = "room"


class Tab:
    """A connected tab that keeps the presence frames it was given: a subscription and its client in one."""

    def __init__(self, member: str, tab: str, heard: float, *, room_id: str = ROOM, **more: object):
        self.client, self.grant = self, Grant(Visitor(), member)
        self.room_id, self.tab, self.heard, self.away = room_id, tab, heard, False
        self.seq, self.confirmed, self.is_behind = 1, 0, False
        self.frames: list[dict] = []
        vars(self).update(more)

    @property
    def sent(self) -> Cursor:
        return Cursor(self.seq, "")

    def write_latest(self, frame: str) -> None:
        self.frames.append(json.loads(frame))

    @property
    def sees(self) -> dict[str, dict]:
        return {one["id"]: one for one in self.frames[-1]["members"]} if self.frames else {}


class Town:
    """Several processes, and what lies between them."""

    def __init__(self, processes: int = 1):
        self.now = 1_000.0
        self.processes = [Presence(lambda: self.now) for _ in range(processes)]
        self.events = 0
        self.away: set[Presence] = set()  # processes that are dead

    def enter(self, process: int, member: str, tab: str = "tab-1", **fields: object) -> Tab:
        socket = Tab(member, tab, self.now, **fields)
        self.processes[process].enter(socket)
        return socket

    def tick(self, deliver=lambda event, process: [event]) -> None:
        """One round of every process; `deliver` says what becomes of an event on its way to another process."""
        self.now += TICK
        alive = [process for process in self.processes if process not in self.away]
        told = []
        for process in alive:
            words = {room: word for room in list(process._rooms) if (word := process.tick(room)) is not None}
            if words:
                told.append({"process": process._process, "rooms": json.dumps(words)})
        self.events += len(told)
        for process in alive:
            for event in told:
                for arrived in deliver(event, process):
                    process.hear(arrived)

    def run(self, seconds: float, *alive: Tab, **options: object) -> None:
        """Time passes; these tabs give signs of life."""
        for _ in range(round(seconds / TICK)):
            for socket in alive:
                socket.heard = self.now
            self.tick(**options)


# -- what is seen ------------------------------------------------------------------------------------------------------


def test_everybody_sees_who_is_here_and_how_far_their_tabs_are() -> None:
    town = Town()
    ada, ben = town.enter(0, "ada", seq=7), town.enter(0, "ben", seq=9)
    town.enter(0, "ada", "tab-2", seq=3)
    town.tick()
    assert ada.sees == ben.sees
    assert ada.sees["ada"] == {"id": "ada", "cursors": [3, 7], "typing": False}
    assert ada.sees["ben"]["cursors"] == [9]


def test_processes_see_each_other_within_two_looks() -> None:
    town = Town(2)
    ada = town.enter(0, "ada", seq=7)
    town.run(3)
    ben = town.enter(1, "ben", seq=8)
    town.run(3 * TICK, ada, ben)
    assert set(ada.sees) == set(ben.sees) == {"ada", "ben"}
    ben.seq = 20
    town.run(2 * TICK, ada, ben)
    assert ada.sees["ben"]["cursors"] == [20]


def test_rooms_do_not_see_each_other() -> None:
    town = Town(2)
    ada, eve = town.enter(0, "ada"), town.enter(1, "eve", room_id="another")
    town.run(6, ada, eve)
    assert set(ada.sees) == {"ada"} and set(eve.sees) == {"eve"}


def test_typing_is_shown_for_five_seconds_and_ends_with_the_message() -> None:
    town = Town(2)
    ada, ben = town.enter(0, "ada"), town.enter(1, "ben")
    town.run(2, ada, ben)
    town.processes[1].type(ben)
    town.run(3 * TICK, ada, ben)
    assert ada.sees["ben"]["typing"] and not ada.sees["ada"]["typing"]
    town.run(TYPING_SHOWN + TICK, ada, ben)
    assert not ada.sees["ben"]["typing"]
    town.processes[1].type(ben)
    town.run(3 * TICK, ada, ben)
    town.processes[1].pause(ben)
    town.run(3 * TICK, ada, ben)
    assert not ada.sees["ben"]["typing"]


def test_who_looks_elsewhere_with_every_tab_is_away() -> None:
    town = Town()
    ada = town.enter(0, "ada")
    ben, other = town.enter(0, "ben", away=True), town.enter(0, "ben", "tab-2")
    town.tick()
    assert "away" not in ada.sees["ben"]
    other.away = True
    town.tick()
    assert ada.sees["ben"]["away"] is True
    ben.away = False
    town.tick()
    assert "away" not in ada.sees["ben"]


# -- who is gone -------------------------------------------------------------------------------------------------------


def test_a_lost_tab_stays_where_it_was_for_a_minute() -> None:
    town = Town(2)
    ada, ben = town.enter(0, "ada"), town.enter(1, "ben", seq=40)
    town.run(2, ada, ben)
    town.processes[1].leave(ben, gone=False)
    ben.seq = 99
    town.run(GONE_AFTER - 2, ada)
    assert ada.sees["ben"] == {"id": "ben", "cursors": [40], "typing": False, "away": True}
    town.run(4, ada)
    assert "ben" not in ada.sees


def test_who_leaves_is_gone_at_once() -> None:
    town = Town(2)
    ada, ben = town.enter(0, "ada"), town.enter(1, "ben")
    town.run(2, ada, ben)
    town.processes[1].leave(ben, gone=True)
    town.run(2 * TICK, ada)
    assert set(ada.sees) == {"ada"}
    assert town.processes[1]._rooms == {}, "nothing is kept of a room that nobody of this process is in"


@pytest.mark.parametrize("process", [0, 1])
def test_a_tab_that_comes_back_is_not_counted_twice(process) -> None:
    town = Town(2)
    ada, ben = town.enter(0, "ada"), town.enter(1, "ben", seq=40)
    town.run(2, ada, ben)
    town.processes[1].leave(ben, gone=False)
    back = town.enter(process, "ben", seq=50)
    town.run(3 * TICK, ada, back)
    assert ada.sees["ben"] == {"id": "ben", "cursors": [50], "typing": False}


def test_a_late_goodbye_does_not_end_the_successor() -> None:
    town = Town()
    old = town.enter(0, "ben", seq=40)
    new = town.enter(0, "ben", seq=41)
    town.processes[0].leave(old, gone=True)
    town.tick()
    assert new.sees["ben"]["cursors"] == [41]


def test_a_silent_tab_is_where_it_confirmed_to_be() -> None:
    """What was sent into a wire that says nothing any more may never have arrived."""
    town = Town()
    ada, ben = town.enter(0, "ada", seq=9), town.enter(0, "ben", seq=90, confirmed=40)
    town.run(TRUSTED - TICK, ada)
    assert ada.sees["ben"]["cursors"] == [90]
    town.run(4 * TICK, ada)
    assert ada.sees["ben"] == {"id": "ben", "cursors": [40], "typing": False, "away": True}
    ben.heard = town.now
    town.tick()
    assert ada.sees["ben"] == {"id": "ben", "cursors": [90], "typing": False}


def test_a_process_that_dies_takes_its_people_with_it() -> None:
    town = Town(2)
    ada, ben = town.enter(0, "ada"), town.enter(1, "ben")
    town.run(2, ada, ben)
    town.away.add(town.processes[1])
    town.run(REPORT_HOLDS - REPEAT_EVERY - 1, ada)
    assert "ben" in ada.sees
    town.run(REPEAT_EVERY + 2, ada)
    assert set(ada.sees) == {"ada"}


# -- whatever happens to events ----------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "drop", "go", "type", "pause", "away", "back", "read", "wait"]),
        st.integers(0, 2),  # process
        st.sampled_from(["ada", "ben", "cy"]),
        st.sampled_from(["tab-1", "tab-2"]),
    ),
    max_size=40,
)


@pytest.mark.soak
@given(STEPS, st.integers(0, 2**32))
def test_all_processes_agree_once_nothing_is_lost_any_more(steps, seed) -> None:
    """Events are lost, doubled and held back; once that is over everybody sees the truth."""
    town, chance = Town(3), random.Random(seed)
    sockets: dict[tuple[int, str, str], Tab] = {}
    held: list[dict] = []

    def lossy(event: dict, process: Presence) -> list[dict]:
        fate = chance.random()
        if fate < 0.3:
            return []
        if fate < 0.5:
            held.append(event)
            return []
        return [event, *([held.pop(0)] if held else []), *([event] if fate < 0.7 else [])]

    for step, process, member, tab in steps:
        key, presence = (process, member, tab), town.processes[process]
        socket = sockets.get(key)
        if step == "enter":
            sockets[key] = town.enter(process, member, tab, seq=1)
        elif step == "wait":
            town.run(2, *sockets.values(), deliver=lossy)
        elif socket is None:
            continue
        elif step in ("drop", "go"):
            presence.leave(sockets.pop(key), gone=step == "go")
        elif step in ("type", "pause"):
            getattr(presence, step)(socket)
        elif step in ("away", "back"):
            socket.away = step == "away"
        else:
            socket.seq += 3
        town.tick(lossy)
    town.run(GONE_AFTER + REPORT_HOLDS + REPEAT_EVERY, *sockets.values())

    expected: dict[str, dict] = {}
    for member in {key[1] for key in sockets}:
        tabs = [(key[2], socket) for key, socket in sockets.items() if key[1] == member]
        # One tab that two processes have is shown once: as the one that is looked at, and then the one further on.
        best = {name: max((not s.away, s.seq) for other, s in tabs if other == name) for name, _ in tabs}
        expected[member] = {"id": member, "cursors": sorted(seq for _, seq in best.values()), "typing": False}
        if not any(looked for looked, _ in best.values()):
            expected[member]["away"] = True
    assert all(socket.sees == expected for socket in sockets.values())


def test_what_another_version_says_is_passed_over() -> None:
    town = Town()
    ada = town.enter(0, "ada")
    for rooms in ("", "[]", "{", '{"room": null}', '{"room": [[["ben"]], []]}', '{"room": [[], [], []]}'):
        town.processes[0].hear({"process": "other", "rooms": rooms})
    town.tick()
    assert set(ada.sees) == {"ada"}


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_without_news_nothing_is_sent() -> None:
    town = Town()
    ada, ben = town.enter(0, "ada"), town.enter(0, "ben")
    town.run(30, ada, ben)
    assert len(ada.frames) == len(ben.frames) == 1
    assert town.events <= 30 / REPEAT_EVERY + 1


def test_a_tab_alone_is_not_told_how_far_it_is() -> None:
    town = Town()
    ada = town.enter(0, "ada")
    for _ in range(100):
        ada.seq += 5
        town.run(TICK, ada)
    assert len(ada.frames) == 1
    ben = town.enter(0, "ben")
    town.run(TICK, ada, ben)
    assert ada.sees["ada"]["cursors"] == [ada.seq]


def test_a_room_alone_in_its_process_tells_the_others_only_that_it_is_there() -> None:
    town = Town(2)
    ada, ben = town.enter(0, "ada"), town.enter(0, "ben")
    for _ in range(100):
        ada.seq = ben.seq = ada.seq + 5
        town.run(TICK, ada, ben)
    assert town.events <= 100 * TICK / REPEAT_EVERY + 1


@pytest.mark.parametrize("tabs", [2, 500])
def test_a_crowd_costs_no_more_than_fifty(tabs) -> None:
    """In frames a second, in the size of a frame, and in how soon a newcomer knows who is here."""
    town = Town()
    crowd = [town.enter(0, f"member-{n:03d}") for n in range(tabs)]
    for _ in range(20):  # everything moves, all the time
        for socket in crowd:
            socket.seq += 1
        town.run(TICK, *crowd)
    sent = sum(len(socket.frames) for socket in crowd)
    assert sent <= 20 * TICK * max(SENDS, tabs / TICK * (tabs <= 50)) + tabs
    last = crowd[0].frames[-1]
    assert len(last["members"]) == min(tabs, MEMBERS_MAX) and last.get("more", 0) == max(0, tabs - MEMBERS_MAX)
    assert len(json.dumps(last)) < 8_000
    late = town.enter(0, "a-newcomer")
    town.run(TICK, *crowd, late)
    assert late.frames, "with what the others know, at once"


def test_who_types_is_in_the_list_however_many_there_are() -> None:
    town = Town()
    crowd = [town.enter(0, f"member-{n:03d}") for n in range(80)]
    town.processes[0].type(crowd[-1])
    town.run(2, *crowd)
    assert crowd[0].sees["member-079"]["typing"]


def test_of_made_up_tabs_the_oldest_are_dropped() -> None:
    town = Town()
    for number in range(10 * TABS_MAX):
        socket = town.enter(0, "eve", f"tab-{number:03d}", seq=number)
        town.processes[0].leave(socket, gone=False)
    ada = town.enter(0, "ada")
    town.tick()
    assert ada.sees["eve"]["cursors"] == list(range(9 * TABS_MAX, 10 * TABS_MAX))


def test_a_reader_that_is_behind_gets_the_newest_when_it_takes_frames_again() -> None:
    town = Town()
    ada, ben = town.enter(0, "ada"), town.enter(0, "ben", is_behind=True)
    for _ in range(10):
        ada.seq += 1
        town.run(TICK, ada, ben)
    assert ben.frames == []
    ben.is_behind = False
    town.run(TICK, ada, ben)
    assert len(ben.frames) == 1 and ben.sees["ada"]["cursors"] == [ada.seq]
