"""The admin's promises: it shows the log, links all of it, changes none of it, and its pages stay bounded."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rooms.admin.base import CappedPaginator
from rooms.admin.delta import DeltaAdmin
from rooms.admin.integrity import findings
from rooms.models import Delta, Generation, Link, Member, Message, Room, Token
from rooms.text import digest

pytestmark = pytest.mark.django_db

MODELS = (Room, Member, Token, Link, Message, Generation, Delta)
READ_ONLY = (Room, Member, Message, Generation, Delta)
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>\u202e'
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def conversation(questions: int = 1, pieces: tuple[str, ...] = ("Hello ", "wörld 🎉"), name: str = "Ada") -> Room:
    """A room with so many questions, each answered by `pieces`; rows as the log would leave them."""
    room = Room.objects.create(title=f"A room of {name}")
    member = Member.objects.create(room=room, guest=f"secret-{room.pk}", name=name)
    Token.objects.create(member=member, digest=f"{room.pk:0>64}")
    Link.objects.create(room=room, member=member, digest=f"{room.pk:1>64}")
    parent, deltas = None, []

    def delta(kind: str, message: Message, payload: dict, running: str = "") -> None:
        seq = len(deltas) + 1
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        deltas.append(
            Delta(room=room, seq=seq, kind=kind, message=message, payload=body, digest=running, chain="0" * 16, at=AT)
        )

    def message(role: str, text: str = "") -> Message:
        seq = len(deltas) + 1
        row = Message.objects.create(
            room=room, role=role, member=member, parent=parent, opened_seq=seq, seq=seq, text_seq=seq,
            digest=digest(text), text=text, created_at=AT + timedelta(seconds=seq),
        )  # fmt: skip
        body = {"id": row.pk, "role": role, "text": text, "digest": row.digest, "status": "complete", "parent": None}
        delta("opened", row, {"message": body})
        return row

    for _ in range(questions):
        parent = message("user", f"Question by {name}?")
        answer = message("assistant")
        running, text = answer.digest, ""
        for piece in pieces:
            text, running = text + piece, digest(piece, running)
            delta("appended", answer, {"message": answer.pk, "text": piece, "part": "text"}, running)
        delta("closed", answer, {"message": answer.pk, "status": "complete", "digest": running})
        Message.objects.filter(pk=answer.pk).update(text=text, digest=running, text_seq=len(deltas), seq=len(deltas))
        Generation.objects.create(
            message=answer, room=room, status="complete", model="demo", queued_at=AT,
            started_at=AT + timedelta(seconds=1), closed_at=AT + timedelta(seconds=4), lease_until=AT,
        )  # fmt: skip
        parent = answer
    Delta.objects.bulk_create(deltas)
    Room.objects.filter(pk=room.pk).update(head=len(deltas))
    room.refresh_from_db()
    return room


def list_url(model: type) -> str:
    return reverse(f"admin:rooms_{model._meta.model_name}_changelist")


def page_url(row: object, action: str = "change") -> str:
    return reverse(f"admin:rooms_{row._meta.model_name}_{action}", args=[quote(row.pk)])


def html(client: Client, url: str, **query: str) -> str:
    response = client.get(url, query)
    assert response.status_code == 200, url
    return response.content.decode()


# -- bounded ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_list_takes_the_same_few_queries_however_many_rows(admin_client: Client, model: type) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            html(admin_client, list_url(model))
        return len(captured)

    conversation()
    few = queries()
    for number in range(12):
        conversation(questions=3, name=f"Person {number}")
    assert queries() == few
    assert few <= 6


@pytest.mark.parametrize("model", MODELS)
def test_a_page_takes_few_queries(admin_client: Client, model: type) -> None:
    conversation(questions=30, pieces=("piece ",) * 30)
    row = model.objects.order_by("pk").last()
    with CaptureQueriesContext(connection) as captured:
        html(admin_client, page_url(row))
    assert len(captured) <= 16


def test_counts_end_at_a_cap(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CappedPaginator, "CAP", 60)
    conversation(questions=20)
    shown = html(admin_client, list_url(Delta))
    assert "the first 60 of more deltas" in shown
    assert "?p=2" in shown
    assert "?p=3" not in shown


def test_the_list_of_deltas_counts_and_orders_along_indexes(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeltaAdmin, "list_per_page", 2)
    room = conversation()
    answer = room.messages.get(role="assistant")
    for query in ({}, {"room__id__exact": room.pk}, {"message__id__exact": answer.pk}):
        with CaptureQueriesContext(connection) as captured:
            html(admin_client, list_url(Delta), **query)
        for executed in captured.captured_queries:
            sql = executed["sql"]
            if '"rooms_delta"' in sql:
                assert "LIMIT" in sql, "every look at the deltas has an end"
                if connection.vendor == "sqlite":
                    with connection.cursor() as cursor:
                        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
                    assert "TEMP B-TREE" not in plan, (sql, plan)


def test_no_list_offers_a_filter_of_all_rooms(admin_client: Client) -> None:
    conversation(name="Zaphod")
    conversation(name="Arthur")  # a filter with one choice would not be offered
    for model in (Member, Token, Link, Message, Generation, Delta):
        sidebar = html(admin_client, list_url(model)).partition('id="changelist-filter"')[2]
        assert "A room of Zaphod" not in sidebar


# -- read-only -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", READ_ONLY)
def test_nothing_of_the_log_is_changed_here(admin_client: Client, model: type) -> None:
    conversation()
    row = model.objects.first()
    before = list(model.objects.order_by("pk").values())
    assert admin_client.get(reverse(f"admin:rooms_{model._meta.model_name}_add")).status_code == 403
    assert admin_client.post(page_url(row), {"title": "changed", "name": "changed", "text": "x"}).status_code == 403
    assert admin_client.post(page_url(row, "delete"), {"post": "yes"}).status_code == 403
    admin_client.post(list_url(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert list(model.objects.order_by("pk").values()) == before
    shown = html(admin_client, page_url(row))
    assert 'name="_save"' not in shown
    assert not re.search(r"<(input|textarea|select)[^>]+name=\"(title|name|text|payload|status)\"", shown)


def test_deleting_a_user_keeps_what_they_said(admin_client: Client, django_user_model: type) -> None:
    room = conversation()
    user = django_user_model.objects.create_user("grace")
    Member.objects.filter(room=room).update(user=user, guest=None)
    before = room.messages.count(), room.deltas.count()
    assert admin_client.post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"}).status_code == 302
    assert not django_user_model.objects.filter(pk=user.pk).exists()
    assert (room.messages.count(), room.deltas.count()) == before
    assert "account deleted" in html(admin_client, page_url(room.members.get()))


@pytest.mark.parametrize("model", [Token, Link])
def test_deleting_a_token_or_a_link_revokes_it(admin_client: Client, model: type) -> None:
    conversation()
    assert admin_client.post(page_url(model.objects.get(), "delete"), {"post": "yes"}).status_code == 302
    assert not model.objects.exists()


@pytest.mark.parametrize("model", MODELS)
def test_only_staff_with_the_permission_look(client: Client, django_user_model: type, model: type) -> None:
    row = [conversation(), model.objects.first()][1]
    urls = (list_url(model), page_url(row))
    assert [client.get(url).status_code for url in urls] == [302, 302]
    staff = django_user_model.objects.create_user("staff", is_staff=True)
    client.force_login(staff)
    assert [client.get(url).status_code for url in urls] == [403, 403]
    staff.user_permissions.add(Permission.objects.get(codename=f"view_{model._meta.model_name}"))
    assert [client.get(url).status_code for url in urls] == [200, 200]


def test_no_page_shows_what_would_let_somebody_in(admin_client: Client) -> None:
    room = conversation()
    token, link = Token.objects.get(), Link.objects.get()
    for row in (room, room.members.get(), token, link):
        for shown in (html(admin_client, page_url(row)), html(admin_client, list_url(type(row)))):
            assert room.members.get().guest not in shown
            assert token.digest not in shown and link.digest not in shown


# -- links -----------------------------------------------------------------------------------------------------------


def test_everything_links_to_everything(admin_client: Client) -> None:
    room = conversation(questions=2)
    member = room.members.get()
    question, answer = room.messages.order_by("opened_seq")[:2]
    generation = answer.generation
    piece = answer.deltas.filter(kind="appended").first()

    def narrowed(model: type, name: str, value: str) -> str:
        return f'href="{list_url(model)}?{name}__id__exact={value}"'

    def to(row: object) -> str:
        return f'href="{page_url(row)}'

    links = {
        room: [narrowed(model, "room", room.pk) for model in (Member, Link, Message, Generation, Delta)] + [to(answer)],
        member: [to(room), narrowed(Token, "member", member.pk)],
        question: [to(room), to(member), to(answer), narrowed(Delta, "message", question.pk)],
        answer: [to(room), to(question), to(generation), narrowed(Delta, "message", answer.pk)],
        generation: [to(answer), to(room), narrowed(Delta, "message", answer.pk)],
        piece: [to(answer), to(room)],
    }
    for row, expected in links.items():
        shown = html(admin_client, page_url(row))
        for href in expected:
            assert href in shown, (row, href)
    for model in (Member, Message, Generation, Delta):
        shown = html(admin_client, list_url(model), room__id__exact=room.pk)
        assert to(room) in shown, model


def test_view_on_site_leads_to_the_room(admin_client: Client) -> None:
    room = conversation()
    answer = room.messages.get(role="assistant")
    for row in (room, room.members.get(), answer, answer.generation, answer.deltas.first()):
        shown = html(admin_client, page_url(row))
        href = re.search(r'href="([^"]+)" class="viewsitelink"', shown)
        assert href, row
        target = href[1]
        if "/r/" in target:
            target = admin_client.get(target).headers["Location"]
        assert room.get_absolute_url() in target


@pytest.mark.parametrize("by", ["id", "room"])
def test_searches_find_by_id(admin_client: Client, by: str) -> None:
    room, other = conversation(), conversation(name="Bob")
    answer = room.messages.get(role="assistant")
    term = answer.pk if by == "id" else room.pk
    for model in (Message, Generation, *([Delta] if by == "id" else [Room, Member])):
        shown = html(admin_client, list_url(model), q=term)
        assert page_url(room) in shown, model
        assert page_url(other) not in shown, model


# -- content ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_text_is_always_escaped(admin_client: Client, model: type) -> None:
    room = conversation(pieces=(HOSTILE, "end"), name=HOSTILE[:60])
    Room.objects.update(title=HOSTILE)
    Message.objects.update(text=HOSTILE, reasoning=HOSTILE)
    Generation.objects.update(failure_detail=HOSTILE, error=HOSTILE, model=HOSTILE)
    rows = [room, *model.objects.all()]
    for shown in [html(admin_client, list_url(model)), *(html(admin_client, page_url(row)) for row in rows)]:
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown


def test_a_message_shows_whether_its_text_is_what_its_deltas_say(admin_client: Client) -> None:
    room = conversation(pieces=("a", "🎉", "\u202eb"))
    answer = room.messages.get(role="assistant")
    assert all(finding.holds for finding in findings(answer))
    assert len(findings(answer)) == 4
    shown = html(admin_client, page_url(answer))
    assert "✓" in shown
    assert "✗" not in shown
    Message.objects.filter(pk=answer.pk).update(text="a🎉c")
    shown = html(admin_client, page_url(answer))
    assert "✗" in shown
    assert "and they differ" in shown


def test_a_question_agrees_with_the_delta_that_opened_it() -> None:
    question = conversation().messages.get(role="user")
    assert all(finding.holds for finding in findings(question))
    question.text += "!"
    assert [finding.holds for finding in findings(question)] == [False, True, False]


def test_a_streaming_answer_is_compared_up_to_its_checkpoint() -> None:
    answer = conversation(pieces=("one ", "two ", "three")).messages.get(role="assistant")
    second = answer.deltas.filter(kind="appended").order_by("seq")[1]
    answer.text, answer.text_seq, answer.digest = "one two ", second.seq, second.digest
    assert all(finding.holds for finding in findings(answer))


def test_below_the_floor_only_the_digest_is_compared() -> None:
    answer = conversation().messages.get(role="assistant")
    answer.room.floor = answer.opened_seq + 1
    assert [finding.holds for finding in findings(answer)] == [True, True]
    answer.text = "something else"
    assert [finding.holds for finding in findings(answer)] == [True, False]


def test_a_generation_shows_its_lease_and_its_times(admin_client: Client) -> None:
    generation = conversation().messages.get(role="assistant").generation
    shown = html(admin_client, page_url(generation))
    assert "1.00 s" in shown
    assert "3.00 s" in shown
    Generation.objects.update(status="streaming", closed_at=None, holder="worker-7", fence=3)
    shown = html(admin_client, page_url(generation))
    assert "worker-7" in shown
    assert "expired" in shown
