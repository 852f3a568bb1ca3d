"""What a search is bounded by, and what keeps its index true, taken out."""

from __future__ import annotations

from .mutant import Mutant

_INDEX = "tests/test_search_index.py -k"

SEARCHES = [
    Mutant(
        "an answer that has ended is not indexed",
        "rooms/actions/generations.py",
        "        log.complete(generation.message)\n",
        "",
        f"{_INDEX} answers_are_found",
    ),
    Mutant(
        "a question is not indexed",
        "rooms/log/append.py",
        "for message in said if message.text]",
        "for message in said if False]",
        f"{_INDEX} answers_are_found",
    ),
    Mutant(
        "a search takes as long as it takes",
        "rooms/database.py",
        "with consistent_read(), _bounded(seconds):",
        "with consistent_read():",
        f"{_INDEX} broken_off_and_says_so",
    ),
    Mutant(
        "a search is one request of 600",
        "rooms/search.py",
        '    limits.spend("CHATLAB_RATE_SEARCHES", visitor.name, "searches")\n',
        "",
        f"{_INDEX} rate_of_their_own",
    ),
    Mutant(
        "the index decides whose messages are shown",
        "rooms/search.py",
        "messages = Message.objects.filter(room__in=list(rooms))",
        "messages = Message.objects.all()",
        f"{_INDEX} rooms_decide",
    ),
    Mutant(
        "the whole site is looked through for each",
        "rooms/log/index.py",
        "+ [anywhere, *span]",
        "+ [*span]",
        f"{_INDEX} not_in_a_room",
    ),
    Mutant(
        "texts are read through",
        "rooms/search.py",
        "if not entries or not index.is_kept():",
        "if True:",
        f"{_INDEX} not_read_through",
    ),
    Mutant(
        "what was said before is numbered as if it were new",
        "rooms/log/index.py",
        "            add(rows, range(lowest - 1, lowest - 1 - len(rows), -1))\n",
        "            add(rows)\n",
        f"{_INDEX} indexed_in_batches",
    ),
    Mutant(
        "a text has entries without end",
        "rooms/words.py",
        "    return list(found)[:MOST]\n",
        "    return list(found)\n",
        f"{_INDEX} so_many_entries",
    ),
]
