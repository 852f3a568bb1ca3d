"""Make the pictures of the README anew, from the running product: `make readme-media`. Needs Chromium and ffmpeg.

The animation is the story of the page with the tabs, as it plays by itself; the stills are a room and a replay.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page

from tests.harness.browser import launched
from tests.harness.server import Server

SCREENS = Path(__file__).resolve().parent.parent / "docs" / "screens"
SIZE = {"width": 1200, "height": 720}
FRAMES_A_SECOND = 10
HOLD = 2.5  # seconds that the last picture stays before the story begins again
QUALITY = 62
LARGEST = 3_000_000  # bytes


async def main() -> None:
    if shutil.which("ffmpeg") is None:
        raise SystemExit("ffmpeg was not found: apt install ffmpeg")
    folder = Path(tempfile.mkdtemp(prefix="chatlab-media-"))
    server = Server(folder, CHATLAB_PROVIDER="demo", CHATLAB_DEMO_RATE="30")
    server.migrate()
    server.start()
    try:
        async with launched() as browser:
            for scheme in ("light", "dark"):
                async with window(browser, server, scheme) as page:
                    await story(page, folder, scheme)
                    await stills(page, scheme)
    finally:
        server.stop()
        shutil.rmtree(folder)


@asynccontextmanager
async def window(browser: Browser, server: Server, scheme: str) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=SIZE, color_scheme=scheme, base_url=server.url)
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def story(page: Page, folder: Path, scheme: str) -> None:
    """Record the story, from before its beginning to after its end."""
    await page.goto("/demo/sync/")
    await page.locator("#verdict[data-state=identical]").wait_for()
    taken: list[tuple[float, bytes]] = []
    screen = await page.context.new_cdp_session(page)

    def take(event: dict) -> None:
        taken.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        asyncio.ensure_future(screen.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]}))

    screen.on("Page.screencastFrame", take)
    await screen.send("Page.startScreencast", {"format": "png", "everyNthFrame": 2})
    await page.locator("#play").click()
    await page.locator("body[data-step=end]").wait_for(timeout=90_000)
    await page.locator("#verdict[data-state=identical]").wait_for()
    await asyncio.sleep(1)  # what it says then is the point
    await screen.send("Page.stopScreencast")
    encode(taken, folder / scheme, SCREENS / f"story-{scheme}.webp")


def encode(taken: list[tuple[float, bytes]], folder: Path, target: Path) -> None:
    """Frames come when something has changed: each is shown until the next one came."""
    folder.mkdir()
    lines = []
    for number, (at, picture) in enumerate(taken):
        name = folder / f"{number:05}.png"
        name.write_bytes(picture)
        until = taken[number + 1][0] if number + 1 < len(taken) else at + HOLD
        lines += [f"file '{name}'", f"duration {until - at:.3f}"]
    (folder / "list").write_text("\n".join([*lines, f"file '{name}'"]))
    encoding = ["-c:v", "libwebp_anim", "-lossless", "0", "-quality", str(QUALITY), "-compression_level", "6"]
    source = ["-f", "concat", "-safe", "0", "-i", str(folder / "list")]
    picture = ["-vf", f"fps={FRAMES_A_SECOND},scale=960:-1:flags=lanczos"]
    command = ["ffmpeg", "-y", "-loglevel", "error", *source, *picture, *encoding, "-loop", "0", str(target)]
    subprocess.run(command, check=True)
    size = target.stat().st_size
    print(f"{target.name}: {len(taken)} frames, {size:,} bytes")
    if size > LARGEST:
        raise SystemExit(f"{target.name} is larger than {LARGEST:,} bytes: lower QUALITY")


async def stills(page: Page, scheme: str) -> None:
    room = (await page.locator(".pane iframe").first.get_attribute("src")).split("?")[0]
    await page.goto(room)
    await page.locator("article[data-role=assistant]").last.wait_for()
    await page.screenshot(path=SCREENS / f"room-{scheme}.png")
    await page.locator("[data-action=replay]").last.click()
    await page.locator("#replay [data-part=chars]").wait_for()
    await page.locator("#replay [data-part=play]").click()
    await page.locator("#replay [data-part=scrub]").evaluate(
        "node => { node.value = node.max * 0.6; node.dispatchEvent(new Event('input')); }"
    )
    await page.screenshot(path=SCREENS / f"replay-{scheme}.png")


if __name__ == "__main__":
    asyncio.run(main())
