"""System checks: a configuration that would lose something says so before it starts. `manage.py check --tag rooms`.

Each message is plain and each hint can be pasted. Errors are what can't work at all; warnings what works less well than
it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.apps import AppConfig
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks

from .. import bill, providers
from .storage import TAG

__all__ = ["TAG"]

MEMORY_LAYER = "rooms.broadcast.memory.MemoryLayer"
REDIS_LAYER = "rooms.broadcast.redis.RedisLayer"


@checks.register(TAG)
def server(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    """`runserver` must be daphne's: Django's own speaks no WebSocket, and every socket would get a 404."""
    apps = list(settings.INSTALLED_APPS)
    staticfiles = "django.contrib.staticfiles"
    if "daphne" not in apps or (staticfiles in apps and apps.index("daphne") > apps.index(staticfiles)):
        yield checks.Error(
            "`daphne` is not in INSTALLED_APPS, or stands behind staticfiles: `runserver` would have no WebSockets.",
            hint='INSTALLED_APPS = ["rooms", "daphne", ...the others...]',
            id="rooms.E001",
        )
    if not getattr(settings, "ASGI_APPLICATION", None):
        yield checks.Error(
            "ASGI_APPLICATION is not set, so no server knows where the WebSockets go.",
            hint='ASGI_APPLICATION = "chatlab.asgi.application"',
            id="rooms.E002",
        )


@checks.register(TAG)
def model(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    if settings.CHATLAB_PROVIDER != "openai":
        return
    if not settings.OPENAI_API_KEY and not settings.OPENAI_BASE_URL:
        yield checks.Error(
            "CHATLAB_PROVIDER is openai, but there is neither a key nor a base URL.",
            hint="export OPENAI_API_KEY=sk-...   or, for a server of your own: "
            "export OPENAI_BASE_URL=http://localhost:11434/v1   or, without any: export CHATLAB_PROVIDER=demo",
            id="rooms.E003",
        )
    if not settings.CHATLAB_MODEL:
        yield checks.Error(
            "A real model answers, but CHATLAB_MODEL does not say which.",
            hint="export CHATLAB_MODEL=<a name that your server lists at /models>   or, without a real model: "
            "export CHATLAB_PROVIDER=demo",
            id="rooms.E004",
        )
    if settings.OPENAI_BACKGROUND and settings.OPENAI_API == "chat":
        yield checks.Warning(
            "OPENAI_BACKGROUND is on, but only the Responses API knows it: an answer would not survive its worker.",
            hint="export OPENAI_API=responses   or: unset OPENAI_BACKGROUND",
            id="rooms.W008",
        )


@checks.register(TAG)
def address(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    url = settings.OPENAI_BASE_URL
    fault = providers.fault_of(url) if settings.CHATLAB_PROVIDER == "openai" else None
    if fault is None:
        return
    hint = f"export OPENAI_BASE_URL={fault.better}"
    if fault.certain:
        yield checks.Error(f"OPENAI_BASE_URL {fault.what}: {url!r}.", hint=hint, id="rooms.E011")
    else:
        yield checks.Warning(f"OPENAI_BASE_URL {fault.what}: {url!r}.", hint=hint, id="rooms.W011")


@checks.register(TAG)
def spending(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    costs = settings.CHATLAB_PROVIDER == "openai" and settings.OPENAI_API_KEY
    if costs and not settings.DEBUG and settings.CHATLAB_ACCESS == "open" and settings.CHATLAB_GUESTS:
        yield checks.Warning(
            "CHATLAB_ACCESS is open: anyone who reaches this site can make a room and spend your key.",
            hint="export CHATLAB_ACCESS=signed-in   or, for the guests of rooms that people with an account have made, "
            "too: export CHATLAB_ACCESS=members",
            id="rooms.W012",
        )


@checks.register(TAG)
def bodies(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    if settings.CHATLAB_BODY_MAX < settings.CHATLAB_FRAME_MAX:
        yield checks.Warning(
            "CHATLAB_BODY_MAX is less than CHATLAB_FRAME_MAX: what may be sent on a socket is refused over HTTP.",
            hint=f"export CHATLAB_BODY_MAX={settings.CHATLAB_FRAME_MAX}",
            id="rooms.W015",
        )


@checks.register(TAG)
def measures(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    """Of a day: one that is smaller than what a single answer is booked with."""
    one = settings.CHATLAB_CONTEXT_TOKENS + settings.CHATLAB_ANSWER_TOKENS
    for kind in bill.KINDS if settings.CHATLAB_PROVIDER != "demo" else ():
        name = f"CHATLAB_DAY_TOKENS_{kind}"
        if getattr(settings, name) < one:
            yield checks.Error(
                f"{name} is {getattr(settings, name):,}, and an answer is booked with {one:,}: none could be had.",
                hint=f"export {name}={one * 10}   or less of CHATLAB_CONTEXT_TOKENS + CHATLAB_ANSWER_TOKENS",
                id="rooms.E013",
            )


@checks.register(TAG, deploy=True)
def proxies(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    if settings.SESSION_COOKIE_SECURE and not settings.CHATLAB_TRUSTED_PROXIES:
        yield checks.Warning(
            "HTTPS is on, so a proxy is in front, and CHATLAB_TRUSTED_PROXIES does not name it: to limits all visitors "
            "are one.",
            hint="export CHATLAB_TRUSTED_PROXIES=127.0.0.1   (the proxy's address)",
            id="rooms.W014",
        )


@checks.register(TAG)
def sessions(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    if settings.SESSION_ENGINE == "django.contrib.sessions.backends.signed_cookies":
        yield checks.Error(
            "Sessions in signed cookies can't be ended by the server: who was signed out could still read.",
            hint='SESSION_ENGINE = "django.contrib.sessions.backends.db"',
            id="rooms.E005",
        )


@checks.register(TAG)
def hosts(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    if not settings.DEBUG and "*" in settings.ALLOWED_HOSTS:
        yield checks.Error(
            'ALLOWED_HOSTS is "*" with DEBUG off: a socket\'s Origin is compared with its Host, so not any may do.',
            hint="export ALLOWED_HOSTS=chat.example.org",
            id="rooms.E006",
        )


@checks.register(TAG)
def channel_layer(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    backend = settings.CHANNEL_LAYERS.get("default", {}).get("BACKEND")
    if backend == MEMORY_LAYER:
        yield from _layer_in_memory()
    elif backend != REDIS_LAYER:
        yield checks.Error(
            "This channel layer is not one of rooms.broadcast: it may lose events silently for ever, or stop a process "
            "when Redis does.",
            hint='CHANNEL_LAYERS["default"] = {"BACKEND": "rooms.broadcast.redis.RedisLayer", '
            '"CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": 2}]}}',
            id="rooms.E009",
        )


def _layer_in_memory() -> Iterator[checks.CheckMessage]:
    if settings.CHATLAB_WORKER == "external":
        yield checks.Warning(
            "Workers are external, but the channel layer is in memory: they and the web processes can't hear each "
            "other, so answers start late and come in steps.",
            hint="export REDIS_URL=redis://localhost:6379/0   or, for one process: export CHATLAB_WORKER=embedded",
            id="rooms.W002",
        )
    elif not settings.DEBUG:
        yield checks.Warning(
            "The channel layer is in memory: with more than one process, tabs of different processes would see each "
            "other's messages about a second late.",
            hint="export REDIS_URL=redis://localhost:6379/0   (one process alone is fine without)",
            id="rooms.W003",
        )


@checks.register(TAG)
def limits(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    if not settings.CHATLAB_LIMITS:
        yield checks.Warning(
            "CHATLAB_LIMITS is off: no rate and no number of connections is limited.",
            hint="unset CHATLAB_LIMITS   (off is for load tests)",
            id="rooms.W006",
        )


@checks.register(TAG)
def static_files(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    """With DEBUG off, static files are served from where `collectstatic` has put them, and from nowhere else."""
    hashed = getattr(staticfiles_storage, "hashed_files", None)
    if not settings.DEBUG and hashed is not None and not hashed:
        yield checks.Warning(
            "DEBUG is off and `collectstatic` has not run: pages would have neither style nor script.",
            hint="python manage.py collectstatic --no-input",
            id="rooms.W009",
        )


@checks.register(TAG, deploy=True)
def https(app_configs: Iterable[AppConfig] | None, **kwargs: object) -> Iterator[checks.CheckMessage]:
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        yield checks.Warning(
            "HTTPS is off: session and CSRF cookies travel over plain http too.",
            hint="export HTTPS=on   (behind a proxy that sets X-Forwarded-Proto)",
            id="rooms.W007",
        )
