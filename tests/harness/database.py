"""What is stored, read straight from the database: the tests believe no code of the server about it."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from hashlib import sha256
from urllib.parse import urlsplit


class Database:
    """Read-only questions to the tables, by DATABASE_URL (sqlite or postgres)."""

    def __init__(self, url: str):
        self.url = url
        self.sqlite = url.startswith("sqlite:")

    def rows(self, query: str, *arguments: object) -> list[tuple]:
        if self.sqlite:
            path = urlsplit(self.url).path[1:]
            with closing(sqlite3.connect(f"file:/{path.lstrip('/')}?mode=ro", uri=True, timeout=10)) as connection:
                return connection.execute(query, arguments).fetchall()
        import psycopg

        with psycopg.connect(self.url) as connection:
            return connection.execute(query.replace("?", "%s"), arguments).fetchall()

    def status(self, message: str) -> str | None:
        """The status of an answer's generation."""
        found = self.rows("SELECT status FROM rooms_generation WHERE message_id = ?", message)
        return found[0][0] if found else None

    def text(self, message: str) -> str:
        """The text of a message as its closed row holds it."""
        return self.rows("SELECT text FROM rooms_message WHERE id = ?", message)[0][0]

    def appended(self, message: str, part: str = "text") -> list[str]:
        """The texts of a message's `appended` deltas, in their order."""
        query = "SELECT payload FROM rooms_delta WHERE message_id = ? AND kind = 'appended' ORDER BY seq"
        items = (json.loads(payload) for (payload,) in self.rows(query, message))
        return [item["text"] for item in items if item["part"] == part]

    def log(self, room: str) -> list[tuple[int, str, str, str]]:
        """(seq, kind, payload, chain) of a room's deltas."""
        return self.rows("SELECT seq, kind, payload, chain FROM rooms_delta WHERE room_id = ? ORDER BY seq", room)

    def answers(self, room: str) -> list[str]:
        query = "SELECT id FROM rooms_message WHERE room_id = ? AND role = 'assistant' ORDER BY opened_seq"
        return [message for (message,) in self.rows(query, room)]

    def check_room(self, room: str) -> None:
        """Sequences without gaps, an intact chain, texts that equal their deltas, one end per generation."""
        log = self.log(room)
        head = self.rows("SELECT head FROM rooms_room WHERE id = ?", room)[0][0]
        assert [seq for seq, *_ in log] == list(range(1, head + 1))
        for (_, _, _, before), (seq, kind, payload, chain) in zip(log, log[1:], strict=False):
            parts = bytes.fromhex(before) + seq.to_bytes(8, "big") + kind.encode() + b"\0" + payload.encode()
            assert chain == sha256(parts).digest()[:8].hex(), f"the chain breaks at {seq}"
        closed = [json.loads(payload) for _, kind, payload, _ in log if kind == "closed"]
        assert len({item["message"] for item in closed}) == len(closed), "a generation ended twice"
        for item in closed:
            text = "".join(self.appended(item["message"]))
            assert self.text(item["message"]) == text
            assert item["digest"] == f"{zlib.crc32(text.encode()):08x}"
