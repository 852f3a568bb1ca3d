"""Each system check appears where it should, and none in the default configuration."""

from __future__ import annotations

import inspect
import re

import pytest
from django.core.checks import Error, run_checks
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from rooms import checks
from rooms.checks import TAG, storage

# Only the checks look at it here; no connection is made.
pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": "var/chatlab.sqlite3"}
WAL = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"}


def layers(backend: str, **config: object) -> dict:
    return {"CHANNEL_LAYERS": {"default": {"BACKEND": backend, "CONFIG": config}}}


def sqlite(**options: object) -> dict:
    return {"DATABASES": {"default": {**SQLITE, "OPTIONS": options}}}


def static_files(backend: str) -> dict:
    default = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    return {"STORAGES": {"default": default, "staticfiles": {"BACKEND": backend}}, "STATIC_ROOT": "/nowhere"}


MEMORY = layers("rooms.broadcast.memory.MemoryLayer")
REDIS = layers("rooms.broadcast.redis.RedisLayer", hosts=[{"address": "redis://localhost", "socket_timeout": 2}])
OPENAI = {"CHATLAB_PROVIDER": "openai", "OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "", "CHATLAB_MODEL": "some-model"}
HTTPS = {"SESSION_COOKIE_SECURE": True, "CSRF_COOKIE_SECURE": True}

APPEARS = [
    ("E001", {"INSTALLED_APPS": ["django.contrib.staticfiles", "channels", "rooms"]}),
    ("E001", {"INSTALLED_APPS": ["django.contrib.staticfiles", "daphne", "channels", "rooms"]}),
    ("E002", {"ASGI_APPLICATION": None}),
    ("E003", {**OPENAI, "OPENAI_API_KEY": ""}),
    ("E004", {**OPENAI, "CHATLAB_MODEL": ""}),
    ("W012", {**OPENAI, "DEBUG": False, "CHATLAB_ACCESS": "open"}),
    ("E013", {**OPENAI, "CHATLAB_DAY_TOKENS_ROOM": 40_000}),
    ("W014", {**HTTPS, "CHATLAB_TRUSTED_PROXIES": []}),
    ("E005", {"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}),
    ("E006", {"DEBUG": False, "ALLOWED_HOSTS": ["*"]}),
    ("E007", {"DATABASES": {"default": {**SQLITE, "NAME": ":memory:", "OPTIONS": WAL}}}),
    ("W001", sqlite()),
    ("W001", sqlite(**{**WAL, "transaction_mode": "DEFERRED"})),
    ("W001", sqlite(**{**WAL, "init_command": "PRAGMA synchronous=NORMAL"})),
    ("W017", sqlite(**{**WAL, "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"})),
    ("W002", {**MEMORY, "CHATLAB_WORKER": "external", "DEBUG": True}),
    ("W003", {**MEMORY, "CHATLAB_WORKER": "embedded", "DEBUG": False}),
    ("E009", layers("channels.layers.InMemoryChannelLayer")),
    ("E009", layers("channels_redis.core.RedisChannelLayer")),
    ("E009", layers("channels_redis.pubsub.RedisPubSubChannelLayer")),
    ("W006", {"CHATLAB_LIMITS": False}),
    ("W015", {"CHATLAB_BODY_MAX": 1, "CHATLAB_FRAME_MAX": 2}),
    ("W007", {"SESSION_COOKIE_SECURE": False}),
    ("W008", {**OPENAI, "OPENAI_API": "chat", "OPENAI_BACKGROUND": True}),
    ("E011", {**OPENAI, "OPENAI_BASE_URL": "localhost:11434/v1"}),
    ("E011", {**OPENAI, "OPENAI_BASE_URL": "http://localhost:11434/v1/chat/completions"}),
    ("W011", {**OPENAI, "OPENAI_BASE_URL": "http://localhost:11434"}),
    ("W009", {"DEBUG": False, **static_files("chatlab.static.ModuleStorage")}),
]

ASK_POSTGRESQL = {"E020", "E021", "W016"}  # tests/test_pgbouncer.py, and the last one below

ABSENT = [
    ("W018", sqlite(**WAL)),
    ("E003", OPENAI),
    ("E003", {**OPENAI, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": "http://localhost:11434/v1"}),
    ("E011", {**OPENAI, "OPENAI_BASE_URL": "http://localhost:11434/v1/"}),
    ("W011", {**OPENAI, "OPENAI_BASE_URL": "http://localhost:11434/v1/"}),
    ("E011", {**OPENAI, "CHATLAB_PROVIDER": "demo", "OPENAI_BASE_URL": "nowhere"}),
    ("E004", OPENAI),
    ("E004", {**OPENAI, "CHATLAB_PROVIDER": "demo", "CHATLAB_MODEL": ""}),
    ("E006", {"DEBUG": True, "ALLOWED_HOSTS": ["*"]}),
    ("W001", sqlite(**WAL)),
    ("W017", sqlite(**WAL)),
    ("W001", {"DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "chatlab"}}}),
    ("W002", {**REDIS, "CHATLAB_WORKER": "external"}),
    ("W003", {**REDIS, "DEBUG": False}),
    ("E009", REDIS),
    ("E009", MEMORY),
    ("W007", HTTPS),
    ("W014", {**HTTPS, "CHATLAB_TRUSTED_PROXIES": ["127.0.0.1"]}),
    ("E013", {**OPENAI, "CHATLAB_PROVIDER": "demo", "CHATLAB_DAY_TOKENS_ROOM": 1}),
    ("W012", {**OPENAI, "DEBUG": False, "CHATLAB_ACCESS": "open", "CHATLAB_GUESTS": False}),
    ("W008", {**OPENAI, "OPENAI_API": "responses", "OPENAI_BACKGROUND": True}),
    ("W008", {**OPENAI, "OPENAI_API": "chat", "OPENAI_BACKGROUND": False}),
    ("W009", {"DEBUG": True, **static_files("chatlab.static.ModuleStorage")}),
    ("W009", {"DEBUG": False, **static_files("django.contrib.staticfiles.storage.StaticFilesStorage")}),
]


def found(changes: dict) -> dict:
    with override_settings(**changes):
        return {message.id: message for message in run_checks(tags=[TAG], include_deployment_checks=True)}


@pytest.mark.parametrize(("check_id", "changes"), APPEARS)
def test_check_appears(check_id: str, changes: dict) -> None:
    message = found(changes)[f"rooms.{check_id}"]
    assert message.hint, "every check says what to do"
    assert isinstance(message, Error) == check_id.startswith("E")


@pytest.mark.parametrize(("check_id", "changes"), ABSENT)
def test_check_is_absent(check_id: str, changes: dict) -> None:
    assert f"rooms.{check_id}" not in found(changes)


def test_default_configuration_is_clean(settings) -> None:
    settings.DEBUG = True  # pytest-django switches it off
    assert [m.id for m in run_checks(include_deployment_checks=False) if m.id.startswith(f"{TAG}.")] == []


def test_an_sqlite_without_full_text_search_is_named(monkeypatch) -> None:
    monkeypatch.setattr(storage, "fts5", lambda: False)
    assert "index_messages" in found(sqlite(**WAL))["rooms.W018"].hint


def test_every_check_is_tested() -> None:
    written = re.findall(r'id="rooms\.([EW]\d+)"', "".join(map(inspect.getsource, (checks, storage))))
    assert len(written) == len(set(written)), "one that is silenced silences no other"
    assert set(written) == {check_id for check_id, _ in APPEARS} | ASK_POSTGRESQL | {"W018"}


def test_command_names_the_problem_and_the_way_out(capsys) -> None:
    with override_settings(CHATLAB_LIMITS=False):
        call_command("check", "--tag", TAG)
    shown = capsys.readouterr().err
    assert "rooms.W006" in shown
    assert "unset CHATLAB_LIMITS" in shown


@pytest.mark.postgres_only("asks it")
@pytest.mark.django_db
@pytest.mark.parametrize(("value", "found"), [("on", 0), ("local", 0), ("off", 1)])
def test_postgresql_that_does_not_wait_for_its_disk_is_named(value, found) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('synchronous_commit', %s, false)", [value])
    try:
        messages = run_checks(tags=["database"], databases=["default"])
        named = [message for message in messages if "synchronous_commit" in message.msg]
        assert [message.id for message in named] == ["rooms.W016"] * found
        assert any("fsync = off" in message.msg for message in messages), "that of these tests"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")
