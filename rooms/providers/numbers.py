"""The provider's numbers of its events: what comes twice is said once, and a hole is never passed over in silence."""

from __future__ import annotations

from .base import ProviderError

LOST = "A part of the answer was lost on its way here."
LARGEST = 2**63 - 1  # what the database takes


class Numbers:
    """Believes a server's `sequence_number` for as long as it makes sense.

    Not every server that speaks this API counts: some leave the number out, give every event the same, or count only
    some of them; gateways take events out and leave holes. A response that can be resumed is resumed at a hole, and a
    hole that the provider's own replay has too is the provider's. Elsewhere the answer goes on, and its end has to
    prove that nothing is missing: by a final text that equals what was streamed.
    """

    def __init__(self, after: int | None, *, resumable: bool):
        self.last = after  # of the events that were read; None: they are not counted
        self.doubtful = False
        self._after = after
        self._resumable = resumable
        self._counting = True
        self._growing = after is not None  # where all have one number, a text that comes twice was said twice
        self._confirmed = after is not None  # the first event of a replay follows the place that was asked for
        self._spare = -1  # the number of a keepalive: whether it is a place of its own, servers do not agree
        self._said: dict[int, tuple[object, str]] = {}

    def is_new(self, event: dict, text: str | None) -> bool:
        """Whether this event has not been read yet. `text`: what it adds to the answer, if it does."""
        number = event.get("sequence_number")
        if not self._counting:
            return True
        if type(number) is not int or not 0 <= number <= LARGEST:
            if text is not None:
                self._stop_counting()
            return True
        if event.get("type") == "keepalive":
            self._spare = number
            return False
        if text is not None and self._is_known(number, (event["type"], text)):
            return False
        if self._counting:
            self._advance(number)
        return True

    def _is_known(self, number: int, said: tuple[object, str]) -> bool:
        if self._after is not None and number <= self._after:
            return True
        if self._growing and self._said.get(number) == said:
            return True
        if self.last is not None and number <= self.last:
            self._stop_counting()  # another text under an old number
        self._said[number] = said
        return False

    def _advance(self, number: int) -> None:
        newest = max(self.last if self.last is not None else -1, self._spare)
        if newest >= 0 and number > newest + 1 and not self._confirmed:
            if self._resumable:
                raise ProviderError("upstream", LOST, f"event {number} followed {newest}", passing=True)
            self.doubtful = True
        self._confirmed = False
        self._growing = self._growing or (self.last is not None and number > self.last)
        self.last = number if self.last is None else max(self.last, number)

    def _stop_counting(self) -> None:
        self._counting, self.last = False, None
        self._said.clear()
