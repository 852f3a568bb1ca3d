"""Sockets and the worker's channel: translate frames and events to verbs, and send. No decisions about rooms."""

from .door import NoRoomConsumer
from .generation import GenerationConsumer
from .link import LinkConsumer
from .room import RoomConsumer

__all__ = ["GenerationConsumer", "LinkConsumer", "NoRoomConsumer", "RoomConsumer"]
