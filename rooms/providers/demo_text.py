"""What the demo model says: real Markdown, the same for the same question and seed. Pure."""

from __future__ import annotations

import random
import re
import zlib

COMMANDS = ("long", "slow", "stall", "fail", "die")
LONG = 16_000  # characters of /long

_OPENINGS = (
    "You asked: *{question}*. I am the offline demo model, so I know one subject well: how this room stays in sync.",
    "I can't look anything up, but *{question}* is a fine excuse to show how this answer reaches you.",
    "No model is connected, so here is what I know by heart. You wrote *{question}*.",
)

_SECTIONS = (
    """## One log, one number

Everything you see is a row of this room's **log**: your question, each piece of this answer, its end. \
Rows are numbered 1, 2, 3 without gaps, and every tab remembers one number, its *cursor*.

1. A row is committed to the database.
2. Only then is it broadcast to the tabs.
3. A tab applies the row that follows its cursor, and no other.
""",
    """## Cut the wire

Close this tab, or switch its wire off on the two-tab page. I go on writing, because I belong to the database \
and not to your connection. When you come back, your tab says where it stopped:

```json
{"type": "sync", "cursor": "418.9f3a1c7e5d20b846"}
```

The server answers with what follows. Nothing is missing, and nothing comes twice.
""",
    """## When something breaks

| What happens | What you see | After |
|---|---|--:|
| The wire is cut | The text stays; the rest arrives when you are back | 0.5 s |
| A broadcast is lost | The tab notices the gap and asks for it | 1 s |
| This process is killed | The answer is marked, with all its text | 15 s |
| Two tabs ask at once | Both see both questions, in the **same order** | 0 s |
""",
    """## In code

Catching up is one range query, whoever asks and why:

```python
def page_after(room_id, cursor):
    rows = Delta.objects.filter(room=room_id, seq__gt=cursor.seq)
    return rows.order_by("seq")[:1000]
```

First load, reconnect, a second tab, a laptop that slept: all of them end here.
""",
    """## Several people

Whoever has this room's link can come in. Each of us sees the same text at the same time:

- a question shows up for everyone at once,
- anyone who may write may stop an answer,
- and whoever leaves can come back tomorrow. Ünïcode, 漢字, עברית and 👩‍🚀 arrive whole.
""",
    """## How late can a tab be

Broadcasts may get lost, with a chance of $p$. Then a tab waits for the next look at the head, and those come \
every $T$ seconds:

$$
\\overline{t} = (1 - p) \\, t_{\\text{layer}} + p \\, \\frac{T}{2} \\qquad T = 1\\,s
$$

> Losing a broadcast costs a little time. It never costs text.

What a socket is and how it ends is told in [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455).
""",
)

_CLOSING = "Try `/long`, `/slow`, `/stall`, `/fail` or `/die` at the start of a question to see how I can go wrong."


def answer(question: str, seed: int) -> tuple[str, list[str], int]:
    """(command or "", the answer in pieces of about a word, a seed for everything else)."""
    command, question = _command(question.strip())
    seed = zlib.crc32(f"{seed}\n{command}\n{question}".encode())
    chosen = random.Random(seed)
    quoted = " ".join(question.split())[:80].replace("*", "") or "nothing in particular"
    parts = [chosen.choice(_OPENINGS).format(question=quoted)]
    sections = chosen.sample(_SECTIONS, 3)
    while command == "long" and sum(map(len, sections)) < LONG:
        sections += chosen.sample(_SECTIONS, len(_SECTIONS))
    text = "\n\n".join(part.strip() for part in (*parts, *sections, _CLOSING))
    return command, re.findall(r"\s*\S{1,12}|\s+\Z", text), seed


def _command(question: str) -> tuple[str, str]:
    word, *rest = question.split(None, 1) or [""]
    if word.startswith("/") and word[1:].lower() in COMMANDS:
        return word[1:].lower(), "".join(rest)
    return "", question
