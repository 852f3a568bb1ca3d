"""Each check of the drill bites: in a history that keeps every promise one is broken, and that one is found."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from rooms.drill.faults import CALM_AFTER, CALM_BEFORE, STORES, WEBS, WORKERS, plan
from rooms.drill.history import checksum
from rooms.drill.promises import EFFECTS, findings
from rooms.drill.record import Record
from rooms.drill.report import Report
from rooms.text import digest

ROOM, CLOCK = "room", 1_000_000.0
TABS = ("tab 1", "tab 2")
CLOSE = 40.0  # when the last answer ends


def at(seconds: float) -> str:
    return datetime.fromtimestamp(CLOCK + seconds, UTC).isoformat(timespec="milliseconds")


def message(id: str, role: str, text: str, parent: str | None, client_id: str | None) -> dict:
    status = "complete" if role == "user" else "queued"
    said = {"id": id, "role": role, "text": text, "status": status, "digest": digest(text), "parent": parent}
    return said | ({"client_id": client_id} if client_id else {})


def items() -> list[dict]:
    """Two questions and their answers; the second answer is long."""
    return [
        {"kind": "opened", "at": at(1), "message": message("q1", "user", "One?", None, "client-1")},
        {"kind": "opened", "at": at(1), "message": message("a1", "assistant", "", "q1", None)},
        {"kind": "started", "at": at(2), "message": "a1", "model": "demo-model"},
        {"kind": "appended", "at": at(3), "message": "a1", "part": "text", "text": "Yes, "},
        {"kind": "opened", "at": at(4), "message": message("q2", "user", "Two?", "a1", "client-2")},
        {"kind": "opened", "at": at(4), "message": message("a2", "assistant", "", "q2", None)},
        {"kind": "appended", "at": at(5), "message": "a1", "part": "text", "text": "one."},
        {"kind": "closed", "at": at(6), "message": "a1", "status": "complete", "digest": digest("Yes, one.")},
        {"kind": "started", "at": at(20), "message": "a2", "model": "demo-model"},
        {"kind": "closed", "at": at(CLOSE), "message": "a2", "status": "stopped", "digest": "00000000"},
    ]


SHOWN = {"a1": ("complete", "Yes, one."), "a2": ("stopped", ""), "q1": ("complete", "One?"), "q2": ("complete", "Two?")}


def healthy() -> list[dict]:
    """What a drill writes down, in its order of time; made by hand, so that one can say what is wrong with another."""
    log = [{"seq": seq, **item} for seq, item in enumerate(items(), 1)]
    entries = [
        entry(0, "drill", "info", "start", clock=CLOCK, faults=["kill a worker"], options=OPTIONS),
        entry(0, "reader", "ok", "log", room=ROOM, cursor="0.c0", items=[]),
        *(entry(0, tab, "ok", "view", room=ROOM, cursor="0.c0", messages=[], replaced=True) for tab in TABS),
        *(entry(0.1, tab, "info", "level") for tab in TABS),
        *asked("tab 1", 0.9, "client-1", "One?", "q1", 1),
        *asked("tab 2", 3.9, "client-2", "Two?", "q2", 5),
        entry(4.2, "tab 2", "invoke", "repeat", room=ROOM, client_id="client-2"),
        entry(4.3, "tab 2", "ok", "repeat", room=ROOM, client_id="client-2", message="q2", seq=5),
        entry(4.5, "tab 2", "invoke", "stop", room=ROOM, message="a2"),
        entry(21, "nemesis", "invoke", "kill a worker", target="worker 1"),
        entry(22, "nemesis", "ok", "kill a worker", target="worker 1"),
        entry(50, "drill", "info", "quiet", heads={ROOM: len(log)}),
        entry(51, "reader", "ok", "log", room=ROOM, cursor=f"{len(log)}.c{len(log)}", items=log),
        *(final(tab, len(log)) for tab in TABS),
        entry(52, "reader", "ok", "messages", room=ROOM, cursor="x", oldest=True, messages=stored()),
    ]
    entries += [read(tab, item, item_at + 0.05) for tab in TABS for item, item_at in timed(log)]
    entries.append(entry(CLOSE + 0.1, "tab 2", "ok", "stop", room=ROOM, message="a2"))
    entries += [entry(45, "tab 2", "info", f) for f in ("cut", "lost", "plugged", "level", "asleep", "awake")]
    return sorted(entries, key=lambda entry: entry["time"])


OPTIONS = {"seed": 1, "tabs": 2, "rooms": 1, "sends": 2, "answers": 0.5, "room": ""}


def entry(time: float, process: str, type: str, f: str, **value: object) -> dict:
    return {"time": time, "process": process, "type": type, "f": f, **value}


def asked(tab: str, time: float, client_id: str, text: str, id: str, seq: int) -> list[dict]:
    return [
        entry(time, tab, "invoke", "post", room=ROOM, client_id=client_id, digest=digest(text)),
        entry(time + 0.2, tab, "ok", "post", room=ROOM, client_id=client_id, message=id, seq=seq, sends=2),
    ]


def timed(log: list[dict]) -> Iterator[tuple[dict, float]]:
    return ((item, datetime.fromisoformat(item["at"]).timestamp() - CLOCK) for item in log)


def read(tab: str, item: dict, time: float) -> dict:
    seq = item["seq"]
    seen = [[seq, checksum(item), time - 0.05]]
    return entry(time, tab, "ok", "read", room=ROOM, cursor=f"{seq}.c{seq}", items=seen)


def final(tab: str, seq: int) -> dict:
    shown = [[id, status, digest(text)] for id, (status, text) in SHOWN.items()]
    return entry(51.5, tab, "ok", "view", room=ROOM, cursor=f"{seq}.c{seq}", messages=shown, final=True)


def stored() -> list[list]:
    of = {item["message"]["id"]: item["message"] for item in items() if item["kind"] == "opened"}
    return [
        [id, of[id].get("client_id"), of[id]["parent"], status, digest(text), digest(text)]
        for id, (status, text) in SHOWN.items()
    ]


def broken(entries: list[dict]) -> dict[str, list[str]]:
    return {found.promise: found.broken for found in findings(Record(entries)) if found.broken}


def all_of(entries: list[dict], f: str, type: str = "ok", process: str = "") -> list[dict]:
    return [e for e in entries if (e["f"], e["type"]) == (f, type) and e["process"].startswith(process)]


def the_log(entries: list[dict]) -> list[dict]:
    return all_of(entries, "log")[-1]["items"]


# -- what is done to the history, and which promise must be found broken -----------------------------------------------


def lost_from_the_log(entries):
    the_log(entries)[4]["message"]["client_id"] = "client-9"


def lost_from_the_room(entries):
    pages = all_of(entries, "messages")[0]["messages"]
    pages.remove(next(stored for stored in pages if stored[0] == "q2"))


def acknowledged_elsewhere(entries):
    all_of(entries, "post")[1]["seq"] = 7


def doubled(entries):
    the_log(entries)[4]["message"]["client_id"] = "client-1"


def answered_twice(entries):
    the_log(entries)[5]["message"]["parent"] = "q1"


def another_receipt_for_a_repetition(entries):
    all_of(entries, "repeat")[0]["message"] = "q1"


def stored_twice(entries):
    pages = all_of(entries, "messages")[0]["messages"]
    pages.append(pages[0])


def written_though_refused(entries):
    all_of(entries, "post")[0]["type"] = "fail"


def written_though_nobody_asked(entries):
    entries[:] = [e for e in entries if e.get("client_id") != "client-2"]


def reordered(entries):
    first, second = all_of(entries, "post")
    first["seq"], second["seq"] = second["seq"], first["seq"]


def gap_in_the_log(entries):
    del the_log(entries)[3]


def gap_in_a_tab(entries):
    entries.remove(all_of(entries, "read", process="tab 1")[3])


def tab_that_went_back(entries):
    reads = all_of(entries, "read", process="tab 1")
    entries.insert(entries.index(reads[-1]) + 1, reads[-2])


def log_that_ends_too_soon(entries):
    all_of(entries, "quiet", "info")[0]["heads"][ROOM] += 1


def two_tabs_that_differ(entries):
    all_of(entries, "read", process="tab 1")[3]["items"][0][1] ^= 1


def all_tabs_saw_what_is_not_there(entries):
    for seen in all_of(entries, "read", process="tab"):
        if seen["items"][0][0] == 4:
            seen["items"][0][1] ^= 1


def another_history(entries):
    all_of(entries, "read", process="tab 2")[3]["cursor"] = "4.other"


def second_end(entries):
    the_log(entries)[8] = {**the_log(entries)[7], "seq": 9}


def text_after_the_end(entries):
    the_log(entries)[8] = {**the_log(entries)[6], "seq": 9}


def no_end(entries):
    the_log(entries)[9]["kind"] = "unknown"


def strange_end(entries):
    the_log(entries)[9]["status"] = "over"


def never_answered(entries):
    the_log(entries)[5]["message"]["role"] = "user"


def wrong_digest_at_the_end(entries):
    the_log(entries)[7]["digest"] = digest("Yes, two.")


def wrong_text_in_a_tab(entries):
    all_of(entries, "view", process="tab 1")[-1]["messages"][0][2] = digest("Yes, no.")


def wrong_text_in_the_database(entries):
    all_of(entries, "messages")[0]["messages"][0][4] = digest("Yes, no.")


def wrong_status_in_a_tab(entries):
    all_of(entries, "view", process="tab 1")[-1]["messages"][0][1] = "streaming"


def another_question(entries):
    all_of(entries, "post", "invoke")[0]["digest"] = digest("What?")


def not_level_in_the_end(entries):
    view = all_of(entries, "view", process="tab 1")[-1]
    view["cursor"] = "9.c9"


def not_there_in_the_end(entries):
    entries.remove(all_of(entries, "view", process="tab 1")[-1])


def stale(entries):
    for seen in all_of(entries, "read", process="tab 1"):
        seen["items"][0][2] -= 1.2


def slow_stop(entries):
    all_of(entries, "stop", "invoke")[0]["time"] = 38.0
    entries.sort(key=lambda e: e["time"])


def stands_still(entries):
    the_log(entries)[9]["at"] = at(42)


def complaint(entries):
    entries.append(entry(60, "tab 1", "info", "complain", what="digest of a1"))


def traceback(entries):
    entries.append(entry(60, "nemesis", "info", "alarm", target="worker 1", lines="Traceback"))


def verify_finds_something(entries):
    entries.append(entry(60, "nemesis", "info", "verified", found="the chain breaks at 3"))


def process_that_died(entries):
    entries.append(entry(60, "nemesis", "info", "died", target="worker 1"))


def nothing_asked(entries):
    entries[:] = [e for e in entries if e["f"] in ("start", "quiet")]


def no_answer_complete(entries):
    the_log(entries)[7]["status"] = "stopped"


DOCTORED = {
    "acknowledged, and there": (lost_from_the_log, lost_from_the_room, acknowledged_elsewhere),
    "sent again, and there once": (doubled, answered_twice, another_receipt_for_a_repetition, stored_twice),
    "refused or never asked, and not there": (written_though_refused, written_though_nobody_asked),
    "one order, the order of receipts": (reordered,),
    "no gap, in the log or in a tab": (gap_in_the_log, gap_in_a_tab, tab_that_went_back, log_that_ends_too_soon),
    "every tab saw the log, delta for delta": (
        two_tabs_that_differ,
        all_tabs_saw_what_is_not_there,
        another_history,
    ),
    "each answer ended, once": (second_end, text_after_the_end, no_end, strange_end, never_answered),
    "every text is its deltas, in every tab": (
        wrong_digest_at_the_end,
        wrong_text_in_a_tab,
        wrong_text_in_the_database,
        wrong_status_in_a_tab,
        another_question,
    ),
    "every tab level at the end": (not_level_in_the_end, not_there_in_the_end),
    "soon there, while nothing is broken": (stale, slow_stop),
    "answers go on when a worker is gone": (stands_still,),
    "nothing to complain of, in a tab or a log": (complaint, traceback, verify_finds_something, process_that_died),
    "enough happened to prove anything": (nothing_asked, no_answer_complete),
}
CASES = [(promise, doctor) for promise, doctors in DOCTORED.items() for doctor in doctors]


def test_a_history_that_keeps_every_promise_is_found_to_keep_it() -> None:
    entries = healthy()
    assert broken(entries) == {}
    assert {found.promise for found in findings(Record(entries))} == set(DOCTORED), "each promise is doctored below"
    assert all(found.checked for found in findings(Record(entries))), "each of them looked at something"


@pytest.mark.parametrize(("promise", "doctor"), CASES, ids=[doctor.__name__ for _, doctor in CASES])
def test_a_doctored_history_is_found_out(promise: str, doctor: Callable[[list[dict]], None]) -> None:
    entries = copy.deepcopy(healthy())
    doctor(entries)
    found = broken(entries)
    assert promise in found, found
    report = Report(Record(entries))
    assert not report.json()["ok"] and any(line.startswith("BROKEN") for line in report.lines())


@pytest.mark.parametrize("effect", [*EFFECTS, "kill a worker"])
def test_a_drill_in_which_nothing_of_a_kind_happened_proves_nothing(effect: str) -> None:
    record = Record(healthy())
    del record.effects[effect]
    (found,) = (found for found in findings(record) if found.broken)
    assert found.promise == "enough happened to prove anything" and effect in found.broken[0]


def test_the_plan_of_faults_is_that_of_its_seed_and_leaves_none_out() -> None:
    for kinds in (WEBS, WORKERS, STORES):
        planned = plan(kinds, "7", 120)
        assert planned == plan(kinds, "7", 120) != plan(kinds, "8", 120)
        assert {each.kind for each in planned} == set(kinds), "two minutes are enough for each of them"
        assert all(each.at >= CALM_BEFORE and each.at + each.lasts <= 120 - CALM_AFTER for each in planned)
        apart = [later.at - each.at for each, later in itertools.pairwise(planned)]
        assert min(apart) >= 3 and len(plan(kinds, "7", 1200)) < 8 * len(planned)


def test_what_was_never_heard_of_again_may_be_there_or_not() -> None:
    entries = [e for e in healthy() if not (e["f"] == "post" and e["type"] == "ok" and e["client_id"] == "client-2")]
    entries[0]["options"] = {**OPTIONS, "sends": 1}
    assert broken(entries) == {}
    absent = entry(5, "tab 2", "invoke", "post", room=ROOM, client_id="client-3", digest=digest("Three?"))
    assert broken(sorted([*entries, absent], key=lambda e: e["time"])) == {}
    assert Report(Record([*entries, absent])).unknown == 2


@pytest.mark.parametrize("sign", [{"by": 0.0, "load": 4.0}, {"by": 0.5, "load": 0.1}])
def test_a_busy_machine_is_no_judge_of_times(sign: dict) -> None:
    entries = [*healthy(), entry(60, "drill", "info", "late", **sign)]
    assert not any(found.unjudged for found in findings(Record(entries)))
    stale(entries)
    stands_still(entries)
    found = {found.promise: found for found in findings(Record(entries))}
    for promise in ("soon there, while nothing is broken", "answers go on when a worker is gone"):
        assert "busy" in found[promise].unjudged and found[promise].broken == []
    assert any("not judged" in line for line in Report(Record(entries)).lines())


def test_what_is_late_because_of_a_fault_is_not_held_against_it() -> None:
    entries = healthy()
    entries[1:1] = [entry(0, "nemesis", "invoke", "freeze Redis", target="redis")]
    entries.append(entry(60, "nemesis", "ok", "freeze Redis", target="redis"))
    stale(entries)
    record = Record(entries)
    assert record.troubled["staleness"] and not record.healthy["staleness"]
    assert "soon there, while nothing is broken" not in broken(entries)
