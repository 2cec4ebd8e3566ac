"""`make faults` runs, and reports what was injected."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from faults.__main__ import is_right
from faults.injections import Injection, Placed

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("expected", "state", "reported", "right"),
    [
        ("WRONG_KEY", "FAILED", "WRONG_KEY", True),
        ("WRONG_KEY", "FAILED", "METER_UNREACHABLE", False),
        ("WRONG_KEY", "", "no answer", False),
        ("", "VERIFIED", "", True),
        ("", "UNCONFIRMED", "OUTCOME_UNKNOWN", False),
        ("", "FAILED", "", False),
    ],
)
def test_only_the_injected_cause_is_right(expected: str, state: str, reported: str, right: bool) -> None:
    assert is_right(Placed(Injection(expected, "any"), "direct", "1", None), state, reported) is right


def test_every_injected_fault_is_reported_by_its_own_cause() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "faults"],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    injected, reported = run.stdout.splitlines()[-1].removeprefix("causes injected ").split(", reported right ")
    assert injected == reported
    assert int(injected) >= 40
