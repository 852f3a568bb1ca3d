"""Hostile text, through the server's renderer and through the page's, in a real browser: nothing runs, nothing is asked
for anywhere, and no element or attribute is there that must not be.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import settings

from rooms.rendering import Blocks, math, render_part
from rooms.text import utf16_length

from .harness import pages
from .harness.upstream import Question
from .profiles import QUICK

PAYLOADS = json.loads((Path(__file__).parent / "vectors" / "xss.json").read_text("utf-8"))
_ELEMENTS = """
    p h2 h3 h4 h5 h6 ul ol li blockquote hr br strong em s code pre a span figure figcaption div
    table thead tbody tr th td sub sup kbd details summary
"""
ELEMENTS = set(_ELEMENTS.split()) | math.ELEMENTS
ATTRIBUTES = {"class", "dir", "tabindex", "start", "rel", "target", "href", "title"} | math.ATTRIBUTES
REL = "noopener noreferrer nofollow ugc"


def soaking() -> bool:
    return settings().max_examples > QUICK


class Allowed(HTMLParser):
    """Notes whatever must not be in rendered HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in ELEMENTS or set(found) - ATTRIBUTES:
            self.faults.append(f"<{tag} {found}>")
        if tag == "a" and "href" in found:
            href = found["href"] or ""
            if not href.lower().startswith(("http://", "https://", "mailto:")) or found.get("rel") != REL:
                self.faults.append(f"<{tag} {found}>")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(f"<!{decl}")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data}")


def faults_in(html: str) -> list[str]:
    parser = Allowed()
    parser.feed(html)
    parser.close()
    return parser.faults


def test_the_collection_is_large_and_the_check_can_fail() -> None:
    assert len(set(PAYLOADS)) >= 150
    hostile = [
        "<script>",
        "<p onclick=x>",
        "<a href='javascript:x' rel='" + REL + "'>",
        "<img>",
        "<!-- -->",
        "<a href='https://x'>",
    ]
    assert all(faults_in(html) for html in hostile)


@pytest.mark.soak
def test_no_payload_and_no_beginning_of_one_becomes_more_than_text_and_plain_elements() -> None:
    every = 1 if soaking() else 4
    for payload in PAYLOADS:
        for end in {*range(1, len(payload), every), len(payload)}:
            html = render_part(payload[:end], {})
            assert faults_in(html) == [], payload[:end]


@pytest.mark.soak
def test_no_payload_does_in_a_stream_what_it_does_not_do_alone() -> None:
    for payload in PAYLOADS:
        for cut in range(1, len(payload), 1 if soaking() else 7):
            blocks = Blocks()
            for piece in ("Before.\n\n", payload[:cut], payload[cut:], "\n\nAfter.\n\nEnd.\n"):
                blocks.feed(piece)
                if blocks.due and (part := blocks.advance()) is not None:
                    assert faults_in(part.html) == [], payload


# -- in the page -------------------------------------------------------------------------------------------------------

_WATCH = """() => {
  window.ran = [];
  for (const name of ["alert", "confirm", "prompt", "print", "open", "msgbox"]) window[name] = () => ran.push(name);
  document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => ran.push(violatedDirective));
}"""
_DRAW = """async ([cases, elements, attributes, prose]) => {
  const { Prose } = await import(prose);
  const faults = [];
  const box = document.querySelector("#messages").appendChild(document.createElement("div"));
  const check = (node, why) => {
    for (const element of node.querySelectorAll("*")) {
      const names = element.getAttributeNames();
      const href = element.getAttribute("href");
      if (element.closest("svg") || element.matches("figcaption > button")) continue;
      const known = elements.includes(element.localName) && names.every((name) => attributes.includes(name));
      if (!known || (href !== null && !/^(https?:|mailto:)/i.test(href))) faults.push([why, element.outerHTML]);
    }
  };
  for (const { text, html, end, cuts } of cases) {
    for (const cut of cuts) {
      const node = box.appendChild(document.createElement("div"));
      const shown = new Prose(node, "");
      shown.append(text.slice(0, cut));
      shown.append(text.slice(cut));
      check(node, ["while written", text, cut]);
      shown.render({ from: 0, to: end, html });
      check(node, ["rendered", text, cut]);
      node.remove();
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  return { faults: faults.slice(0, 5), ran };
}"""


@pytest.mark.page_only
@pytest.mark.soak
@pytest.mark.browser
async def test_no_payload_runs_or_asks_for_anything_in_the_page(server, alice, room, page_of):
    page = await page_of(alice, room)
    await pages.live(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.evaluate(_WATCH)
    modules = "() => [...document.querySelectorAll('link[rel=modulepreload]')].map(({ href }) => href)"
    (prose,) = [name for name in await page.evaluate(modules) if re.search(r"/prose[.\w]*\.js", name)]
    cases = []
    for payload in PAYLOADS:
        size = utf16_length(payload)
        cuts = list(range(1, size)) if soaking() else [1, size // 3, size - 1]
        cases.append({"text": payload, "html": render_part(payload, {}), "end": size, "cuts": cuts})
    allowed = [sorted(ELEMENTS), sorted(ATTRIBUTES | {"role", "aria-label"})]
    found = await page.evaluate(_DRAW, [cases, *allowed, prose])
    assert found == {"faults": [], "ran": []}
    assert [url for url in asked if not url.startswith(server.url)] == []


@pytest.mark.page_only
@pytest.mark.browser
async def test_hostile_answers_stream_into_a_page_and_nothing_happens(server, alice, room, page_of, tab):
    page = await page_of(alice, room)
    await pages.live(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.evaluate(_WATCH)
    short = [payload for payload in PAYLOADS if len(payload) < 120 and "```" not in payload and "~~~" not in payload]
    pieces = [piece for text in short for piece in (text[: len(text) // 2], text[len(text) // 2 :] + "\n\n") if piece]
    there = await tab(alice, room)
    answer = await there.post(Question({"text": pieces}))
    await there.finished(answer)
    await pages.ended(page, message=answer)
    assert await page.evaluate("() => ran") == []
    assert [url for url in asked if not url.startswith(server.url)] == []
    forbidden = (
        "script, img, iframe, object, embed, style, link, form, input, video, audio, [onclick], [onerror], [onload]"
    )
    assert await page.locator(f"#m-{answer} [data-part=text]").locator(forbidden).count() == 0
