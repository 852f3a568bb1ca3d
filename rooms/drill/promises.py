"""The promises (docs/architecture.md), each looked for in the record of a drill. Nothing of the server is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .record import Post, Record

EFFECTS = ("cut", "back after a cut", "asleep", "sent twice", "sent again after a cut", "stopped")
STALE = 1.0  # seconds from commit to tab, 99 of 100, while nothing is broken
STOPPED = 1.0  # seconds from a stop to its end in the tab that asked for it, 99 of 100, while nothing is broken
BUSY = 2.0  # runnable processes per core, half of the time: above that, times say something about the machine only
LATE = 0.25  # seconds that the drill itself is late, 1 of 100 times: the same
RESUMED = 20.0  # seconds for which an answer may stand still when a process dies: a lease of 15, and 5 to notice
BY_WORKERS = "worker"  # in the name of a fault of one


@dataclass
class Finding:
    """`checked`: how many things were looked at. `unjudged`: why nothing can be said."""

    promise: str
    checked: int = 0
    broken: list[str] = field(default_factory=list)
    unjudged: str = ""


_CHECKS: list[Callable[[Record], Finding]] = []


def findings(record: Record) -> list[Finding]:
    return [check(record) for check in _CHECKS]


def promise(text: str, *, timed: bool = False) -> Callable:
    """`check(record)` yields a sentence for each breach, or a number: how many things it has looked at. `timed`: it
    takes a machine that has time.
    """

    def decorate(check: Callable[[Record], Iterator[int | str]]) -> Callable[[Record], Finding]:
        def run(record: Record) -> Finding:
            found = Finding(text)
            for outcome in check(record):
                if isinstance(outcome, int):
                    found.checked += outcome
                else:
                    found.broken.append(outcome)
            if timed and found.broken:
                found.unjudged = _busy(record)
                found.broken = [] if found.unjudged else found.broken
            return found

        _CHECKS.append(run)
        return run

    return decorate


def _busy(record: Record) -> str:
    late = record.healthy["late"] + record.troubled["late"]
    if record.loads and quantile(record.loads, 0.5) > BUSY:
        return f"this machine is busy: {quantile(record.loads, 0.5):.1f} processes want each core"
    if late and quantile(late, 0.99) > LATE:
        return f"this machine is busy: the drill itself was late by {quantile(late, 0.99):.2f} s"
    return ""


def _acknowledged(record: Record) -> Iterator[tuple[str, Post]]:
    return ((client_id, post) for client_id, post in record.posts.items() if post.outcome == "ok")


@promise("acknowledged, and there")
def lost(record: Record) -> Iterator[int | str]:
    for client_id, post in _acknowledged(record):
        yield 1
        said = record.ledgers[post.room].messages.get(post.message)
        if said is None or said.client_id != client_id or said.opened != post.seq:
            yield f"room {post.room}: {post.message} was acknowledged at {post.seq}; the log does not have it there"
        stored = record.stored[post.room].get(post.message)
        if stored is None or stored[1] != client_id:
            yield f"room {post.room}: {post.message} was acknowledged; the room does not show it"


@promise("sent again, and there once")
def doubled(record: Record) -> Iterator[int | str]:
    yield from record.doubly_stored
    for ledger in record.ledgers.values():
        for client_id, messages in ledger.by_client.items():
            yield 1
            if len(messages) > 1:
                yield f"room {ledger.room}: {client_id} is there {len(messages)} times"
        for question, answers in ledger.answers.items():
            if len(answers) > 1 and question in ledger.messages:
                yield f"room {ledger.room}: {question} was answered {len(answers)} times"
    for client_id, message, seq in record.repeats:
        post = record.posts[client_id]
        yield 1
        if post.outcome == "ok" and (post.message, post.seq) != (message, seq):
            yield f"room {post.room}: {client_id} got one receipt, and then another"


@promise("refused or never asked, and not there")
def uninvited(record: Record) -> Iterator[int | str]:
    own = not record.start["options"]["room"]
    for ledger in record.ledgers.values():
        for client_id in ledger.by_client:
            post = record.posts.get(client_id)
            yield 1
            if post is None and own:
                yield f"room {ledger.room}: nobody asked {client_id}"
            elif post is not None and post.outcome == "fail":
                yield f"room {ledger.room}: {client_id} was refused, and is there"


@promise("one order, the order of receipts")
def order(record: Record) -> Iterator[int | str]:
    """Who asked after another's receipt comes after it."""
    for room in record.ledgers:
        moments = []
        for client_id, post in _acknowledged(record):
            if post.room == room:
                moments += [(post.invoked, 1, post.seq, client_id), (post.at, 0, post.seq, client_id)]
        newest = 0
        for _, invoked, seq, client_id in sorted(moments):
            if not invoked:
                newest = max(newest, seq)
            elif seq < newest:
                yield f"room {room}: {client_id} was asked after {newest} was acknowledged, and stands at {seq}"
        yield len(moments) // 2


@promise("no gap, in the log or in a tab")
def gap(record: Record) -> Iterator[int | str]:
    yield from record.gaps
    for room, ledger in record.ledgers.items():
        yield len(ledger.checksums)
        yield from ledger.gaps
        if room in record.heads and ledger.head < record.heads[room]:
            yield f"room {room}: the log ends at {ledger.head}, its head is {record.heads[room]}"


@promise("every tab saw the log, delta for delta")
def divergent(record: Record) -> Iterator[int | str]:
    yield from record.divergent
    for room, seen in record.seen.items():
        yield len(seen)
        ledger = record.ledgers[room]
        for seq, checksum in seen.items():
            if seq > (ledger.first or 0) and ledger.checksums.get(seq) != checksum:
                yield f"room {room}: tabs saw {seq}, and the log has " + (
                    "another delta there" if seq in ledger.checksums else "nothing there"
                )


@promise("each answer ended, once")
def terminal(record: Record) -> Iterator[int | str]:
    for ledger in record.ledgers.values():
        yield sum(said.role == "assistant" for said in ledger.messages.values())
        yield from ledger.ends
        for message in ledger.unfinished():
            yield f"room {ledger.room}: {message} has not ended"
        for client_id, post in record.posts.items():
            if post.outcome == "ok" and post.room == ledger.room and not ledger.answers.get(post.message):
                yield f"room {ledger.room}: {client_id} has no answer"


@promise("every text is its deltas, in every tab")
def text(record: Record) -> Iterator[int | str]:
    for ledger in record.ledgers.values():
        yield from ledger.texts
        stored = record.stored[ledger.room]
        for message, said in ledger.messages.items():
            yield 1
            if message not in stored:
                yield f"room {ledger.room}: {message} is in the log, and not in the room"
                continue
            *_, status, computed, claimed = stored[message]
            if (status, computed) != said.states[-1] or computed != claimed:
                yield f"room {ledger.room}: {message} is stored as something else than the log says"
    for view in record.views:
        for message, status, shown in view.messages:
            said = record.ledgers[view.room].messages.get(message)
            yield 1
            if said is not None and said.at(view.seq) != (status, shown):
                yield f"{view.process} in room {view.room}, at {view.seq}: {message} is not what the log says"
    for post in record.posts.values():
        said = record.ledgers[post.room].messages.get(post.message)
        if post.outcome == "ok" and said is not None and said.states[0][1] != post.digest:
            yield f"room {post.room}: {post.message} is not what was asked"


@promise("every tab level at the end")
def converged(record: Record) -> Iterator[int | str]:
    last = {view.process: view for view in record.views if view.final}
    tabs = {view.process for view in record.views} | {post.process for post in record.posts.values()} - {"drill"}
    for tab in sorted(tabs):
        yield 1
        view = last.get(tab)
        if view is None or view.seq < record.heads.get(view.room, 0):
            shown = "nothing" if view is None else f"{view.seq} of {record.heads[view.room]}"
            yield f"{tab} shows {shown}, 10 s after the last delta"


@promise("answers go on when a worker is gone", timed=True)
def resumed(record: Record) -> Iterator[int | str]:
    for fault, moment, waits in interruptions(record):
        yield len(waits)
        if waits and max(waits) > RESUMED:
            yield f"{fault} at {moment:.0f} s: an answer stood still for {max(waits):.1f} s"


@promise("nothing to complain of, in a tab or a log")
def complaints(record: Record) -> Iterator[int | str]:
    yield len(record.views)
    yield from record.complaints


@promise("soon there, while nothing is broken", timed=True)
def soon(record: Record) -> Iterator[int | str]:
    for figure, bound in (("staleness", STALE), ("stop", STOPPED)):
        samples = record.healthy[figure]
        yield len(samples)
        if samples and quantile(samples, 0.99) > bound:
            yield f"{figure}: p99 is {quantile(samples, 0.99):.2f} s, promised are {bound} s"


@promise("enough happened to prove anything")
def effects(record: Record) -> Iterator[int | str]:
    """A drill that exercised nothing proves nothing."""
    options, sends = record.start["options"], sum(1 for _ in _acknowledged(record))
    yield sends
    if sends < options["sends"]:
        yield f"{sends} sends were acknowledged, {options['sends']} were asked for"
    needed = [*EFFECTS, *record.start["faults"]]
    yield from (f"nothing was {effect!r}" for effect in needed if not record.effects[effect])
    if options["answers"] and not any(_completed(record)):
        yield "no answer came to its end"


def _completed(record: Record) -> Iterator[str]:
    for ledger in record.ledgers.values():
        yield from (id for id, said in ledger.messages.items() if _is_complete(said))


def _is_complete(said) -> bool:
    return said.role == "assistant" and said.states[-1][0] == "complete"


def interruptions(record: Record) -> Iterator[tuple[str, float, list[float]]]:
    """(fault, when, seconds until each answer that streamed then went on or ended) of each fault of a worker.

    An answer that the next one hits as well is counted there.
    """
    answers = [said for ledger in record.ledgers.values() for said in ledger.messages.values()]
    faults = [(fault, moment) for fault, moment in record.faults if BY_WORKERS in fault]
    ends = [moment for _, moment in faults[1:]] + [float("inf")]
    for (fault, moment), following in zip(faults, ends, strict=False):
        waits = (said.silent_from(moment) for said in answers if said.role == "assistant")
        yield fault, moment, [wait for wait in waits if wait is not None and moment + wait < following]


def quantile(samples: list[float], share: float) -> float:
    return sorted(samples)[min(int(len(samples) * share), len(samples) - 1)]
