"""aforo sim on the command line: what it prints for programs, and how it ends."""

import json

import pytest

from aforo.app.main import main


def test_seeds_without_a_violation_end_with_0_and_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "run", "--seeds", "2", "--scenario", "crashes", "--jobs", "1", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["violations"]) == (2, [])
    assert told["orders"] >= 120
    assert told["crashes"] > 10
    assert told["seeds_per_second"] > 0


def test_a_violation_ends_with_1_and_names_the_command_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    planted = ["--scenario", "silence", "--plant", "silence_is_failure"]

    assert main(["sim", "run", "--seeds", "1", "--jobs", "1", "--json", *planted]) == 1

    (violation,) = json.loads(capsys.readouterr().out)["violations"]
    assert violation["invariant"] == "FailedIsTrue"
    assert violation["replay"] == "aforo sim replay 1 --scenario silence --plant silence_is_failure"
    assert main(violation["replay"].split()[1:]) == 1
    assert "VIOLATED FailedIsTrue" in capsys.readouterr().out


def test_a_planted_fault_that_is_found_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "faults", "window_ignored", "--jobs", "1", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["planted"], told["found"]) == (1, 1)
    assert told["faults"][0]["seeds"] <= told["faults"][0]["within"]


@pytest.mark.parametrize("words", [["run", "--scenario", "nope"], ["run", "--plant", "nope"], ["faults", "nope"]])
def test_a_name_that_is_none_is_wrong_usage(words: list[str]) -> None:
    assert main(["sim", *words]) == 2
