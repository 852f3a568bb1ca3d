"""Proxies that are set up for pages alone, real ones: the page and the log name the cause and what mends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import Client
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rooms import front

from .harness import pages
from .harness.nginx import Nginx
from .harness.server import Server
from .harness.waiting import eventually

pytestmark = pytest.mark.page_only

# What a proxy for a site like this one sets, line by line; each test leaves something out, or has it wrong.
RIGHT = {
    "version": "proxy_http_version 1.1;",
    "host": "proxy_set_header Host $http_host;",
    "upgrade": "proxy_set_header Upgrade $http_upgrade;",
    "connection": 'proxy_set_header Connection "upgrade";',
    "scheme": "proxy_set_header X-Forwarded-Proto $scheme;",
}
PAGES_ALONE = {"version": "", "upgrade": "", "connection": ""}
SITE = """
server {{
    listen 127.0.0.1:{listen};
    {tls}
    {before}
    location / {{ proxy_pass http://127.0.0.1:{server}; {lines} }}
    location /ws/ {{ proxy_pass http://127.0.0.1:{server}; {lines} {sockets} }}
}}
"""


@pytest.fixture
def proxy(tmp_path) -> Iterator[Callable[..., Nginx]]:
    """`proxy(server, upgrade="", …)`: nginx with these lines instead of the right ones; `sockets`: more of them."""
    started: list[Nginx] = []

    def start(server: Server, *, tls: str = "", before: str = "", sockets: str = "", **lines: str) -> Nginx:
        folder = tmp_path / f"nginx-{len(started)}"
        folder.mkdir()
        nginx = Nginx(folder)
        listen = f"{nginx.port} ssl" if tls else str(nginx.port)
        text = " ".join((RIGHT | lines).values())
        nginx.configure(
            SITE.format(listen=listen, tls=tls, before=before, server=server.port, lines=text, sockets=sockets)
        )
        if tls:
            nginx.url = nginx.url.replace("http:", "https:")
        nginx.start()
        started.append(nginx)
        return nginx

    yield start
    for nginx in started:
        nginx.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> str:
    """The lines of nginx that name one for 127.0.0.1, which nobody has signed."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(2))
    kind = serialization.Encoding.PEM
    (folder / "certificate").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(kind))
    plain = serialization.NoEncryption()
    (folder / "key").write_bytes(key.private_bytes(kind, serialization.PrivateFormat.PKCS8, plain))
    return f"ssl_certificate {folder / 'certificate'}; ssl_certificate_key {folder / 'key'};"


def said(server: Server, mark: int) -> list[str]:
    """Lines of the log about what stands in front."""
    return [line for line in server.log(mark).splitlines() if "docs/operating.md" in line]


async def shakes_hands(url: str, room: str, headers: dict[str, str]) -> int:
    """The status that a handshake is answered with: 101 where it succeeds."""
    address = f"{url.replace('http', 'ws', 1)}/ws/rooms/{room}/"
    try:
        async with connect(address, subprotocols=["chatlab.v1"], additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


# -- sockets -----------------------------------------------------------------------------------------------------------

SOCKETS = {
    # name: (what is wrong, what a handshake is answered with by daphne and by uvicorn, what mends it)
    "for pages alone": (PAGES_ALONE, 426, 426, "proxy_set_header Upgrade $http_upgrade"),
    "with its defaults": ({**PAGES_ALONE, "host": ""}, 426, 426, "proxy_set_header Upgrade $http_upgrade"),
    "with half an upgrade": ({"connection": ""}, 400, 426, 'proxy_set_header Connection "upgrade"'),
    "with Host but without its port": (
        {"host": "proxy_set_header Host $host;"}, 403, 403, "proxy_set_header Host $http_host",
    ),
    "with a Host of its own": ({"host": ""}, 403, 403, "proxy_set_header Host $http_host"),
    "without Origin": ({"sockets": 'proxy_set_header Origin "";'}, 403, 403, "let the proxy pass Origin on"),
    "with a name that is not ours": ({"host": "proxy_set_header Host x.org;"}, 403, 403, "export ALLOWED_HOSTS="),
    "without Sec-WebSocket-Protocol": (
        {"sockets": 'proxy_set_header Sec-WebSocket-Protocol "";'}, 101, 101, "pass Sec-WebSocket-Protocol on",
    ),
    "without Cookie": ({"sockets": 'proxy_set_header Cookie "";'}, 101, 101, "let the proxy pass Cookie on"),
    "with HTTP/1.0": ({"version": ""}, 101, 101, ""),
    "as it should be": ({}, 101, 101, ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_the_log_says_once_what_a_proxy_does_to_sockets(own_server, visitor, proxy, kind):
    """Each cause three times, in one server: a line each, in its order."""
    server = own_server(kind)
    alice = visitor(server)
    room = await alice.create_room()
    expected: list[str] = []
    mark = server.mark()
    for name, (lines, by_daphne, by_uvicorn, remedy) in SOCKETS.items():
        nginx = proxy(server, **lines)
        headers = {**alice.socket_headers, "Origin": nginx.url}
        for _ in range(3):
            status = await shakes_hands(nginx.url, room, headers)
            assert status == (by_daphne if kind == "daphne" else by_uvicorn), name
        if remedy and remedy not in " ".join(expected):
            expected.append(remedy)
        lines = said(server, mark)
        assert len({line.partition("WARNING")[2] for line in lines}) == len(lines), name
        assert all(remedy in " ".join(lines) for remedy in expected), name
    assert len(said(server, mark)) == 7, "upgrade, port, host, origin, name, protocol, cookie"


SHOWN = {
    "for pages alone": "must pass Upgrade on",
    "with Host but without its port": "your address without its port",
    "without Origin": "takes Origin away",
    "without Sec-WebSocket-Protocol": "takes Sec-WebSocket-Protocol away",
    "without Cookie": "takes Cookie away",
}


@pytest.mark.browser
@pytest.mark.parametrize("name", SHOWN)
async def test_the_page_says_what_is_in_the_way_of_its_socket(server, alice, room, proxy, browser, name):
    """Today's whole story was "Offline"."""
    nginx = proxy(server, **SOCKETS[name][0])
    context = await browser.new_context()
    await context.add_cookies([cookie | {"url": nginx.url} for cookie in alice.browser_cookies])
    page = await context.new_page()
    await page.goto(f"{nginx.url}/rooms/{room}/")
    strip = page.locator("#strip [data-part=line]")

    async def shown() -> bool:
        return SHOWN[name] in await strip.inner_text()

    await eventually(shown, 20, f"the page says {SHOWN[name]!r}")
    assert SHOWN[name] in " ".join(said(server, 0))


@pytest.mark.browser
async def test_a_page_whose_way_is_free_again_is_live_and_says_nothing_more(server, alice, room, proxy, browser):
    """In German, too: the wire's sentence is English, the page's is not."""
    nginx = proxy(server, **PAGES_ALONE)
    context = await browser.new_context(locale="de-DE")
    await context.add_cookies([cookie | {"url": nginx.url} for cookie in alice.browser_cookies])
    page = await context.new_page()
    await page.goto(f"{nginx.url}/rooms/{room}/")
    strip = page.locator("#strip")
    await strip.filter(has_text="WebSockets kommen nicht durch").wait_for()
    assert await strip.get_attribute("data-state") == "blocked"
    right = " ".join(RIGHT.values())
    nginx.configure(SITE.format(listen=nginx.port, tls="", before="", server=server.port, lines=right, sockets=""))
    nginx.reload()
    await strip.get_by_role("button").dispatch_event("click")  # it may have come back by itself, and the strip be gone
    await pages.live(page, 40)
    assert await strip.get_attribute("data-state") == ""


@pytest.mark.browser
async def test_a_server_that_is_away_is_offline_and_behind_nothing(server, alice, room, proxy, browser):
    """nginx answers for it, with pages of its own."""
    nginx = proxy(server, before="location /api/ { return 502; }", sockets="deny all;")
    context = await browser.new_context()
    await context.add_cookies([cookie | {"url": nginx.url} for cookie in alice.browser_cookies])
    page = await context.new_page()
    await page.goto(f"{nginx.url}/rooms/{room}/")
    await page.locator("#strip[data-state=offline]").wait_for()
    assert "You can keep writing" in await page.locator("#strip").inner_text()


# -- forms and pages ---------------------------------------------------------------------------------------------------


async def posted(url: str, **headers: str) -> httpx2.Response:
    """A form of the first page, sent by a browser that has no Sec-Fetch-Site."""
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        page = (await client.get(f"{url}/")).text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
        body = {"csrfmiddlewaretoken": token, "title": "Mine"}
        headers = {"Origin": url, "User-Agent": "Mozilla/5.0", **headers}
        return await client.post(f"{url}/rooms/", data=body, headers=headers)


async def test_tls_that_the_server_was_not_told_of_is_named_by_page_and_log(own_server, proxy, certificate):
    """Forms work all the same; cookies are not Secure, and whatever asks for the scheme is wrong."""
    server = own_server()
    nginx = proxy(server, tls=certificate)
    for _ in range(3):
        assert (await posted(nginx.url)).status_code == 302
    (line,) = said(server, 0)
    assert "export HTTPS=on" in line
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        assert "it needs HTTPS=on" in (await client.get(f"{nginx.url}/login/")).text
        german = (await client.get(f"{nginx.url}/", headers={"Accept-Language": "de"})).text
    assert "Er braucht HTTPS=on" in german


async def test_a_form_whose_host_lacks_its_port_names_what_is_missing(server, proxy):
    nginx, mark = proxy(server, host="proxy_set_header Host $host;"), server.mark()
    answer = await posted(nginx.url)
    assert answer.status_code == 403 and "your address without its port" in answer.text
    assert "proxy_set_header Host $http_host" in answer.text and "too old" not in answer.text
    german = await posted(nginx.url, **{"Accept-Language": "de"})
    assert "Etwas steht zwischen dir und dieser Seite." in german.text and 'lang="de"' in german.text
    assert len(said(server, mark)) <= 1, "a test before may have had the line"


async def test_behind_tls_as_it_should_be_forms_and_sockets_work(own_server, proxy, certificate, visitor):
    server = own_server(HTTPS="on")
    nginx = proxy(server, tls=certificate)
    answer = await posted(nginx.url)
    assert answer.status_code == 302 and answer.headers["location"].startswith("/rooms/")
    assert said(server, 0) == []


@pytest.mark.parametrize("scheme", ["", "proxy_set_header X-Forwarded-Proto http;"], ids=["none", "a second proxy's"])
async def test_a_proxy_that_hides_https_is_named_instead_of_a_redirect_without_end(
    own_server, proxy, certificate, scheme, browser
):
    server = own_server(HTTPS="on")
    nginx = proxy(server, tls=certificate, scheme=scheme)
    async with httpx2.AsyncClient(trust_env=False, verify=False, follow_redirects=True) as client:
        answer = await client.get(nginx.url)
    assert answer.status_code == 400 and "must set X-Forwarded-Proto" in answer.text and len(answer.history) == 1
    (line,) = said(server, 0)
    assert "proxy_set_header X-Forwarded-Proto $scheme" in line
    page = await (await browser.new_context(ignore_https_errors=True)).new_page()
    assert (await page.goto(nginx.url)).status == 400
    assert "must set X-Forwarded-Proto" in await page.locator("main").inner_text()


async def test_plain_http_is_still_sent_on_to_https(own_server):
    server = own_server(HTTPS="on")
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{server.url}/rooms/x/")
        assert answer.status_code == 301 and answer.headers["location"].startswith("https://127.0.0.1")
        assert "secure" in answer.headers["set-cookie"].lower()
        probe = await client.get(f"{server.url}/readyz", headers={"Host": "10.0.0.7"})
        assert probe.status_code == 200, "a balancer asks by address and by http"
    assert said(server, 0) == []


@pytest.fixture
def quiet(monkeypatch) -> None:
    """As in a process that has just started."""
    monkeypatch.setattr(front, "_seldom", front.Seldom())
    monkeypatch.setattr(front, "_seen", {})


@pytest.mark.usefixtures("quiet", "alone")
class TestWithoutAProxy:
    """What a request looks like that a proxy has changed."""

    @pytest.mark.parametrize("debug", [True, False])
    def test_a_name_that_is_not_ours_is_named(self, settings, caplog, debug):
        settings.DEBUG, settings.ALLOWED_HOSTS = debug, ["chat.example.org"]
        for _ in range(3):
            answer = Client(HTTP_HOST="other.example.org").get("/")
            assert answer.status_code == 400 and "export ALLOWED_HOSTS=" in answer.content.decode()
        lines = [message for message in caplog.messages if "docs/operating.md" in message]
        assert len(lines) == 1 and "host 'other.example.org'" in lines[0]
        assert Client(HTTP_HOST="<script>").get("/").status_code == 400
        assert Client(HTTP_HOST="10.1.2.3").get("/healthz").status_code == 200

    @pytest.mark.parametrize(
        ("host", "headers", "status"),
        [
            ("[::1]:8080", {"HTTP_ORIGIN": "http://[::1]:8080"}, 302),
            ("chat.example.org:80", {"HTTP_ORIGIN": "http://chat.example.org"}, 302),
            ("chat.example.org:443", {"HTTP_ORIGIN": "https://chat.example.org", "HTTPS": "on"}, 302),
            ("Chat.Example.ORG", {"HTTP_ORIGIN": "http://chat.example.org"}, 302),
            ("[::1]", {"HTTP_ORIGIN": "http://[::1]:8080"}, 403),
            ("127.0.0.1:8001", {"HTTP_ORIGIN": "http://chat.example.org"}, 403),
        ],
    )
    def test_hosts_as_proxies_write_them(self, settings, host, headers, status):
        settings.ALLOWED_HOSTS, settings.CHATLAB_COOKIE_PORT = ["[::1]", "127.0.0.1", "chat.example.org"], False
        secure = {"secure": True} if headers.pop("HTTPS", "") else {}
        client = Client(enforce_csrf_checks=True, HTTP_HOST=host)
        token = client.get("/", **secure).cookies["chatlab_csrf"].value
        answer = client.post("/rooms/", {"title": "x", "csrfmiddlewaretoken": token}, **headers, **secure)
        assert answer.status_code == status
        assert status == 302 or "Whoever runs this site can mend it" in answer.content.decode()

    def test_a_page_by_https_that_no_proxy_has_passed_on_is_told_what_is_missing(self):
        """Of a proxy that ends TLS and says nothing of itself; a browser's own word still goes (below)."""
        answer = Client(enforce_csrf_checks=True).post("/rooms/", {"title": "x"}, HTTP_ORIGIN="https://testserver")
        assert answer.status_code == 403 and "export HTTPS=on" in answer.content.decode()
        asked = Client().post("/api/reach", {"origin": "https://testserver"}, "application/json")
        assert asked.json()["code"] == front.HTTPS

    def test_a_form_that_is_too_old_is_still_called_so(self):
        answer = Client(enforce_csrf_checks=True).post("/rooms/", {"title": "x"})
        assert answer.status_code == 403 and "That form was too old." in answer.content.decode()

    def test_the_api_names_the_cause_too(self):
        client = Client(enforce_csrf_checks=True)
        answer = client.post("/api/rooms", "{}", "application/json", HTTP_ORIGIN="http://testserver:8080")
        assert answer.status_code == 403 and answer.json()["detail"] == front.CAUSES[front.PORT].sentence

    def test_a_browser_that_says_whose_page_it_is_gets_through_and_the_log_has_its_line(self, caplog):
        client = Client(enforce_csrf_checks=True)
        headers = {"HTTP_ORIGIN": "https://testserver", "HTTP_SEC_FETCH_SITE": "same-origin"}
        for _ in range(2):
            assert client.post("/rooms/", {"title": "x"}, **headers).status_code == 302
        assert caplog.text.count("export HTTPS=on") == 1

    def test_a_browser_that_can_only_have_come_by_https_is_noticed_with_its_first_page(self, settings, caplog):
        settings.ALLOWED_HOSTS = ["chat.example.org", "localhost"]
        for host, count in (("localhost:8000", 0), ("chat.example.org", 1), ("chat.example.org", 1)):
            answer = Client(HTTP_HOST=host, HTTP_SEC_FETCH_SITE="none").get("/")
            assert caplog.text.count("export HTTPS=on") == count
            assert ("it needs HTTPS=on" in answer.content.decode()) == bool(count)

    def test_somebody_elses_page_makes_no_line_of_the_log(self, caplog):
        headers = {"HTTP_ORIGIN": "https://evil.example", "HTTP_SEC_FETCH_SITE": "cross-site"}
        client = Client(enforce_csrf_checks=True, HTTP_HOST="localhost")
        assert client.post("/rooms/", {"title": "x"}, **headers).status_code == 403
        assert "docs/operating.md" not in caplog.text

    @pytest.mark.parametrize("body", ["", "[]", "{}", '{"origin": 5}', "\x00", "[" * 5000, '{"origin": "' + "x" * 9999])
    def test_the_door_for_questions_takes_anything(self, body):
        answer = Client().post("/api/reach", body, "application/json")
        assert answer.status_code == 200 and answer.json()["code"] in front.CAUSES

    def test_what_a_client_sends_stays_on_its_line_of_the_log(self, caplog):
        origin_sent = "http://x\nERROR forged " + "y" * 500
        Client().post("/api/reach", {"origin": origin_sent}, "application/json")
        (line,) = [message for message in caplog.messages if "docs/operating.md" in message]
        assert "\n" not in line and len(line) < 700

    def test_a_sockets_address_in_a_browser_is_no_fault_of_a_proxy(self, caplog):
        assert Client().get("/ws/rooms/x/").status_code == 426
        assert "docs/operating.md" not in caplog.text


def test_every_cause_has_a_german_sentence():
    from django.utils.translation import override

    from rooms.views import reasons

    for cause, (sentence, _) in front.CAUSES.items():
        with override("en"):
            assert reasons.of_obstacle(cause) == sentence
        with override("de"):
            assert reasons.of_obstacle(cause) != sentence
