"""The verbs: what can happen in a room. Each builds a Change; `commit` commits it, then it is published.

receipt = await commit(post(member, frame))        in a consumer or a generation
receipt = commit_now(post(member, frame))          in a view or a command
"""

from .commit import close, commit, commit_now, start
from .commit import stop as stop_publishing
from .generations import Job, Outcome, Piece, Place, attempt, claim, expire, finish, hand_over, record, renew
from .messages import Receipt, continue_answer, post, retry, stop
from .rooms import Joined, change_room, create_room, join

__all__ = [
    "Job",
    "Joined",
    "Outcome",
    "Piece",
    "Place",
    "Receipt",
    "attempt",
    "change_room",
    "claim",
    "close",
    "commit",
    "commit_now",
    "continue_answer",
    "create_room",
    "expire",
    "finish",
    "hand_over",
    "join",
    "post",
    "record",
    "renew",
    "retry",
    "start",
    "stop",
    "stop_publishing",
]
