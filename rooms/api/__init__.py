"""The HTTP API (docs/protocol.md): the same verbs and bodies as on the socket.

A browser uses its session cookie and the CSRF token (or says that a page of ours has sent it), a program a member's
bearer token. Who is not a member gets the same 404 as for a room that does not exist. Errors are
`application/problem+json` (RFC 9457).
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from .. import access, actions, addresses, frames, log, rendering, search
from ..errors import BadFrame, NotFound, TooLong
from ..frames import Cursor
from ..limits import limits
from ..models import Link, Member, Room
from ..worker import worker
from .endpoint import endpoint


@endpoint("GET", "POST")
def rooms(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        found = search.newest_rooms(_visitor(request))
        return _json({"rooms": [_in_a_list(room) | {"live": room.live} for room in found]})
    title = frames.parse_title(_body(request)) or ""
    visitor = access.ensure_guest(request)
    limits.spend("CHATLAB_RATE_ROOMS", visitor.name, "new rooms")
    joined = actions.commit_now(actions.create_room(visitor, title))
    url = request.build_absolute_uri(joined.room.get_absolute_url())
    body = {"id": joined.room.pk, "url": url, "title": joined.room.title, "cursor": str(joined.cursor)}
    return JsonResponse(body, status=201)


@endpoint("POST")
def members(request: HttpRequest, room_id: str) -> HttpResponse:
    name = frames.parse_name(_body(request))
    visitor = access.ensure_guest(request)
    limits.spend("CHATLAB_RATE_JOINS", visitor.name, "attempts to join")
    joined = actions.commit_now(actions.join(visitor, room_id, name))
    if name and not visitor.token:
        access.keep_name(request, name)
    return JsonResponse({"me": _me(joined.member), "cursor": str(joined.cursor)}, status=201)


@endpoint("GET")
def me(request: HttpRequest, room_id: str) -> HttpResponse:
    """Who the caller is here, for a page that wants to know whether it may come in now."""
    return _json({"me": _me(_member(request, room_id))})


@endpoint("GET")
def found(request: HttpRequest) -> HttpResponse:
    """What a search finds in the caller's own rooms."""
    titles, excerpts = search.find(_visitor(request), request.GET.get("q", ""))
    said = [
        {
            "room": _in_a_list(excerpt.room),
            "message": excerpt.message.pk,
            "at": frames.time(excerpt.message.created_at),
            "excerpt": [excerpt.before, excerpt.found, excerpt.after],
        }
        for excerpt in excerpts
    ]
    return _json({"rooms": [_in_a_list(room) for room in titles], "messages": said})


@endpoint("GET", "PATCH")
def room(request: HttpRequest, room_id: str) -> HttpResponse:
    member = _member(request, room_id)
    if request.method == "PATCH":
        actions.commit_now(actions.change_room(member.pk, room_id, frames.parse_room(_body(request))))
    return _json(log.snapshot(room_id))


@endpoint("PATCH", "DELETE")
def member(request: HttpRequest, room_id: str, member_id: str) -> HttpResponse:
    """DELETE ends a membership: one's own by leaving, another's by removing. PATCH is about having been removed."""
    me = _member(request, room_id).pk
    if request.method == "DELETE" and member_id == me:
        change = actions.leave(me, room_id)
    elif request.method == "DELETE" or frames.parse_removed(_body(request)):
        change = actions.remove(me, room_id, member_id)
    else:
        change = actions.readmit(me, room_id, member_id)
    actions.commit_now(change)
    return JsonResponse({"member": member_id})


@endpoint("GET", "POST")
def messages(request: HttpRequest, room_id: str) -> HttpResponse:
    member = _member(request, room_id)
    if request.method == "GET":
        page, earlier = log.earlier_messages(room_id, _before(request))
        return _page(request, page, earlier)
    frame = frames.parse_post(_body(request), settings.CHATLAB_TEXT_MAX)
    return _receipt(request, actions.post(member.pk, room_id, frame, addresses.of_request(request)))


@endpoint("GET")
def deltas(request: HttpRequest, room_id: str) -> HttpResponse:
    _member(request, room_id)
    cursor = Cursor.parse(request.GET.get("after"))
    page = None
    if cursor is not None and log.find(room_id, cursor) is not None:
        page = log.page_after(room_id, cursor)
    if page is None:
        return _json({"snapshot": log.snapshot(room_id)})
    return _raw_json(frames.page(page.items, page.cursor, page.up_to_date))


@endpoint("GET")
def written(request: HttpRequest, room_id: str, message_id: str) -> HttpResponse:
    """How a message was written: its deltas, for a replay."""
    _member(request, room_id)
    after = _sequence(request.GET.get("after", "0"), "'after' is the `seq` of the last item that you have.")
    return _raw_json(frames.written(*log.written(room_id, message_id, after)))


@endpoint("POST")
def stop(request: HttpRequest, room_id: str, message_id: str) -> HttpResponse:
    member = _member(request, room_id)
    response_id = actions.commit_now(actions.stop(member.pk, room_id, message_id))
    if response_id:
        worker.cancel_upstream(response_id)
    return JsonResponse({"message": message_id}, status=202)


@endpoint("POST")
def retry(request: HttpRequest, room_id: str, message_id: str) -> HttpResponse:
    member = _member(request, room_id)
    frame = frames.parse_retry(_body(request) | {"message": message_id})
    return _receipt(request, actions.retry(member.pk, room_id, frame, addresses.of_request(request)))


@endpoint("POST")
def continue_answer(request: HttpRequest, room_id: str, message_id: str) -> HttpResponse:
    member = _member(request, room_id)
    frame = frames.parse_continue(_body(request) | {"message": message_id})
    return _receipt(request, actions.continue_answer(member.pk, room_id, frame, addresses.of_request(request)))


@endpoint("GET")
def shared(request: HttpRequest, link_id: str) -> HttpResponse:
    """The state of a room, for who has shown the token of a read-only link."""
    room_id = _link(request, link_id).room_id
    return _json(frames.snapshot_for_reader(log.snapshot(room_id), link_id, log.authors(room_id)))


@endpoint("GET")
def shared_messages(request: HttpRequest, link_id: str) -> HttpResponse:
    page, earlier = log.earlier_messages(_link(request, link_id).room_id, _before(request))
    return _page(request, frames.messages_for_reader(page), earlier)


@endpoint("GET", "POST", "PUT", "PATCH", "DELETE")
def nothing(request: HttpRequest, rest: str) -> HttpResponse:
    raise NotFound("There is nothing here.")


def _member(request: HttpRequest, room_id: str) -> Member:
    visitor = access.visitor_of_request(request)
    member = access.member_of(visitor, room_id)
    if member is None:
        raise NotFound("There is no such room.")
    limits.spend("CHATLAB_RATE_REQUESTS", visitor.name, "requests")
    return member


def _visitor(request: HttpRequest) -> access.Visitor:
    visitor = access.visitor_of_request(request)
    if visitor.known:
        limits.spend("CHATLAB_RATE_REQUESTS", visitor.name, "requests")
    return visitor


def _me(member: Member) -> dict:
    return {"id": member.pk, "name": member.name, "role": member.role}


def _in_a_list(room: Room) -> dict:
    return {
        "id": room.pk,
        "title": room.title,
        "url": room.get_absolute_url(),
        "active_at": frames.time(room.active_at),
    }


def _link(request: HttpRequest, link_id: str) -> Link:
    visitor = access.visitor_of_request(request)
    link = access.link_of(visitor, link_id)
    if link is None:
        raise NotFound("There is no such link.")
    limits.spend("CHATLAB_RATE_REQUESTS", visitor.name, "requests")
    return link


def _before(request: HttpRequest) -> int:
    return _sequence(request.GET.get("before", ""), "'before' is the 'earlier' token of a snapshot or of a page.")


def _sequence(text: str, what_it_is: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadFrame(what_it_is)
    return int(text)


def _body(request: HttpRequest) -> dict:
    """The request's JSON object; no body at all is an empty one."""
    if len(request.body) > settings.CHATLAB_FRAME_MAX:
        raise TooLong(f"A request has at most {settings.CHATLAB_FRAME_MAX:,} bytes.")
    return frames.load_object(request.body) if request.body else {}


def _receipt(request: HttpRequest, change) -> HttpResponse:
    who = access.visitor_of_request(request).name
    limits.spend("CHATLAB_RATE_POSTS", who, "messages")
    receipt = actions.commit_now(change)
    if receipt.repeated:
        limits.give_back("CHATLAB_RATE_POSTS", who)
    body = {"message": receipt.message, "answer": receipt.answer, "cursor": str(receipt.cursor)}
    return JsonResponse(body, status=200 if receipt.repeated else 201)


def _page(request: HttpRequest, messages: list[dict], earlier: str | None) -> HttpResponse:
    body = {"messages": messages, "earlier": earlier}
    if request.GET.get("rendered"):
        body |= rendering.bodies_of(messages)
    return _json(body)


def _json(body: dict) -> HttpResponse:
    return _raw_json(frames.dump(body))


def _raw_json(text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response
