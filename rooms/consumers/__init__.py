"""Sockets and the worker's channel: translate frames and events to verbs, and send. No decisions about rooms."""

from .generation import GenerationConsumer
from .room import NoRoomConsumer, RoomConsumer

__all__ = ["GenerationConsumer", "NoRoomConsumer", "RoomConsumer"]
