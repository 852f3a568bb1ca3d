"""`manage.py drill`: is everything that chatlab promises true of this deployment?"""

import asyncio
import json
import random
import signal
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from rooms.drill import history
from rooms.drill.auditor import Unreadable
from rooms.drill.people import ApiError
from rooms.drill.programs import Missing
from rooms.drill.record import Record
from rooms.drill.report import Report
from rooms.drill.run import Drill, Options, Unwilling, own_deployment
from rooms.drill.waiting import NotInTime

LOCAL = {"localhost", "127.0.0.1", "::1"}

HELP = """
Opens tabs in rooms of a running deployment, asks, stops, sends things twice, cuts wires, comes back, and checks from
the outside what docs/architecture.md promises: nothing that was acknowledged is lost or there twice, all tabs saw the
same log without a gap, each answer ended once, every text is its deltas, everybody is level soon. Prints a table;
exits 1 where a promise was broken, or where too little happened to prove anything.

It makes rooms of its own, and leaves them. A deployment's limits (20 questions a minute and person by default) are
kept: such a drill takes long to reach many sends. For load, start a deployment with CHATLAB_LIMITS=off.
"""


class Command(BaseCommand):
    help = HELP
    requires_system_checks = []  # it is about another deployment than that of these settings

    def add_arguments(self, parser):
        parser.add_argument(
            "--url",
            action="append",
            metavar="URL",
            help="the deployment; several times for several processes of it (http://127.0.0.1:8000)",
        )
        parser.add_argument(
            "--faults",
            action="store_true",
            help="start a deployment of its own (PostgreSQL, Redis, two web processes, two workers), and kill, freeze, "
            "dismiss, flush and restart them meanwhile. Only ever on this machine",
        )
        parser.add_argument("--check", type=Path, metavar="FILE", help="only judge an earlier drill's --history again")
        parser.add_argument("--tabs", type=int, default=12, help="(12)")
        parser.add_argument("--rooms", type=int, default=3, help="that the tabs share (3)")
        parser.add_argument("--seconds", type=float, help="how long to ask (30; with --faults 120)")
        parser.add_argument(
            "--sends",
            type=int,
            default=100,
            help="acknowledged questions below which nothing is proved: it goes on (100)",
        )
        parser.add_argument(
            "--pace", type=float, default=2.0, help="questions a second and tab; 0: without a pause (2)"
        )
        parser.add_argument(
            "--answers", type=float, default=0.15, help="share of questions that are not stopped, but answered (0.15)"
        )
        parser.add_argument("--seed", type=int, help="of everything that is left to chance; printed, to do it again")
        parser.add_argument("--room", default="", help="an existing room, instead of new ones")
        parser.add_argument("--token", default="", help="a bearer token of that room (manage.py token ROOM)")
        parser.add_argument("--yes", action="store_true", help="also where the answers are a real model's")
        parser.add_argument(
            "--history",
            type=Path,
            metavar="FILE",
            help="keep what happened, as JSON lines; with --faults also the logs, in FILE.logs/",
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdict as JSON, too")

    def handle(self, *, check, **options):
        if check:
            return self._judge(check, options["json"])
        chosen = self._options(options)
        with tempfile.TemporaryDirectory(prefix="chatlab-drill-") as folder:
            path = options["history"] or Path(folder) / "history"
            self.stdout.write(f"seed {chosen.seed}")
            logs = path.with_name(f"{path.name}.logs") if options["history"] else None
            self._drill(chosen, path, options["faults"], logs)
            return self._judge(path, options["json"])

    def _options(self, options: dict) -> Options:
        urls = [url.rstrip("/") for url in options["url"] or []]
        if options["faults"] and any(urlsplit(url).hostname not in LOCAL for url in urls):
            raise CommandError("--faults kills processes: it starts its own on this machine, and takes no other --url.")
        if options["faults"] and urls:
            raise CommandError("--faults starts a deployment of its own; leave --url out.")
        if options["token"] and not options["room"]:
            raise CommandError("A token is a member's of one room: give --room, too.")
        if not (0 < options["rooms"] <= options["tabs"]) or options["sends"] < 1 or not 0 <= options["answers"] <= 1:
            raise CommandError("It takes at least one room, a tab for each, one send, and --answers from 0 to 1.")
        names = ("tabs", "sends", "pace", "answers", "room", "token", "yes")
        chosen = Options(urls or ["http://127.0.0.1:8000"], **{name: options[name] for name in names})
        chosen.rooms = 1 if options["room"] else options["rooms"]
        chosen.seconds = options["seconds"] or (120.0 if options["faults"] else 30.0)
        chosen.seed = options["seed"] if options["seed"] is not None else random.randrange(10**6)
        return chosen

    def _drill(self, options: Options, path: Path, faults: bool, logs: Path | None) -> None:
        written = history.History(path)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what it has started ends with it
        try:
            asyncio.run(self._run(options, written, faults, logs))
        except (Unwilling, Missing, Unreadable, ApiError, NotInTime) as refusal:
            raise CommandError(str(refusal)) from refusal
        except KeyboardInterrupt:
            raise CommandError("Interrupted: nothing is judged.", returncode=130) from None
        finally:
            written.close()

    async def _run(self, options: Options, written: history.History, faults: bool, logs: Path | None) -> None:
        if not faults:
            await Drill(options, written, self._say).run()
            return
        self._say("Starting PostgreSQL, Redis, two web processes and two workers ...")
        async with own_deployment(logs) as deployment:
            options.urls = deployment.urls
            await Drill(options, written, self._say).run(deployment)

    def _judge(self, path: Path, json_path: Path | None) -> None:
        try:
            record = Record(history.read(path))
            report = Report(record)
        except OSError as error:
            raise CommandError(str(error)) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise CommandError(f"{path} is not the history of a drill that came to its end: {error!r}") from error
        self.stdout.write("\n".join(report.lines()))
        if json_path:
            json_path.write_text(json.dumps(report.json(), indent=2) + "\n")
        if report.broken:
            raise CommandError(f"{report.broken} breaches.", returncode=1)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
