"""Being together: what keeps presence true, bounded and to the members, and what a page does about its connection."""

from __future__ import annotations

from .mutant import Mutant

_PRESENCE = "tests/test_presence.py -k"
_PEOPLE = "tests/test_people.py -k"
_PAGE = "tests/test_connection_page.py -k"

PEOPLE = [
    Mutant(
        "presence that is lost is not told again",
        "rooms/presence/__init__.py",
        "if not (changed or self.asked or now - self._told_at >= REPEAT_EVERY):",
        "if not (changed or self.asked):",
        f"{_PRESENCE} agree",
    ),
    Mutant(
        "a process that is new to a room is not answered",
        "rooms/presence/__init__.py",
        "if not (changed or self.asked or now",
        "if not (changed or now",
        f"{_PRESENCE} two_looks",
    ),
    Mutant(
        "the word of a dead process holds for ever",
        "rooms/presence/company.py",
        "for process, said in self._others.items() if said[0] > now}",
        "for process, said in self._others.items()}",
        f"{_PRESENCE} process_that_dies",
    ),
    Mutant(
        "a lost tab stays for ever",
        "rooms/presence/company.py",
        "if tab.socket is None and now - tab.heard > GONE_AFTER:",
        "if False:",
        f"{_PRESENCE} minute",
    ),
    Mutant(
        "a lost tab is gone at once",
        "rooms/presence/company.py",
        "        if gone:\n            del self._tabs[key]",
        "        if True:\n            del self._tabs[key]",
        f"{_PRESENCE} minute",
    ),
    Mutant(
        "an old socket takes its successor with it",
        "rooms/presence/company.py",
        "if tab is None or tab.socket is not socket:",
        "if tab is None:",
        f"{_PRESENCE} late_goodbye",
    ),
    Mutant(
        "what was sent into a silent wire counts as arrived",
        "rooms/presence/company.py",
        "if not socket.away and now - socket.heard > TRUSTED:",
        "if False:",
        f"{_PRESENCE} silent",
    ),
    Mutant(
        "a tab that comes back is counted twice",
        "rooms/presence/company.py",
        "tabs[member, name] = max(tabs.get((member, name), (LOST, 0)), tuple(seen))",
        "tabs[member, f'{name}{len(tabs)}'] = tuple(seen)",
        f"{_PRESENCE} counted_twice",
    ),
    Mutant(
        "typing is shown for ever",
        "rooms/presence/company.py",
        "self._typing = {member: until for member, until in self._typing.items() if until > now}",
        "pass",
        f"{_PRESENCE} five_seconds",
    ),
    Mutant(
        "a crowd is told as often as two are",
        "rooms/presence/__init__.py",
        "pace = max(TICK, len(tabs) / SENDS)",
        "pace = TICK",
        f"{_PRESENCE} crowd",
    ),
    Mutant(
        "a crowd is listed whole",
        "rooms/presence/company.py",
        "person.away, person.id))[:MEMBERS_MAX]",
        "person.away, person.id))",
        f"{_PRESENCE} crowd",
    ),
    Mutant(
        "made-up tabs are all kept",
        "rooms/presence/company.py",
        "if len(mine) >= TABS_MAX and lost:",
        "if False:",
        f"{_PRESENCE} made_up",
    ),
    Mutant(
        "a tab alone is told of each of its own steps",
        "rooms/presence/company.py",
        "return [tab[:3] for tab in word.tabs] if alone else word.tabs, ",
        "return word.tabs, ",
        f"{_PRESENCE} alone_is_not_told",
    ),
    Mutant(
        "processes are not told of each other's people",
        "rooms/process.py",
        '    _keep("presence-events", presence.listen)\n',
        "",
        f"{_PEOPLE} two_processes",
    ),
    Mutant(
        "a message does not end typing",
        "rooms/consumers/commands.py",
        "    presence.pause(socket)\n",
        "",
        f"{_PEOPLE} typing",
    ),
    Mutant(
        "the end is not said in a frame",
        "rooms/consumers/door.py",
        "if code in FINAL:",
        "if False:",
        f"{_PEOPLE} told_why",
    ),
    Mutant(
        "a name may turn a sentence around",
        "rooms/text.py",
        'return " ".join(clean(text).translate(_UNSEEN).split())',
        'return " ".join(clean(text).split())',
        f"{_PEOPLE} sentence",
    ),
    Mutant(
        "a clean close is the end",
        "static/rooms/socket.js",
        "(final(code) ? this.#ended(code, reason) : this.#lost())",
        "(final(code) || code === 1000 ? this.#ended(code, reason) : this.#lost())",
        f"{_PAGE} 1000",
    ),
    Mutant(
        "a sign-in elsewhere ends this page",
        "static/rooms/socket.js",
        "if (code === SIGNED_OUT && this.#open) {",
        "if (false) {",
        f"{_PAGE} sign_in",
    ),
    Mutant(
        "out of the back/forward cache comes the old socket",
        "static/rooms/wake.js",
        'addEventListener("pageshow", (event) => event.persisted && socket.connect());',
        "",
        f"{_PAGE} cache",
    ),
    Mutant(
        "what was missed is drawn as it comes",
        "static/rooms/view.js",
        "else this.#replay ??= setTimeout(() => this.level(), REPLAY_SHOWN);",
        "else this.#schedule();",
        f"{_PAGE} one_step",
    ),
    Mutant(
        "the outbox does not outlive the page",
        "static/rooms/outbox.js",
        'JSON.parse(this.#storage?.getItem(this.#key) ?? "[]")',
        "[]",
        f"{_PAGE} outlive",
    ),
]
