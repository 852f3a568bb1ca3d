"""Bytes that no proper client sends, drawn with a seed: requests, handshakes and frames. Every address of the site, with
what has broken such servers before.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.urls import URLPattern, get_resolver

ANSWERS_WITHIN = 10.0
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X", "G\xffT", "")
VERSIONS = ("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.9", "HTTP", "http/1.1", "\xff")
TAILS = (
    "",
    "/",
    "//",
    "/..",
    "/%2e%2e/",
    "/%00",
    "/%ff",
    "/%c0%ae",
    "%",
    "%zz",
    "/\xff",
    "/" + "a" * 9_000,
    "#x",
    ";x=1",
)
IDS = ("x", "a" * 64, "a" * 65, "%00", "%ff", "..", "-", "_", "0", "%F0%9F%98%80", "a b", "'", "%0a")
VALUES = (
    "", "0", "-1", "1" * 19, "9" * 5_000, "1.5", "nan", "%00", "%ff", "\xff", "1.0000000000000000", "x" * 9_000, "[", "//evil",
    "x", "http://[", "http://[::1", "http://evil.example", "javascript:alert(1)", "%F0%9F%98%80", "%ED%A0%80", "../../etc/passwd",
    "\\", "a,b", "%0d%0aX: y", "\t", "True", "None", "_", "{{7*7}}", "' OR 1=1--", "http:///", "/\\evil", "/" * 3_000,
)  # fmt: skip
FIELDS = (
    "after", "before", "rendered", "q", "cursor", "tab", "next", "o", "p", "e", "all", "room__id__exact", "member__id__exact", "seq__gte", "message",
    "_changelist_filters", "_popup", "_to_field", "kind", "status__exact", "room__title__contains", "password", "id__in", "room", "csrfmiddlewaretoken",
    "title", "text", "name", "theme", "language", "token", "lasts", "parent", "username", "client_id", "remove", "role__exact",
)  # fmt: skip
HEADERS = (
    "Host", "Origin", "Referer", "Cookie", "Accept", "Accept-Language", "Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range", "Expect",
    "Content-Type", "Content-Length", "Transfer-Encoding", "Authorization", "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
    "Sec-Fetch-Site", "Upgrade", "Connection", "User-Agent", "Last-Event-ID", "Daphne-Root-Path", "X-Request-Id", "Content-Encoding", "Trailer", "Forwarded",
    "TE", "X_Under", "X-Requested-With", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "X-HTTP-Method-Override",
)  # fmt: skip
COOKIES = (
    'chatlab_session="\\000"', "chatlab_session=" + "a" * 40, "chatlab_session=", "chatlab_csrf=x", "chatlab_csrf=" + "a" * 32, "csrftoken=\xff", ";" * 500,
    "chatlab_zone=../../etc/passwd", "chatlab_zone=Europe/" + "x" * 5_000, "chatlab_zone=Europe", "chatlab_zone=\xff", "chatlab_theme=dark; chatlab_theme=x",
    "chatlab_language=de-x-\xff", "chatlab_language=" + "d" * 600, "chatlab_browser_1=" + "\xfc" * 30, "chatlab_browser_=\\", '"; a=b', "=", "chatlab_https=1",
    "sessionid=" + "é" * 20, "chatlab_session=\"" + "\\" * 40, "messages=x", "=".join("a" * 300), "chatlab_zone=\x7f", "chatlab_zone=.", "chatlab_zone=/",
)  # fmt: skip
TYPES = (
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "",
    "application/x-www-form-urlencoded; charset=iso-8859-1", "application/x-www-form-urlencoded; charset=hex", "multipart/form-data; boundary=x; charset=zip",
    "multipart/form-data; boundary=x; charset=undefined", "application/json; charset=utf-16", "x; charset*=nothing''%00", "x; charset*=utf-8''%00",
    "application/x-www-form-urlencoded; charset=\xff", "multipart/form-data; boundary=" + "x" * 300, "multipart/form-data; boundary=\xff", "multipart/form-data; boundary*=u''x",
    "application/x-www-form-urlencoded; a*0*=x''%zz", ";", "a;b;c", "application/x-www-form-urlencoded; charset=idna", "text/event-stream", "charset=", "x; charset=''",
    "application/x-www-form-urlencoded; charset=UTF-8", 'multipart/form-data; boundary="', "application/x-www-form-urlencoded; charset=utf-7", "x; charset=rot13",
)  # fmt: skip
PART = '--x\r\nContent-Disposition: form-data; name="text"{}\r\n{}\r\nhi\r\n--x--\r\n'
BODIES: tuple[str | bytes, ...] = (
    "", "{}", "[]", "null", "1", '"x"', "{", "\xff", "\0", "NaN", '{"title":', "[" * 20_000, "9" * 6_000, '{"title": ' + "9" * 6_000 + "}", '{"title": "\\ud800"}',
    '{"title": "\\u0000"}', '{"name": []}', '{"removed": "x"}', '{"text": null, "client_id": null}', '{"client_id": "abcdefgh", "text": "hi", "parent": {}}',
    '{"client_id": "abcdefgh", "text": "hi", "model": [1]}', '{"chosen": {"": {}}}', '{"chosen": {"x": "y"}}', '{"locked": 1e999}', '{"origin": {}}', '{"origin": 1}',
    "&" * 2_000, "a=b&" * 1_500, "text=%ff", "text=%00", "theme=dark", "language=xx&next=//evil", "language=de&next=http://[", "title=%F0%9F%98%80&name=%00", "token=%23%00",
    "language=%00", "next=%00&language=de", "next=/%ff%00&language=de", "username=%00&password=%00", "username=a&password=b&next=//evil", "remove=x&token=\xff",
    PART.format("", ""), PART.format('; filename="../x"', ""), PART.format("; filename*=u''%ff", ""), PART.format("", "Content-Type: x; charset=hex\r\n"),
    PART.format("", "Content-Transfer-Encoding: base64\r\n"), PART.format("; filename=\"\0\"", ""), "--x\r\n\r\n", "--x", PART.format("", "A: b\r\n" * 300), "x" * 300_000,
    (PART.format("", "") * 300), "--x\r\nContent-Disposition: form-data; name*=nothing''x\r\n\r\nhi\r\n--x--\r\n", b"\xed\xa0\x80", b"\xef\xbb\xbf{}", b"{\"title\": \"\xff\"}",
    '{"type": "about:blank"}', '{"title": {"a": ' * 500, "{" + '"a": 1,' * 5_000 + '"b": 1}', '{"rendered": true, "title": -0.0, "locked": "no"}',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What is in the site: ids that lead somewhere, and how somebody is let in."""

    host: str
    room: str
    member: str
    message: str
    link: str
    cookies: tuple[str, ...]  # of people that may do something


@dataclass(frozen=True, slots=True)
class Input:
    """`whole`: the server can know where it ends, and has to answer; else it is told that nothing more comes. `frames`:
    what follows a handshake, once it was answered.
    """

    name: str
    data: bytes
    whole: bool = True
    frames: bytes | None = None


def routes() -> list[str]:
    """Every address, with the names of its parts in brackets."""
    found: list[str] = []

    def walk(patterns: list, before: str) -> None:
        for entry in patterns:
            here = before + str(entry.pattern).lstrip("^").replace("\\Z", "").replace("$", "")
            if isinstance(entry, URLPattern):
                found.append("/" + here)
            else:
                walk(entry.url_patterns, here)

    walk(get_resolver("chatlab.urls").url_patterns, "")
    return [*found, "/static/rooms/main.js", "/static/../../etc/passwd", "/ws/rooms/<id:room_id>/", "/ws/", "*", ""]


async def answered(url: str, sent: Input) -> bytes:
    """The beginning of what the server says to an input, once it has said it all or closed."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    said = b""
    try:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(sent.data)
            async with asyncio.timeout(ANSWERS_WITHIN):
                if sent.frames is not None:
                    said = await reader.readuntil(b"\r\n\r\n")
                    writer.write(sent.frames)
                if sent.frames is not None or not sent.whole:
                    with contextlib.suppress(OSError):  # it has been reset already
                        writer.write_eof()
                while data := await reader.read(65_536):
                    said = (said + data)[:400]
    except TimeoutError:
        assert not sent.whole, f"no end to the answer of {sent.name}: {said!r}"
    finally:
        writer.transport.abort()
    return said


class Hostile:
    """Endless inputs; the same ones for the same seed and place."""

    def __init__(self, seed: object, place: Place):
        self.chance, self.place, self.routes = random.Random(f"{seed}"), place, routes()

    # -- requests ----------------------------------------------------------------------------------------------------

    def requests(self, count: int) -> Iterator[Input]:
        """Each address in its turn."""
        for number in range(count):
            yield self.request(self.routes[number % len(self.routes)])

    def request(self, route: str) -> Input:
        pick, often = self.chance.choice, self.chance.random
        method = pick(METHODS[:2]) if often() < 0.8 else pick(METHODS)
        version = "HTTP/1.1" if often() < 0.97 else pick(VERSIONS)
        target = self._target(route)
        head = [f"{method} {target} {version}"]
        headers = self._headers()
        body = self._body(headers) if method != "GET" or often() < 0.1 else b""
        framing, sent, whole = self._framed(body)
        lines = "\r\n".join([*head, *headers, *framing, "", ""]).encode("latin-1", "replace")
        return Input(f"{method} {target[:150]} | {headers!r:.1000} | {sent[:150]!r}", lines + sent, whole)

    def _target(self, route: str) -> str:
        pick, often = self.chance.choice, self.chance.random
        target = route
        while "<" in target:
            before, _, rest = target.partition("<")
            name, _, after = rest.partition(">")
            target = before + self._part(name) + after
        if often() < 0.15:
            target += pick(TAILS)
        if often() < 0.5:
            fields = [f"{pick(FIELDS)}={pick(VALUES)}" for _ in range(self.chance.randint(1, 4))]
            target += "?" + pick(("&", "&", ";")).join(fields) + ("&a=b" * 1_500 if often() < 0.05 else "")
        if often() < 0.05:
            target = pick(
                (f"http://{self.place.host}{target}", f"http://evil.example{target}", f"//evil{target}", f"\\{target}")
            )
        return target if often() < 0.03 else quote(target, safe="/?&=;:%#[]@!$'()*+,\\{}_-.~")

    def _part(self, name: str) -> str:
        kind = name.rpartition(":")[2]
        known = {"room_id": self.place.room, "member_id": self.place.member, "message_id": self.place.message}
        known |= {"link_id": self.place.link, "room": self.place.room, "link": self.place.link}
        if self.chance.random() < 0.7 and (kind in known or "id" in kind):
            return known.get(kind, self.chance.choice([*known.values(), "1"]))
        return self.chance.choice(IDS)

    def _headers(self) -> list[str]:
        pick, often = self.chance.choice, self.chance.random
        headers = [f"Host: {self.place.host}", "Connection: close"]
        if often() < 0.7:
            headers.append(f"Cookie: {pick(self.place.cookies)}" + (f"; {pick(COOKIES)}" if often() < 0.4 else ""))
        if often() < 0.6:
            headers.append("Sec-Fetch-Site: same-origin")
        for _ in range(self.chance.choice((0, 0, 1, 2, 4))):
            headers.append(f"{pick(HEADERS)}: {pick((pick(VALUES), pick(TYPES), pick(COOKIES)))}")
        if often() < 0.03:
            headers += [f"X-{number}: x" for number in range(700)]
        if often() < 0.05:
            headers.append(
                pick(
                    (
                        " folded: x",
                        "no colon",
                        ": no name",
                        "X: \0",
                        "X: a\rb",
                        "\xff: x",
                        "X : y",
                        "X: " + "y" * 70_000,
                    )
                )
            )
        return [header.replace("\n", "") for header in headers]

    def _body(self, headers: list[str]) -> bytes:
        headers.append(f"Content-Type: {self.chance.choice(TYPES[:3] if self.chance.random() < 0.7 else TYPES)}")
        body = self.chance.choice(BODIES)
        return (
            body
            if isinstance(body, bytes)
            else body.encode("utf-8" if self.chance.random() < 0.5 else "latin-1", "replace")
        )

    def _framed(self, body: bytes) -> tuple[list[str], bytes, bool]:
        """(headers, what is sent, whether that has an end)"""
        size, chunk = len(body), b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        broken = (
            (["Transfer-Encoding: chunked"], chunk if size else b"0\r\n\r\n", True),
            (["Transfer-Encoding: chunked"], b"zz\r\n" + body, False),
            (["Transfer-Encoding: chunked"], b"ffffffffffffffff\r\n" + body, False),
            (["Transfer-Encoding: chunked"], b"5;" + b"x" * 5_000 + b"\r\nhello\r\n0\r\n\r\n", False),
            (["Transfer-Encoding: gzip, chunked"], chunk, False),
            (["Transfer-Encoding: chunked", f"Content-Length: {size}"], chunk, False),
            ([f"Content-Length: {size}", f"Content-Length: {size + 1}"], body, False),
            ([f"Content-Length: {size + 9}"], body, False),
            (["Content-Length: -1"], body, False),
            (["Content-Length: x"], body, False),
            (["Content-Length: " + "9" * 30], body, False),
            ([f"Content-Length: {max(0, size - 1)}"], body, False),
            ([f"Content-Length: +{size}"], body, False),
            (["Expect: 100-continue", f"Content-Length: {size}"], body, False),
        )
        if self.chance.random() < 0.1:
            return self.chance.choice(broken)
        return ([f"Content-Length: {size}"] if size else []), body, True

    # -- handshakes and frames -----------------------------------------------------------------------------------------

    def handshakes(self, count: int) -> Iterator[Input]:
        return (self.handshake() for _ in range(count))

    def handshake(self) -> Input:
        pick, often = self.chance.choice, self.chance.random
        headers = self._proper_headers()
        for _ in range(self.chance.randint(1, 2)):
            name, value = (
                pick(list(headers)),
                pick(
                    (pick(VALUES), pick(COOKIES), "chatlab.v1, " * 100, "a b", ",,", '"', "permessage-deflate; x=\xff")
                ),
            )
            broken = pick(("taken away", "another", "another", "twice"))
            if broken == "taken away":
                del headers[name]
            else:
                headers[name if broken == "another" else f"{name} "] = value
            if not headers:
                headers = {"Host": "x"}
        method = "GET" if often() < 0.9 else pick(METHODS)
        version = "HTTP/1.1" if often() < 0.9 else pick(VERSIONS)
        path = pick(
            (
                f"/ws/rooms/{self.place.room}/",
                f"/ws/shared/{self.place.link}/",
                self._target("/ws/rooms/<room_id>/"),
                self._target("/ws/<x>"),
            )
        )
        if "?" not in path and often() < 0.5:
            path += f"?{pick(('cursor', 'tab', 'x'))}={quote(pick(VALUES), safe='%/')}"
        lines = [f"{method} {path} {version}", *(f"{name.strip()}: {value}" for name, value in headers.items()), "", ""]
        return Input(f"{lines[0][:150]} {headers!r:.600}", "\r\n".join(lines).encode("latin-1", "replace"), frames=b"")

    def _proper_headers(self) -> dict[str, str]:
        return {
            "Host": self.place.host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(self.chance.randbytes(16)).decode(),
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "chatlab.v1",
            "Origin": f"http://{self.place.host}",
            "Cookie": self.chance.choice(self.place.cookies),
        }

    def frames(self, count: int) -> Iterator[Input]:
        """After a handshake that is right."""
        return (self.sequence() for _ in range(count))

    def sequence(self) -> Input:
        headers = self._proper_headers()
        lines = [
            f"GET /ws/rooms/{self.place.room}/ HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
            "",
            "",
        ]
        frames = [self._frame() for _ in range(self.chance.randint(1, 6))]
        goodbye = _frame(0x88, struct.pack("!H", 1000))
        name = f"frames {[frame[:60] for frame in frames]}"
        return Input(name, "\r\n".join(lines).encode("latin-1"), frames=b"".join([*frames, goodbye]))

    def _frame(self) -> bytes:
        pick, often = self.chance.choice, self.chance.random
        if often() < 0.5:
            return _frame(0x81, self._said())
        if often() < 0.3:
            code = struct.pack(
                "!H", pick((0, 999, 1000, 1001, 1004, 1005, 1006, 1015, 1016, 2999, 3000, 4500, 5000, 65535))
            )
            return _frame(0x88, pick((code, code + b"x" * 123, code + b"x" * 124, code + b"\xff", code[:1], b"")))
        first = pick(
            (
                0x80,
                0x00,
                0x01,
                0x02,
                0x82,
                0x83,
                0x87,
                0x8B,
                0x8F,
                0x89,
                0x09,
                0x8A,
                0xC1,
                0xA1,
                0x91,
                0xF1,
                0xFF,
                0x81,
                0x81,
                0x81,
            )
        )
        data = pick(
            (
                b"",
                b"\xff\xfe",
                b"\xed\xa0\x80",
                b"\xf0\x9f\x98",
                b"x" * 126,
                b"x" * 70_000,
                b"{}",
                b"\0" * 9,
                b'{"type":"typing"}',
            )
        )
        return _frame(first, data, masked=often() > 0.1, lies=pick((0, 0, 0, 1, 2**40, 2**63)) if often() < 0.3 else 0)

    def _said(self) -> bytes:
        """JSON of every odd shape."""
        pick = self.chance.choice
        odd = (
            None,
            True,
            -1,
            0,
            1.5,
            1e308,
            10**400,
            "",
            "x",
            "\0",
            "\ud800",
            "x" * 40_000,
            [],
            [[]],
            {},
            {"a": {}},
            self.place.message,
            self.place.member,
        )
        kinds = (
            "sync",
            "post",
            "retry",
            "continue",
            "stop",
            "room",
            "remove",
            "readmit",
            "typing",
            "leave ",
            "snapshot",
            "__init__",
            None,
            [],
            {},
        )
        names = (
            "cursor",
            "repair",
            "away",
            "client_id",
            "text",
            "parent",
            "model",
            "message",
            "title",
            "chosen",
            "locked",
            "member",
            "type",
            "",
            "\ud800",
        )
        frame = {
            "type": pick(kinds),
            "client_id": pick(("abcdefgh", "abcdefgh", pick(odd))),
            "text": pick(("hi", pick(odd))),
        }
        frame |= {
            pick(names): pick((*odd, {"": pick(odd)}, {pick(names): pick(names)}))
            for _ in range(self.chance.randint(0, 4))
        }
        whole = json.dumps(frame) if self.chance.random() < 0.8 else str(pick(BODIES))[:60_000]
        return whole.encode("utf-8", "surrogatepass" if self.chance.random() < 0.3 else "replace")


def _frame(first: int, data: bytes, masked: bool = True, lies: int = 0) -> bytes:
    size = lies or len(data)
    flag = 0x80 if masked else 0
    if size < 126:
        length = struct.pack("!B", flag | size)
    elif size < 65_536:
        length = struct.pack("!BH", flag | 126, size)
    else:
        length = struct.pack("!BQ", flag | 127, size)
    return bytes([first]) + length + (b"\0\0\0\0" if masked else b"") + data
