"""Fixtures of the tests that look at pages: windows of any kind, and a room with everything in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from httpx2 import Cookies
from playwright.async_api import Page

from .harness import pages
from .harness.people import Person
from .harness.server import Server
from .harness.tab import Tab
from .harness.upstream import Question, UpstreamProcess, words

__all__ = ["in_room", "told", "told_room", "window"]

RICH = """# A heading

Text with `code`, **bold** and [a link](https://example.org/).

```python
print("hello")
```

| one | two |
|---|---|
| 1 | 2 |

> quoted

- a list
"""


@pytest.fixture
async def window(server, alice, browser_of: Callable) -> Callable:
    """`await window(scheme, width, height, **options)`: a page of Alice's, in a window like this."""

    async def make(scheme: str = "light", width: int = 1280, height: int = 800, **options: object) -> Page:
        size = {"width": width, "height": height}
        if not options:
            page = await (await browser_of(alice)).new_page()
            await page.set_viewport_size(size)
            await page.emulate_media(color_scheme=scheme)
            return page
        context = await browser_of(alice, viewport=size, color_scheme=scheme, base_url=server.url, **options)
        return await context.new_page()

    return make


async def in_room(page: Page, room: str) -> None:
    await page.goto(f"/rooms/{room}/")
    await pages.live(page)


@pytest.fixture(scope="session")
async def told(shared_server: Server, upstream: UpstreamProcess) -> tuple[Cookies, str]:
    """Somebody's cookies, and their room with an answer of every shape and every way to end."""
    teller = Person(shared_server)
    room = await teller.create_room("Everything at once")
    here = await Tab(shared_server.url, room, teller.socket_headers).open()
    await here.finished(await here.post(Question({"text": [RICH]})))
    await here.finished(await here.post(Question({"text": words(5)}, {"event": "response.failed"})))
    stopped = await here.post(Question({"text": words(5)}, {"wait": "forever"}))
    await here.until(lambda: here.text(stopped))
    await here.send({"type": "stop", "message": stopped})
    await here.finished(stopped)
    await here.close()
    await teller.close()
    return teller.client.cookies, room


@pytest.fixture
async def told_room(told: tuple[Cookies, str], alice: Person) -> str:
    """The same, told by Alice, for all tests of a worker: whoever writes does it elsewhere, or as another version."""
    alice.client.cookies, room = told
    return room
