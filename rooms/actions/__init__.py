"""The verbs: what can happen in a room. Each builds a Change; `commit` commits it, then it is published.

receipt = await commit(post(member, room, frame))        in a consumer or a generation
receipt = commit_now(post(member, room, frame))          in a view or a command
"""

from .accounts import move_to_account
from .commit import close_writer, commit, commit_now, look_at, start_publishing, stop_publishing
from .generations import Job, Outcome, Piece, Place, attempt, claim, expire, finish, hand_over, record, renew
from .links import NewLink, create_link, revoke_link
from .members import heir_of, leave, readmit, remove
from .messages import Receipt, continue_answer, post, retry, stop
from .rooms import Joined, change_room, create_room, join, people_of, prune

__all__ = [
    "Job",
    "Joined",
    "NewLink",
    "Outcome",
    "Piece",
    "Place",
    "Receipt",
    "attempt",
    "change_room",
    "claim",
    "close_writer",
    "commit",
    "commit_now",
    "continue_answer",
    "create_link",
    "create_room",
    "expire",
    "finish",
    "hand_over",
    "heir_of",
    "join",
    "leave",
    "look_at",
    "move_to_account",
    "people_of",
    "post",
    "prune",
    "readmit",
    "record",
    "remove",
    "renew",
    "retry",
    "revoke_link",
    "start_publishing",
    "stop",
    "stop_publishing",
]
