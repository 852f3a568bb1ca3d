"""A site below a path of its host (CHATLAB_PATH=/chat). The proxy in front passes the path on, or takes it off."""

from __future__ import annotations

import logging

from django.conf import settings

from .seldom import Seldom

logger = logging.getLogger(__name__)
_seldom = Seldom()


class BelowPath:
    """ASGI middleware, outermost. Whatever was sent: inside, the path of a request begins with the site's own, as all
    links do, and that of a socket does not.
    """

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            scope = {**scope, "path": _placed(scope), "root_path": ""}
        return await self.application(scope, receive, send)


def _placed(scope: dict) -> str:
    own, path, told = settings.CHATLAB_PATH, scope["path"], scope.get("root_path", "").rstrip("/")
    if told and told != own:
        _complain(told)
        path = path.removeprefix(told)
    if own and path == own and scope["type"] == "http":
        return path  # sent on to /chat/, where the cookies are
    while own and (path == own or path.startswith(f"{own}/")):
        path = path.removeprefix(own)  # more than once: a server that is told it, too, puts it in front (--root-path)
    path = path if path.startswith("/") else f"/{path}"
    return path if scope["type"] == "websocket" else own + path


def _complain(told: str) -> None:
    if _seldom("root path"):
        logger.warning("the server is below %.100r, and chatlab was not told so: export CHATLAB_PATH=<path>", told)
