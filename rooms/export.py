"""A room as a file: Markdown of the branch that is shown, or JSON of everything. In parts, so that any size will do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from . import database, frames, log
from .errors import NotFound
from .models import Generation, Member, Message, Room

AT_ONCE = 20  # messages in one part
FORMS = {"md": "text/markdown; charset=utf-8", "json": "application/json"}

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
_NOT_IN_A_FILE_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+')

Part = Callable[[], str]


def file_name(room: Room, form: str) -> str:
    """The title, as far as file systems take it."""
    title = " ".join(_NOT_IN_A_FILE_NAME.sub(" ", room.title).split())[:80].strip(" .")
    return f"{title or _('room')}.{form}"


def parts(room_id: str, form: str, language: str | None = None) -> list[Part]:
    """The parts of the file, each to be called when the one before has been sent. NotFound where there is no room.

    What is in the file is settled here. An answer that is still being written is taken as far as it is when its turn
    comes, and says so.
    """
    with database.consistent_read():
        room = Room.objects.filter(pk=room_id).first()
        if room is None:
            raise NotFound("There is no such room.")
        members = {
            member.pk: frames.member_body(member.name, member.color, member.role)
            for member in Member.objects.filter(room=room_id).order_by("joined_at", "pk")
        }
        messages = list(_shown(room) if form == "md" else _all(room))
    writer = _Markdown(room, members) if form == "md" else _Json(room, members)

    def spoken(part: Part) -> Part:
        def made() -> str:
            with override(language):  # a part may be made on another thread
                return part()

        return made

    def body(some: list[str]) -> str:
        return "".join(map(writer.message, log.messages(some)))

    chunks = [messages[start : start + AT_ONCE] for start in range(0, len(messages), AT_ONCE)]
    return [spoken(part) for part in (writer.head, *(partial(body, some) for some in chunks), writer.foot)]


def download(room: Room, form: str) -> HttpResponse:
    """The file, part by part: a part is read when the one before it has been sent."""
    response = StreamingHttpResponse(_stream(parts(room.pk, form, get_language())))
    response["Content-Type"] = FORMS[form]
    response["Content-Disposition"] = content_disposition_header(True, file_name(room, form))
    response["X-Content-Type-Options"] = "nosniff"
    return response


async def _stream(parts: list[Part]) -> AsyncIterator[bytes]:
    for part in parts:
        yield (await database.read(part)).encode()


def _shown(room: Room) -> Iterator[str]:
    if room.tip_id:
        yield from reversed(log.ancestors(room.tip_id))
        yield room.tip_id


def _all(room: Room) -> Iterator[str]:
    yield from Message.objects.filter(room=room).order_by("opened_seq").values_list("pk", flat=True)


class _Markdown:
    def __init__(self, room: Room, members: dict):
        self._room, self._members = room, members

    def head(self) -> str:
        return f"# {_plain(str(self._room))}\n"

    def message(self, body: dict) -> str:
        member = self._members.get(body["author"], {})
        author = member.get("name") or body.get("model") or Message.Role(body["role"]).label
        at = datetime.fromisoformat(body["at"])
        note = "" if body["status"] == "complete" else f" · *{Generation.Status(body['status']).label}*"
        return f"\n---\n\n**{_plain(author)}** · {at:%Y-%m-%d %H:%M} UTC{note}\n\n{_closed(body['text'].strip())}\n"

    def foot(self) -> str:
        return ""


class _Json:
    def __init__(self, room: Room, members: dict):
        self._first = True
        self._top = {
            "exported_at": frames.time(datetime.now(UTC)),
            "room": frames.room_body(room.pk, room.title, room.model, room.locked, room.chosen, room.tip_id),
            "members": members,
        }

    def head(self) -> str:
        return f'{frames.dump(self._top)[:-1]},"messages":['

    def message(self, body: dict) -> str:
        comma, self._first = "" if self._first else ",", False
        return f"{comma}\n{frames.dump(body)}"

    def foot(self) -> str:
        return "\n]}\n"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _closed(text: str) -> str:
    """A text whose code block was cut short would swallow all that follows in the file."""
    fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if found is None:
            continue
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text
