"""How often a password may be tried, at each door and by all processes together, and what looking at one may cost."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import get_hasher
from django.db import connections
from django.test import Client
from django.utils import timezone, translation

from rooms.errors import Crowded, TooManyAttempts
from rooms.models import Attempts
from rooms.passwords import attempts
from rooms.passwords.hashing import PBKDF2, Turns, turns

from .crowds import KINDS
from .harness.upstream import Question, words
from .harness.waiting import wait_for

RIGHT, WRONG = "correct horse", "battery staple"
HOME, OFFICE, FAR = "192.0.2.1", "192.0.2.2", "198.51.100."


@pytest.fixture(autouse=True)
def _english():
    """A client that was answered in German leaves it to whoever comes next on this thread."""
    with translation.override("en"):
        yield


@pytest.fixture
def ada(transactional_db):
    return get_user_model().objects.create_user("ada", password=RIGHT, is_staff=True)


def sign_in(name: str = "ada", password: str = WRONG, at: str = HOME, door: str = "/login/", **headers: str):
    return Client(REMOTE_ADDR=at).post(door, {"username": name, "password": password}, headers=headers)


def wrong(times: int, **how: str) -> None:
    for _ in range(times):
        assert sign_in(**how).status_code == 200


def is_let_in(**how: str) -> bool:
    answer = sign_in(password=RIGHT, **how)
    assert answer.status_code in (302, 429)
    return answer.status_code == 302


@pytest.fixture
def looked_at(monkeypatch) -> list[str]:
    """The passwords that were."""
    found: list[str] = []
    hasher = get_hasher()
    encode = type(hasher).encode
    monkeypatch.setattr(
        type(hasher), "encode", lambda self, password, *rest: found.append(password) or encode(self, password, *rest)
    )
    return found


# -- how often ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["/login/", "/admin/login/"])
@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Too many attempts to sign in. Try again in 10 min."), ("de", "Zu viele Versuche, sich anzumelden. ")],
)
def test_the_eleventh_wrong_password_is_not_looked_at(ada, door, language, said, caplog, looked_at) -> None:
    wrong(10, door=door)
    del looked_at[:]
    for password in (WRONG, RIGHT):
        refused = sign_in(password=password, door=door, **{"Accept-Language": language})
        assert refused.status_code == 429 and said in refused.content.decode()
        assert 590 <= int(refused["Retry-After"]) <= 600
    assert looked_at == []
    assert "sign-in as 'ada' from 192.0.2.1 refused: 10 of this account from this address" in caplog.text
    assert not is_let_in(door="/login/"), "one count for both doors"


def test_an_account_that_nobody_has_is_treated_like_any_other(ada, looked_at) -> None:
    for name in ("ada", "nobody"):
        del looked_at[:]
        answers = [sign_in(name, at=f"{FAR}{len(name)}") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429]
        assert len(looked_at) == 10, "the same work"
        assert Attempts.objects.count() % 3 == 0


def test_one_address_tries_many_accounts(ada) -> None:
    for number in range(10):
        wrong(1, name=f"somebody{number}")
    assert sign_in("somebody11").status_code == 429
    assert not is_let_in() and is_let_in(at=OFFICE)


def test_a_network_of_ipv6_is_one_address(ada) -> None:
    for number in range(10):
        wrong(1, name=f"somebody{number}", at=f"2001:db8:1:2::{number:x}")
    assert not is_let_in(at="2001:db8:1:2:ffff::1") and is_let_in(at="2001:db8:1:3::1")


def test_a_header_makes_no_other_address(ada) -> None:
    for number in range(10):
        sign_in(**{"X-Forwarded-For": f"{FAR}{number}"})
    assert sign_in(**{"X-Forwarded-For": f"{FAR}99"}).status_code == 429


def test_an_account_is_tried_from_many_addresses_and_its_owner_gets_in_where_they_have_been(ada) -> None:
    """And where they have not as soon as the window is over."""
    assert is_let_in(at=HOME)
    for number in range(50):
        wrong(1, at=f"{FAR}{number}")
    assert sign_in(at=f"{FAR}99").status_code == 429
    assert not is_let_in(at=OFFICE) and is_let_in(at=HOME)
    Attempts.objects.exclude(until=None).update(until=timezone.now() - timedelta(seconds=1))
    assert is_let_in(at=OFFICE)


def test_neighbours_who_get_it_wrong_keep_nobody_out_who_has_been_there(ada) -> None:
    assert is_let_in()
    for number in range(10):
        wrong(1, name=f"somebody{number}")
    assert sign_in("somebody11").status_code == 429 and is_let_in()


def test_who_knows_the_address_of_an_account_has_ten_attempts_there_too(ada) -> None:
    assert is_let_in()
    wrong(10)
    assert not is_let_in()


def test_getting_it_right_takes_back_what_one_got_wrong_and_no_others(ada) -> None:
    get_user_model().objects.create_user("mallory", password=RIGHT)
    wrong(4, name="bob")
    wrong(5)
    assert is_let_in()
    wrong(9)
    assert is_let_in()
    for _ in range(6):  # an account of one's own is no way around the count of others
        sign_in("bob")
        sign_in("mallory", RIGHT)
    assert sign_in("bob").status_code == 429


def test_spellings_of_a_name_are_one_account(ada) -> None:
    for name in ("ada", "ADA", "Ada", "\uff41\uff44\uff41", "aDa"):
        wrong(2, name=name)
    assert not is_let_in()


def test_asking_for_a_new_password_asks_for_the_old_one_ten_times(ada) -> None:
    client = Client(REMOTE_ADDR=HOME)
    client.force_login(ada)
    change = {"new_password1": "a new password 12", "new_password2": "a new password 12"}
    for _ in range(10):
        assert client.post("/admin/password_change/", {"old_password": WRONG, **change}).status_code == 200
    assert client.post("/admin/password_change/", {"old_password": RIGHT, **change}).status_code == 429
    Attempts.objects.all().delete()
    assert client.post("/admin/password_change/", {"old_password": RIGHT, **change}).status_code == 302
    assert client.get("/admin/password_change/").status_code == 200


def test_forty_at_once_are_ten(ada) -> None:
    """Real threads, each with a connection of its own."""
    gate = threading.Barrier(20)

    def try_it(number: int) -> bool:
        try:
            gate.wait(10)
            attempts.begin("ada", HOME)
            return True
        except TooManyAttempts:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(try_it, range(40))) == {True: 10, False: 30}


def test_rows_that_say_nothing_any_more_go(ada) -> None:
    assert is_let_in()
    for number in range(9):
        wrong(1, name=f"somebody{number}", at=f"{FAR}{number}")
    long_ago = timezone.now() - timedelta(days=1)
    Attempts.objects.update(until=long_ago)
    wrong(1, name="somebody else", at=f"{FAR}99")
    wrong(1, name="somebody else", at=f"{FAR}99")
    assert Attempts.objects.filter(until=long_ago).get().known_until > timezone.now(), "an address that is known stays"


def test_limits_that_are_off_count_nothing(ada, settings) -> None:
    settings.CHATLAB_LIMITS = False
    wrong(12)
    assert is_let_in() and not Attempts.objects.exists()


def test_sessions_from_before_go_on(ada) -> None:
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/").status_code == 200


# -- what it costs -----------------------------------------------------------------------------------------------------


class Cheap(PBKDF2):
    """The same hasher, with fewer rounds: 10 ms."""

    iterations = 30_000


def test_passwords_are_looked_at_one_after_the_other_and_who_finds_no_place_in_line_comes_back(ada, settings) -> None:
    settings.PASSWORD_HASHERS = ["tests.test_passwords.Cheap"]
    get_user_model().objects.create_user("bob", password=RIGHT)
    turns.most, gate = 0, threading.Barrier(40)

    def sign_in_at_once(number: int) -> int:
        gate.wait(10)
        answer = sign_in("bob", RIGHT)
        if answer.status_code == 429:
            assert "Too many people sign in at this moment. Try again in" in answer.content.decode()
            assert int(answer["Retry-After"]) >= 2
        connections.close_all()
        return answer.status_code

    with ThreadPoolExecutor(40) as pool:
        found = Counter(pool.map(sign_in_at_once, range(40)))
    assert turns.most == 1 and found[302] >= 11 and found[302] + found[429] == 40 and found[429] > 0
    assert not Attempts.objects.filter(count__gt=0).exists(), "who found no place has lost no attempt"


@pytest.mark.parametrize("door", ["/admin/auth/user/add/", "/admin/auth/user/{}/password/"])
def test_every_door_that_hashes_waits_in_the_same_line(ada, settings, door) -> None:
    settings.PASSWORD_HASHERS = ["tests.test_passwords.Cheap"]
    settings.CHATLAB_HASHES_WAITING = 0
    ada.is_superuser = True
    ada.save()
    client = Client()
    client.force_login(ada)
    form = {
        "username": "eve",
        "password1": "a new password 12",
        "password2": "a new password 12",
        "usable_password": "true",
    }
    taken, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.take():
            taken.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(10) and client.post(door.format(ada.pk), form).status_code == 429
    finally:
        leave.set()
        holder.join()
    assert client.post(door.format(ada.pk), form).status_code == 302


def test_turns_come_in_the_order_in_which_they_were_asked_for(settings) -> None:
    settings.CHATLAB_HASHES_WAITING = 3
    mine, order, threads = Turns(), [], []

    def take(number: int) -> None:
        with mine.take(), mine.take():  # whoever has one has it for all that happens inside
            order.append(number)

    with mine.take():
        for number in range(3):
            threads.append(threading.Thread(target=take, args=[number]))
            threads[-1].start()
            wait_for(lambda number=number: len(mine._line) == number + 2, what="it stands in line")
        with pytest.raises(Crowded):
            ThreadPoolExecutor(1).submit(take, 9).result(10)
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2] and mine._line == []


def test_django_s_own_number_of_rounds_is_kept() -> None:
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    assert PBKDF2.iterations == PBKDF2PasswordHasher.iterations >= 1_000_000 and PBKDF2.algorithm == "pbkdf2_sha256"


# -- real servers ------------------------------------------------------------------------------------------------------

ACCOUNT = f"from django.contrib.auth.models import User; User.objects.create_user('ada', password='{RIGHT}')"


@pytest.mark.e2e
@pytest.mark.parametrize("kind", KINDS)
async def test_sixty_sign_ins_at_once_keep_no_socket_waiting(kind, upstream, own_server, visitor, tab) -> None:
    """Counted, not timed: a few are looked at, the others told to come back, and an answer streams meanwhile."""
    server = own_server(kind)
    alice = visitor(server)
    here = await tab(alice, await alice.create_room())
    gate = f"sign-in-{kind}"
    answer = await here.post(Question({"text": words(5)}, {"gate": gate}, {"text": words(200, 5)}))
    await here.until(lambda: here.text(answer).endswith("w4 "))
    people = [visitor(server) for _ in range(60)]
    form = {"username": "ada", "password": WRONG}
    asked = [person.client.post("/login/", data=form, headers={"Origin": server.url}) for person in people]
    under_way = [asyncio.ensure_future(one) for one in asked]
    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    await upstream.open(gate)
    assert (await here.finished(answer))["text"] == "".join(words(205))
    assert not all(one.done() for one in under_way), "the answer was there before the last of them was looked at"
    found = Counter(answer.status_code for answer in await asyncio.gather(*under_way))
    assert set(found) == {200, 429} and found[429] >= 10


@pytest.mark.e2e
async def test_two_processes_count_together(engines, own_server, visitor, tmp_path) -> None:
    shared = engines.settings_for(tmp_path) | {"CHATLAB_LIMITS": "on", "CHATLAB_TRUSTED_PROXIES": "127.0.0.1"}
    shared.setdefault("DATABASE_URL", f"sqlite:///{tmp_path / 'both.sqlite3'}")
    servers = [own_server(kind, **shared) for kind in KINDS]
    servers[0].manage("shell", "-c", ACCOUNT)

    async def status(number: int, password: str = WRONG, address: str = HOME) -> int:
        server = servers[number % 2]
        headers = {"Origin": server.url, "X-Forwarded-For": f"203.0.113.{number}, {address}"}
        form = {"username": "ada", "password": password}
        return (await visitor(server).client.post("/login/", data=form, headers=headers)).status_code

    assert [await status(number) for number in range(10)] == [200] * 10
    assert [await status(number, RIGHT) for number in range(2)] == [429] * 2
    assert await status(0, RIGHT, OFFICE) == 302
    lines = [line for server in servers for line in server.log().splitlines() if "sign-in as 'ada' from" in line]
    assert len(lines) == 2 and all(re.search(rf"from {HOME} refused", line) for line in lines)
