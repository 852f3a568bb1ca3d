"""What one socket takes of what is bounded: of its person, its link, its network address and the process."""

from __future__ import annotations

from ..errors import RateLimited
from ..limits import limits


class Places:
    def __init__(self) -> None:
        self._taken: list[tuple[str, str]] = []

    def may_knock(self, address: str) -> bool:
        """Before anything is looked up. Who comes by no network comes by a proxy that is everybody's."""
        if not address:
            return self._take("CHATLAB_SOCKETS")
        knocks = self._spend("CHATLAB_RATE_HANDSHAKES", address)
        return knocks and self._take("CHATLAB_SOCKETS") and self._take("CHATLAB_SOCKETS_PER_ADDRESS", address)

    def may_stay(self, person: str) -> bool:
        return self._spend("CHATLAB_RATE_SOCKETS", person) and self._take("CHATLAB_SOCKETS_PER_PERSON", person)

    def may_read_along(self, link: str) -> bool:
        return self._take("CHATLAB_SOCKETS_PER_LINK", link)

    def leave(self) -> None:
        for place in self._taken:
            limits.leave(*place)
        self._taken.clear()

    def _take(self, setting: str, who: str = "") -> bool:
        if taken := limits.take(setting, who):
            self._taken.append((setting, who))
        return taken

    @staticmethod
    def _spend(setting: str, who: str) -> bool:
        try:
            limits.spend(setting, who, "sockets")
        except RateLimited:
            return False
        return True
