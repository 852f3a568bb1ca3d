"""What docs/operating.md tells people to do, done: the Procfile's lines, nginx in front, a process taken out."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from .harness.database import Database
from .harness.nginx import Nginx
from .harness.people import Person
from .harness.processes import ROOT, Process, environment, free_port
from .harness.server import ALARMS
from .harness.upstream import Question, UpstreamProcess, words
from .harness.waiting import eventually, wait_for
from .stages import cluster, layer

__all__ = ["cluster", "layer"]

PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
NGINX_SITE = ROOT / "deploy" / "nginx.conf"


class Web(Process):
    """The `web` line of the Procfile. Has what a `Person` needs of a server."""

    def __init__(self, folder: Path, env: dict[str, str]):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = ["sh", "-c", PROCFILE["web"]]
        super().__init__(command, folder / f"web-{self.port}.log", {**env, "PORT": str(self.port), "HOST": "127.0.0.1"})

    def status(self, path: str) -> int:
        try:
            return httpx2.get(self.url + path, timeout=5, trust_env=False).status_code
        except httpx2.TransportError:
            return 0

    async def take_out(self) -> None:
        """SIGTERM, and its end within the time that its flags give it."""
        self.send(signal.SIGTERM)
        await eventually(lambda: not self.running, 20, "the process ends")


class Site:
    """Everything the Procfile starts, twice the web."""

    def __init__(self, folder: Path, env: dict[str, str]):
        self.env = env
        self.database = Database(env["DATABASE_URL"])
        self.webs = [Web(folder, env), Web(folder, env)]
        self.worker = Process(["sh", "-c", PROCFILE["worker"]], folder / "worker.log", env)

    def start(self, folder: Path) -> None:
        release = Process(["sh", "-c", PROCFILE["release"]], folder / "release.log", self.env)
        release.start()
        assert release.popen.wait(120) == 0, release.log()
        for process in (*self.webs, self.worker):
            process.start()
        for web in self.webs:
            wait_for(lambda web=web: web.status("/readyz") == 200 or not web.running, 30, "a web process is ready")
            assert web.running, web.log()
        wait_for(lambda: "takes generations" in self.worker.log(), 30, "the worker is there")

    def alarms(self) -> list[str]:
        lines = "\n".join(process.log() for process in (*self.webs, self.worker)).splitlines()
        return [line for line in lines if ALARMS.search(line)]


@pytest.fixture(scope="module")
def site(cluster, layer, upstream: UpstreamProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    env = environment(
        DATABASE_URL=cluster.new_database(),
        REDIS_URL=layer.url,
        REDIS_PREFIX="site",
        SECRET_KEY="only-for-tests-" + "x" * 40,
        CHATLAB_WORKER="external",
        CHATLAB_LIMITS="off",
        OPENAI_BASE_URL=upstream.base_url,
        OPENAI_API_KEY="test-key",
        CHATLAB_ACCESS="open",
        CHATLAB_MODEL="scripted",
        STATIC_ROOT=str(folder / "static"),
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    site = Site(folder, env)
    site.start(folder)
    yield site
    for process in (*site.webs, site.worker):
        process.stop()
    assert not site.alarms(), site.alarms()[0]


class Front(Nginx):
    """nginx with the site of deploy/nginx.conf: only names of hosts, ports and folders are ours."""

    def __init__(self, folder: Path, site: Site):
        super().__init__(folder)
        self.ports = {"8001": site.webs[0].port, "8002": site.webs[1].port}
        self.static = site.env["STATIC_ROOT"]

    def configure(self, *, down: str = "") -> None:
        text = NGINX_SITE.read_text().replace("listen 80;", f"listen 127.0.0.1:{self.port};")
        text = text.replace("/srv/chatlab/var/static/", f"{self.static}/")
        for port, own in self.ports.items():
            text, found = re.subn(rf"127\.0\.0\.1:{port}\b", f"127.0.0.1:{own}{' down' if port == down else ''}", text)
            assert found
        super().configure(text)


@pytest.fixture
def nginx(site: Site, tmp_path: Path) -> Iterator[Front]:
    process = Front(tmp_path, site)
    process.configure()
    process.start()
    yield process
    process.stop()


async def test_the_lines_of_the_procfile_are_a_site_with_all_its_files(site, visitor):
    """Pages, style and script of a process on its own, as on a platform that reads a Procfile."""
    person = visitor(site.webs[0])
    page = (await person.request("GET", "/")).text
    files = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page)
    assert files and all(re.search(r"\.[0-9a-f]{12}\.(css|js)$", file) for file in files)
    for file in files:
        response = await person.request("GET", file)
        assert response.status_code == 200 and "immutable" in response.headers["cache-control"]


async def test_two_web_processes_and_a_worker_of_the_procfile_are_one_site(site, upstream, visitor, tab):
    alice = visitor(site.webs[0])
    room = await alice.create_room()
    other = Person(site.webs[1])
    other.client.cookies.update(alice.client.cookies)
    here, there = await tab(alice, room), await tab(other, room)
    answer = await here.post(Question({"text": words(40)}))
    await here.finished(answer)
    await there.finished(answer)
    assert here.text(answer) == there.text(answer) == "".join(words(40))
    await other.close()


async def test_behind_nginx_pages_files_and_sockets_arrive(site, nginx, visitor, tab):
    alice = visitor(nginx)
    room = await alice.create_room()
    page = (await alice.request("GET", f"/rooms/{room}/")).text
    file = re.search(r'(/static/rooms/main\.[0-9a-f]{12}\.js)"', page)[1]
    response = await alice.request("GET", file)
    assert response.status_code == 200 and "immutable" in response.headers["cache-control"]
    assert "javascript" in response.headers["content-type"]
    here = await tab(alice, room)
    answer = await here.post(Question({"text": words(10)}))
    await here.finished(answer)


async def test_a_process_that_is_marked_down_and_drained_is_missed_by_nobody(site, nginx, upstream, visitor, tab):
    """The recipe of docs/operating.md: `down` and reload, SIGUSR1, SIGTERM. Tabs move over in mid-answer."""
    alice = visitor(nginx)
    room = await alice.create_room()
    tabs = [await tab(alice, room, comes_back=True) for _ in range(4)]
    gate = {"gate": "moved"}
    answer = await tabs[0].post(Question({"text": words(30)}, gate, {"text": words(30, 30)}))
    for one in tabs:
        await one.until(lambda one=one: one.text(answer))
    out, stays = site.webs
    nginx.configure(down="8001")
    nginx.send(signal.SIGHUP)
    out.send(signal.SIGUSR1)
    await eventually(lambda: out.status("/readyz") == 503, 10, "/readyz is red")
    await out.take_out()
    for one in tabs:
        await one.until(lambda one=one: one.level, 15, "the tab is level again")
    await upstream.open("moved")
    for one in tabs:
        assert (await one.finished(answer))["status"] == "complete"
        assert one.text(answer) == "".join(words(60))
    assert any(len(one.received("welcome")) > 1 for one in tabs), "nobody was on the process that was taken out"
    assert stays.status("/readyz") == 200
    out.start()
    await eventually(lambda: out.status("/readyz") == 200, 30, "it is back")
