"""Sockets and the worker's channel: translate frames and events to verbs, and send. No decisions about rooms."""

from .generation import GenerationConsumer
from .handshake import NoRoomConsumer
from .link import LinkConsumer
from .room import RoomConsumer

__all__ = ["GenerationConsumer", "LinkConsumer", "NoRoomConsumer", "RoomConsumer"]
