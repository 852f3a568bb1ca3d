"""The power goes: what was acknowledged is on the disk, and what an answer has said is there up to a few seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from .harness.power import Power
from .harness.upstream import Question, words
from .sending import answered

pytestmark = pytest.mark.sqlite_only("faults of a file")


@pytest.fixture
def power(tmp_path: Path) -> Power:
    return Power(tmp_path)


async def test_whatever_was_acknowledged_is_there_after_a_power_cut(own_server, power, visitor, tab):
    """The room, its member, the question and the stop; of the text that streamed, all up to the last renewal."""
    server = own_server(CHATLAB_LEASE="3", CHATLAB_LEASE_RENEW="1", **power.settings)
    alice = visitor(server)
    here = await tab(alice, await alice.create_room(), comes_back=True)
    answer = await here.post(Question({"text": words(1000), "rate": 100}))
    await here.until(lambda: "w150 " in here.text(answer), 10)
    post = {"type": "post", "text": Question({"text": ["Now."]}), "client_id": "before-it-went"}
    receipt = await here.command(post)
    acknowledged, shown = here.text(answer), here.text(answer).count("w")
    await here.until(lambda: here.text(answer).count("w") > shown + 20)
    power.cut(server)
    shown = here.text(answer).count("w")
    server.restart()
    await here.until(lambda: here.level, 15, "the tab is back, with the cookies that it had")
    assert (await here.command(post))["message"] == receipt["message"], "the repeat made a second message"
    message = await here.finished(answer, 15)
    assert message["status"] == "interrupted" and message["text"].startswith(acknowledged)
    assert message["text"].count("w") <= shown
    await answered(here, receipt)
    server.database.check_room(here.room)


async def test_normal_may_lose_with_the_power_what_it_has_acknowledged(own_server, power, visitor, tab):
    """What the setting says, and that the power of these tests goes."""
    server = own_server(DATABASE_SYNCHRONOUS="NORMAL", **power.settings)
    alice = visitor(server)
    room = await alice.create_room()
    here = await tab(alice, room)
    await here.command({"type": "post", "text": Question({"text": ["Now."]}), "client_id": "before-it-went"})
    power.cut(server)
    assert server.database.rows("SELECT count(*) FROM rooms_message")[0][0] == 0
