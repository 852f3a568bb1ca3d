"""The sources of model text, behind one small contract. The only place that knows the OpenAI SDK.

A provider's `stream` yields TextDelta as text arrives and one Ended where the source said how it ended. Where it never
says so, the stream simply stops; what that means is decided by `rooms.generation`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from django.conf import settings
from django.utils.translation import gettext as _

from .addresses import fault_of
from .base import Ended, Opened, Provider, ProviderError, Request, Resume, TextDelta
from .lines import WRONG_ADDRESS

logger = logging.getLogger(__name__)

__all__ = [
    "Ended",
    "Opened",
    "Provider",
    "ProviderError",
    "Request",
    "Resume",
    "TextDelta",
    "describe",
    "fault_of",
    "open_provider",
    "preload",
]

DEMO_MODEL = "demo-model"


def open_provider() -> Provider:
    """The configured provider, for the running event loop. Building one costs about 90 ms: keep it, close it at the
    end.
    """
    from . import chat, demo, responses, transport

    fault = fault_of(settings.OPENAI_BASE_URL)
    if settings.CHATLAB_PROVIDER == "demo":
        return responses.ResponsesProvider(demo.demo_client(), background=True)
    if fault is not None and fault.certain:
        return Misaddressed(f"OPENAI_BASE_URL {fault.what}; perhaps it should be {fault.better}")
    client = transport.make_client(api_key=settings.OPENAI_API_KEY or "none", base_url=settings.OPENAI_BASE_URL or None)
    if settings.OPENAI_API == "chat":
        return chat.ChatProvider(client)
    return responses.ResponsesProvider(client, background=settings.OPENAI_BACKGROUND)


class Misaddressed:
    """Where the configured address can lead nowhere, each answer says so. `manage.py check` does before."""

    background = False

    def __init__(self, fault: str):
        logger.error(fault)
        self._fault = fault

    async def stream(self, request: Request) -> AsyncIterator[Opened | TextDelta | Ended]:
        raise ProviderError(*WRONG_ADDRESS, self._fault)
        yield

    async def cancel(self, response_id: str) -> None:
        """Nothing was begun."""

    async def close(self) -> None:
        """Nothing is open."""


def preload() -> None:
    """Import the SDK; callable from any thread."""
    from . import chat, demo, responses  # noqa: F401


def models() -> list[str]:
    """What a room or a question may name; the first is the default."""
    default = settings.CHATLAB_MODEL or (DEMO_MODEL if settings.CHATLAB_PROVIDER == "demo" else "")
    return list(dict.fromkeys([default, *settings.CHATLAB_MODELS]))


def describe() -> dict:
    """Which model answers, for the page: {name, demo, label, choices}."""
    demo = settings.CHATLAB_PROVIDER == "demo"
    choices = models()
    label = _("Offline demo model") if demo else choices[0]
    return {"name": choices[0], "demo": demo, "label": label, "choices": choices}
