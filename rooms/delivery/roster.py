"""Who is in one room, as one process knows it: its own tabs, and what the other processes say of theirs.

No clock and no I/O: every call is told the time, in seconds of the event loop. A tab is known by its member and by the
name that it gives itself, so one that comes back, to this process or to another, is not counted twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from .subscription import Subscription

LOST, AWAY, HERE = range(3)  # no wire · nobody looks at it · somebody does

GONE_AFTER = 60.0  # seconds after the last sign of life of a tab that lost its wire
TRUSTED = 25.0  # seconds of silence after which what was sent is not believed to have arrived
TYPING_SHOWN = 5.0
REPORT_HOLDS = 15.0  # seconds that another process's report counts: three repetitions, so one may be lost

MEMBERS_MAX = 50  # in a frame; the others are a number
TABS_MAX = 20  # of one member


@dataclass(slots=True)
class Tab:
    """One tab of this process. Its subscription is None once the wire is lost: then it stays where it was."""

    subscription: Subscription | None
    seq: int = 0
    heard: float = 0.0
    shown: str = ""  # the frame that it was given last

    def look(self, now: float) -> tuple[int, int]:
        """(state, sequence). What was sent counts as reached, which is livelier than a confirmation every 10 s, as long
        as there are signs of life; a tab in the background gives them rarely.
        """
        if self.subscription is None:
            return LOST, self.seq
        client, sent = self.subscription.client, self.subscription.sent
        self.heard = client.heard
        if not client.away and now - client.heard > TRUSTED:
            self.seq = self.subscription.confirmed
            return LOST, self.seq
        self.seq = sent.seq if sent else 0
        return AWAY if client.away else HERE, self.seq


class PresenceReport(NamedTuple):
    """What a process says about its tabs in a room: (member, tab, state, sequence) of each, and who types."""

    tabs: list[tuple[str, str, int, int]]
    typing: list[str]

    @classmethod
    def unpack(cls, packed: list) -> PresenceReport:
        tabs, typing = packed
        return cls([(member, tab, state, seq) for member, tab, state, seq in tabs], list(typing))


class Person(NamedTuple):
    """A member who is here: with each tab's cursor, the one that is furthest behind first."""

    id: str
    cursors: tuple[int, ...]
    typing: bool
    away: bool


class Roster:
    """Everybody in one room."""

    def __init__(self) -> None:
        self._tabs: dict[tuple[str, str], Tab] = {}
        self._typing: dict[str, float] = {}  # member -> until when
        self._others: dict[str, tuple[float, PresenceReport]] = {}  # process -> (until when it counts, its report)
        self._heard = 0  # how often what the others say has changed

    @property
    def tabs(self) -> list[Tab]:
        """Those of this process that have a wire."""
        return [tab for tab in self._tabs.values() if tab.subscription is not None]

    @property
    def is_empty(self) -> bool:
        """Whether this process has nothing to say here."""
        return not self._tabs

    @property
    def is_shared(self) -> bool:
        return bool(self._others)

    def enter(self, subscription: Subscription) -> None:
        mine = [key for key in self._tabs if key[0] == subscription.client.grant.member]
        lost = [key for key in mine if self._tabs[key].subscription is None]
        if len(mine) >= TABS_MAX and lost:  # made-up names of tabs fill nothing
            del self._tabs[lost[0]]
        self._tabs[subscription.client.grant.member, subscription.client.tab] = Tab(subscription)

    def leave(self, subscription: Subscription, now: float, *, gone: bool) -> None:
        """`gone`: it went by itself, or was sent away for good; otherwise it is lost, and may come back."""
        key = subscription.client.grant.member, subscription.client.tab
        tab = self._tabs.get(key)
        if tab is None or tab.subscription is not subscription:  # its successor is here already
            return
        if gone:
            del self._tabs[key]
        else:
            tab.look(now)
            tab.subscription = None

    def type(self, member: str, now: float) -> None:
        self._typing[member] = now + TYPING_SHOWN

    def pause(self, member: str) -> None:
        """What was being typed is said."""
        self._typing.pop(member, None)

    def hear(self, process: str, report: PresenceReport, now: float) -> bool:
        """Another process's report. True where it was not known to be in this room."""
        _, before = self._others.pop(process, (0, None))
        if report.tabs:
            self._others[process] = now + REPORT_HOLDS, report
        self._heard += report != before
        return before is None and bool(report.tabs)

    def report(self, now: float) -> PresenceReport:
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
            if tab.subscription is None and now - tab.heard > GONE_AFTER:
                gone.append(key)
            else:
                tabs.append((*key, state, seq))
        for key in gone:
            del self._tabs[key]
        return PresenceReport(tabs, sorted(self._typing))

    def signs(self, report: PresenceReport) -> tuple:
        """Something that differs whenever `people` may; how far a tab is that nobody else is with, nobody asks."""
        alone = len(report.tabs) == 1 and not self._others
        return [tab[:3] for tab in report.tabs] if alone else report.tabs, report.typing, self._heard

    def people(self, own: PresenceReport) -> tuple[list[Person], int]:
        """Everybody, per person, and how many more there are than MEMBERS_MAX: those who type or look come first."""
        reports = [own, *(report for _, report in self._others.values())]
        tabs: dict[tuple[str, str], tuple[int, int]] = {}
        for report in reports:
            for member, name, *seen in report.tabs:  # of a tab that two processes know, the one that has it knows best
                tabs[member, name] = max(tabs.get((member, name), (LOST, 0)), tuple(seen))
        typing = {member for report in reports for member in report.typing}
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
