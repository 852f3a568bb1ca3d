"""Mechanisms that bound what a socket costs, and those that end one, taken out."""

from __future__ import annotations

from .mutant import Mutant

SOCKETS = [
    Mutant(
        "an answer without text has no digest",
        "rooms/log/read.py",
        "        digests[message] = EMPTY_DIGEST\n    elif",
        "        digests[message] = None\n    elif",
        "tests/test_reader.py -k no_text_yet",
    ),
    Mutant(
        "a window is never full",
        "rooms/delivery/window.py",
        "return self._sent - self._confirmed >= self._limit",
        "return False",
        "tests/test_slow_readers.py -k fifty",
    ),
    Mutant(
        "what a client with a full window lets pass is forgotten",
        "rooms/delivery/hub.py",
        "        self.head = head\n        for message",
        "        for message",
        "tests/test_reader.py -k no_turn",
    ),
    Mutant(
        "an event is written to a transport that is full",
        "rooms/delivery/subscription.py",
        " and self.client.busy_since is None",
        "",
        "tests/test_reader.py -k transport_is_full",
    ),
    Mutant(
        "a client that is level reads each event from the log",
        "rooms/delivery/subscription.py",
        "due = event.before == self.sent and event.frame",
        "due = False",
        "tests/test_reader.py -k as_it_came",
    ),
    Mutant(
        "a server that ends under a handshake is complained of",
        "rooms/consumers/sender.py",
        "        except RuntimeError:\n            self._give_up()\n            return\n",
        "",
        "tests/test_reader.py -k let_in",
    ),
    Mutant(
        "a connection that takes nothing is kept until it does",
        "rooms/consumers/sender.py",
        "call_later(LINGER, transport.abort)",
        "call_later(LINGER, str)",
        "tests/test_slow_readers.py -k sent_away",
    ),
    Mutant(
        "a snapshot has as long as everything else",
        "rooms/delivery/window.py",
        "* (1 + oldest / PATIENCE_BYTES)",
        "",
        "tests/test_slow_readers.py -k slow_readers_get",
    ),
    Mutant(
        "daphne holds what is sent to the limit of what is received",
        "rooms/flow/daphne.py",
        "    def serverSend(",
        "    def unused(",
        "tests/test_slow_readers.py -k snapshot",
    ),
    Mutant(
        "daphne reads on while the application is busy",
        "rooms/flow/daphne.py",
        "self.application_queue.qsize() > FRAMES",
        "False",
        "tests/test_floods.py -k questions",
    ),
    Mutant(
        "daphne reads on while its client reads nothing",
        "rooms/flow/daphne.py",
        "        self._full = True",
        "        pass",
        "tests/test_floods.py -k pings",
    ),
    Mutant(
        "uvicorn parses at once whatever has come",
        "rooms/flow/__init__.py",
        "        uvicorn.install()",
        "        pass",
        "tests/test_floods.py -k uvicorn-typing",
    ),
    Mutant(
        "a client's frames may take all the time there is",
        "rooms/flow/uvicorn.py",
        "self._later((self._loop.time() - began) * (1 / SHARE - 1))",
        "self._later(0)",
        "tests/test_floods.py -k uvicorn-typing",
    ),
    Mutant(
        "uvicorn answers pings whatever its buffer holds",
        "rooms/flow/uvicorn.py",
        "if not self._writable.is_set():",
        "if False:",
        "tests/test_flow.py -k takes_nothing",
    ),
    Mutant(
        "what a protocol has paused is handed on to it",
        "rooms/flow/uvicorn.py",
        "if self._paused or self._transport.is_closing():",
        "if self._transport.is_closing():",
        "tests/test_flow.py -k paused",
    ),
    Mutant(
        "questions are not counted as frames",
        "rooms/consumers/commands.py",
        "async def _ask(socket: RoomConsumer, change: Change) -> None:\n    socket.spend_frame()\n",
        "async def _ask(socket: RoomConsumer, change: Change) -> None:\n",
        "tests/test_floods.py -k questions",
    ),
]
