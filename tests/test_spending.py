"""Who may ask a model that costs something: by each setting, at each door, and in the queue."""

from __future__ import annotations

import json
import runpy
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from playwright.async_api import expect

from rooms import actions, checks, frames, spending
from rooms.access import Visitor
from rooms.actions import commit_now
from rooms.errors import NotAllowed
from rooms.models import Generation, Member, Message

from .fakes import Pen, Place, client_id
from .harness import pages
from .harness.processes import ROOT
from .harness.tab import Refused
from .harness.upstream import Question, words

WHO = {"guest": False, "account": True}
REFUSED = "Only people who are signed in may ask the model here."


@pytest.fixture
def real(alone, settings):
    """A model that costs something answers."""
    settings.CHATLAB_PROVIDER, settings.CHATLAB_MODEL, settings.OPENAI_API_KEY = "openai", "m", "key"
    return settings


def somebody(account: bool, *, active: bool = True) -> Visitor:
    if not account:
        return Visitor(guest=client_id())
    return Visitor(user_id=get_user_model().objects.create_user(client_id(), password="x" * 12, is_active=active).pk)


def room_of(owner: Visitor) -> Place:
    joined = commit_now(actions.create_room(owner))
    return Place(joined.room.pk, joined.member.pk, owner)


def guest_of(place: Place, visitor: Visitor) -> Place:
    return Place(place.room, commit_now(actions.join(visitor, place.room)).member.pk, visitor)


def may_ask(place: Place) -> bool:
    before = Message.objects.count()
    try:
        place.post()
    except NotAllowed as refusal:
        assert refusal.code == "not_allowed" and refusal.detail in spending.REFUSALS.values()
        assert Message.objects.count() == before, "nothing is kept of it"
        return False
    return True


@pytest.mark.parametrize(
    ("setting", "owner", "who", "may"),
    [
        *(("open", owner, who, True) for owner in WHO for who in WHO),
        ("members", "guest", "guest", False),
        ("members", "guest", "account", True),
        ("members", "account", "guest", True),
        ("members", "account", "account", True),
        *(("signed-in", owner, who, who == "account") for owner in WHO for who in WHO),
    ],
)
def test_who_may_ask_by_each_setting(real, setting, owner, who, may) -> None:
    real.CHATLAB_ACCESS = setting
    place = room_of(somebody(WHO[owner]))
    assert may_ask(guest_of(place, somebody(WHO[who]))) == may
    assert may_ask(place) == (setting == "open" or WHO[owner])


@pytest.mark.parametrize("setting", ["open", "members", "signed-in"])
def test_the_demo_model_answers_everybody(alone, settings, setting) -> None:
    settings.CHATLAB_PROVIDER, settings.CHATLAB_ACCESS = "demo", setting
    assert may_ask(room_of(somebody(account=False)))


def test_an_account_that_was_switched_off_counts_no_more(real) -> None:
    real.CHATLAB_ACCESS = "members"
    owner = somebody(account=True)
    place = room_of(owner)
    guest = guest_of(place, somebody(account=False))
    assert may_ask(guest) and may_ask(place)
    get_user_model().objects.filter(pk=owner.user_id).update(is_active=False)
    assert not may_ask(guest) and not may_ask(place)


def test_an_owner_who_has_left_vouches_for_nobody(real) -> None:
    real.CHATLAB_ACCESS = "members"
    place = room_of(somebody(account=True))
    guest = guest_of(place, somebody(account=False))
    Member.objects.filter(pk=place.member).update(role=Member.Role.LEFT)
    assert not may_ask(guest)


def test_asking_again_going_on_and_editing_are_asking(real) -> None:
    real.CHATLAB_ACCESS = "open"
    place = room_of(somebody(account=False))
    pen = place.begin()
    pen.write("half of ")
    pen.end("incomplete")
    real.CHATLAB_ACCESS = "signed-in"
    ways = [
        actions.retry(place.member, place.room, frames.Retry(pen.job.message, client_id())),
        actions.continue_answer(place.member, place.room, frames.Continue(pen.job.message, client_id())),
        actions.post(place.member, place.room, frames.Post(client_id(), "Edited", None, True)),
    ]
    for way in ways:
        with pytest.raises(NotAllowed, match=REFUSED):
            commit_now(way)
    assert Generation.objects.count() == 1


def test_what_has_a_receipt_keeps_it(real) -> None:
    real.CHATLAB_ACCESS = "open"
    place = room_of(somebody(account=False))
    first = place.post(client_id="the-same-id")
    real.CHATLAB_ACCESS = "signed-in"
    assert place.post(client_id="the-same-id").answer == first.answer


def test_what_is_queued_when_its_asker_loses_the_right_is_not_asked(real) -> None:
    """And what waits for it goes on; what is being written is written to its end."""
    real.CHATLAB_ACCESS = "open"
    place = room_of(somebody(account=False))
    member = guest_of(place, somebody(account=True))
    written, refused, allowed = place.begin(), place.post(), member.post()
    real.CHATLAB_ACCESS = "signed-in"
    written.write("goes on")
    written.end()
    assert Pen.claim(place.room, refused.answer) is None
    ended = Generation.objects.get(message=refused.answer)
    assert (ended.status, ended.failure_code, ended.started_at) == ("failed", "not_allowed", None)
    assert Pen.claim(place.room, allowed.answer) is not None


# -- doors -------------------------------------------------------------------------------------------------------------


def test_the_api_says_so_and_a_bearer_token_is_worth_what_its_member_is(real) -> None:
    real.CHATLAB_ACCESS = "signed-in"
    user = get_user_model().objects.create_user("ada", password="x" * 12)
    place = room_of(somebody(account=False))
    tokens = {}
    for options in ([], ["--user", "ada"]):
        printed = StringIO()
        call_command("token", place.room, *options, stdout=printed)
        tokens[bool(options)] = printed.getvalue().strip()
    for has_account, token in tokens.items():
        answer = Client().post(
            f"/api/rooms/{place.room}/messages",
            json.dumps({"client_id": client_id(), "text": "Why?"}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )
        if has_account:
            assert answer.status_code == 201
        else:
            problem = answer.json()
            assert (answer.status_code, problem["code"], problem["detail"]) == (403, "not_allowed", REFUSED)
    assert Message.objects.filter(role="user").get().member.user == user


def test_ask_says_so_and_asks_for_an_account(real) -> None:
    real.CHATLAB_ACCESS = "signed-in"
    place = room_of(somebody(account=False))
    with pytest.raises(CommandError, match=REFUSED):
        call_command("ask", place.room, "Why?", stdout=StringIO())
    with pytest.raises(CommandError, match="no active account 'nobody'"):
        call_command("ask", place.room, "Why?", user="nobody", stdout=StringIO())
    get_user_model().objects.create_user("ada", password="x" * 12, is_active=False)
    with pytest.raises(CommandError, match="no active account 'ada'"):
        call_command("token", place.room, user="ada", stdout=StringIO())


@pytest.mark.parametrize(
    ("language", "sentence", "later"),
    [
        ("en", REFUSED, "Whoever asked for this answer may not ask the model any more."),
        (
            "de",
            "Nur wer angemeldet ist, darf hier das Modell fragen.",
            "Wer diese Antwort wollte, darf das Modell nicht mehr fragen.",
        ),
    ],
)
def test_the_page_says_it_before_one_types_and_a_form_that_is_sent_all_the_same_is_refused(
    real, language, sentence, later
) -> None:
    real.CHATLAB_ACCESS = "open"
    client = Client(headers={"Accept-Language": language})
    room = client.post("/rooms/").headers["Location"]
    assert client.post(f"{room}messages/", {"text": "Why?"}).status_code == 302
    queued = Generation.objects.get()
    real.CHATLAB_ACCESS = "signed-in"
    Pen.claim(queued.room_id, queued.message_id)
    page = client.get(room).content.decode()
    assert sentence in page and later in page and "may-not-ask" in page and f"/login/?next={room}" in page
    refused = client.post(f"{room}messages/", {"text": "And now?"})
    assert refused.status_code == 403 and sentence in refused.content.decode()


def test_a_guest_who_signs_in_may_ask_in_the_same_room(real) -> None:
    real.CHATLAB_ACCESS = "signed-in"
    get_user_model().objects.create_user("ada", password="x" * 12)
    client = Client()
    room = client.post("/rooms/").headers["Location"]
    assert client.post(f"{room}messages/", {"text": "Why?"}).status_code == 403
    signed_in = client.post("/login/", {"username": "ada", "password": "x" * 12, "next": room})
    assert signed_in.headers["Location"] == room
    assert REFUSED not in client.get(room).content.decode()
    assert client.post(f"{room}messages/", {"text": "Why?"}).status_code == 302


# -- the default, and the check ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        ({}, "open"),
        ({"OPENAI_API_KEY": "k", "DEBUG": "1"}, "open"),
        ({"OPENAI_API_KEY": "k"}, "signed-in"),
        ({"OPEN_AI_API_KEY": "k"}, "signed-in"),
        ({"OPENAI_API_KEY": "k", "CHATLAB_PROVIDER": "demo"}, "open"),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1"}, "open"),
        ({"OPENAI_API_KEY": "k", "CHATLAB_ACCESS": "members"}, "members"),
    ],
)
def test_with_a_key_and_without_debug_the_safe_one_is_the_default(monkeypatch, environment, setting) -> None:
    for name in ("OPENAI_API_KEY", "OPEN_AI_API_KEY", "OPENAI_BASE_URL", "CHATLAB_PROVIDER", "CHATLAB_ACCESS", "DEBUG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"SECRET_KEY": "s" * 50, **environment}.items():
        monkeypatch.setenv(name, value)
    assert runpy.run_path(str(ROOT / "chatlab" / "settings.py"))["CHATLAB_ACCESS"] == setting


def test_a_check_names_an_open_site_that_has_a_key(real) -> None:
    found = {}
    for access_setting in spending.ACCESS:
        for debug in (True, False):
            real.CHATLAB_ACCESS, real.DEBUG = access_setting, debug
            found[access_setting, debug] = [message.id for message in checks.spending(None)]
    assert found.pop(("open", False)) == ["rooms.W012"] and not any(found.values())
    real.CHATLAB_ACCESS, real.OPENAI_API_KEY = "open", ""
    assert list(checks.spending(None)) == []


# -- a real server -----------------------------------------------------------------------------------------------------


@pytest.mark.e2e
async def test_the_wire_says_who_may_ask_and_refuses_who_may_not(upstream, own_server, visitor, tab):
    server = own_server(CHATLAB_ACCESS="signed-in")
    guest = visitor(server)
    here = await tab(guest, await guest.create_room())
    assert here.received("welcome")[0]["me"]["may_ask"] is False
    question = Question({"text": words(3)})
    with pytest.raises(Refused) as refused:
        await here.post(question)
    assert refused.value.args[0]["code"] == "not_allowed" and refused.value.args[0]["detail"] == REFUSED
    assert await upstream.requests(question) == []


@pytest.mark.browser
@pytest.mark.page_only
async def test_a_guest_sees_who_may_ask_in_the_place_of_the_box(own_server, visitor, page_of):
    server = own_server(CHATLAB_ACCESS="signed-in")
    guest = visitor(server)
    page = await page_of(guest, await guest.create_room())
    await pages.live(page)
    await expect(page.locator("#may-not")).to_contain_text(REFUSED)
    await expect(page.locator("textarea[name=text]")).to_be_hidden()
    await expect(page.locator("#suggestions")).to_be_hidden()
