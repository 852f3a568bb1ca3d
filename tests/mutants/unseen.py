"""Mechanisms by which nothing fails unseen, taken out."""

from __future__ import annotations

from .mutant import Mutant

UNSEEN = [
    Mutant(
        "what broke leaves no line",
        "rooms/middleware.py",
        "@receiver(got_request_exception)\n",
        "",
        "tests/test_unseen.py -k what_breaks",
    ),
    Mutant(
        "an answer does not carry its name",
        "rooms/arrival.py",
        '[*event.get("headers", ()), name]',
        '[*event.get("headers", ())]',
        "tests/test_unseen.py -k every_answer",
    ),
    Mutant(
        "any charset is taken at its word",
        "rooms/arrival.py",
        'if charset.lower() not in ("utf-8", "utf8"):',
        "if False:",
        "tests/test_unseen.py -k no_utf_8",
    ),
    Mutant(
        "a form is read by whoever needs it",
        "rooms/middleware.py",
        "            _ = request.body, request.POST\n",
        "            pass\n",
        "tests/test_unseen.py -k read_is_refused",
    ),
    Mutant(
        "a Referer is taken for the name of a page",
        "rooms/views/back.py",
        'return said if ours else reverse("index")',
        "return said",
        "tests/test_unseen.py -k referer",
    ),
    Mutant(
        "uvicorn leaves text that is none to its traceback",
        "rooms/flow/uvicorn.py",
        'self.curr_msg_data_type != "text" or ',
        "True or ",
        "tests/test_unseen.py -k broken",
    ),
    Mutant(
        "daphne takes each subprotocol for ASCII",
        "rooms/flow/daphne.py",
        'if not request.headers.get("sec-websocket-protocol", "").isascii():',
        "if False:",
        "tests/test_unseen.py -k broken",
    ),
    Mutant(
        "a report of a browser is a line each",
        "rooms/views/csp.py",
        "    if not _lines.take():\n",
        "    if True:\n",
        "tests/test_csp.py -k few",
    ),
    Mutant(
        "a report of a browser is as long as it likes",
        "rooms/views/csp.py",
        "len(request.body) > REPORT_MAX",
        "False",
        "tests/test_csp.py -k unread",
    ),
]
