"""Every text that a person sees goes through gettext and stands in every catalogue, whole, as it is compiled.

Read without the gettext tools, so that nobody needs them to find out.
"""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize

from rooms import errors
from rooms.views import reasons

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "rooms").glob("*.js"))
OTHERS = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]

# (singular, plural or None)
Text = tuple[str, str | None]


@dataclass
class Entry:
    """One of a catalogue."""

    text: Text
    said: list[str] = field(default_factory=list)
    fuzzy: bool = False


def catalogue(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def entries(path: Path) -> Iterator[Entry]:
    """Of a .po file, without its header."""
    for block in path.read_text("utf-8").split("\n\n"):
        found: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if not line.startswith('"'):
                key, _, line = line.partition(" ")
            found[key] = found.get(key, "") + ast.literal_eval(line)
        if found.get("msgid"):
            said = [text for key, text in found.items() if key.startswith("msgstr")]
            fuzzy = bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE))
            yield Entry((found["msgid"], found.get("msgid_plural")), said, fuzzy)


def marked_in(source: str) -> Iterator[Text]:
    """What is marked in Python, or in what Django makes of a template for xgettext: text with calls in it."""
    for call in re.finditer(r"(?<![\w.])(?:_|n?gettext(?:_lazy|_noop)?)\((?=\s*[ru]?['\"])", source):
        for end in re.finditer(r"\)", source[call.end() :]):
            try:
                node = ast.parse("(" + source[call.end() : call.end() + end.end()].strip(), mode="eval").body
            except SyntaxError:
                continue  # a bracket inside the text
            parts = node.elts if isinstance(node, ast.Tuple) else [node]
            texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            yield texts[0], texts[1] if "ngettext" in call[0] else None
            break


def marked() -> set[Text]:
    found = {text for path in TEMPLATES for text in marked_in(templatize(path.read_text("utf-8")))}
    for folder in ("rooms", "chatlab"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found |= set(marked_in(path.read_text("utf-8")))
    return found


# -- catalogues ------------------------------------------------------------------------------------------------------


def test_texts_are_found() -> None:
    """The finder itself: by its own means it would rather find nothing than fail."""
    assert len(marked()) > 400
    assert {("New room", None), ("%(n)s message", "%(n)s messages"), ("Guest %(number)d", None)} <= marked()


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    said = {entry.text: entry for entry in entries(catalogue(language))}
    assert marked() - said.keys() == set(), "run make messages and translate them"
    assert said.keys() - marked() == set(), "not said any more"
    assert [entry.text for entry in said.values() if entry.fuzzy or not all(entry.said)] == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_what_is_filled_in(language: str) -> None:
    """Also the tags of HTML."""
    holes = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}|</?\w+>")
    faults = []
    for entry in entries(catalogue(language)):
        for text, said in zip(filter(None, entry.text), entry.said, strict=True):  # one, other
            if sorted(holes.findall(text)) != sorted(holes.findall(said)):
                faults.append((text, said))
    assert faults == []


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_used_is_the_catalogue(language: str) -> None:
    """The compiled file is what Django reads."""
    with catalogue(language).with_suffix(".mo").open("rb") as file:
        compiled = dict(gettext.GNUTranslations(file)._catalog)
    compiled.pop("")
    written = {}
    for entry in entries(catalogue(language)):
        if entry.text[1] is None:
            written[entry.text[0]] = entry.said[0]
        else:
            written |= {(entry.text[0], form): said for form, said in enumerate(entry.said)}
    assert compiled == written, "run make messages"


# -- nothing is left unmarked ----------------------------------------------------------------------------------------

# The same in every language: names, keys and signs.
NAMES = {"chatlab", "Esc", "Enter", "K", "O", "C", "Alt", "long"}
SEEN = ("aria-label", "title", "placeholder", "alt", "data-copied", "data-failed")


class Visible(HTMLParser):
    """The words of a page that stand in it as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        for name, value in attrs:
            if name in SEEN:
                self.handle_data(value or "")

    def handle_data(self, data: str) -> None:
        self.words |= set(re.findall(r"[^\W\d_]+", data))


# Not said to anybody: comments, what is marked, classes, and what is filled in.
SILENT = re.compile(
    r"{%\s*(comment|blocktranslate).*?{%\s*end\1\s*%}|{%\s*block \w+_class\s*%}.*?{%\s*endblock\s*%}"
    r"|{%.*?%}|{{.*?}}|{\w+}",
    re.DOTALL,
)


def test_templates_say_nothing_unmarked() -> None:
    faults = {}
    for path in TEMPLATES:
        page = Visible()
        page.feed(SILENT.sub("", path.read_text("utf-8")))
        faults[path.name] = page.words - NAMES
    assert {name: words for name, words in faults.items() if words} == {}


def test_scripts_say_nothing_of_their_own() -> None:
    """Their sentences stand in the page's words."""
    comments = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
    sentence = re.compile(r"[\"'`][A-Z][a-z]+ [a-z][^\"'`]*")
    faults = {path.name: sentence.findall(comments.sub("", path.read_text("utf-8"))) for path in SCRIPTS}
    assert {name: found for name, found in faults.items() if found} == {}


# -- reasons ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", OTHERS)
def test_every_reason_has_a_sentence(language: str) -> None:
    """Of each code that a refusal, or a failed answer, can have."""
    refusals = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    failure = re.compile(r'"([a-z_]+)",\s*f?"[A-Z][^"]+\."')
    folders = [ROOT / "rooms" / name for name in ("providers", "generation", "actions")]
    sources = [path.read_text("utf-8") for folder in folders for path in folder.glob("*.py")]
    failures = {code for source in sources for code in failure.findall(source)}
    assert {"auth", "timeout", "worker_lost", "mismatch"} <= failures
    with translation.override(language):
        said = reasons.words()
    wanted = {f"refusal.{code}" for code in refusals} | {f"failure.{code}" for code in failures}
    assert wanted - said.keys() == set()


def test_a_reason_is_said_in_the_language_of_the_page() -> None:
    late = errors.RateLimited("Too many messages. Try again in 7 s.", retry_after=6.8)
    failed = {"code": "auth", "detail": "The model provider rejected the key."}
    assert reasons.of_refusal(late) == late.detail and reasons.of_failure(failed) == failed["detail"]
    assert reasons.words() == {}
    with translation.override("de"):
        assert reasons.of_refusal(late) == "Das war zu oft in kurzer Zeit. Versuch es in 7 s noch einmal."
        assert reasons.of_failure(failed) == "Der Anbieter des Modells hat den Schlüssel abgelehnt."
        assert reasons.of_failure({"code": "new", "detail": "Not known here."}) == "Not known here."
        assert reasons.of_failure(None) == ""
