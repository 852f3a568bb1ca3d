"""What is installed is what is locked: each package by its version and its hashes, also those that others need."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .harness.processes import ROOT

pytestmark = pytest.mark.page_only("reads files")

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def asked(file: str) -> dict[str, Requirement]:
    """By name; a file that it includes counts as its own lines."""
    found = {}
    for line in (ROOT / file).read_text().splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line.startswith("-r "):
            found |= asked(line[3:])
        elif line:
            requirement = Requirement(line)
            found[canonicalize_name(requirement.name)] = requirement
    return found


def locked(file: str) -> list[tuple[Requirement, list[str]]]:
    entries = (ROOT / file).read_text().replace("\\\n", " ").splitlines()
    split = [entry.partition("--hash") for entry in entries]
    return [(Requirement(name), (mark + rest).split()) for name, mark, rest in split]


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_the_lock_fits_what_is_asked_for(name) -> None:
    """After a change of either: `make lock`."""
    lock = locked(f"{name}.lock")
    for requirement, hashes in lock:
        assert re.fullmatch(r"==[\w.+!]+", str(requirement.specifier)), requirement
        assert hashes and all(map(HASH.fullmatch, hashes)), requirement
    versions = {(canonicalize_name(entry.name), str(entry.specifier)) for entry, _ in lock}
    for wanted in asked(f"{name}.txt").values():
        assert (canonicalize_name(wanted.name), str(wanted.specifier)) in versions, f"{wanted}: make lock"


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_the_lock_has_all_that_its_packages_need(name) -> None:
    """On this machine, by what they say of themselves."""
    here = {canonicalize_name(entry.name) for entry, _ in locked(f"{name}.lock") if applies(entry)}
    todo, seen = [entry for entry in asked(f"{name}.txt").values() if applies(entry)], set()
    while todo:
        entry = todo.pop()
        key = canonicalize_name(entry.name)
        assert key in here, f"{entry}: make lock"
        for extra in {"", *entry.extras}:
            if (key, extra) not in seen:
                seen.add((key, extra))
                todo += [need for need in needs(entry.name) if applies(need, extra)]
    assert len(seen) > len(asked(f"{name}.txt")), "it was asked what they need"


def needs(name: str) -> list[Requirement]:
    try:
        return [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        return []  # what the test above compares


def applies(entry: Requirement, extra: str = "") -> bool:
    return entry.marker is None or entry.marker.evaluate({"extra": extra})


def test_what_runs_is_tested_and_comes_from_where_pip_is_told_to_look() -> None:
    files = ("requirements.lock", "requirements-dev.lock")
    run, test = ({(str(entry), *hashes) for entry, hashes in locked(file)} for file in files)
    assert run <= test
    for file in files:
        assert not re.search(r"://|^\s*--(?!hash)|@ ", (ROOT / file).read_text(), re.MULTILINE)


def test_make_installs_from_the_locks_with_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "pip install --disable-pip-version-check --quiet --require-hashes\n" in makefile
    assert re.findall(r"\$\(PIP_INSTALL\) (.+)", makefile) == ["-r requirements.lock", "-r requirements-dev.lock"]
