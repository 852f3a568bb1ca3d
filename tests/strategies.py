"""What the property tests are made of: hostile text, and whole histories of a room."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import strategies as st

from rooms import actions, frames
from rooms.actions import commit_now
from rooms.frames import TERMINAL
from rooms.models import Generation, Message
from rooms.text import clean

from .fakes import Pen, Place, client_id, new_place

# -- text --------------------------------------------------------------------------------------------------------------

_TROUBLE = [
    "\0",
    "\ud83d",
    "\ude00",
    "\ud800",
    "\udfff",
    "😀",
    "👩‍👩‍👧",
    "\u202e",
    "\ufeff",
    "e\u0301",
    "\r\n",
    "\u2028",
]
_TROUBLE += ['"', "\\", "</script>", "&amp;"]
characters = st.one_of(st.sampled_from(_TROUBLE), st.characters(), st.integers(0xD800, 0xDFFF).map(chr))
raw_texts = st.lists(characters, max_size=30).map("".join)  # as a provider or a client may send it
texts = st.lists(characters, min_size=1, max_size=12).map("".join).map(clean)  # as it is stored


@st.composite
def pieces(draw: st.DrawFn, whole: st.SearchStrategy[str] = raw_texts) -> list[str]:
    """A text, cut anywhere: also between the halves of a pair, and into empty pieces."""
    text = draw(whole)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def complete(text: str) -> str:
    """The status of an answer whose provider says that it is complete: without a text it is not."""
    return "complete" if text.strip(" \t\r\n") else "failed"


# -- histories ---------------------------------------------------------------------------------------------------------

VERBS = (
    "ask", "branch", "claim", "claim", "say", "say", "say", "think", "think", "save", "finish", "finish",
    "stop", "retry", "go_on", "rename", "choose", "join", "lock", "come_and_go", "take_over",
)  # fmt: skip
steps = st.tuples(st.sampled_from(VERBS), st.integers(0, 11), texts)
_PRELUDE = [("ask", 0, "Why?"), ("ask", 0, "And why that?"), ("claim", 0, ""), ("claim", 0, ""), ("say", 0, "Because")]
histories = st.builds(
    lambda begun, steps: (_PRELUDE if begun else []) + steps, st.booleans(), st.lists(steps, min_size=10, max_size=40)
)


# One of everything, in an order that a random history rarely finds.
EVERYTHING = [
    *[
        ("ask", 0, "Why?"),
        ("claim", 0, ""),
        ("say", 0, "Half of "),
        ("think", 0, "Hm."),
        ("say", 0, "it"),
        ("stop", 0, ""),
    ],
    *[("go_on", 0, ""), ("claim", 0, ""), ("save", 0, " and more"), ("say", 0, " \u2028"), ("finish", 0, " 😀")],
    *[("join", 0, "Ada"), ("join", 1, "Grace"), ("rename", 1, "A title"), ("choose", 0, ""), ("choose", 1, "")],
    *[("retry", 0, ""), ("claim", 0, ""), ("think", 0, "Once more."), ("finish", 1, "no"), ("branch", 0, "Why not?")],
    *[("claim", 0, ""), ("say", 0, "Lost "), ("save", 0, "with "), ("say", 0, "its worker"), ("take_over", 0, "")],
    *[("ask", 1, "And now?"), ("stop", 4, ""), ("ask", 0, "Last"), ("claim", 0, ""), ("finish", 2, "cut")],
    *[("ask", 1, "Still"), ("claim", 0, ""), ("save", 1, "going "), ("say", 0, "on"), ("ask", 0, "Waiting")],
]
_ENDS = (("complete", {"usage": {"output": 7}}), ("failed", {"failure_code": "upstream"}), ("incomplete", {}))


class Story:
    """A room in which a history happens. A step that finds nothing to act on does nothing."""

    def __init__(self) -> None:
        self.places: list[Place] = [new_place("Story")]
        self.pens: dict[str, Pen] = {}

    @property
    def room(self) -> str:
        return self.places[0].room

    def tell(self, steps: Iterable[tuple[str, int, str]]) -> Story:
        for step in steps:
            self.step(*step)
        return self

    def step(self, verb: str, number: int, text: str) -> None:
        getattr(self, f"_{verb}")(number, text)

    def _member(self, number: int) -> Place:
        return self.places[number % len(self.places)]

    def _ask(self, number: int, text: str) -> None:
        self._member(number).post(text)

    def _branch(self, number: int, text: str) -> None:
        if (message := _pick(self._messages(role="user"), number)) is not None:
            self._member(number).post(text, parent=message.parent_id, branch=True)

    def _claim(self, number: int, text: str) -> None:
        if (message := _pick(self._messages(generation__status="queued"), number)) is not None:
            self._hold(message.pk, "worker")

    def _say(self, number: int, text: str, **options: object) -> None:
        if (pen := _pick(list(self.pens.values()), number)) is not None:
            pen.write(text, **options)

    def _think(self, number: int, text: str) -> None:
        self._say(number, text, part="reasoning")

    def _save(self, number: int, text: str) -> None:
        self._say(number, text, checkpoint=True, renew=bool(number % 2))

    def _finish(self, number: int, text: str) -> None:
        if (message := _pick(list(self.pens), number)) is not None:
            status, outcome = _ENDS[number % 3]
            self.pens.pop(message).end(status, text, **outcome)

    def _stop(self, number: int, text: str) -> None:
        if (message := _pick(self._messages(role="assistant"), number)) is not None:
            self._member(number).stop(message.pk)
            self.pens.pop(message.pk, None)

    def _retry(self, number: int, text: str) -> None:
        self._another(actions.retry, frames.Retry, number, TERMINAL)

    def _go_on(self, number: int, text: str) -> None:
        self._another(actions.continue_answer, frames.Continue, number, TERMINAL[1:])

    def _another(self, verb, frame, number: int, statuses: tuple[str, ...]) -> None:
        if (message := _pick(self._messages(generation__status__in=statuses), number)) is not None:
            member = self._member(number)
            commit_now(verb(member.member, self.room, frame(message.pk, client_id())))

    def _rename(self, number: int, text: str) -> None:
        commit_now(actions.change_room(self._member(number).member, self.room, frames.ChangeRoom(title=text)))

    def _choose(self, number: int, text: str) -> None:
        if (message := _pick(self._messages(parent__isnull=False), number)) is not None:
            change = frames.ChangeRoom(chosen={message.parent_id: message.pk})
            commit_now(actions.change_room(self._member(number).member, self.room, change))

    def _join(self, number: int, text: str) -> None:
        if number % 2:
            commit_now(actions.join(self._member(number).visitor, self.room, text))
        else:
            self.places.append(self.places[0].join(text))

    def _lock(self, number: int, text: str) -> None:
        for locked in (True, False):
            commit_now(actions.change_room(self.places[0].member, self.room, frames.ChangeRoom(locked=locked)))

    def _come_and_go(self, number: int, text: str) -> None:
        owner, guest = self.places[0].member, self.places[0].join(text)
        if number % 3 == 0:
            commit_now(actions.leave(guest.member, self.room))
        else:
            commit_now(actions.remove(owner, self.room, guest.member))
        if number % 3 == 1:
            commit_now(actions.readmit(owner, self.room, guest.member))

    def _take_over(self, number: int, text: str) -> None:
        if (message := _pick(list(self.pens), number)) is not None:
            self.pens.pop(message)
            Generation.objects.filter(message=message).update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
            self._hold(message, "another worker")

    def _hold(self, message: str, holder: str) -> None:
        if (pen := Pen.claim(self.room, message, holder)) is not None:
            self.pens[message] = pen

    def _messages(self, **condition: object) -> list[Message]:
        return list(Message.objects.filter(room=self.room, **condition).order_by("opened_seq"))


def _pick(candidates: list, number: int):
    return candidates[number % len(candidates)] if candidates else None
