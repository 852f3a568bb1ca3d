"""The sources of model text, behind one small contract. The only place that knows the OpenAI SDK.

A provider's `stream` yields TextDelta as text arrives and one Ended where the source said how it ended. Where it never
says so, the stream simply stops; what that means is decided by `rooms.generation`.
"""

from __future__ import annotations

from django.conf import settings

from .base import Ended, Opened, Provider, ProviderError, Request, TextDelta

__all__ = [
    "Ended",
    "Opened",
    "Provider",
    "ProviderError",
    "Request",
    "TextDelta",
    "describe",
    "open_provider",
    "preload",
]

DEMO_MODEL = "demo-model"


def open_provider() -> Provider:
    """The configured provider, for the running event loop. Building one costs about 90 ms: keep it, close it at the
    end.
    """
    from . import responses

    if settings.CHATLAB_PROVIDER == "demo":
        from .demo import demo_client

        return responses.ResponsesProvider(demo_client())
    return responses.ResponsesProvider(responses.openai_client())


def preload() -> None:
    """Import the SDK; callable from any thread."""
    from . import demo, responses  # noqa: F401


def describe() -> dict:
    """Which model answers, for the page: {name, demo, label}."""
    demo = settings.CHATLAB_PROVIDER == "demo"
    name = settings.CHATLAB_MODEL or (DEMO_MODEL if demo else "")
    return {"name": name, "demo": demo, "label": "Offline demo model" if demo else name}
