"""Cursors: a reader's place, as a token."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CURSOR = re.compile(r"(0|[1-9][0-9]{0,18})\.([0-9a-f]{16})\Z")
_SEQ_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """A reader's place: a sequence, and the chain that proves which history it belongs to."""

    seq: int
    chain: str

    def __str__(self) -> str:
        return f"{self.seq}.{self.chain}"

    @classmethod
    def parse(cls, token: str | None) -> Cursor | None:
        """The cursor a token stands for; None for anything that this server can't have handed out."""
        match = _CURSOR.match(token) if token and len(token) <= 40 else None
        if match is None or int(match[1]) > _SEQ_MAX:
            return None
        return cls(int(match[1]), match[2])
