"""Whose language is spoken where."""

from __future__ import annotations

from .mutant import Mutant

_LANGUAGE = "tests/test_language.py -k"

TEXTS = [
    Mutant(
        "a guest is named by the transaction's thread",
        "rooms/actions/rooms.py",
        'return guest % {"number":',
        'return _("Guest %(number)d") % {"number":',
        f"{_LANGUAGE} guest",
    ),
    Mutant(
        "a part of a file forgets its language",
        "rooms/export.py",
        "with override(language):",
        "with override(None):",
        f"{_LANGUAGE} file",
    ),
    Mutant(
        "a page says reasons as the wire does",
        "rooms/views/reasons.py",
        "return (get_language() or SPOKEN).partition",
        "return SPOKEN.partition",
        f"{_LANGUAGE} failed or refusal",
    ),
    Mutant(
        "scripts show the wire's sentence",
        "static/rooms/reasons.js",
        "return hasWord(key) ? word(key) : (",
        "return (",
        f"{_LANGUAGE} browser_reads",
    ),
    Mutant(
        "a note changes when scripts begin",
        "rooms/views/notes.py",
        "_STOPPED_BY_ME if by and by == me else ",
        "",
        f"{_LANGUAGE} browser_reads",
    ),
    Mutant(
        "an unmarked sentence in a template",
        "templates/rooms/_pane.html",
        '{% translate "Be slow" %}',
        "Be slow",
        "tests/test_texts.py",
    ),
    Mutant(
        "a sentence that no catalogue has",
        "templates/rooms/_pane.html",
        '{% translate "Be slow" %}',
        '{% translate "Be very slow" %}',
        "tests/test_texts.py",
    ),
    Mutant(
        "a catalogue that was not compiled again",
        "locale/de/LC_MESSAGES/django.po",
        'msgstr "Langsam sein"',
        'msgstr "Sei langsam"',
        "tests/test_texts.py",
    ),
    Mutant(
        "a page that goes loses what was typed last",
        "static/rooms/composer.js",
        'addEventListener("pagehide", () => this.#store());',
        "",
        f"{_LANGUAGE} chosen_where",
    ),
]
