"""B6: events are lost, doubled and reordered on their way from Redis to two web processes and the worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from .layers import *  # noqa: F403
from .layers import LATE, Scene, lateness

pytestmark = pytest.mark.e2e


class Fate:
    """The file that says which share of the events is lost, comes twice, comes late."""

    def __init__(self, path: Path):
        self.path = path
        self.set("0 0 0")

    def set(self, shares: str) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(shares)
        fresh.replace(self.path)

    @property
    def lost(self) -> int:
        noted = Path(f"{self.path}.lost")
        return noted.stat().st_size if noted.exists() else 0


@pytest.fixture(scope="module")
def fate(tmp_path_factory: pytest.TempPathFactory) -> Fate:
    return Fate(tmp_path_factory.mktemp("lossy") / "fate")


@pytest.fixture(scope="module")
def house_settings(fate: Fate) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "tests.accidents.settings", "CHATLAB_ACCIDENT": f"hears_badly:{fate.path}"}


@pytest.mark.parametrize("shares", ["0.01 0 0", "0.1 0.05 0.2", "0 0.5 0.5", "1 0 0"])
async def test_b6_lost_doubled_and_late(scene: Scene, fate: Fate, shares: str):
    """Every gap is read from the log before anything later is shown, and the last event's loss is noticed too."""
    before = fate.lost
    await scene.streams()
    fate.set(shares)
    try:
        await scene.go_on()
        assert await scene.is_written() < 8
        await scene.is_equal()
    finally:
        fate.set("0 0 0")
    assert max(lateness(tab, scene.answer) for tab in (scene.here, scene.there)) < LATE
    assert sum(tab.gaps for tab in (scene.here, scene.there)) == 0, "a tab had to ask: the server did not repair it"
    if float(shares.split()[0]) >= 0.1:
        assert fate.lost > before, "nothing was lost"
    await scene.is_live()
