"""Members and rooms, made the way any program makes them: over the HTTP API, with cookies and the CSRF token."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx2

from .server import Server


@dataclass
class Person:
    """One visitor with a cookie jar of their own."""

    server: Server
    client: httpx2.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx2.AsyncClient(base_url=self.server.url, timeout=20, trust_env=False)

    async def request(self, method: str, path: str, body: object = None, **options: object) -> httpx2.Response:
        if method != "GET" and "csrftoken" not in self.client.cookies:
            await self.client.get("/")
        headers = {"X-CSRFToken": self.client.cookies.get("csrftoken", ""), **options.pop("headers", {})}
        return await self.client.request(method, path, json=body, headers=headers, **options)

    async def api(self, method: str, path: str, body: object = None, **options: object) -> dict:
        response = await self.request(method, f"/api{path}", body, **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response.json()

    async def create_room(self, title: str = "A room") -> str:
        return (await self.api("POST", "/rooms", {"title": title}))["id"]

    async def join(self, room: str, name: str | None = None) -> dict:
        return (await self.api("POST", f"/rooms/{room}/members", {"name": name} if name else {}))["me"]

    async def snapshot(self, room: str) -> dict:
        return await self.api("GET", f"/rooms/{room}")

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.client.cookies.jar)

    @property
    def socket_headers(self) -> dict[str, str]:
        return {"Cookie": self.cookie_header, "Origin": self.server.url}

    async def close(self) -> None:
        await self.client.aclose()
