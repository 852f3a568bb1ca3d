"""The page with several tabs: its story, told in a real browser, and each trouble that it can make."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from .harness import browser as chromium
from .harness.server import Server
from .harness.waiting import eventually

pytestmark = pytest.mark.browser

TAB = "(tab => document.querySelector(`.pane[data-tab='${tab}'] iframe`).contentWindow.chatlab)"
STEPS = ["ask", "cut", "write", "plug", "together", "end"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, engines) -> Iterator[Server]:
    """The demo model; a lease that ends soon, for the test that kills what writes."""
    folder = tmp_path_factory.mktemp("demo")
    lease = {"CHATLAB_LEASE": "2", "CHATLAB_LEASE_RENEW": "0.5", "CHATLAB_QUEUE_POLL": "0.2"}
    server = Server(folder, CHATLAB_PROVIDER="demo", CHATLAB_DEMO_RATE="60", **lease, **engines.settings_for(folder))
    server.start()
    yield server
    server.stop()
    assert not server.alarms(), server.alarms()[0]


@pytest.fixture(scope="module")
async def kept(shared_browser: Browser, kept_windows: list[BrowserContext]) -> AsyncIterator[BrowserContext]:
    """A window that has the scripts already."""
    window = await chromium.to_be_kept(shared_browser)
    kept_windows.append(window)
    yield window
    kept_windows.remove(window)
    await window.close()


@pytest.fixture
async def bench(demo, browser: Browser, kept: BrowserContext) -> AsyncIterator[Page]:
    """The page, with both tabs live, and nothing in the console when all is over."""
    page = await kept.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(f"{demo.url}/demo/sync/")
    await verdict(page, "identical")
    yield page
    assert said == []
    assert await chromium.emptied(kept)


async def verdict(page: Page, wanted: str, within: float = 15.0) -> str:
    """What the badge says, once it stands like this."""

    async def stands() -> bool:
        return await page.locator("#verdict").get_attribute("data-state") == wanted

    await eventually(stands, within, f"the verdict is {wanted}")
    return await page.locator("#verdict").inner_text()


async def ask(page: Page, tab: int, text: str) -> None:
    box = page.frame_locator(f".pane[data-tab='{tab}'] iframe").locator("textarea[name=text]")
    await box.fill(text)
    await box.press("Enter")


async def state(page: Page, tab: int) -> dict:
    return await page.evaluate(f"{TAB}({tab}).state()")


async def room_of(page: Page) -> str:
    return (await page.locator(".pane iframe").first.get_attribute("src")).split("/")[2]


async def writing(page: Page, tab: int, more_than: int = 100) -> None:
    async def is_writing() -> bool:
        return (await state(page, tab))["length"] > more_than

    await eventually(is_writing, 15, "an answer is being written")


async def idle(page: Page, *tabs: int, within: float = 30.0) -> None:
    async def is_idle() -> bool:
        states = [await state(page, tab) for tab in tabs]
        level = len({one["cursor"] for one in states}) == 1
        return level and all(one["state"] == "live" and not one["answering"] and not one["outbox"] for one in states)

    await eventually(is_idle, within, "everything is written, everywhere")


async def test_the_story_plays_by_itself_and_ends_with_the_same_text_in_both(bench, demo):
    steps: list[str] = []
    await bench.expose_function("step", lambda step: steps.append(step))
    await bench.evaluate(
        "() => new MutationObserver(() => step(document.body.dataset.step))"
        ".observe(document.body, {attributeFilter: ['data-step']})"
    )
    await bench.locator("#play").click()
    await bench.locator("body[data-step=write]").wait_for(timeout=30_000)
    behind = await verdict(bench, "behind")
    assert "Tab 2 is" in behind
    await bench.locator("body[data-step=end]").wait_for(timeout=60_000)
    assert steps == STEPS
    said = await verdict(bench, "identical")
    one, two = await state(bench, 1), await state(bench, 2)
    assert f"Identical: {one['digest']}" in said and "0 lost, 0 doubled" in said
    assert one["messages"] == 4 and one["cursor"] == two["cursor"] and one["desyncs"] == two["desyncs"] == 0
    demo.database.check_room(await room_of(bench))


@pytest.mark.page_only
async def test_a_story_that_is_stopped_leaves_the_tabs_to_the_person(bench):
    await bench.locator("#play").click()
    await bench.locator("body[data-step=cut]").wait_for(timeout=30_000)
    await bench.locator("#play").click()
    await bench.locator("body[data-step=stopped]").wait_for(timeout=5_000)
    await bench.locator(".pane[data-tab='2'] [role=switch]").click()
    await idle(bench, 1, 2)
    await verdict(bench, "identical")


@pytest.mark.page_only
@pytest.mark.parametrize(
    ("trouble", "counted"),
    [("twice", "duplicates"), ("swap", "repairs"), ("slow", None), ("deafen", "repairs")],
)
async def test_whatever_a_wire_does_the_tabs_end_identical(bench, trouble, counted):
    menu = bench.locator(".pane[data-tab='2'] details.menu")
    await menu.locator("summary").click()
    if trouble != "deafen":
        await menu.locator(f"input[name={trouble}]").check()
    await ask(bench, 1, "What happens to me?")
    await writing(bench, 1)
    if trouble == "deafen":
        await menu.locator("[data-trouble=deafen]").click()
        await bench.evaluate(f"{TAB}(2).wire.deafen(900)")  # five seconds are long
    if trouble == "slow":
        await verdict(bench, "behind")
        await menu.locator("input[name=slow]").uncheck()
    await idle(bench, 1, 2, within=40)
    await verdict(bench, "identical")
    two = await state(bench, 2)
    assert two["desyncs"] == 0 and (counted is None or two[counted] > 0)


async def test_what_writes_is_killed_and_another_worker_reads_on(bench, demo):
    """The text stays, nothing is doubled, and the answer is whole: its lease ended, and the demo model had gone on."""
    await ask(bench, 1, "Why?")
    await writing(bench, 1)
    await bench.locator(".bench-actions summary").click()
    await bench.locator("#kill button").click()
    await eventually(lambda: bench.locator("#caption", has_text="is dead").count(), 5, "the page says what was done")
    await idle(bench, 1, 2, within=30)
    query = "SELECT status, fence, attempts FROM rooms_generation WHERE room_id = ?"
    ((status, fence, attempts),) = demo.database.rows(query, await room_of(bench))
    assert (status, attempts) == ("complete", 1) and fence > 2, "nobody took over"
    await verdict(bench, "identical")


@pytest.mark.page_only
async def test_up_to_four_tabs_stand_side_by_side(bench, demo):
    await bench.goto(f"{demo.url}/demo/sync/?tabs=4")
    await verdict(bench, "identical")
    await ask(bench, 3, "Hello")
    await writing(bench, 4)
    await idle(bench, 1, 2, 3, 4)
    await verdict(bench, "identical")
    for wanted, shown in (("9", 4), ("0", 2), ("x", 2), ("²", 2)):
        await bench.goto(f"{demo.url}/demo/sync/?tabs={wanted}")
        assert await bench.locator(".pane").count() == shown


async def test_only_members_may_kill_and_only_where_the_demo_model_writes(server, room, alice, visitor):
    stranger = visitor(server)
    for person in (alice, stranger):  # a real model writes on the shared server
        assert (await person.request("POST", f"/demo/sync/{room}/kill/")).status_code == 404
