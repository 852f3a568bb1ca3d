"""What a tab shows: a room's state at a cursor, moved on by frames, and every broken promise that they give away."""

from __future__ import annotations

from ..fold import empty_state, fold
from ..text import digest


class Screen:
    """Applies frames as docs/protocol.md asks of a client. `faults` holds what must never happen, a sentence each."""

    def __init__(self, room: str):
        self.room = room
        self.state: dict = {}
        self.cursor, self.seq = "", 0
        self.level = False  # nothing is known to be missing: `synced` came, and no gap since
        self.repairing = False
        self.duplicates = self.gaps = self.digests_checked = 0
        self.faults: list[str] = []

    def take(self, frame: dict) -> None:
        apply = getattr(self, f"_on_{frame['type']}", None)
        if apply is not None:
            apply(frame)

    def unplugged(self) -> None:
        """What comes next comes over another socket."""
        self.level = self.repairing = False

    # -- what a subclass may want to know ------------------------------------------------------------------------------

    def replaced(self) -> None:
        """A snapshot took the place of everything."""

    def applied(self, items: list[dict]) -> None:
        """These items moved the cursor."""

    # -- frames --------------------------------------------------------------------------------------------------------

    def _on_welcome(self, frame: dict) -> None:
        self.expect(frame["protocol"] == "chatlab.v1" and frame["room"] == self.room, f"a strange welcome: {frame}")

    def _on_snapshot(self, frame: dict) -> None:
        self.state = {name: value for name, value in frame.items() if name not in ("type", "cursor")}
        self._move(frame["cursor"])
        self.repairing = False
        for message in self.state["messages"]:
            self.expect(digest(message["text"]) == message["digest"], f"digest in snapshot: {message['id']}")
        self.replaced()

    def _on_deltas(self, frame: dict) -> None:
        sequences = [item["seq"] for item in frame["items"]]
        self.expect(sequences == list(range(sequences[0], sequences[0] + len(sequences))), f"a torn frame {sequences}")
        self.expect(sequences[-1] == int(frame["cursor"].partition(".")[0]), "a cursor that is not the last item's")
        if sequences[0] > self.seq + 1:
            self.gaps += 1
            self.level = False
            self.repairing = True
            return
        fresh = [item for item in frame["items"] if item["seq"] > self.seq]
        self.duplicates += len(sequences) - len(fresh)
        if fresh:
            self.repairing = False
            self.state = fold(self.state or empty_state(), fresh)
            self._move(frame["cursor"])
            for item in fresh:
                self._check_item(item)
            self.applied(fresh)

    def _on_synced(self, frame: dict) -> None:
        self.level = not self.repairing
        if frame["cursor"] == self.cursor:
            for message, expected in frame["digests"].items():
                self._check_digest(message, expected)
            streaming = {held["id"] for held in self.state.get("messages", ()) if held["status"] == "streaming"}
            named = {message for message in frame["digests"] if self.message(message) is not None}
            self.expect(streaming == named, f"{streaming ^ named} streams here or there only")

    def _move(self, cursor: str) -> None:
        self.cursor, self.seq = cursor, int(cursor.partition(".")[0])

    def _check_item(self, item: dict) -> None:
        self.expect(item["kind"] != "appended" or item["text"] != "", f"an empty delta at {item['seq']}")
        if item["kind"] == "closed":
            self._check_digest(item["message"], item["digest"])

    def _check_digest(self, message: str, expected: str) -> None:
        held = self.message(message)
        if held is not None:
            self.digests_checked += 1
            self.expect(digest(held["text"]) == expected, f"digest of {message}")

    def expect(self, promise: bool, fault: str) -> None:
        if not promise:
            self.faults.append(fault)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def message(self, message: str) -> dict | None:
        return next((held for held in self.state.get("messages", ()) if held["id"] == message), None)

    def answer_to(self, question: str) -> dict | None:
        held = self.state.get("messages", ())
        return next((m for m in held if m["parent"] == question and m["role"] == "assistant"), None)

    def text(self, message: str) -> str:
        held = self.message(message)
        return held["text"] if held else ""

    def status(self, message: str) -> str | None:
        held = self.message(message)
        return held["status"] if held else None
