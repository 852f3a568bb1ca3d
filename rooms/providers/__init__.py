"""The sources of model text, behind one small contract. The only place that knows the OpenAI SDK.

A provider's `stream` yields TextDelta as text arrives and one Ended where the source said how it ended. Where it never
says so, the stream simply stops; what that means is decided by `rooms.generation`.
"""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from .addresses import fault_of
from .base import Ended, Opened, Provider, ProviderError, Request, Resume, TextDelta

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
    from . import chat, demo, misaddressed, responses, transport

    if settings.CHATLAB_PROVIDER == "demo":
        return responses.ResponsesProvider(demo.demo_client(), background=True, tells_speakers=False)
    if (fault := fault_of(settings.OPENAI_BASE_URL)) is not None and fault.certain:
        return misaddressed.Misaddressed(fault)
    client = transport.make_client(api_key=settings.OPENAI_API_KEY or "none", base_url=settings.OPENAI_BASE_URL or None)
    if settings.OPENAI_API == "chat":
        return chat.ChatProvider(client)
    return responses.ResponsesProvider(client, background=settings.OPENAI_BACKGROUND)


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
