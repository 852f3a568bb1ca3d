"""I4: any cursor whatsoever is answered by an exact continuation or by a snapshot, never by a part of a history."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from rooms import log
from rooms.delivery.hub import RoomHub
from rooms.delivery.subscription import Subscription
from rooms.errors import NotFound
from rooms.frames import Cursor, Sync
from rooms.models import Delta, Message, Room

from .fakes import Place, Screen, new_place, serving
from .profiles import examples

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("alone")]

FLOOR = 4  # some of the rooms have forgotten what is below


@dataclass(repr=False)
class History:
    place: Place
    chains: dict[int, str]  # of every cursor that this room may have handed out, and still continues

    @property
    def head(self) -> int:
        return max(self.chains)


@pytest.fixture
def histories() -> list[History]:
    """Two rooms that said the same, and one with a floor."""
    made = []
    for number in range(3):
        place = new_place(f"Room {number}")
        place.answered("a", "b", "c")
        place.begin().write("d", "e")
        if number == 2:
            below = Delta.objects.values_list("chain", flat=True).get(room=place.room, seq=FLOOR - 1)
            Room.objects.filter(pk=place.room).update(floor=FLOOR, floor_chain=below)
            Delta.objects.filter(room=place.room, seq__lt=FLOOR).delete()
        floor, chain = Room.objects.values_list("floor", "floor_chain").get(pk=place.room)
        chains = {floor - 1: chain, **dict(Delta.objects.filter(room=place.room).values_list("seq", "chain"))}
        made.append(History(place, chains))
    return made


# (how, a number, a text): what is made of it depends on the room
forgeries = st.tuples(
    st.sampled_from(["own", "elsewhere", "tampered", "shifted", "future", "respelt", "garbage"]),
    st.integers(0, 40),
    st.one_of(st.text(max_size=40), st.from_regex(r"\A-?[0-9]{1,25}\.[0-9a-f]{16}\Z")),
)


def forge(histories: list[History], room: int, how: str, number: int, text: str) -> str:
    chains = histories[room].chains
    seq = sorted(chains)[number % len(chains)]
    chain = chains[seq]
    if how == "own":
        return f"{seq}.{chain}"
    if how == "elsewhere":
        other = histories[(room + 1) % 3].chains
        return f"{seq}.{other.get(seq, '0' * 16)}"
    if how == "tampered":
        digit = number % 16
        return f"{seq}.{chain[:digit]}{int(chain[digit], 16) ^ 1:x}{chain[digit + 1 :]}"
    if how == "shifted":
        return f"{seq + 1}.{chain}"
    if how == "future":
        return f"{max(chains) + 1 + number}.{chain}"
    if how == "respelt":
        return ("0{}.{}", "+{}.{}", " {}.{}", "{}.{}\n", "{}.{}0", "{}..{}", "{}.0x{}")[number % 7].format(seq, chain)
    return text


@examples(60)
@given(room=st.integers(0, 2), forgery=forgeries)
@example(room=2, forgery=("own", 0, ""))
@example(room=0, forgery=("own", 0, ""))
@example(room=0, forgery=("elsewhere", 7, ""))
@example(room=0, forgery=("future", 13, ""))  # with the head's own chain
@example(room=0, forgery=("shifted", 13, ""))
def test_a_cursor_is_continued_only_where_this_room_handed_it_out(histories, room: int, forgery: tuple) -> None:
    token = forge(histories, room, *forgery)
    here = histories[room]
    cursor = Cursor.parse(token)
    good = token in {f"{seq}.{chain}" for seq, chain in here.chains.items()}
    assert log.find(here.place.room, cursor) == (here.head if good else None)
    if cursor is not None:
        assert str(cursor) == token, "a token has one spelling"


@examples(40)
@given(st.integers(0, 2), forgeries, st.sampled_from([3, 2_000]), forgeries, st.booleans())
def test_a_reader_gets_a_continuation_or_a_snapshot(histories, room, forgery, limit, later, repair) -> None:
    """Whatever it comes with, and whatever it says afterwards, it ends where the room is, and nothing comes twice."""
    here = histories[room]
    token, said = forge(histories, room, *forgery), forge(histories, room, *later)
    truth = log.snapshot(here.place.room)
    fits = {f"{seq}.{chain}" for seq, chain in here.chains.items() if here.head - seq <= limit}

    async def scenario() -> None:
        screen = Screen()
        async with serving():
            with override_settings(CHATLAB_REPLAY_MAX=limit):
                reader = Subscription(RoomHub(here.place.room), screen)
                await reader.open(token)
                check_answer(screen, token in fits, token, here)
                if token not in fits:
                    assert {**screen.state, "cursor": screen.cursor} == truth
                screen.frames.clear()
                await reader.sync(Sync(said, repair))
                check_sync(screen, said, repair, fits, here, truth)

    asyncio.run(scenario())


def check_answer(screen: Screen, fits: bool, token: str, here: History) -> None:
    frames = [frame for frame in screen.frames if frame["type"] != "rendered"]  # comes when it comes
    kinds = [frame["type"] for frame in frames]
    assert kinds[-1] == "synced" and frames[-1]["cursor"] == f"{here.head}.{here.chains[here.head]}"
    items = [item["seq"] for frame in frames if frame["type"] == "deltas" for item in frame["items"]]
    if fits:
        assert "snapshot" not in kinds
        assert items == list(range(int(token.partition(".")[0]) + 1, here.head + 1))
    else:
        assert kinds == ["snapshot", "synced"]


def check_sync(screen: Screen, said: str, repair: bool, fits: set[str], here: History, truth: dict) -> None:
    """A repair starts from what was said. A confirmation only moves back where it can't be true."""
    cursor = Cursor.parse(said)
    if repair or cursor is None or cursor.seq > here.head or (cursor.seq == here.head and said not in fits):
        check_answer(screen, said in fits, said, here)
    else:
        assert [frame["type"] for frame in screen.frames if frame["type"] != "rendered"] == ["synced"]


def test_a_room_that_does_not_exist_is_refused(histories) -> None:
    with pytest.raises(NotFound):
        log.find("nowhere", Cursor(0, "0" * 16))

    async def scenario() -> None:
        async with serving():
            with pytest.raises(NotFound):
                await Subscription(RoomHub("nowhere"), Screen().send).open("")

    asyncio.run(scenario())


def test_a_restored_database_knows_no_cursor_of_the_lost_history(histories) -> None:
    """Rows after a backup are gone and others took their sequences: the chains differ, though the numbers do not."""
    place = histories[0].place
    backup = Room.objects.get(pk=place.room)
    place.post("lost")
    lost = place.head
    Delta.objects.filter(room=place.room, seq__gt=backup.head).delete()
    place_messages = [message["id"] for message in log.snapshot(place.room)["messages"][-2:]]
    Room.objects.filter(pk=place.room).update(head=backup.head, chain=backup.chain, tip=backup.tip)
    Message.objects.filter(pk__in=place_messages).delete()
    place.post("another")
    place.post("and one more")
    assert place.head.seq > lost.seq
    assert log.find(place.room, lost) is None
    assert log.find(place.room, Cursor(backup.head, backup.chain)) is not None


@examples(100)
@given(st.integers(0, 2**63 - 1), st.from_regex(r"\A[0-9a-f]{16}\Z"))
def test_a_token_says_what_the_cursor_is(seq: int, chain: str) -> None:
    assert Cursor.parse(str(Cursor(seq, chain))) == Cursor(seq, chain)


@examples(200)
@given(st.one_of(st.none(), st.text(max_size=60), st.from_regex(r"-?[0-9]+\.[0-9a-f]+", fullmatch=True)))
def test_parsing_a_token_is_total(token: str | None) -> None:
    cursor = Cursor.parse(token)
    assert cursor is None or (str(cursor) == token and 0 <= cursor.seq < 2**63)
