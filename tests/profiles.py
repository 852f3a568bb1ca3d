"""How many examples property tests try: few in `make test`, very many in `make soak` (`--hypothesis-profile=soak`).

Imported by conftest.py: a profile must be there before pytest reads its options. So nothing of Django is imported here.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

QUICK = 20

_COMMON = {
    "deadline": None,  # an example's time depends on what else the machine does
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    "print_blob": True,
}
# On PostgreSQL an example takes several times longer, and most of what it finds has been found on SQLite before.
_AT_FIRST = QUICK // 4 if "DATABASE_URL" in os.environ else QUICK
settings.register_profile("quick", max_examples=_AT_FIRST, derandomize=True, database=None, **_COMMON)
settings.register_profile("soak", max_examples=2_000, **_COMMON)
if settings.get_current_profile_name() != "soak":
    settings.load_profile("quick")


def examples(quick: int) -> settings:
    """For a test that costs more, or less, than most: in proportion under `soak` too."""
    return settings(max_examples=max(1, quick * settings().max_examples // QUICK))
