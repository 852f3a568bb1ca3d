"""What answers may cost: booked before, settled after, for who asks, their address, the room and the site."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import translation
from playwright.async_api import expect

from rooms import actions, frames, log
from rooms.actions import commit_now
from rooms.bill import AGAIN, KEPT, USED_UP, subjects_of
from rooms.errors import Busy, UsedUp
from rooms.log import Writer
from rooms.models import Booking, Generation, Member, Message, Room, Usage

from . import asking
from .fakes import BESIDE, Pen, Place, busy, client_id, new_place
from .harness import pages
from .harness.tab import Refused
from .harness.upstream import Question, words

desk = asking.desk


@pytest.fixture(autouse=True)
def _english():
    """A client that was answered in German leaves it to whoever comes next on this thread."""
    with translation.override("en"):
        yield


HOME, OFFICE = "192.0.2.1", "192.0.2.2"
CONTEXT, ANSWER = 900, 100  # tokens: together 1,000


@pytest.fixture
def real(alone, settings):
    """A model that costs something answers everybody."""
    settings.CHATLAB_PROVIDER, settings.CHATLAB_MODEL, settings.CHATLAB_ACCESS = "openai", "m", "open"
    settings.CHATLAB_CONTEXT_TOKENS, settings.CHATLAB_ANSWER_TOKENS = CONTEXT, ANSWER
    return settings


def asked(place: Place, address: str = HOME, **fields: object) -> actions.Receipt:
    frame = frames.Post(fields.pop("client_id", client_id()), "Why?", **BESIDE | fields)
    return commit_now(actions.post(place.member, place.room, frame, address))


def is_refused(place: Place, address: str = HOME, error: type = UsedUp) -> bool:
    before = Message.objects.count()
    try:
        asked(place, address)
    except error:
        assert Message.objects.count() == before, "nothing is kept of it"
        return True
    return False


def begun(place: Place, receipt: actions.Receipt, tokens: int = 50) -> Pen:
    """A worker has asked the model."""
    pen = Pen.claim(place.room, receipt.answer)
    commit_now(actions.attempt(pen.job, tokens))
    return pen


def used(subject: str = "site") -> tuple[int, int, int]:
    """(answers, tokens, tokens that are booked)."""
    row = Usage.objects.filter(subject=subject).first() or Usage()
    return row.answers, row.tokens, sum(Booking.objects.filter(subject=subject).values_list("tokens", flat=True))


# -- booked, settled, given back ---------------------------------------------------------------------------------------


def test_an_answer_is_booked_while_it_is_under_way_and_costs_what_the_provider_says(real) -> None:
    place = new_place()
    pen = begun(place, asked(place))
    assert used() == used(f"room {place.room}") == (1, 0, 1_000)
    assert Booking.objects.values("subject").distinct().count() == 4
    pen.write("It is so.")
    pen.end(usage={"input": 30, "output": 7})
    assert used() == used(f"room {place.room}") == (1, 37, 0)
    assert not Booking.objects.exists()


@pytest.mark.parametrize("usage", [None, {"input": 5}, {"input": -1, "output": 2**60}])
def test_what_a_provider_does_not_say_is_estimated(real, usage) -> None:
    place = new_place()
    pen = begun(place, asked(place), 50)
    commit_now(actions.attempt(pen.job, 50))  # the first request came to nothing
    pen.write("x" * 40)
    pen.end("stopped", usage=usage)
    assert used() == (1, 50 + 50 + 10, 0)


def test_what_ends_before_it_was_asked_for_is_given_back(real) -> None:
    real.CHATLAB_DAY_ANSWERS_PERSON = 2
    place = new_place()
    queued, claimed = asked(place), asked(place)
    assert is_refused(place)
    place.stop(queued.answer)
    pen = Pen.claim(place.room, claimed.answer)
    pen.end("failed", failure_code="worker_lost", failure_detail="It went away.")
    assert used() == (0, 0, 0)
    assert not is_refused(place)


def test_a_repetition_is_not_booked_twice(real) -> None:
    place = new_place()
    first = asked(place, client_id="the-same-id")
    assert asked(place, client_id="the-same-id").answer == first.answer and used() == (1, 0, 1_000)


def test_asking_again_and_going_on_are_booked(real) -> None:
    place = new_place()
    pen = begun(place, asked(place))
    pen.write("half of ")
    pen.end("incomplete")
    commit_now(actions.retry(place.member, place.room, frames.Retry(pen.job.message, client_id())))
    commit_now(actions.continue_answer(place.member, place.room, frames.Continue(pen.job.message, client_id())))
    assert used()[0] == 3 and used()[2] == 2_000


def test_a_room_that_is_deleted_books_nothing(real) -> None:
    place = new_place()
    asked(place)
    Room.objects.update(tip=None)
    Generation.objects.all().delete()
    assert not Booking.objects.exists() and used()[2] == 0


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_what_is_booked_is_under_way_and_what_is_counted_is_what_ended(real, seed) -> None:
    """A random history against a model of it; no bound is ever passed."""
    real.CHATLAB_DAY_ANSWERS_PERSON, real.CHATLAB_DAY_TOKENS_SITE = 6, 8_500
    real.CHATLAB_UNDER_WAY_PERSON = 3
    chance = random.Random(seed)
    places = [new_place() for _ in range(3)]
    open_: list[tuple[Place, actions.Receipt, Pen | None]] = []
    answers = spent = 0
    for _ in range(60):
        what = chance.choice(["ask", "ask", "begin", "end", "stop"])
        if what == "ask":
            place = chance.choice(places)
            under_way = sum(one is place for one, _, _ in open_)
            person = Usage.objects.filter(subject=person_of(place)).first() or Usage()
            full = person.answers >= 6 or spent + 1_000 * (len(open_) + 1) > 8_500
            try:
                open_.append((place, asked(place), None))
                answers += 1
                assert under_way < 3 and not full
            except (Busy, UsedUp) as refusal:
                assert under_way >= 3 if isinstance(refusal, Busy) else full
        elif open_:
            at = chance.randrange(len(open_))
            place, receipt, pen = open_[at]
            if what == "begin":
                pen = pen or Pen.claim(place.room, receipt.answer)
                if pen is not None and not open_[at][2]:
                    commit_now(actions.attempt(pen.job, 20))
                open_[at] = (place, receipt, pen)
                continue
            del open_[at]
            if what == "end" and pen is not None:
                cost = chance.randrange(900)
                pen.end(usage={"input": cost, "output": 1})
                spent += cost + 1
            else:
                place.stop(receipt.answer)
                answers, spent = (answers - 1, spent) if pen is None else (answers, spent + 20)
        assert used() == (answers, spent, 1_000 * len(open_))
        under_way = Generation.objects.filter(status__in=Generation.OPEN)
        assert set(Booking.objects.values_list("generation", flat=True)) == set(under_way.values_list("pk", flat=True))


def person_of(place: Place) -> str:
    return subjects_of(Member.objects.get(pk=place.member), HOME)["PERSON"]


# -- bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["ANSWERS", "TOKENS"])
@pytest.mark.parametrize("kind", ["PERSON", "ADDRESS", "ROOM", "SITE"])
def test_what_may_be_asked_in_a_day_is_bounded_for_each(real, kind, what) -> None:
    setattr(real, f"CHATLAB_DAY_{what}_{kind}", 1 if what == "ANSWERS" else 1_999)
    place = new_place()
    beside, elsewhere = place.join(), new_place()
    asked(place)
    with pytest.raises(UsedUp) as refused:
        asked(place)
    assert refused.value.detail == f"{USED_UP[kind]} {AGAIN}" and 0 < refused.value.retry_after <= 86_400
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
    assert abs(refused.value.retry_after - (midnight - now).total_seconds()) < 60
    assert is_refused(beside, OFFICE) == (kind in ("ROOM", "SITE"))
    assert is_refused(elsewhere, HOME) == (kind in ("ADDRESS", "SITE"))
    Usage.objects.update(day=date(2026, 1, 1))
    Booking.objects.update(day=date(2026, 1, 1))
    assert not is_refused(place), "the next day"


@pytest.mark.parametrize("kind", ["PERSON", "ADDRESS", "SITE"])
def test_so_many_may_be_under_way_for_each_with_the_demo_model_too(alone, settings, kind) -> None:
    setattr(settings, f"CHATLAB_UNDER_WAY_{kind}", 1)
    place = new_place()
    first = asked(place)
    assert is_refused(place, error=Busy)
    assert is_refused(place.join(), OFFICE, Busy) == (kind == "SITE")
    assert is_refused(new_place(), HOME, Busy) == (kind in ("ADDRESS", "SITE"))
    Pen.claim(place.room, first.answer).end()
    Booking.objects.exclude(generation__message=first.answer).delete()
    assert not is_refused(place, error=Busy)
    assert not Usage.objects.exists(), "it costs nothing"


def test_what_a_process_of_the_version_before_has_ended_holds_no_place(alone, settings) -> None:
    settings.CHATLAB_UNDER_WAY_PERSON = 1
    place = new_place()
    asked(place)
    Generation.objects.update(status="stopped")
    assert not is_refused(place, error=Busy)


def test_a_person_is_one_in_all_rooms_and_an_account_is_no_guest(real) -> None:
    real.CHATLAB_DAY_ANSWERS_PERSON = 1
    place, other = new_place(), new_place()
    again = Place(other.room, commit_now(actions.join(place.visitor, other.room)).member.pk, place.visitor)
    asked(place, HOME)
    assert is_refused(again, OFFICE) and not is_refused(other, OFFICE)


def test_a_command_has_no_address(real) -> None:
    asked(new_place(), "")
    assert not Usage.objects.filter(subject__startswith="address").exists()


def test_neither_addresses_nor_sessions_are_stored(real) -> None:
    place = new_place()
    asked(place)
    stored = " ".join(
        [*Usage.objects.values_list("subject", flat=True), *Booking.objects.values_list("subject", flat=True)]
    )
    assert HOME not in stored and place.visitor.guest not in stored


def test_questions_of_one_batch_are_counted_together(real) -> None:
    real.CHATLAB_DAY_ANSWERS_SITE = 3
    places, writer = [new_place() for _ in range(5)], Writer(lambda batch: None)
    with busy(writer):
        questions = [
            writer.submit(actions.post(place.member, place.room, frames.Post(client_id(), "Why?"), HOME))
            for place in places
        ]
    outcomes = [type(one.exception(10) or one.result()).__name__ for one in questions]
    writer.close()
    assert outcomes == ["Receipt"] * 3 + ["UsedUp"] * 2 and used()[0] == 3


@pytest.mark.parametrize("setting", ["CHATLAB_DAY_ANSWERS_SITE", "CHATLAB_UNDER_WAY_ADDRESS"])
def test_of_two_processes_that_race_for_the_last_one_exactly_one_gets_it(real, setting) -> None:
    """Two writers, each with a thread and a connection of its own; in different rooms, so that no room's lock helps."""
    setattr(real, setting, 1)
    writers = [Writer(lambda batch: None) for _ in range(2)]
    for _ in range(8):
        places = [new_place(), new_place()]
        Usage.objects.all().delete()
        Booking.objects.all().delete()
        gate, outcomes = threading.Barrier(2), []

        def ask(writer: Writer, place: Place, gate=gate, outcomes=outcomes) -> None:
            gate.wait(10)
            frame = frames.Post(client_id(), "Why?")
            question = writer.submit(actions.post(place.member, place.room, frame, HOME))
            outcomes.append(type(question.exception(20) or question.result()).__name__)

        threads = [threading.Thread(target=ask, args=pair) for pair in zip(writers, places, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert Counter(outcomes)["Receipt"] == 1 and len(outcomes) == 2
    for writer in writers:
        writer.close()


def test_limits_that_are_off_refuse_nothing(real) -> None:
    real.CHATLAB_LIMITS, real.CHATLAB_DAY_ANSWERS_SITE, real.CHATLAB_UNDER_WAY_PERSON = False, 1, 1
    place = new_place()
    assert not any(is_refused(place) for _ in range(3)) and used()[0] == 3


def test_what_was_used_is_kept_for_a_while(real) -> None:
    today = datetime.now(UTC).date()
    Usage.objects.create(subject="site", day=today - KEPT - timedelta(days=1), answers=1)
    Usage.objects.create(subject="site", day=today - KEPT, answers=1)
    asked(new_place())
    assert set(Usage.objects.filter(subject="site").values_list("day", flat=True)) == {today, today - KEPT}


# -- what a model is shown ---------------------------------------------------------------------------------------------


def test_what_is_too_much_for_a_model_is_left_out_and_said(desk, settings) -> None:
    settings.CHATLAB_CONTEXT_TOKENS = 200
    assert "left_out" not in (desk.ask({"text": "x" * 900}).row.usage or {})
    short = desk.ask({"text": "a"})
    message = next(body for body in log.snapshot(desk.place.room)["messages"] if body["id"] == short.row.message_id)
    assert message["usage"]["left_out"] is True and short.row.usage["left_out"] is True
    (request,) = desk.requests(short)
    assert [turn["role"] for turn in request["body"]["input"]] == ["user"]


def test_of_a_beginning_that_is_too_long_a_model_is_shown_the_end(place, settings) -> None:
    settings.CHATLAB_CONTEXT_TOKENS = 10
    receipt = place.answered("So it was. " * 50)
    shown = log.context_of(receipt.answer, "ä" * 100 + "the end")
    assert [turn.role for turn in shown.turns] == ["user", "assistant"]
    assert shown.turns[-1].text.endswith("äthe end") and len(shown.turns[-1].text.encode()) <= 40


# -- doors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "What may be asked in this room today is used up. Try again in"),
        ("de", "Was heute in diesem Raum gefragt werden darf, ist verbraucht. Versuch es in"),
    ],
)
def test_every_door_says_that_it_is_used_up_and_until_when(real, language, said) -> None:
    real.CHATLAB_DAY_ANSWERS_ROOM = 1
    client = Client(headers={"Accept-Language": language})
    room = client.post("/rooms/").headers["Location"]
    assert client.post(f"{room}messages/", {"text": "Why?"}).status_code == 302
    page = client.post(f"{room}messages/", {"text": "And now?"})
    assert page.status_code == 429 and said in page.content.decode() and "And now?" in page.content.decode()
    body = json.dumps({"client_id": client_id(), "text": "Why?"})
    answer = client.post(f"/api{room}messages".rstrip("/"), body, content_type="application/json")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (429, "used_up")
    assert problem["detail"] == f"{USED_UP['ROOM']} {AGAIN}"
    assert abs(int(answer["Retry-After"]) - problem["retry_after"]) <= 1 and int(page["Retry-After"]) > 0


def test_the_admin_shows_what_is_used_and_what_is_booked(real, admin_client) -> None:
    place = new_place()
    begun(place, asked(place)).end(usage={"input": 1_234, "output": 1})
    asked(place)
    page = admin_client.get("/admin/rooms/usage/").content.decode()
    assert f"room {place.room}" in page and "1,235" in page and "1,000" in page
    assert admin_client.get("/admin/rooms/usage/add/").status_code == 403
    row = Usage.objects.get(subject="site")
    assert admin_client.get(f"/admin/rooms/usage/{row.pk}/change/").status_code == 200
    assert admin_client.post(f"/admin/rooms/usage/{row.pk}/change/", {"answers": 0}).status_code == 403


@pytest.mark.e2e
async def test_the_wire_says_that_it_is_used_up(upstream, own_server, visitor, tab):
    server = own_server(CHATLAB_LIMITS="on", CHATLAB_DAY_ANSWERS_ADDRESS="1")
    guest = visitor(server)
    here = await tab(guest, await guest.create_room())
    await here.finished(await here.post(Question({"text": words(3)})))
    question = Question({"text": words(3)})
    with pytest.raises(Refused) as refused:
        await here.post(question)
    error = refused.value.args[0]
    assert (error["code"], error["detail"]) == ("used_up", f"{USED_UP['ADDRESS']} {AGAIN}")
    assert 0 < error["retry_after"] <= 86_400 and await upstream.requests(question) == []


@pytest.mark.browser
@pytest.mark.page_only
@pytest.mark.parametrize(
    ("locale", "said"), [("en", f"{USED_UP['PERSON']} {AGAIN}"), ("de", "Um 00:00 Uhr UTC geht es weiter.")]
)
async def test_the_page_says_that_it_is_used_up_and_keeps_the_question(own_server, visitor, browser_of, locale, said):
    server = own_server(CHATLAB_LIMITS="on", CHATLAB_DAY_ANSWERS_PERSON="1")
    guest = visitor(server)
    room = await guest.create_room()
    page = await (await browser_of(guest, locale=locale)).new_page()
    await page.goto(f"{server.url}/rooms/{room}/")
    await pages.live(page)
    for text in (Question({"text": words(3)}), "And now?"):
        await page.fill("textarea[name=text]", text)
        await page.keyboard.press("Enter")
        await expect(page.locator("article[data-role=user]").last).to_contain_text(str(text)[:8])
    await expect(page.locator("article[data-pending=failed]")).to_contain_text(said)
    await expect(page.locator("article[data-pending=failed]")).to_contain_text("And now?")


# -- guests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Only people who are signed in may make or join rooms here."),
        ("de", "Nur wer angemeldet ist, kann hier Räume anlegen und betreten."),
    ],
)
def test_without_guests_only_accounts_make_and_join_rooms_and_ask(alone, settings, language, said) -> None:
    """Also with the demo model. Who was a guest before reads on."""
    guest = Client(headers={"Accept-Language": language})
    old = guest.post("/rooms/").headers["Location"]
    settings.CHATLAB_GUESTS = False
    for somebody in (guest, Client(headers={"Accept-Language": language})):
        refused = somebody.post("/rooms/")
        assert refused.status_code == 403 and said in refused.content.decode()
        assert somebody.post("/api/rooms", "{}", content_type="application/json").status_code == 403
        assert said in somebody.get("/").content.decode()
    assert said in Client(headers={"Accept-Language": language}).get(old).content.decode()
    assert guest.get(old).status_code == 200 and guest.post(f"{old}messages/", {"text": "Why?"}).status_code == 403
    guest.force_login(get_user_model().objects.create_user("ada"))
    assert guest.post(f"{old}messages/", {"text": "Why?"}).status_code == 302
    assert guest.post("/rooms/").status_code == 302 and said not in guest.get("/").content.decode()
