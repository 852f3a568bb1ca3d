"""Pages and the HTTP API."""

from django.contrib.auth import views as auth
from django.urls import path
from django.views.i18n import set_language

from . import api, converters  # noqa: F401  `id` in paths
from .views import csp, export, front, health, links, members, pages, search, sync, theme, wellknown

urlpatterns = [
    path("", pages.index, name="index"),
    path("rooms/", pages.create, name="room_create"),
    path("rooms/<id:room_id>/", pages.room, name="room"),
    path("rooms/<id:room_id>/join/", pages.join, name="room_join"),
    path("rooms/<id:room_id>/messages/", pages.post, name="room_post"),
    path("rooms/<id:room_id>/export.md", export.room, {"form": "md"}, name="room_markdown"),
    path("rooms/<id:room_id>/export.json", export.room, {"form": "json"}, name="room_json"),
    path("rooms/<id:room_id>/links/", links.of_room, name="room_links"),
    path("rooms/<id:room_id>/links/<id:link_id>/revoke/", links.revoke, name="link_revoke"),
    path("rooms/<id:room_id>/members/", members.of_room, name="room_members"),
    path("rooms/<id:room_id>/members/<id:member_id>/", members.of_member, name="room_member"),
    path("shared/<id:link_id>/", links.shared, name="link"),
    path("search/", search.page, name="search"),
    path("theme/", theme.choose, name="theme"),
    path("language/", set_language, name="set_language"),
    path("demo/sync/", sync.page, name="sync_demo"),
    path("demo/sync/<id:room_id>/kill/", sync.kill, name="sync_kill"),
    path("login/", auth.LoginView.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("robots.txt", wellknown.robots),
    *(path(name, wellknown.icon, {"name": name}) for name in wellknown.ICONS),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/rooms", api.rooms),
    path("api/rooms/<id:room_id>", api.room),
    path("api/rooms/<id:room_id>/me", api.me),
    path("api/rooms/<id:room_id>/members", api.members),
    path("api/rooms/<id:room_id>/members/<id:member_id>", api.member),
    path("api/rooms/<id:room_id>/messages", api.messages),
    path("api/rooms/<id:room_id>/deltas", api.deltas),
    path("api/rooms/<id:room_id>/messages/<id:message_id>/deltas", api.written),
    path("api/rooms/<id:room_id>/messages/<id:message_id>/stop", api.stop),
    path("api/rooms/<id:room_id>/messages/<id:message_id>/retry", api.retry),
    path("api/rooms/<id:room_id>/messages/<id:message_id>/continue", api.continue_answer),
    path("api/search", api.found),
    path("api/shared/<id:link_id>", api.shared),
    path("api/shared/<id:link_id>/messages", api.shared_messages),
    path("api/reach", front.reach),
    path("api/csp-report", csp.report, name="csp_report"),
    path("api/<path:rest>", api.nothing),
    path("ws/<path:rest>", front.no_upgrade),
]
