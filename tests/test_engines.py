"""The run on PostgreSQL and Redis holds what matters, and leaves out only what says why."""

from __future__ import annotations

import subprocess

import pytest

from .harness.processes import ROOT, environment, python

IN_IT = (
    "tests/test_writer.py::test_a_commit_of_unknown_outcome_happens_once[losses0-1]",
    "tests/test_writer.py::test_a_batch_is_published_when_others_can_read_it",
    "tests/test_laws_order.py::test_sequences_have_no_gaps_and_follow_the_commits",
    "tests/test_laws_readers.py::test_tabs_converge_over_a_lossy_layer",
    "tests/test_laws_text.py::test_the_database_keeps_it",
    "tests/test_log.py::test_a_sequence_is_taken_once",
    "tests/test_crash.py::test_a_message_whose_receipt_came_survives_kill_9",
    "tests/test_text.py::test_text_is_the_same_everywhere[NUL]",
    "tests/test_two_tabs.py::test_a_tab_that_is_cut_in_mid_answer_ends_equal_to_the_one_that_stayed",
    "tests/test_headline.py::test_kill_9_of_the_worker_in_mid_sentence_and_both_tabs_finish_it[postgres]",
)
NOT_IN_IT = (
    "tests/test_headline.py::test_kill_9_of_the_worker_in_mid_sentence_and_both_tabs_finish_it[sqlite]",
    "tests/test_architecture.py::test_imports_go_down_only",
)


def test_what_rests_on_a_database_runs_on_both() -> None:
    files = sorted({name.partition("::")[0] for name in IN_IT + NOT_IN_IT})
    command = python("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "--engines=postgres", *files)
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    collected = set(done.stdout.splitlines())
    assert set(IN_IT) <= collected and not set(NOT_IN_IT) & collected


WITHOUT = """
import sys
import pytest
from rooms.drill import {name}
{name}.{find} = lambda: None
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--noconftest", "--engines=postgres", "tests/test_log.py"]))
"""


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", pytest.ExitCode.USAGE_ERROR)])
@pytest.mark.parametrize(("name", "find"), [("postgres", "programs"), ("redis", "program")])
def test_without_the_programs_the_run_is_left_out_except_under_ci(name: str, find: str, ci: str, code: int) -> None:
    command = python("-c", WITHOUT.format(name=name, find=find))
    done = subprocess.run(command, cwd=ROOT, env=environment(CI=ci), capture_output=True, text=True)
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == code, said
    assert "The run on PostgreSQL and Redis is left out. " in said and "was not found: pip install" in said
    assert "Traceback" not in said and " passed" not in said
