"""Mechanisms that bound what a client costs before it is known, taken out."""

from __future__ import annotations

from .mutant import Mutant

BOUNDS = [
    Mutant(
        "a body is counted by nobody",
        "rooms/arrival.py",
        "if self._length > settings.CHATLAB_BODY_MAX:",
        "if False:",
        "tests/test_bounds.py -k without_end",
    ),
    Mutant(
        "daphne takes a whole body before anybody counts",
        "rooms/flow/daphne.py",
        "self.content.tell() + len(data) > settings.CHATLAB_BODY_MAX",
        "False",
        "tests/test_bounds.py -k without_end",
    ),
    Mutant(
        "who is refused sees no answer",
        "rooms/arrival.py",
        "            await self._drain()\n",
        "",
        "tests/test_bounds.py -k without_end",
    ),
    Mutant(
        "a head has for ever",
        "rooms/flow/patience.py",
        "self._expect(HEAD, settings.CHATLAB_HEAD_TIMEOUT)",
        "self.answer()",
        "tests/test_bounds.py -k slowly",
    ),
    Mutant(
        "a body has for ever",
        "rooms/flow/patience.py",
        "self._expect(BODY, settings.CHATLAB_BODY_TIMEOUT)",
        "self.answer()",
        "tests/test_bounds.py -k slowly",
    ),
    Mutant(
        "an answer waits for its reader",
        "rooms/flow/patience.py",
        "if now - self._since > settings.CHATLAB_TAKE_TIMEOUT:",
        "if False:",
        "tests/test_bounds.py -k takes_nothing",
    ),
    Mutant(
        "an address has as many sockets as it likes",
        "rooms/consumers/places.py",
        'return knocks and self._take("CHATLAB_SOCKETS") and self._take("CHATLAB_SOCKETS_PER_ADDRESS", address)',
        'return knocks and self._take("CHATLAB_SOCKETS")',
        "tests/test_bounds.py -k sockets_are_bounded",
    ),
    Mutant(
        "a link has as many readers as it likes",
        "rooms/consumers/link.py",
        "super()._may_stay() and self._places.may_read_along(self.link_id)",
        "super()._may_stay()",
        "tests/test_bounds.py -k readers_of_a_link",
    ),
]
