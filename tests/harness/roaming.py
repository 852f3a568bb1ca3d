"""A tab that comes back somewhere else: the next of several servers, as behind a balancer."""

from __future__ import annotations

from itertools import cycle

from .people import Person
from .server import Server
from .tab import Tab


class RoamingTab(Tab):
    def __init__(self, person: Person, room: str, servers: list[Server]):
        super().__init__(servers[0].url, room, person.socket_headers, comes_back=True)
        self._urls = cycle([server.url for server in servers])

    async def _connect(self):
        self.url = next(self._urls)
        self.headers = {**self.headers, "Origin": self.url}
        return await super()._connect()
