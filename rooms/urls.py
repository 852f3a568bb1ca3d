"""Pages and the HTTP API."""

from django.contrib.auth import views as auth
from django.urls import path

from . import api, converters, views  # noqa: F401  `id` in paths

urlpatterns = [
    path("", views.index, name="index"),
    path("rooms/", views.create, name="room_create"),
    path("rooms/<id:room_id>/", views.room, name="room"),
    path("rooms/<id:room_id>/join/", views.join, name="room_join"),
    path("rooms/<id:room_id>/messages/", views.post, name="room_post"),
    path("demo/sync/", views.sync_demo, name="sync_demo"),
    path("login/", auth.LoginView.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("api/rooms", api.rooms),
    path("api/rooms/<id:room_id>", api.room),
    path("api/rooms/<id:room_id>/members", api.members),
    path("api/rooms/<id:room_id>/messages", api.messages),
    path("api/rooms/<id:room_id>/deltas", api.deltas),
    path("api/rooms/<id:room_id>/messages/<id:message_id>/stop", api.stop),
    path("api/rooms/<id:room_id>/messages/<id:message_id>/retry", api.retry),
    path("api/rooms/<id:room_id>/messages/<id:message_id>/continue", api.continue_answer),
    path("api/<path:rest>", api.nothing),
]
