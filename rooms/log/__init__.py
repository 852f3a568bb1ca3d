"""The room log: the only writer and the only reader of deltas.

`append` holds the transaction in which sequences are allocated, `locked` what it has locked, `gathered` what its
changes ask for, `index` what finds a message again, `writer` the group commit around it, `read` what comes after a
cursor, `snapshot` the state at the head, `tree` its branches, `retention` what may go, `verify` the proof that
all of it fits.
"""

from .append import Change, Transaction
from .history import written
from .read import Page, cursor_at, find, head_of, heads, page_after, streaming
from .retention import PRUNED_AT_ONCE, prunable, raise_floor
from .snapshot import answer_so_far, earlier_messages, messages, snapshot
from .tree import Tree, ancestors, authors, context_of
from .verify import verify
from .writer import Batch, Segment, Writer

__all__ = [
    "PRUNED_AT_ONCE",
    "Batch",
    "Change",
    "Page",
    "Segment",
    "Transaction",
    "Writer",
    "ancestors",
    "answer_so_far",
    "authors",
    "context_of",
    "cursor_at",
    "earlier_messages",
    "find",
    "head_of",
    "heads",
    "Tree",
    "messages",
    "page_after",
    "prunable",
    "raise_floor",
    "snapshot",
    "streaming",
    "verify",
    "written",
]
