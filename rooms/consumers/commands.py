"""What a client may say on its socket, each a verb: translate, commit, answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import access, actions, database, frames
from ..database import CONNECTION_ERRORS
from ..delivery.presence import presence
from ..delivery.window import TooSlow
from ..errors import Close, NotFound, Unavailable
from ..limits import limits
from ..log import Change
from ..worker import worker

if TYPE_CHECKING:
    from .room import RoomConsumer


class Closing(Exception):
    """This socket is to be closed, with a code."""

    def __init__(self, code: int):
        self.code = code


async def obey(socket: RoomConsumer, frame: frames.ClientFrame) -> None:
    """Do what a frame says. Raises RoomError for a refusal, Closing where the socket can't go on."""
    await _COMMANDS[type(frame)](socket, frame)


async def _sync(socket: RoomConsumer, frame: frames.Sync) -> None:
    socket.away = frame.away
    try:
        if frame.repair:
            await _require_grant(socket)
        confirmed = await socket.subscription.sync(frame)
    except CONNECTION_ERRORS as error:
        raise Unavailable("The database is not reachable. Try again.", retry_after=2) from error
    except NotFound:
        raise Closing(Close.NO_ROOM) from None
    except TooSlow:
        raise Closing(Close.TOO_SLOW) from None
    if not confirmed:
        socket.spend_frame()


async def _require_grant(socket: RoomConsumer) -> None:
    """A repair may read the whole room: the rights of a moment ago are not enough for it."""
    found = await database.read(access.recheck, [socket.grant])
    if found[socket.grant] != "member":
        raise Closing(Close.SIGNED_OUT if found[socket.grant] == "signed_out" else Close.NO_ROOM)


async def _post(socket: RoomConsumer, frame: frames.Post) -> None:
    await _ask(socket, actions.post(socket.member.pk, socket.room_id, frame, socket.address))
    presence.pause(socket.subscription)


async def _retry(socket: RoomConsumer, frame: frames.Retry) -> None:
    await _ask(socket, actions.retry(socket.member.pk, socket.room_id, frame, socket.address))


async def _continue(socket: RoomConsumer, frame: frames.Continue) -> None:
    await _ask(socket, actions.continue_answer(socket.member.pk, socket.room_id, frame, socket.address))


async def _stop(socket: RoomConsumer, frame: frames.Stop) -> None:
    socket.spend_frame()
    response_id = await actions.commit(actions.stop(socket.member.pk, socket.room_id, frame.message))
    if response_id:
        worker.cancel_upstream(response_id)


async def _change_room(socket: RoomConsumer, frame: frames.ChangeRoom) -> None:
    socket.spend_frame()
    await actions.commit(await database.read(actions.change_room, socket.member.pk, socket.room_id, frame))


async def _leave(socket: RoomConsumer, frame: frames.Leave) -> None:
    socket.spend_frame()
    await actions.commit(actions.leave(socket.member.pk, socket.room_id))
    raise Closing(Close.NO_ROOM)


async def _remove(socket: RoomConsumer, frame: frames.Remove) -> None:
    socket.spend_frame()
    await actions.commit(actions.remove(socket.member.pk, socket.room_id, frame.member))


async def _readmit(socket: RoomConsumer, frame: frames.Readmit) -> None:
    socket.spend_frame()
    await actions.commit(actions.readmit(socket.member.pk, socket.room_id, frame.member))


async def _typing(socket: RoomConsumer, frame: frames.Typing) -> None:
    socket.spend_frame()
    presence.type(socket.subscription)


async def _ask(socket: RoomConsumer, change: Change) -> None:
    socket.spend_frame()
    limits.spend("CHATLAB_RATE_POSTS", socket.visitor.name, "messages")
    receipt = await actions.commit(change)
    if receipt.repeated:
        limits.give_back("CHATLAB_RATE_POSTS", socket.visitor.name)
    await socket.send(frames.receipt(receipt.client_id, receipt.message, receipt.seq))


_COMMANDS = {
    frames.Sync: _sync,
    frames.Post: _post,
    frames.Retry: _retry,
    frames.Continue: _continue,
    frames.Stop: _stop,
    frames.ChangeRoom: _change_room,
    frames.Leave: _leave,
    frames.Remove: _remove,
    frames.Readmit: _readmit,
    frames.Typing: _typing,
}
