"""Frames: what clients say is parsed or refused, whatever it is; what the server says has the protocol's keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms import frames
from rooms.errors import BadFrame, RateLimited, RoomError, TooLong
from rooms.frames import ChangeRoom, Continue, Cursor, Post, Retry, Stop, Sync, Typing

from .profiles import examples

ID = "abcdefgh"


def parse(body: object, text_max: int = 100):
    return frames.parse(body if isinstance(body, str) else json.dumps(body), text_max=text_max)


GOOD = [
    ({"type": "sync", "cursor": ""}, Sync("")),
    ({"type": "sync", "cursor": "1.0", "repair": True}, Sync("1.0", True)),
    ({"type": "post", "client_id": ID, "text": "hi"}, Post(ID, "hi")),
    ({"type": "post", "client_id": ID, "text": "hi", "parent": "p"}, Post(ID, "hi", "p", True)),
    ({"type": "post", "client_id": ID, "text": "hi", "parent": None}, Post(ID, "hi", None, True)),
    ({"type": "post", "client_id": ID, "text": "hi", "model": "m"}, Post(ID, "hi", model="m")),
    ({"type": "post", "client_id": "-_" + "x" * 62, "text": " hi\0"}, Post("-_" + "x" * 62, " hi\ufffd")),
    ({"type": "retry", "client_id": ID, "message": "m"}, Retry("m", ID)),
    ({"type": "continue", "client_id": ID, "message": "m"}, Continue("m", ID)),
    ({"type": "stop", "message": "m"}, Stop("m")),
    ({"type": "room", "title": "  A   title "}, ChangeRoom(title="A title")),
    ({"type": "room", "title": ""}, ChangeRoom(title="")),
    ({"type": "room", "model": "m"}, ChangeRoom(model="m")),
    ({"type": "room", "chosen": {"a": "b"}}, ChangeRoom(chosen={"a": "b"})),
    ({"type": "typing"}, Typing()),
    ({"type": "typing", "unknown": [1, {"a": None}]}, Typing()),
]


@pytest.mark.parametrize(("body", "frame"), GOOD)
def test_a_good_frame_is_parsed(body: dict, frame: object) -> None:
    assert parse(body) == frame


NOT_EVEN_OBJECTS = [
    "",
    " ",
    "null",
    "1",
    '"sync"',
    "[]",
    "{",
    "{}{}",
    "{'type': 1}",
    "NaN",
    "Infinity",
    "\ufeff{}",
    "\0",
]
UNPARSABLE = [
    '{"type": NaN}',
    '{"type": "typing", "x": -Infinity}',
    "[" * 50_000 + "]" * 50_000,
    '{"type":' * 20_000 + "1" + "}" * 20_000,
    '{"type": "typing", "n": ' + "9" * 5_000 + "}",
]
TYPES = [{}, *({"type": kind} for kind in (None, 1, [], {}, "", "Sync", "snapshot", "__class__"))]
WRONG_FIELDS = {
    "sync": [{}, {"cursor": None}, {"cursor": 1}, {"cursor": "", "repair": 1}, {"cursor": "", "repair": None}],
    "post": [
        {},
        {"client_id": ID},
        {"text": "hi"},
        *({"client_id": ID, "text": text} for text in ("", " \t\n\u2003", None, ["hi"], 1)),
        *({"client_id": name, "text": "hi"} for name in ("x" * 7, "x" * 65, ID + "\n", "Ä" * 8, 12345678, "a b c d e")),
        *({"client_id": ID, "text": "hi", "parent": parent} for parent in ("", 1, "../x", "p\n", "p" * 65)),
        {"client_id": ID, "text": "hi", "model": 1},
    ],
    "retry": [{}, {"client_id": ID}, {"message": "m"}, {"client_id": ID, "message": "a/b"}],
    "continue": [{}, {"client_id": ID}, {"message": "m"}, {"client_id": "x", "message": "m"}],
    "stop": [{}, {"message": None}, {"message": "x" * 65}, {"message": "m\n"}, {"message": ["m"]}],
    "room": [
        {},
        {"title": 1},
        {"model": []},
        {"locked": 1},
        {"locked": "yes"},
        *({"chosen": chosen} for chosen in ({}, [], {"a": 1}, {"a/b": "c"}, {f"m{n}": "c" for n in range(101)})),
    ],
    "remove": [{}, {"member": None}, {"member": "a/b"}, {"member": ["m"]}],
    "readmit": [{}, {"member": 1}],
}
BAD = [
    *NOT_EVEN_OBJECTS,
    *UNPARSABLE,
    *TYPES,
    *({"type": kind, **fields} for kind, wrong in WRONG_FIELDS.items() for fields in wrong),
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: (body if isinstance(body, str) else json.dumps(body))[:60])
def test_a_bad_frame_is_refused(body: object) -> None:
    with pytest.raises(BadFrame) as refusal:
        parse(body)
    assert refusal.value.code == "bad_frame" and refusal.value.detail.endswith(".")


@pytest.mark.parametrize(
    "body",
    [
        {"type": "post", "client_id": ID, "text": "x" * 101},
        {"type": "post", "client_id": ID, "text": "😀" * 51},  # counted in UTF-16 code units, as browsers do
        {"type": "post", "client_id": ID, "text": "hi", "model": "m" * 201},
        {"type": "room", "title": "x" * 201},
    ],
)
def test_what_is_too_long_is_refused_as_that(body: dict) -> None:
    with pytest.raises(TooLong):
        parse(body)


def test_text_up_to_the_limit_is_taken() -> None:
    assert parse({"type": "post", "client_id": ID, "text": "😀" * 50}).text == "😀" * 50


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
types = st.sampled_from(["sync", "post", "retry", "continue", "stop", "room", "typing"])
fields = st.sampled_from(["cursor", "repair", "client_id", "text", "parent", "model", "message", "title", "chosen"])


@pytest.mark.soak
@examples(80)
@given(types, st.dictionaries(fields, json_values | st.just(ID), max_size=6), st.booleans())
def test_parsing_is_total(kind: str, body: dict, ascii_only: bool) -> None:
    """Any object whatever becomes a frame or a refusal, and what becomes a frame can be stored and sent."""
    text = json.dumps({**body, "type": kind}, ensure_ascii=ascii_only)
    try:
        frame = parse(text)
    except RoomError as refusal:
        assert refusal.code in ("bad_frame", "too_long")
    else:
        repr(frame).encode()
    found = frames.client_id_of(text)
    assert found is None or found == body["client_id"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (json.dumps({"type": "post", "client_id": ID}), ID),
        (json.dumps({"client_id": ID, "type": 1}), ID),
        (json.dumps({"client_id": "short"}), None),
        (json.dumps({"client_id": 12345678}), None),
        ("{", None),
        ("[]", None),
    ],
)
def test_a_refusal_can_name_the_client_id(text: str, found: str | None) -> None:
    assert frames.client_id_of(text) == found


def test_an_item_is_its_place_before_its_payload_as_stored() -> None:
    at = datetime(2026, 11, 22, 12, 0, 0, 123999, tzinfo=timezone(timedelta(hours=2)))
    payload = frames.appended("m", 'a"\u2028😀', "text")
    item = frames.item(7, at, "appended", payload)
    assert item.endswith(payload[1:]), "byte for byte: it is what the chain was computed over"
    place = {"seq": 7, "at": "2026-11-22T10:00:00.123Z", "kind": "appended"}
    assert json.loads(item) == place | {"message": "m", "text": 'a"\u2028😀', "part": "text"}


def test_frames_of_the_server_have_the_keys_of_the_protocol() -> None:
    cursor = Cursor(7, "0123456789abcdef")
    item = frames.item(7, datetime.now(UTC), "started", frames.started("m", "model"))
    limits = {"text": 1, "frame": 2, "window": 3}
    me = {"id": "a", "name": "A", "role": "owner"}
    expected = {
        frames.deltas([item, item], cursor): {"type", "items", "cursor"},
        frames.page([item], cursor, True): {"items", "cursor", "up_to_date"},
        frames.snapshot(frames.snapshot_body(cursor, {}, {}, [], None)): {
            "type", "cursor", "room", "members", "messages", "earlier",
        },
        frames.synced(cursor, {"m": "00000000"}): {"type", "cursor", "digests"},
        frames.welcome("r", me, limits, 10): {
            "type", "protocol", "version", "room", "me", "limits", "heartbeat",
        },
        frames.receipt(ID, "m", 7): {"type", "client_id", "message", "seq"},
        frames.error(BadFrame("No."), "r1"): {"type", "code", "detail", "request_id"},
        frames.error(RateLimited("No.", retry_after=1.26), "r1", ID): {
            "type", "code", "detail", "request_id", "client_id", "retry_after",
        },
        frames.bye(4503, "Gone."): {"type", "code", "detail"},
    }  # fmt: skip
    for text, keys in expected.items():
        body = json.loads(text)
        assert set(body) == keys
        assert body.get("cursor", str(cursor)) == str(cursor)


def test_a_closed_payload_names_only_what_there_is() -> None:
    assert json.loads(frames.closed("m", "complete", "00000000")) == {
        "message": "m",
        "status": "complete",
        "digest": "00000000",
    }
    whole = json.loads(
        frames.closed("m", "failed", "0" * 8, usage={"input": 1}, failure=frames.failure("auth", "No."), by="a")
    )
    assert (
        whole["usage"] == {"input": 1} and whole["failure"] == {"code": "auth", "detail": "No."} and whole["by"] == "a"
    )
