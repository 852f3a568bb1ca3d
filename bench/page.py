"""What an answer costs the page that shows it: the main thread of a Chromium while 16,000 characters stream in."""

from __future__ import annotations

import argparse
import asyncio
import os
import time

from playwright.async_api import CDPSession

from tests.harness import browser
from tests.harness.upstream import Question

from .stack import line, stack

OPTIONS = {
    "characters": (16_000, "characters of the answer"),
    "rate": (120.0, "pieces a second"),
    "answers": (3, "answers, each in a room of its own"),
}
SECTION = """## A heading of it

A paragraph of some *length*, with a [link](https://example.org/), `code` and **weight**, as long as paragraphs are.

- An item
- Another, which is longer than the first one, so that it may be wrapped

```python
def answer(question: str) -> int:
    return 42  # of course
```

| Column | Another |
|---|---:|
| of words | 12 |

"""
WATCH = """() => {
  window.tasks = [];
  new PerformanceObserver(list => list.getEntries().forEach(({duration}) => tasks.push(duration)))
    .observe({type: "longtask"});
}"""
ENDED = "article[data-role=assistant][data-status=complete]"


async def run(arguments: argparse.Namespace) -> None:
    text = SECTION * (arguments.characters // len(SECTION) + 1)
    pieces = [text[at : at + 6] for at in range(0, len(text), 6)]
    async with stack(arguments.server, arguments.layer, static=True) as running, browser.launched() as chromium:
        for room in await running.rooms(arguments.answers):
            context = await chromium.new_context(viewport={"width": 1280, "height": 800})
            await context.add_cookies(running.person.browser_cookies)
            page = await context.new_page()
            await page.goto(f"{running.server.url}/rooms/{room}/")
            await page.locator("#pill[data-state=live]").wait_for()
            await page.evaluate(WATCH)
            session = await context.new_cdp_session(page)
            await session.send("Performance.enable")
            before = await busy(session)
            started = time.monotonic()
            await page.locator("#text").fill(Question({"text": pieces, "rate": arguments.rate}))
            await page.locator("#send").click()
            await page.locator(ENDED).wait_for(timeout=300_000)
            took = time.monotonic() - started
            await asyncio.sleep(1)  # entries come when the page has nothing else to do
            tasks = await page.evaluate("tasks")
            spent = await busy(session) - before
            line(f"{len(text):,} characters in {took:.1f} s", f"main thread busy {100 * spent / took:.0f} %")
            line(
                "tasks over 50 ms", f"{len(tasks)}, worst {max(tasks, default=0):.0f} ms; load {os.getloadavg()[0]:.1f}"
            )
            await context.close()


async def busy(session: CDPSession) -> float:
    """Seconds that the main thread has worked."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")
