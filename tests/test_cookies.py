"""Several sites on one host share a browser's cookies: each has names of its own, and leaves the others' alone."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from chatlab.sessions import SessionStore
from rooms import access
from rooms.models import Member

from .harness import pages
from .test_one_browser import CHROME, Browser, is_in

# As any other Django project calls its own.
FOREIGN = {
    "sessionid": "x" * 32,
    "csrftoken": "y" * 32,
    "messages": "not:signed:by:us",
    "django_language": "de",
    "theme": "dark",
}


class At(Browser):
    """A browser whose requests go to one port of a host; `jar` may be that of another."""

    def __init__(self, port: int, jar: dict[str, str] | None = None):
        super().__init__({} if jar is None else jar)
        self.place = {"HTTP_HOST": f"localhost:{port}"}
        self.origin = {"HTTP_ORIGIN": f"http://localhost:{port}"}

    def ask(self, path: str, form: dict | None = None, **headers: str):
        return super().ask(path, form, **self.place | self.origin | headers)


@pytest.fixture(autouse=True)
def _ports(settings) -> None:
    settings.CHATLAB_COOKIE_PORT = True


@pytest.mark.usefixtures("alone")
def test_two_sites_on_two_ports_of_a_host_are_two_people_in_one_browser() -> None:
    here = At(8000)
    there = At(18000, here.jar)
    for number, site in enumerate((here, there, here, there)):
        site.get("/")
        site.post("/rooms/", title=f"Room {number}")
    guests = dict(Member.objects.values_list("room__title", "guest"))
    assert guests["Room 0"] == guests["Room 2"] != guests["Room 1"] == guests["Room 3"]
    assert sorted(name for name in here.jar if "session" in name) == ["chatlab_session_18000", "chatlab_session_8000"]


@pytest.mark.usefixtures("alone")
def test_a_sign_out_of_one_site_leaves_the_other_signed_in() -> None:
    get_user_model().objects.create_user("ada", password="correct horse")
    here = At(8000)
    there = At(8123, here.jar)
    for site in (here, there):
        site.get("/login/")
        site.post("/login/", username="ada", password="correct horse")
        site.post("/theme/", theme="dark")
        site.post("/language/", language="de")
    here.post("/logout/")
    here.post("/theme/", theme="system")
    assert "/logout/" not in here.get("/").content.decode()
    page = there.get("/").content.decode()
    assert "/logout/" in page and 'data-theme="dark" data-cookie="chatlab_theme_8123"' in page and 'lang="de"' in page


def test_cookies_of_another_project_are_neither_read_nor_changed(place) -> None:
    browser = At(8000, dict(FOREIGN))
    page = browser.get("/").content.decode()
    assert 'lang="en"' in page and 'data-theme="dark"' not in page
    browser.post(f"/rooms/{place.room}/join/", name="Ada")
    assert is_in(browser, place.room)
    get_user_model().objects.create_superuser("root", password="correct horse")
    browser.post("/admin/login/?next=/admin/", username="root", password="correct horse")
    browser.post("/admin/auth/group/add/", name="A group")  # leaves a message
    assert "was added successfully" in browser.get("/admin/auth/group/").content.decode()
    browser.post("/logout/")
    browser.get("/")
    assert {name: browser.jar.get(name) for name in FOREIGN} == FOREIGN
    assert all(name.startswith("chatlab_") and name.endswith("_8000") for name in browser.jar if name not in FOREIGN)


def test_who_was_here_before_the_names_changed_stays_who_they_are(place) -> None:
    before = SessionStore()
    before[access.GUEST_KEY] = place.visitor.guest
    before.create()
    browser = At(8000, {"sessionid": before.session_key})
    assert is_in(browser, place.room)
    assert browser.jar["chatlab_session_8000"] == before.session_key
    assert access.admit(browser.jar["chatlab_session_8000"], "", place.room)[1].pk == place.member


def test_below_a_path_the_cookie_of_that_path_goes_before_the_root_s(place) -> None:
    """A browser sends both, the longer path first."""
    browser = At(8000)
    browser.get("/")
    browser.post(f"/rooms/{place.room}/join/", name="Ada")
    header = f"chatlab_session_8000={browser.jar['chatlab_session_8000']}; chatlab_session_8000={'x' * 32}"
    answer = Client(HTTP_COOKIE=header, **browser.place).get(f"/api/rooms/{place.room}/me")
    assert answer.status_code == 200


@pytest.fixture
def whole_host(settings) -> None:
    """As with HTTPS=on, and not below a path."""
    settings.CHATLAB_COOKIE_PORT, settings.CHATLAB_HOST_COOKIES = False, True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


@pytest.mark.usefixtures("whole_host")
def test_by_https_a_cookie_has_a_name_that_only_this_host_can_give(place) -> None:
    client = Client(**CHROME)
    client.get("/", secure=True)
    client.post(f"/rooms/{place.room}/join/", {"name": "Ada"}, secure=True, HTTP_ORIGIN="https://testserver")
    assert {"__Host-chatlab_session", "__Host-chatlab_csrf"} <= set(client.cookies)
    for name, cookie in client.cookies.items():
        assert name.startswith("__Host-") and cookie["secure"] and cookie["path"] == "/" and not cookie["domain"], name
    assert client.get(f"/api/rooms/{place.room}/me", secure=True).status_code == 200
    client.post("/logout/", secure=True, HTTP_ORIGIN="https://testserver")
    gone = client.cookies["__Host-chatlab_session"]
    assert gone["max-age"] == 0 and gone["secure"], "without Secure a browser would not take it, and keep the old one"


@pytest.mark.usefixtures("whole_host")
def test_a_neighbours_cookie_does_not_go_before_ours(place) -> None:
    ours, theirs = SessionStore(), SessionStore()
    ours[access.GUEST_KEY] = place.visitor.guest
    theirs[access.GUEST_KEY] = "somebody"
    ours.create(), theirs.create()
    for order in (1, -1):
        pair = [f"chatlab_session={theirs.session_key}", f"__Host-chatlab_session={ours.session_key}"][::order]
        answer = Client(HTTP_COOKIE="; ".join(pair)).get(f"/api/rooms/{place.room}/me", secure=True)
        assert answer.status_code == 200


@pytest.mark.usefixtures("whole_host")
def test_who_was_here_before_the_site_was_reached_by_https_stays_who_they_are(place) -> None:
    before = SessionStore()
    before[access.GUEST_KEY] = place.visitor.guest
    before.create()
    client = Client()
    client.cookies["chatlab_session"] = before.session_key
    assert client.get(f"/rooms/{place.room}/", secure=True).status_code == 200
    assert client.cookies["__Host-chatlab_session"].value == before.session_key
    assert client.cookies["chatlab_session"]["max-age"] == 0, "the old one goes"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("agent", ["", "python-httpx/0.28", "curl/8.5"])
def test_a_program_finds_its_token_where_the_protocol_says(agent) -> None:
    client = Client(enforce_csrf_checks=True, HTTP_HOST="localhost:8000", HTTP_USER_AGENT=agent)
    client.get("/")
    token = client.cookies["csrftoken"].value
    answer = client.post("/api/rooms", {}, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 201
    old = Client(enforce_csrf_checks=True, HTTP_HOST="localhost:8000")
    old.cookies["csrftoken"] = token
    answer = old.post("/api/rooms", {}, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 201, "and sends it back under that name alone"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("host", "suffix"),
    [
        ("localhost", ""),
        ("localhost:8000", "_8000"),
        ("127.0.0.1:443", "_443"),
        ("[::1]", ""),
        ("[::1]:8000", "_8000"),
    ],
)
def test_a_port_is_what_the_browser_says_it_is(host, suffix) -> None:
    client = Client(HTTP_HOST=host, **CHROME)
    client.get("/")
    assert f"chatlab_csrf{suffix}" in client.cookies and "csrftoken" not in client.cookies


@pytest.mark.browser
@pytest.mark.page_only
async def test_on_a_development_machine_pages_sockets_and_the_theme_go_by_the_port(own_server, browser):
    server = own_server(CHATLAB_COOKIE_PORT="on")
    context = await browser.new_context()
    await context.add_cookies(
        [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"} for name, value in FOREIGN.items()]
    )
    page = await context.new_page()
    await page.goto(server.url)
    await page.locator("#new-title").fill("Mine")
    await page.locator("#new-title").press("Enter")
    await page.wait_for_url("**/rooms/*/")
    await pages.live(page)
    await page.locator("#room-menu summary").click()
    await page.get_by_role("button", name="Light", exact=True).click()
    await page.reload()
    await pages.live(page)
    assert await page.evaluate("() => document.documentElement.dataset.theme") == "light"
    jar = {cookie["name"]: cookie["value"] for cookie in await context.cookies()}
    own = {name for name in jar if name not in FOREIGN}
    assert {f"chatlab_{name}_{server.port}" for name in ("session", "csrf", "theme")} <= own
    assert {name: jar[name] for name in FOREIGN} == FOREIGN
