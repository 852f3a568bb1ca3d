"""The drill's people, each at home at a test's server."""

from __future__ import annotations

from rooms.drill import people

from .server import Server


class Person(people.Person):
    def __init__(self, server: Server):
        super().__init__(server.url)
        self.server = server
        self.client.base_url = server.url  # for tests that load pages
