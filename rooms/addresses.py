"""Whose network address a request, or a socket, comes from; and what counts as one address.

A proxy says it in `X-Forwarded-For`, and so may anybody. It is believed of CHATLAB_TRUSTED_PROXIES alone, from
the right to the left, up to the first address that is none of them.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from . import front

SITE = 64  # bits of an IPv6 address: whoever has one has all that begin with them

Address = IPv4Address | IPv6Address


def of_request(request: HttpRequest) -> str:
    """What limits count. Nothing where the request came by no network (a Unix socket, whose proxy is not trusted)."""
    return _counted(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def of_scope(scope: dict) -> str:
    """The same for a socket's ASGI scope."""
    told = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"x-forwarded-for"]
    return _counted((scope.get("client") or ("",))[0] or "", ",".join(told))


def _counted(peer: str, told: str) -> str:
    if told and _is_near(peer) and not _is_trusted(peer):
        front.note(front.ADDRESS, peer=peer)
    return _as_one(_origin(peer, told))


def _origin(peer: str, told: str) -> str:
    """The chain is: the visitor, proxy after proxy, the peer. A proxy that names nothing is where it ends."""
    for before in reversed(told.split(",")):
        if not _is_trusted(peer) or _parsed(before) is None:
            break
        peer = before
    return peer


def _as_one(name: str) -> str:
    address = _parsed(name)
    if address is None:
        return name
    return str(IPv6Network((address, SITE), strict=False)) if address.version == 6 else str(address)


def _parsed(name: str) -> Address | None:
    """Also `192.0.2.1:80` and `[2001:db8::1]:80`, as some proxies write it."""
    name = name.strip().partition("%")[0]
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    try:
        address = ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(name: str) -> bool:
    """`unix`: whoever comes by no network at all."""
    if not name:
        return "unix" in settings.CHATLAB_TRUSTED_PROXIES
    address = _parsed(name)
    return address is not None and any(address in network for network in _networks(*settings.CHATLAB_TRUSTED_PROXIES))


def _is_near(name: str) -> bool:
    """Whether it may be a proxy of ours: a stranger who sends the header is not worth a line."""
    address = _parsed(name)
    return not name or (address is not None and address.is_private)


@lru_cache(maxsize=8)
def _networks(*names: str) -> list:
    return [ip_network(name, strict=False) for name in names if name != "unix"]
