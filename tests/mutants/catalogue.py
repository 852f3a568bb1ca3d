"""The mechanisms, and how each is taken out."""

from __future__ import annotations

from .mutant import Mutant
from .upstream import UPSTREAM

__all__ = ["MUTANTS", "Mutant"]

MUTANTS = [
    Mutant(
        "every connect gets a snapshot, whatever its cursor",
        "rooms/reader.py",
        "await self._start_from(Cursor.parse(token))",
        "await self._start_from(None)",
        "tests/test_complaints.py -k reconnected",
    ),
    Mutant(
        "a cursor is believed without its chain",
        "rooms/log/read.py",
        "return head if known == cursor.chain else None",
        "return head",
        "tests/test_bad_cursors.py",
    ),
    Mutant(
        "a link that has expired still opens its room",
        "rooms/access.py",
        "Link.objects.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))",
        "Link.objects.all()",
        "tests/test_links.py -k ends",
    ),
    Mutant(
        "a reader's socket obeys like a member's",
        "rooms/consumers/link.py",
        "if not isinstance(frame, frames.Sync):",
        "if False:",
        "tests/test_links_live.py -k say_nothing",
    ),
    Mutant(
        "a revoked link's sockets are not looked at again",
        "rooms/access.py",
        '"member" if _may_still_read(seat, digests, visitors) else "not_a_member"',
        '"member"',
        "tests/test_links_live.py -k five_seconds",
    ),
    Mutant(
        "readers are sent what members are",
        "rooms/reader.py",
        "shown = frames.deltas_for_reader(frame, self._named)",
        "shown = frame",
        "tests/test_links_live.py -k say_nothing",
    ),
    Mutant(
        "a chosen branch is shown, but what is asked next goes on elsewhere",
        "rooms/actions/rooms.py",
        "chosen=room.chosen, tip=room.tip_id)",
        "chosen=room.chosen)",
        "tests/test_branches.py",
    ),
    Mutant(
        "a snapshot is the newest messages, whichever branch is shown",
        "rooms/log/snapshot.py",
        "        rows += _beside(room, rows)\n",
        "",
        "tests/test_branches.py",
    ),
    Mutant(
        "a page shows every branch at once",
        "static/rooms/view.js",
        "const messages = this.log().shown;",
        "const { messages } = this.log();",
        "tests/test_branches_page.py -k everybodys",
    ),
    Mutant(
        "an answer ends when a tab leaves",
        "rooms/consumers/room.py",
        "            await feeds.detach(feed, self)\n",
        "            await feeds.detach(feed, self)\n"
        "            from ..worker import worker\n\n"
        "            [worker.release(generation) for generation in list(worker._tasks)]\n",
        "tests/test_complaints.py -k disconnect",
    ),
    Mutant(
        "a process does not join its rooms' groups",
        "rooms/feed.py",
        "lambda: mailbox.join(broadcast.group_of(self.room_id))",
        'lambda: mailbox.join("nobody")',
        "tests/test_complaints.py -k live",
    ),
    Mutant(
        "a snapshot without the text since the checkpoint",
        "rooms/log/snapshot.py",
        "            _add_tail(row, body)\n",
        "            pass\n",
        "tests/test_two_tabs.py -k third",
    ),
    Mutant(
        "a page that lost its socket does not come back",
        "static/rooms/socket.js",
        'this.#after("retry", wait, () => this.connect());',
        "",
        "tests/test_two_tabs.py -k cut_in_mid_answer",
    ),
    Mutant(
        "nobody takes over what a dead worker left",
        "rooms/lease.py",
        'return [*orphaned.values_list("room_id", "pk")[:AT_ONCE], *queued',
        "return [*queued",
        "tests/test_crash.py -k kill_9_and_the_answer",
    ),
    Mutant(
        "the queue is the event, not the row",
        "rooms/lease.py",
        '[:AT_ONCE], *queued.values_list("room_id", "pk")[:AT_ONCE]]',
        "[:AT_ONCE]]",
        "tests/test_crash.py -k queued",
    ),
    Mutant(
        "a repeated client_id is not recognised",
        "rooms/actions/messages.py",
        "    if message is None:\n        return None\n    answer = message\n",
        "    return None\n    answer = message\n",
        "tests/test_crash.py -k receipt",
    ),
    Mutant(
        "half of an emoji is not held back",
        "rooms/text.py",
        'if not piece or not "\\ud800" <= piece[-1] <= "\\udbff":',
        "if True:",
        "tests/test_text.py -k split",
    ),
    Mutant(
        "NUL is kept",
        "rooms/text.py",
        'return text.replace("\\0", REPLACEMENT) if "\\0" in text else text',
        "return text",
        "tests/test_text.py -k NUL",
    ),
    Mutant(
        "any page may open a socket",
        "rooms/origin.py",
        'if len(origins) != 1 or not _same(origins[0].decode("latin-1").lower(), host):',
        "if False:",
        "tests/test_refusals.py -k origin",
    ),
    Mutant(
        "a message of any room can be retried",
        "rooms/actions/messages.py",
        ".filter(pk=frame.message, room=room_id)",
        ".filter(pk=frame.message)",
        "tests/test_bad_input.py -k another_room",
    ),
    Mutant(
        "depth is not expected of JSON",
        "rooms/frames/parse.py",
        "except (ValueError, RecursionError) as error:",
        "except ValueError as error:",
        "tests/test_bad_input.py -k brackets",
    ),
    Mutant(
        "text is counted in code points",
        "rooms/text.py",
        'return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2',
        "return len(text)",
        "tests/test_bad_input.py -k too_long",
    ),
    Mutant(
        "a page of the log is encoded for each reader",
        "rooms/reader.py",
        "            page, frame = found\n",
        "            page, frame = found[0], frames.deltas(found[0].items, found[0].cursor)\n",
        "tests/test_costs.py -k encoded",
    ),
    Mutant(
        "heads are moved room by room",
        "rooms/log/append.py",
        "            _move_heads(cursor, list(changed.values()))\n",
        "            [_move_heads(cursor, [room]) for room in changed.values()]\n",
        "tests/test_costs.py -k commit",
    ),
    Mutant(
        "a heartbeat looks into the log",
        "rooms/reader.py",
        "                    await self._catch_up()\n            return confirmed",
        "                    await self._catch_up(look=True)\n            return confirmed",
        "tests/test_costs.py -k sync",
    ),
    Mutant(
        "any cookie is looked for in the database",
        "chatlab/sessions.py",
        " and key.isascii() and key.isalnum()",
        "",
        "tests/test_access.py --engines=postgres",
    ),
    *UPSTREAM,
]
