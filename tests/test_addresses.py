"""Whose address a request has: what a proxy says counts from a trusted one alone."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from rooms import addresses, front
from rooms.seldom import Seldom

CASES = [
    # trusted, peer, X-Forwarded-For, whose it is
    ("", "203.0.113.5", "", "203.0.113.5"),
    ("", "203.0.113.5", "198.51.100.9", "203.0.113.5"),
    ("", "127.0.0.1", "198.51.100.9", "127.0.0.1"),
    ("127.0.0.1", "127.0.0.1", "198.51.100.9", "198.51.100.9"),
    ("127.0.0.1", "127.0.0.1", "", "127.0.0.1"),
    ("127.0.0.1", "203.0.113.5", "198.51.100.9", "203.0.113.5"),
    # What the visitor has sent stands on the left of what the proxy adds.
    ("127.0.0.1", "127.0.0.1", "1.1.1.1, 198.51.100.9", "198.51.100.9"),
    ("127.0.0.1,10.0.0.0/8", "127.0.0.1", "1.1.1.1, 198.51.100.9, 10.2.3.4", "198.51.100.9"),
    ("127.0.0.1,10.0.0.0/8", "127.0.0.1", "10.9.9.9", "10.9.9.9"),
    ("127.0.0.1", "127.0.0.1", "unknown", "127.0.0.1"),
    ("127.0.0.1", "127.0.0.1", "198.51.100.9:4711", "198.51.100.9"),
    ("127.0.0.1", "127.0.0.1", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"),
    ("127.0.0.1", "::ffff:127.0.0.1", "198.51.100.9", "198.51.100.9"),
    ("", "2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
    ("", "fe80::1%eth0", "", "fe80::/64"),
    ("", "", "198.51.100.9", ""),
    ("unix", "", "198.51.100.9", "198.51.100.9"),
]


@pytest.mark.parametrize(("trusted", "peer", "told", "whose"), CASES)
def test_an_address_is_told_by_trusted_proxies_only(settings, trusted, peer, told, whose):
    settings.CHATLAB_TRUSTED_PROXIES = trusted.split(",") if trusted else []
    more = {"HTTP_X_FORWARDED_FOR": told} if told else {}
    assert addresses.of_request(RequestFactory().get("/", REMOTE_ADDR=peer, **more)) == whose
    headers = [(b"x-forwarded-for", told.encode())] if told else []
    assert addresses.of_scope({"client": (peer, 1) if peer else None, "headers": headers}) == whose


def test_a_proxy_that_is_not_believed_is_said_to_the_log(settings, caplog, monkeypatch):
    monkeypatch.setattr(front, "_seldom", Seldom())
    ask = RequestFactory().get
    addresses.of_request(ask("/", REMOTE_ADDR="8.8.8.8", HTTP_X_FORWARDED_FOR="198.51.100.9"))
    assert caplog.text == "", "a stranger's header is not worth a line"
    addresses.of_request(ask("/", REMOTE_ADDR="10.1.2.3", HTTP_X_FORWARDED_FOR="198.51.100.9"))
    assert "CHATLAB_TRUSTED_PROXIES" in caplog.text and "10.1.2.3" in caplog.text
    caplog.clear()
    settings.CHATLAB_TRUSTED_PROXIES = ["10.0.0.0/8"]
    addresses.of_request(ask("/", REMOTE_ADDR="10.1.2.3", HTTP_X_FORWARDED_FOR="198.51.100.9"))
    assert caplog.text == ""
