"""Where sockets and worker events go."""

from django.urls import path, re_path

from . import converters  # noqa: F401  `id` in paths
from .consumers import GenerationConsumer, LinkConsumer, NoRoomConsumer, RoomConsumer

websocket_urlpatterns = [
    path("ws/rooms/<id:room>/", RoomConsumer.as_asgi()),
    path("ws/shared/<id:link>/", LinkConsumer.as_asgi()),
    re_path(r"", NoRoomConsumer.as_asgi()),
]

channel_routes = {"generations": GenerationConsumer.as_asgi()}
