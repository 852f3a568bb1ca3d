"""The drill's people, each at home at a test's server."""

from __future__ import annotations

from rooms.drill import people

from .server import Server


class Person(people.Person):
    def __init__(self, server: Server):
        super().__init__(server.url)
        self.server = server
        self.client.base_url = server.url  # for tests that load pages

    @property
    def browser_cookies(self) -> list[dict[str, str]]:
        """Who they are, as Playwright's `add_cookies` takes it."""
        jar = self.client.cookies.jar
        return [{"name": cookie.name, "value": cookie.value, "url": self.server.url} for cookie in jar]
