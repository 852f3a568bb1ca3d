"""Settings: everything comes from the environment (or a file `.env`), typed, and a wrong value stops the start.

Without a SECRET_KEY this is a development machine: DEBUG is on and a key is made once, in var/. With one, DEBUG is off
unless it is switched on by name. `.env.example` lists what can be set.
"""

from __future__ import annotations

import mimetypes
import os
import re
import secrets
import sys
from ipaddress import ip_network
from pathlib import Path

import environ
from csp.constants import SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

if "pytest" not in sys.modules:  # tests say themselves what they need
    environ.Env.read_env(os.environ.get("ENV_FILE", BASE_DIR / ".env"))
env = environ.Env()


def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = env.str(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of: {', '.join(allowed)}.")
    return value


def positive(name: str, default: int | float) -> int | float:
    """A number of the default's type, above zero."""
    read = env.float if isinstance(default, float) else env.int
    try:
        value = read(name, default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {os.environ.get(name)!r}; it must be a number.") from error
    if not 0 < value < float("inf"):
        raise ImproperlyConfigured(f"{name} is {value}; it must be greater than zero.")
    return value


def rate(name: str, default: str) -> tuple[int, float]:
    """`20/60`: at most 20 in 60 seconds."""
    value = env.str(name, default)
    count, slash, seconds = value.partition("/")
    try:
        parsed = int(count), float(seconds)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}; write it as COUNT/SECONDS, for example {default}.") from error
    if parsed[0] < 1 or not 0 < parsed[1] < float("inf"):
        raise ImproperlyConfigured(f"{name} is {value!r}; both numbers must be greater than zero.")
    return parsed


def networks(name: str) -> list[str]:
    """Addresses and networks, and `unix` for whoever comes by a Unix socket."""
    values = env.list(name, default=[])
    for value in values:
        try:
            value == "unix" or ip_network(value, strict=False)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} has {value!r}; write addresses, 10.0.0.0/8 or unix.") from error
    return values


def development_key() -> str:
    """A key of this machine alone, made once, so that sessions survive a restart of the server."""
    path = VAR_DIR / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        VAR_DIR.mkdir(exist_ok=True)
        path.write_text(secrets.token_urlsafe(50))
        path.chmod(0o600)
        return path.read_text().strip()


# -- Django ----------------------------------------------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY", "")
DEBUG = env.bool("DEBUG", default=not SECRET_KEY)
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "DEBUG is off and SECRET_KEY is not set. Make one and keep it: "
            "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    SECRET_KEY = development_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

CHATLAB_PATH = env.str("CHATLAB_PATH", "").strip("/")  # of the host that the site is below of; the links begin with it
if CHATLAB_PATH:
    if not re.fullmatch(r"[\w.~-]+(/[\w.~-]+)*", CHATLAB_PATH, re.ASCII):
        raise ImproperlyConfigured(f"CHATLAB_PATH is {CHATLAB_PATH!r}; write it as a path alone, for example /chat.")
    CHATLAB_PATH = f"/{CHATLAB_PATH}"

INSTALLED_APPS = [
    "rooms",  # first: its `runserver` is daphne's, with room for many handshakes at once
    "daphne",  # before staticfiles: makes `runserver` an ASGI server
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
]

MIDDLEWARE = [
    "rooms.middleware.Front",  # and Django's SecurityMiddleware in it
    "rooms.middleware.Compressed",
    "csp.middleware.CSPMiddleware",
    "rooms.middleware.Forms",
    "chatlab.cookies.OwnCookies",
    "rooms.middleware.Sessions",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "rooms.middleware.OwnPages",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "rooms.middleware.DatabaseAway",
    "rooms.middleware.Refusals",
    "rooms.middleware.NotFoundPage",
]
if not DEBUG:  # with DEBUG on, `runserver` serves the files as they lie there
    MIDDLEWARE.insert(0, "servestatic.middleware.ServeStaticMiddleware")

ROOT_URLCONF = "chatlab.urls"
ASGI_APPLICATION = "chatlab.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "rooms.views.theme.theme",
                "rooms.views.front.obstacle",
            ],
        },
    },
]

# -- database and channel layer --------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Our own file not as a URL: a folder may be called `c++` or `what?`, or begin with a drive.
SQLITE_HERE = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR_DIR / "chatlab.sqlite3")}
DATABASE_SYNCHRONOUS = one_of("DATABASE_SYNCHRONOUS", ("FULL", "NORMAL"), "FULL")  # of SQLite
DATABASES = {"default": env.db_url("DATABASE_URL") if env.str("DATABASE_URL", "") else SQLITE_HERE}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    VAR_DIR.mkdir(exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that reads before it writes would otherwise fail at once with "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={DATABASE_SYNCHRONOUS}",
    }
    DATABASES["default"].setdefault("TEST", {})["NAME"] = env.str("TEST_DATABASE", str(VAR_DIR / "test.sqlite3"))
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Requests come in threads of their own (ASGI), so only a pool keeps their connections. It checks what it hands
    # out: after a restart of the database it is full of dead ones. It gives a lost one up soon: its tries are ever
    # further apart, and the next request begins anew.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["ENGINE"] = "chatlab.postgres"
    lock_timeout = positive("DATABASE_LOCK_TIMEOUT", 5.0)
    pooler_mode = one_of("DATABASE_POOLER_MODE", ("session", "transaction"), "session")
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = pooler_mode == "transaction"
    DATABASES["default"]["OPTIONS"] = {
        "pool": {"min_size": 2, "max_size": int(positive("DATABASE_POOL", 20)), "timeout": 3, "reconnect_timeout": 2},
        "pooler_mode": pooler_mode,
        "timeouts": {
            # A worker that freezes inside a transaction holds its room's row: the database lets go of it, not the
            # worker.
            "idle_in_transaction_session_timeout": "2s",
            "lock_timeout": f"{lock_timeout:g}s",
        },
        **DATABASES["default"].get("OPTIONS", {}),
    }

REDIS_URL = env.str("REDIS_URL", "")
if REDIS_URL:
    if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(
            "REDIS_URL does not begin as one: write redis://host:6379/0, rediss://host:6379/0 where it speaks TLS, "
            "or unix:///path/of/its/socket."
        )
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "rooms.broadcast.redis.RedisLayer",
            "CONFIG": {
                # Said here, because redis-py's own limits are not made for a layer that others wait for.
                "hosts": [{"address": REDIS_URL, "socket_timeout": 2, "socket_connect_timeout": 2}],
                "prefix": env.str("REDIS_PREFIX", "chatlab"),
            },
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "rooms.broadcast.memory.MemoryLayer", "CONFIG": {"capacity": 2000}}}

# -- users, sessions, security ---------------------------------------------------------------------------------------

SESSION_ENGINE = "chatlab.sessions"
# Names of our own, because a browser sends the cookies of all sites on a host to each of them, whatever their ports.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME = "chatlab_session", "chatlab_csrf", "chatlab_language"
CHATLAB_COOKIE_PORT = env.bool("CHATLAB_COOKIE_PORT", default=DEBUG)  # ... and the port behind them
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{CHATLAB_PATH}/"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no cookie `messages`
# Django's own keeps the sessions that it has begun.
AUTHENTICATION_BACKENDS = ["rooms.passwords.Backend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["rooms.passwords.hashing.PBKDF2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "login", "index", "index"

HTTPS = env.bool("HTTPS", default=False)  # the site is reached by https: cookies are Secure, HSTS is on
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CHATLAB_HOST_COOKIES = HTTPS and not CHATLAB_PATH  # named `__Host-…`, which browsers take of a whole host alone
SECURE_SSL_REDIRECT = HTTPS and env.bool("HTTPS_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CHATLAB_TRUSTED_PROXIES = networks("CHATLAB_TRUSTED_PROXIES")  # whose X-Forwarded-For counts
CSRF_FAILURE_VIEW = "rooms.views.front.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"  # the two-tab page frames our own rooms
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
        "report-uri": f"{CHATLAB_PATH}/api/csp-report",  # known to every browser; of two, Chromium takes report-to
    }
}

# -- language, time, files -------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"  # also what operators read: checks, commands, logs
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # each by its own name
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "chatlab.formats"
LANGUAGE_COOKIE_AGE = 31_536_000  # a year, as the theme's; without a choice the browser's language holds
LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE, LANGUAGE_COOKIE_SECURE = True, "Lax", HTTPS
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True
STATIC_URL = f"{CHATLAB_PATH}/static/"
STATIC_ROOT = env.str("STATIC_ROOT", str(VAR_DIR / "static"))
# With DEBUG the files are served as they lie there; else hashed names let browsers keep them for ever.
PLAIN, HASHED = "django.contrib.staticfiles.storage.StaticFilesStorage", "chatlab.static.ModuleStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": PLAIN if DEBUG else HASHED},
}
STATICFILES_DIRS = [BASE_DIR / "static"]
# Of a registry that calls scripts plain text (Windows) browsers would run none.
for ending, kind in ((".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg+xml")):
    mimetypes.add_type(kind, ending)
SERVESTATIC_ALLOW_ALL_ORIGINS = False  # our own pages are the only ones that need them

# -- the model -------------------------------------------------------------------------------------------------------

OPENAI_API_KEY = (env.str("OPENAI_API_KEY", "") or env.str("OPEN_AI_API_KEY", "")).strip()
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", "").strip()
OPENAI_API = one_of("OPENAI_API", ("responses", "chat"), "responses")
OPENAI_BACKGROUND = env.bool("OPENAI_BACKGROUND", default=False)
CHATLAB_MODEL = env.str("CHATLAB_MODEL", "")
CHATLAB_MODELS = env.list("CHATLAB_MODELS", default=[])  # what a room may choose from; the default model comes first
CHATLAB_THINKS_FIRST = env.list("CHATLAB_THINKS_FIRST", default=[])  # models that send no tag that opens a thought
CHATLAB_PROVIDER = one_of(
    "CHATLAB_PROVIDER", ("openai", "demo"), "openai" if OPENAI_API_KEY or OPENAI_BASE_URL else "demo"
)
# Who may ask a real model. With a key that costs money, on a site that others reach, not everybody who comes along.
_EVERYBODY = CHATLAB_PROVIDER == "demo" or DEBUG or not OPENAI_API_KEY
CHATLAB_ACCESS = one_of("CHATLAB_ACCESS", ("open", "members", "signed-in"), "open" if _EVERYBODY else "signed-in")
CHATLAB_GUESTS = env.bool("CHATLAB_GUESTS", default=True)  # off: only accounts make and join rooms, and ask
CHATLAB_DEMO_SEED = env.int("CHATLAB_DEMO_SEED", 1)
CHATLAB_DEMO_RATE = positive("CHATLAB_DEMO_RATE", 40.0)  # deltas a second

# -- limits: sizes in bytes or UTF-16 code units, times in seconds ----------------------------------------------------

CHATLAB_WORKER = one_of("CHATLAB_WORKER", ("embedded", "external"), "embedded")
CHATLAB_LIMITS = one_of("CHATLAB_LIMITS", ("on", "off"), "on") == "on"  # rates and numbers of connections

CHATLAB_TEXT_MAX = positive("CHATLAB_TEXT_MAX", 32_000)
CHATLAB_FRAME_MAX = positive("CHATLAB_FRAME_MAX", 262_144)
CHATLAB_BODY_MAX = DATA_UPLOAD_MAX_MEMORY_SIZE = positive("CHATLAB_BODY_MAX", 1_048_576)  # of any request
CHATLAB_HEAD_TIMEOUT = positive("CHATLAB_HEAD_TIMEOUT", 15.0)  # of a request; and between two of one connection
CHATLAB_BODY_TIMEOUT = positive("CHATLAB_BODY_TIMEOUT", 60.0)
CHATLAB_TAKE_TIMEOUT = positive("CHATLAB_TAKE_TIMEOUT", 30.0)
CHATLAB_WINDOW = positive("CHATLAB_WINDOW", 262_144)
CHATLAB_WINDOW_TIMEOUT = positive("CHATLAB_WINDOW_TIMEOUT", 15.0)
CHATLAB_HEARTBEAT = positive("CHATLAB_HEARTBEAT", 10)
CHATLAB_BAD_FRAMES = rate("CHATLAB_BAD_FRAMES", "10/60")
CHATLAB_SNAPSHOT_MESSAGES = positive("CHATLAB_SNAPSHOT_MESSAGES", 50)
CHATLAB_SNAPSHOT_BYTES = positive("CHATLAB_SNAPSHOT_BYTES", 262_144)
CHATLAB_REPLAY_MAX = positive("CHATLAB_REPLAY_MAX", 2_000)  # deltas; further behind, a snapshot is sent
CHATLAB_HEAD_CHECK = positive("CHATLAB_HEAD_CHECK", 1.0)
CHATLAB_ACCESS_CHECK = positive("CHATLAB_ACCESS_CHECK", 4.0)  # who may not read any more is gone within 5 s
CHATLAB_IDLE_TIMEOUT = positive("CHATLAB_IDLE_TIMEOUT", 90.0)
CHATLAB_PUBLISH_TIMEOUT = positive("CHATLAB_PUBLISH_TIMEOUT", 1.0)
CHATLAB_DATABASE_THREADS = positive("CHATLAB_DATABASE_THREADS", 4)

CHATLAB_LEASE = positive("CHATLAB_LEASE", 15.0)
CHATLAB_LEASE_RENEW = positive("CHATLAB_LEASE_RENEW", 5.0)
CHATLAB_ROOM_ANSWERS = positive("CHATLAB_ROOM_ANSWERS", 3)  # that stream at once in a room; the next ones wait
CHATLAB_ROOM_QUEUE = positive("CHATLAB_ROOM_QUEUE", 20)  # answers that may wait in a room
CHATLAB_ATTEMPTS = positive("CHATLAB_ATTEMPTS", 2)  # requests upstream for one answer, as long as it has no text
CHATLAB_RESUMES = positive("CHATLAB_RESUMES", 5)  # calls in a row that resume a background response for nothing
CHATLAB_DRAIN = positive("CHATLAB_DRAIN", 20.0)  # seconds a worker that is told to stop gives its answers
CHATLAB_QUEUE_POLL = positive("CHATLAB_QUEUE_POLL", 1.0)
CHATLAB_QUEUE_TTL = positive("CHATLAB_QUEUE_TTL", 600.0)
CHATLAB_ORPHAN_TTL = positive("CHATLAB_ORPHAN_TTL", 60.0)  # after its lease has run out; a worker takes over at once
CHATLAB_CONNECT_TIMEOUT = positive("CHATLAB_CONNECT_TIMEOUT", 5.0)
CHATLAB_FIRST_EVENT_TIMEOUT = positive("CHATLAB_FIRST_EVENT_TIMEOUT", 30.0)
CHATLAB_SILENCE_TIMEOUT = positive("CHATLAB_SILENCE_TIMEOUT", 30.0)
CHATLAB_TOTAL_TIMEOUT = positive("CHATLAB_TOTAL_TIMEOUT", 600.0)
CHATLAB_ANSWER_MAX = positive("CHATLAB_ANSWER_MAX", 1_048_576)
CHATLAB_ANSWER_TOKENS = positive("CHATLAB_ANSWER_TOKENS", 8_192)  # sent with each request; thoughts count
CHATLAB_EVENT_MAX = positive("CHATLAB_EVENT_MAX", 262_144)
CHATLAB_CHECKPOINT = positive("CHATLAB_CHECKPOINT", 16_384)
CHATLAB_CONTEXT_TOKENS = positive("CHATLAB_CONTEXT_TOKENS", 32_000)  # estimated: four bytes each

# Answers that may be under way; of a room CHATLAB_ROOM_ANSWERS and CHATLAB_ROOM_QUEUE say it.
CHATLAB_UNDER_WAY_PERSON = positive("CHATLAB_UNDER_WAY_PERSON", 25)
CHATLAB_UNDER_WAY_ADDRESS = positive("CHATLAB_UNDER_WAY_ADDRESS", 50)
CHATLAB_UNDER_WAY_SITE = positive("CHATLAB_UNDER_WAY_SITE", 500)
# Answers of a real model on a day (UTC), and their tokens, of questions and answers together.
CHATLAB_DAY_ANSWERS_PERSON = positive("CHATLAB_DAY_ANSWERS_PERSON", 200)
CHATLAB_DAY_ANSWERS_ADDRESS = positive("CHATLAB_DAY_ANSWERS_ADDRESS", 400)
CHATLAB_DAY_ANSWERS_ROOM = positive("CHATLAB_DAY_ANSWERS_ROOM", 400)
CHATLAB_DAY_ANSWERS_SITE = positive("CHATLAB_DAY_ANSWERS_SITE", 2_000)
CHATLAB_DAY_TOKENS_PERSON = positive("CHATLAB_DAY_TOKENS_PERSON", 2_000_000)
CHATLAB_DAY_TOKENS_ADDRESS = positive("CHATLAB_DAY_TOKENS_ADDRESS", 4_000_000)
CHATLAB_DAY_TOKENS_ROOM = positive("CHATLAB_DAY_TOKENS_ROOM", 4_000_000)
CHATLAB_DAY_TOKENS_SITE = positive("CHATLAB_DAY_TOKENS_SITE", 20_000_000)

CHATLAB_RATE_POSTS = rate("CHATLAB_RATE_POSTS", "20/60")
CHATLAB_RATE_FRAMES = rate("CHATLAB_RATE_FRAMES", "120/60")
CHATLAB_RATE_JOINS = rate("CHATLAB_RATE_JOINS", "30/60")
CHATLAB_RATE_GUESTS = rate("CHATLAB_RATE_GUESTS", "120/60")  # new guest sessions of one network address
CHATLAB_RATE_ROOMS = rate("CHATLAB_RATE_ROOMS", "20/3600")
CHATLAB_RATE_REQUESTS = rate("CHATLAB_RATE_REQUESTS", "600/60")
CHATLAB_RATE_SEARCHES = rate("CHATLAB_RATE_SEARCHES", "60/60")  # a search while one types is one, too
CHATLAB_SEARCH_WITHIN = positive("CHATLAB_SEARCH_WITHIN", 0.5)  # seconds that one may take
CHATLAB_RATE_SIGN_IN = rate("CHATLAB_RATE_SIGN_IN", "10/600")  # wrong passwords of an account from an address
CHATLAB_RATE_SIGN_IN_ADDRESS = rate("CHATLAB_RATE_SIGN_IN_ADDRESS", "10/600")  # of an address, whatever the account
CHATLAB_RATE_SIGN_IN_ACCOUNT = rate("CHATLAB_RATE_SIGN_IN_ACCOUNT", "50/600")  # of an account, from new addresses
CHATLAB_HASHES_AT_ONCE = positive("CHATLAB_HASHES_AT_ONCE", 1)  # passwords that a process looks at; each takes a core
CHATLAB_HASHES_WAITING = positive("CHATLAB_HASHES_WAITING", 10)  # that wait for that; the next ones are refused
CHATLAB_RATE_SOCKETS = rate("CHATLAB_RATE_SOCKETS", "120/60")
CHATLAB_RATE_HANDSHAKES = rate("CHATLAB_RATE_HANDSHAKES", "600/60")  # of one network address
CHATLAB_SOCKETS_PER_PERSON = positive("CHATLAB_SOCKETS_PER_PERSON", 20)
CHATLAB_SOCKETS_PER_LINK = positive("CHATLAB_SOCKETS_PER_LINK", 100)
CHATLAB_SOCKETS_PER_ADDRESS = positive("CHATLAB_SOCKETS_PER_ADDRESS", 500)
CHATLAB_SOCKETS = positive("CHATLAB_SOCKETS", 5_000)

# -- logs ------------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "rooms.requests.Line", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "filters": {"of_django": {"()": "rooms.requests.OfDjango"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "django": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["of_django"]},
    },
    "loggers": {
        "rooms": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO"), "propagate": True},
        # Its own handlers say nothing with DEBUG off: a page that failed would leave no trace.
        "django": {"handlers": ["django"], "level": "INFO" if DEBUG else "ERROR", "propagate": True},
    },
}
