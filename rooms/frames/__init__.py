"""Frames: the JSON objects on the wire. The only place that knows their keys. Pure: parse what clients say, encode
answers.

The protocol is described in docs/protocol.md. A frame is encoded once, however many sockets it goes to.
"""

from .bodies import (
    appended,
    appended_text,
    closed,
    dump,
    failure,
    member,
    member_body,
    message,
    opened,
    room_body,
    room_changed,
    snapshot_body,
    started,
    time,
)
from .cursor import Cursor
from .encode import PROTOCOL, bye, deltas, error, item, page, receipt, snapshot, synced, welcome
from .parse import (
    ChangeRoom,
    ClientFrame,
    Continue,
    Post,
    Retry,
    Stop,
    Sync,
    Typing,
    client_id_of,
    load_object,
    parse,
    parse_continue,
    parse_name,
    parse_post,
    parse_retry,
    parse_title,
)

TERMINAL = ("complete", "stopped", "incomplete", "failed", "interrupted")

__all__ = [
    "ChangeRoom",
    "ClientFrame",
    "Continue",
    "Cursor",
    "PROTOCOL",
    "Post",
    "Retry",
    "Stop",
    "Sync",
    "TERMINAL",
    "Typing",
    "appended",
    "appended_text",
    "bye",
    "client_id_of",
    "closed",
    "deltas",
    "dump",
    "error",
    "failure",
    "item",
    "load_object",
    "member",
    "member_body",
    "message",
    "opened",
    "page",
    "parse",
    "parse_continue",
    "parse_name",
    "parse_post",
    "parse_retry",
    "parse_title",
    "receipt",
    "room_body",
    "room_changed",
    "snapshot",
    "snapshot_body",
    "started",
    "synced",
    "time",
    "welcome",
]
