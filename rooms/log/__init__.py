"""The room log: the only writer and the only reader of deltas.

`append` holds the transaction in which sequences are allocated, `writer` the group commit around it, `read` what comes
after a cursor and the state at the head, `verify` the proof that all of it fits.
"""

from .append import Change, Transaction
from .read import (
    Page,
    answer_so_far,
    authors,
    context_of,
    cursor_at,
    earlier_messages,
    find,
    head_of,
    heads,
    page_after,
    snapshot,
    streaming,
)
from .verify import verify
from .writer import Batch, Segment, Writer

__all__ = [
    "Batch",
    "Change",
    "Page",
    "Segment",
    "Transaction",
    "Writer",
    "answer_so_far",
    "authors",
    "context_of",
    "cursor_at",
    "earlier_messages",
    "find",
    "head_of",
    "heads",
    "page_after",
    "snapshot",
    "streaming",
    "verify",
]
