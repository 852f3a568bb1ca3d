"""Who is in one room, as one process knows it: its own tabs, and what the other processes say of theirs.

No clock and no I/O: every call is told the time, in seconds of the event loop. A tab is known by its member and by the
name that it gives itself, so one that comes back, to this process or to another, is not counted twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..frames import Cursor

LOST, AWAY, HERE = range(3)  # no wire · nobody looks at it · somebody does

GONE_AFTER = 60.0  # seconds after the last sign of life of a tab that lost its wire
TRUSTED = 25.0  # seconds of silence after which what was sent is not believed to have arrived
TYPING_SHOWN = 5.0
WORD_HOLDS = 15.0  # seconds that another process's word counts: three repetitions, so one may be lost

MEMBERS_MAX = 50  # in a frame; the others are a number
TABS_MAX = 20  # of one member


class Connected(Protocol):
    """A connected tab."""

    room_id: str
    member_id: str
    tab: str
    heard: float  # the loop's time of its last frame
    away: bool  # it says that nobody looks at it
    is_behind: bool  # it takes nothing now
    sent: Cursor | None
    confirmed: int

    def show(self, frame: str) -> None:
        """Send this frame soon; only the newest counts."""
        ...


@dataclass(slots=True)
class Tab:
    """One tab of this process. Its socket is None once the wire is lost: then it stays where it was."""

    socket: Connected | None
    seq: int = 0
    heard: float = 0.0
    shown: str = ""  # the frame that it was given last

    def look(self, now: float) -> tuple[int, int]:
        """(state, sequence). What was sent counts as reached, which is livelier than a confirmation every 10 s, as long
        as there are signs of life; a tab in the background gives them rarely.
        """
        if (socket := self.socket) is None:
            return LOST, self.seq
        self.heard = socket.heard
        if not socket.away and now - socket.heard > TRUSTED:
            self.seq = socket.confirmed
            return LOST, self.seq
        self.seq = socket.sent.seq if socket.sent else 0
        return AWAY if socket.away else HERE, self.seq


class Word(NamedTuple):
    """What a process says about its tabs in a room: (member, tab, state, sequence) of each, and who types."""

    tabs: list[tuple[str, str, int, int]]
    typing: list[str]

    @classmethod
    def unpack(cls, packed: list) -> Word:
        tabs, typing = packed
        return cls([(member, tab, state, seq) for member, tab, state, seq in tabs], list(typing))


class Person(NamedTuple):
    """A member who is here: with each tab's cursor, the one that is furthest behind first."""

    id: str
    cursors: tuple[int, ...]
    typing: bool
    away: bool


class Company:
    """Everybody in one room."""

    def __init__(self) -> None:
        self._tabs: dict[tuple[str, str], Tab] = {}
        self._typing: dict[str, float] = {}  # member -> until when
        self._others: dict[str, tuple[float, Word]] = {}  # process -> until when its word counts, its word
        self._heard = 0  # how often what the others say has changed

    @property
    def tabs(self) -> list[Tab]:
        """Those of this process that have a wire."""
        return [tab for tab in self._tabs.values() if tab.socket is not None]

    @property
    def is_empty(self) -> bool:
        """Whether this process has nothing to say here."""
        return not self._tabs

    @property
    def is_shared(self) -> bool:
        return bool(self._others)

    def enter(self, socket: Connected) -> None:
        mine = [key for key in self._tabs if key[0] == socket.member_id]
        lost = [key for key in mine if self._tabs[key].socket is None]
        if len(mine) >= TABS_MAX and lost:  # made-up names of tabs fill nothing
            del self._tabs[lost[0]]
        self._tabs[socket.member_id, socket.tab] = Tab(socket)

    def leave(self, socket: Connected, now: float, *, gone: bool) -> None:
        """`gone`: it went by itself, or was sent away for good; otherwise it is lost, and may come back."""
        key = socket.member_id, socket.tab
        tab = self._tabs.get(key)
        if tab is None or tab.socket is not socket:  # its successor is here already
            return
        if gone:
            del self._tabs[key]
        else:
            tab.look(now)
            tab.socket = None

    def type(self, member: str, now: float) -> None:
        self._typing[member] = now + TYPING_SHOWN

    def pause(self, member: str) -> None:
        """What was being typed is said."""
        self._typing.pop(member, None)

    def hear(self, process: str, word: Word, now: float) -> bool:
        """Another process's word. True where it was not known to be in this room."""
        _, before = self._others.pop(process, (0, None))
        if word.tabs:
            self._others[process] = now + WORD_HOLDS, word
        self._heard += word != before
        return before is None and bool(word.tabs)

    def word(self, now: float) -> Word:
        """What this process has to say. Whatever has run out is forgotten."""
        if self._typing:
            self._typing = {member: until for member, until in self._typing.items() if until > now}
        if self._others:
            valid = {process: said for process, said in self._others.items() if said[0] > now}
            self._heard += len(valid) != len(self._others)
            self._others = valid
        tabs, gone = [], []
        for key, tab in self._tabs.items():
            state, seq = tab.look(now)
            if tab.socket is None and now - tab.heard > GONE_AFTER:
                gone.append(key)
            else:
                tabs.append((*key, state, seq))
        for key in gone:
            del self._tabs[key]
        return Word(tabs, sorted(self._typing))

    def signs(self, word: Word) -> tuple:
        """Something that differs whenever `people` may; how far a tab is that nobody else is with, nobody asks."""
        alone = len(word.tabs) == 1 and not self._others
        return [tab[:3] for tab in word.tabs] if alone else word.tabs, word.typing, self._heard

    def people(self, own: Word) -> tuple[list[Person], int]:
        """Everybody, per person, and how many more there are than MEMBERS_MAX: those who type or look come first."""
        words = [own, *(word for _, word in self._others.values())]
        tabs: dict[tuple[str, str], tuple[int, int]] = {}
        for word in words:
            for member, name, *seen in word.tabs:  # of a tab that two processes know, the one that has it knows best
                tabs[member, name] = max(tabs.get((member, name), (LOST, 0)), tuple(seen))
        typing = {member for word in words for member in word.typing}
        seen_of: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for (member, _), seen in tabs.items():
            seen_of[member].append(seen)
        everybody = [
            Person(
                member,
                tuple(sorted(seq for _, seq in seen)[:TABS_MAX]),
                typing=member in typing,
                away=max(seen)[0] != HERE,
            )
            for member, seen in seen_of.items()
        ]
        shown = sorted(everybody, key=lambda person: (not person.typing, person.away, person.id))[:MEMBERS_MAX]
        return sorted(shown), len(everybody) - len(shown)
