"""What is long and repeats itself goes over the wire compressed, to whoever takes that."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client

from .fakes import Place

pytestmark = pytest.mark.usefixtures("alone")


def visiting(place: Place) -> Client:
    client = Client()
    session = client.session
    session["guest"] = place.visitor.guest
    session.save()
    return client


def test_a_long_page_is_compressed_for_whoever_takes_that(place) -> None:
    place.answered(*["The same paragraph again and again.\n\n"] * 200)
    client, path = visiting(place), f"/rooms/{place.room}/"
    plain, packed = client.get(path), client.get(path, HTTP_ACCEPT_ENCODING="gzip")
    assert "Content-Encoding" not in plain.headers and "Accept-Encoding" in plain.headers["Vary"]
    assert packed.headers["Content-Encoding"] == "gzip" and len(packed.content) < len(plain.content) / 4
    assert b"again and again" in gzip.decompress(packed.content)


def test_what_streams_is_sent_as_it_is(place) -> None:
    """An export may be large, and compressing it would be work of the event loop that sends it."""
    place.answered("again and again " * 200)
    export = visiting(place).get(f"/rooms/{place.room}/export.md", HTTP_ACCEPT_ENCODING="gzip")
    assert export.status_code == 200 and "Content-Encoding" not in export.headers
