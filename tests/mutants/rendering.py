"""What Markdown becomes, and what is sent of it."""

from __future__ import annotations

from .mutant import Mutant

RENDERING = [
    Mutant(
        "a block closes before its line is complete",
        "rooms/rendering/parts.py",
        'lines = text[: text.rfind("\\n") + 1]',
        'lines = text + "\\n"',
        "tests/test_rendering.py -k closes_with_the_next",
    ),
    Mutant(
        "a link leads wherever it is told",
        "rooms/rendering/links.py",
        "    if not _SCHEME.fullmatch(url):\n        return False\n",
        "    return True\n",
        "tests/test_rendering.py -k other_targets",
    ),
    Mutant(
        "mathematics is written as the converter has it",
        "rooms/rendering/math.py",
        "if name in ATTRIBUTES and _VALUE.fullmatch(value)",
        "if True",
        "tests/test_xss.py -k plain_elements",
    ),
    Mutant(
        "pictures are shown",
        "rooms/rendering/rules.py",
        '    "image": _image,\n',
        "",
        "tests/test_rendering.py -k picture",
    ),
    Mutant(
        "a giant list is parsed again at each line",
        "rooms/rendering/blocks.py",
        "return self._complete and self._size >= self._again_at",
        "return self._complete",
        "tests/test_rendering.py -k looked_at_seldom",
    ),
    Mutant(
        "what is nested too deeply is left out",
        "rooms/rendering/nesting.py",
        "if state.level < state.md.options.maxNesting:",
        "if True:",
        "tests/test_markdown.py -k beyond_the_bound",
    ),
    Mutant(
        "a source that no link leads to is left out",
        "rooms/rendering/rules.py",
        'if "whole" not in env or is_used(target, env):',
        "if True:",
        "tests/test_markdown.py -k no_link_leads_to",
    ),
    Mutant(
        "a block may take any time",
        "rooms/rendering/budget.py",
        "    if not _armed:\n        return work(*arguments)\n",
        "    return work(*arguments)\n",
        "tests/test_budget.py -k in_any_language",
    ),
    Mutant(
        "a block may become any length",
        "rooms/rendering/budget.py",
        "return min(self.html, max(AT_LEAST, TIMES * len(source)))",
        "return 1 << 40",
        "tests/test_budget.py -k takes_no_time",
    ),
    Mutant(
        "who asks for the same text at once has it rendered anew",
        "rooms/rendering/shared.py",
        "if key in self._under_way:",
        "if False:",
        "tests/test_budget.py -k asks_at_once",
    ),
    Mutant(
        "what people write goes through Markdown",
        "rooms/rendering/blocks.py",
        'return "written" if role == "user" else "whole"',
        'return "whole"',
        "tests/test_written.py -k every_letter",
    ),
    Mutant(
        "an address is looked for without an end",
        "rooms/rendering/written.py",
        "text[start : start + LOOKED_AT]",
        "text[start:]",
        "tests/test_written.py -k takes_no_time",
    ),
    Mutant(
        "lines of what people write join as in a paragraph",
        "static/rooms/prose.css",
        ".prose .written { white-space: pre-wrap;",
        ".prose .written {",
        "tests/test_written_page.py -k looks_as",
    ),
    Mutant(
        "a whole message has one direction",
        "static/rooms/prose.css",
        "summary, .written) { unicode-bidi",
        "summary) { unicode-bidi",
        "tests/test_written_page.py -k begins_on_the_side",
    ),
    Mutant(
        "a message that waits to be sent is drawn as Markdown",
        "static/rooms/prose.js",
        'role === "user" ? new Written(node) : new Tail(node)',
        "new Tail(node)",
        "tests/test_written_page.py -k looks_as",
    ),
    Mutant(
        "a delta that was never heard is not missed in the HTML",
        "rooms/delivery/html_cache.py",
        "if not frame or first > self._heard + 1:",
        "if False:",
        "tests/test_rendered.py -k lost_delta",
    ),
    Mutant(
        "the end of a text does not mend what came before",
        "rooms/delivery/html_cache.py",
        "if not html.startswith(joined):",
        "if False:",
        "tests/test_rendered.py -k defined_at_the_end",
    ),
]
