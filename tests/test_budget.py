"""What rendering may cost: no text takes long, makes much of little, or holds up anybody."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from rooms.rendering import NONE, Blocks, Part, blocks, budget, parts, parts_of, render, rendered, renderer, shared
from rooms.rendering.code import HIGHLIGHT_MAX

from . import expensive
from .counting import counted
from .harness.waiting import eventually
from .test_xss import soaking

# CPU seconds that a signal may come too late, and that what comes after it takes: a tenth of it, on a usual machine.
LATE = 0.5
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no clock of the CPU rings there")
SLOW = f"```java\n{chr(10) * (HIGHLIGHT_MAX - 1)}\n```\n"
AT_ONCE_MAX = 1_000_000  # calls of what the event loop does in one go; 0.1 s
DEEP = "> " * 24 + "a\n" + "b\n" * 15_000
DEFINED = "[a]: http://x/" + "b" * 12_000 + "\n\n" + "[a]" * 1_900


@pytest.fixture
def fresh(monkeypatch) -> shared.Answers:
    """Nothing is known yet."""
    answers = shared.Answers()
    monkeypatch.setattr(shared, "_answers", answers)
    return answers


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The jobs that processes were given."""
    jobs = []

    def ask(self, then, job, text, *more, _ask=renderer.Renderer.ask) -> None:
        jobs.append(job)
        _ask(self, then, job, text, *more)

    monkeypatch.setattr(renderer.Renderer, "ask", ask)
    return jobs


def some(texts: list[str], number: int) -> list[str]:
    """All under `soak`; else so many, and the same each time."""
    return texts if soaking() else random.Random(1).sample(texts, number)


# -- cost --------------------------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_code_in_any_language_takes_long() -> None:
    texts = some(list(expensive.by_lexers()), 15) + [SLOW]
    for text, (spent, size, _) in zip(texts, expensive.costs(texts), strict=True):
        assert spent <= budget.BLOCK + LATE, text[:40]
        assert size <= max(budget.AT_LEAST, budget.TIMES * len(text)), text[:40]


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("size", [20_000, 1 << 20])
def test_no_construct_takes_long_or_makes_much_of_little(size: int) -> None:
    texts = some(list(expensive.by_constructs(size)), 24 if size < 100_000 else 1)
    texts += [DEEP, DEFINED, (DEFINED + "\n\n" + "[a]" * 1_900) * 2] if size < 100_000 else []
    for text, (spent, made, _) in zip(texts, expensive.costs(texts), strict=True):
        assert spent <= budget.seconds_for(len(text)) * 1.2 + LATE, text[:40]
        assert made <= max(budget.AT_LEAST, budget.TIMES * len(text)) + 5 * len(text), text[:40]


@pytest.mark.soak
def test_what_is_rendered_at_once_takes_no_time_whatever_it_is() -> None:
    """The event loop does it: 100 ms are the most, of which a machine that is slow or busy makes more."""
    texts = [text[: shared.AT_ONCE] for text in expensive.by_constructs(shared.AT_ONCE)]
    for text in some([text for text in texts if shared.is_short(text)], 100):
        with counted() as count:
            html, _ = parts.whole(text)
        assert count.calls < AT_ONCE_MAX and len(html) <= budget.AT_LEAST + 5 * len(text), text[:40]


def test_what_costs_too_much_is_plain_text_and_its_neighbours_are_not() -> None:
    html = render(f"# Before\n\n{DEEP}\n**after**\n")
    assert html.startswith("<h2>Before</h2><p>&gt; &gt;") and html.endswith("<p><strong>after</strong></p>")
    html = render(f"{SLOW}\n- **after**\n\n```python\nreturn\n```\n")
    assert html.startswith('<figure class="code"><figcaption>java') and "<span" not in html[:20_000]
    assert "<strong>after" in html and '<span class="k">return</span>' in html
    html = render(f"**before**\n\n{DEFINED}\n\n**after**")
    assert html.startswith("<p><strong>before") and "<p>[a][a]" in html and html.endswith("after</strong></p>")
    assert len(html) < budget.AT_LEAST


def test_what_makes_much_of_little_is_plain_text_even_if_it_takes_no_time() -> None:
    html, is_plain = parts.whole("[a]: http://x/" + "b" * 5_000 + "\n\n" + "[a]" * 60 + "\n\n[a]\n")
    assert is_plain and "<p>[a][a]" in html and html.count("<a ") == 1 and len(html) < budget.AT_LEAST


def test_many_formulas_or_colours_that_make_too_much_are_left_as_source() -> None:
    numbers = render("```python\n" + "1," * 9_000 + "\n```")
    assert "1,1,1" in numbers and len(numbers) < 10 * 18_000


# -- once for all ------------------------------------------------------------------------------------------------------


def test_who_asks_at_once_waits_for_the_same_work_and_who_asks_later_for_none(fresh, asked) -> None:
    text = "A *long* text. " * 400
    with ThreadPoolExecutor(20) as people:
        found = set(people.map(render, [text] * 20))
    assert len(found) == 1 and asked == ["whole"]
    assert render(text) in found and asked == ["whole"]


def test_what_cost_too_much_is_remembered_longer_than_the_rest(fresh, asked, monkeypatch) -> None:
    fresh._kept = shared.Kept(10_000)
    first = render(DEEP)
    for number in range(5):
        render(f"{number} " * 2_000)
    del asked[:]
    assert render(DEEP) == first and asked == []
    render("0 " * 2_000)
    assert asked == ["whole"]


def test_the_newest_are_kept_up_to_a_bound() -> None:
    kept = shared.Kept(1_000)
    for number in range(20):
        kept.put(b"%d" % number, ("x" * 100, False))
        kept.get(b"0")
    assert kept.get(b"0") and kept.get(b"19") and kept.get(b"10") is None
    kept.put(b"19", ("y" * 5_000, False))
    assert kept.get(b"19") and kept.get(b"0") is None


# -- processes that do not answer --------------------------------------------------------------------------------------


@pytest.fixture
def own(monkeypatch) -> renderer.Renderer:
    own = renderer.Renderer("test")
    monkeypatch.setattr(shared, "_usual", own)
    yield own
    own._end()


def test_a_process_that_was_killed_is_missed_by_nobody(fresh, own) -> None:
    before = render("a *b* " * 1_000)
    os.kill(own._process.pid, signal.SIGKILL)
    own._process.wait()
    after = render("c *d* " * 1_000)
    assert "<em>b</em>" in before and "<em>d</em>" in after


# It always finds that it has grown.
ONCE = "from rooms.rendering import child; child._has_grown = lambda: True; child.main()"


def test_a_process_that_ends_by_itself_is_missed_by_nobody(fresh, own, monkeypatch) -> None:
    monkeypatch.setattr(renderer, "CHILD", ("-c", ONCE))
    assert all("<em>b</em>" in render(f"{number} *b* " * 700) for number in range(5))


def test_a_process_that_hangs_is_ended_and_its_text_is_plain(fresh, own, asked, monkeypatch, caplog) -> None:
    monkeypatch.setattr(renderer, "PATIENCE", 0.2)
    monkeypatch.setattr(renderer, "TIMES", 0.0)
    text = "a *b* " * 1_000

    def hung() -> str:
        own._running()
        os.kill(own._process.pid, signal.SIGSTOP)
        return render(text)

    assert hung().startswith("<p>a *b* a *b*") and "could not be rendered" in caplog.text
    assert hung().startswith("<p>a *b* a *b*") and asked == ["whole"] * 2, "it may not have been the text's fault"
    assert hung().startswith("<p>a *b* a *b*") and asked == ["whole"] * 2, "now it was"
    monkeypatch.setattr(renderer, "PATIENCE", 30.0)
    own._end()
    assert "<em>d</em>" in render("c *d* " * 1_000)


def test_without_a_process_there_is_text(fresh, own, monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert render("a *b* " * 1_000).startswith("<p>a *b* a *b*")
    blocks = Blocks()
    blocks.feed("a *b* " * 1_000 + "\n\nc\n\nd\n")
    assert blocks.advance() is None


def test_a_process_ends_with_who_asked_it() -> None:
    own = renderer.Renderer("left")
    process = own._running()
    process.stdin.close()
    assert process.wait(10) == 0
    own._end()


# -- who waits ---------------------------------------------------------------------------------------------------------


def message(text: str, status: str = "complete") -> dict:
    return {"text": text, "status": status, "role": "assistant"}


def texts_of(messages: list[dict]) -> list[Part]:
    return [parts["text"] for parts in parts_of(messages)]


def test_a_page_waits_for_so_long_and_then_has_text(fresh, own, monkeypatch) -> None:
    monkeypatch.setattr(blocks, "PATIENCE", 0.0)
    texts = [f"{number} *b* " * 1_000 for number in range(3)]
    messages = [message("short *a*"), message("short *b*\n\nc\n", "streaming"), *map(message, texts)]
    found = texts_of(messages)
    assert found[0].html == "<p>short <em>a</em></p>" and found[1].html == "<p>short <em>b</em></p>"
    assert found[2:] == [NONE] * 3
    monkeypatch.setattr(blocks, "PATIENCE", 30.0)
    assert all("<em>b</em>" in part.html for part in texts_of(messages)[2:])
    monkeypatch.setattr(blocks, "PATIENCE", 0.0)
    assert all("<em>b</em>" in part.html for part in texts_of(messages)[2:]), "what is known costs nothing"


async def test_the_event_loop_never_stands_still(fresh, monkeypatch) -> None:
    """Neither for the renderer's work nor for what comes of it: no callback of the loop takes long."""
    most = 0

    def run(handle: asyncio.Handle, _run=asyncio.Handle._run) -> None:
        nonlocal most
        with counted() as count:
            _run(handle)
        most = max(most, count.calls)

    texts = [SLOW, DEEP, DEFINED, *some(list(expensive.by_constructs(30_000)), 5)]
    monkeypatch.setattr(asyncio.Handle, "_run", run)
    await asyncio.gather(*(rendered(text) for text in texts))
    for text in texts[:4]:
        growing = Blocks()
        for at in range(0, len(text), 3_000):
            growing.feed(text[at : at + 3_000])
            if growing.due:
                await growing.advance_soon()
    monkeypatch.undo()
    await asyncio.sleep(0)
    assert 0 < most < AT_ONCE_MAX / 10


async def test_a_short_text_waits_for_nobody(fresh, own) -> None:
    texts = [f"{number}\n\n{SLOW}" for number in range(20)]
    slow = [asyncio.create_task(rendered(text)) for text in texts]
    await eventually(lambda: own._process is not None)
    assert await rendered("short *a*") == "<p>short <em>a</em></p>"
    assert not all(task.done() for task in slow)
    await asyncio.gather(*slow)


def test_a_block_that_costs_too_much_is_not_looked_at_again_and_again(fresh, asked) -> None:
    growing = Blocks()
    growing.feed("> " * 24 + "a\n")
    for _ in range(400):
        growing.feed("b\n" * 100)
        if growing.due:
            growing.advance()
    assert len(asked) < 60
    deep = Blocks()
    deep.feed(DEEP)
    assert deep.due and deep.advance() is None
    deep.feed("c\n> ```\nd\n" * 100)
    assert not deep.due
