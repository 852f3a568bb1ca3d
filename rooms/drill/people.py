"""Members and rooms, made the way any program makes them: over the HTTP API, with cookies and the CSRF token."""

from __future__ import annotations

import ssl
from functools import cache

import httpx2


class ApiError(AssertionError):
    """The API refused. `code` and `retry_after` (seconds) are those of its problem document, where it has them."""

    def __init__(self, request: str, response: httpx2.Response):
        super().__init__(f"{request}: {response.status_code} {response.text[:500]}")
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        self.status, self.code = response.status_code, problem.get("code", "")
        self.retry_after: float | None = problem.get("retry_after")


@cache
def authorities() -> ssl.SSLContext:
    """One for everybody: to read those of the machine takes 20 ms."""
    return httpx2.create_ssl_context(trust_env=False)


def origin_of(url: str) -> str:
    """Without the path that a site may be below of."""
    return "/".join(url.split("/")[:3])


class Person:
    """One visitor with a cookie jar of their own, or a program with a member's token."""

    def __init__(self, url: str, token: str = ""):
        self.url, self.token = url, token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.client = httpx2.AsyncClient(
            base_url=url, timeout=20, trust_env=False, headers=headers, verify=authorities()
        )

    async def request(self, method: str, path: str, body: object = None, **options: object) -> httpx2.Response:
        if method != "GET" and not self.token and "csrftoken" not in self.client.cookies:
            await self.client.get(f"{self.url}/")
        headers = {"X-CSRFToken": self.client.cookies.get("csrftoken", ""), **options.pop("headers", {})}
        return await self.client.request(method, self.url + path, json=body, headers=headers, **options)

    async def api(self, method: str, path: str, body: object = None, **options: object) -> dict:
        """The body of a success; ApiError for anything else."""
        response = await self.request(method, f"/api{path}", body, **options)
        if not response.is_success:
            raise ApiError(f"{method} {path}", response)
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
        return self.socket_headers_at(self.url)

    def socket_headers_at(self, url: str) -> dict[str, str]:
        """For a socket to another process of the same deployment."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"Cookie": self.cookie_header, "Origin": origin_of(url)}

    async def close(self) -> None:
        await self.client.aclose()
