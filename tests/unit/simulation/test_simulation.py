"""The simulator itself: it repeats, it holds on the production code, and it fails when something is wrong."""

import os
import subprocess
import sys
from hashlib import sha256

import pytest

from aforo.simulation.planted_faults import PLANTED
from aforo.simulation.runs import run_seed, shrink
from aforo.simulation.scenarios import SCENARIOS

FIXED_SEEDS = range(1, 7)
DIGEST = """
import sys
from hashlib import sha256
from aforo.simulation.runs import run_seed
outcome = run_seed("crashes", int(sys.argv[1]))
print(sha256("\\n".join(outcome.trace).encode()).hexdigest())
"""


def digest_of(trace: list[str]) -> str:
    return sha256("\n".join(trace).encode()).hexdigest()


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_no_invariant_is_violated(scenario: str) -> None:
    for seed in FIXED_SEEDS:
        outcome = run_seed(scenario, seed)
        assert outcome.violations == (), f"aforo sim replay {seed} --scenario {scenario}"
        assert sum(outcome.states.values()) >= SCENARIOS[scenario].orders


def test_a_day_on_which_nothing_goes_wrong_verifies_every_order_that_is_not_withdrawn() -> None:
    outcome = run_seed("calm", 1)

    assert outcome.crashes == 0
    assert set(outcome.states) <= {"VERIFIED", "SUPERSEDED", "CANCELLED", "EXPIRED"}


def test_the_faults_of_a_schedule_happen() -> None:
    outcome = run_seed("crashes", 1)

    assert outcome.crashes > 5
    assert any("head-end dies at point" in line for line in outcome.trace)
    assert any("fault: path_cut" in line for line in run_seed("network", 1).trace)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_seed_repeats_byte_for_byte_in_another_process_and_after_other_seeds(hash_seed: str) -> None:
    for other in range(20, 23):
        run_seed("crashes", other)
    here = digest_of(run_seed("crashes", 7).trace)

    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    elsewhere = subprocess.run(
        [sys.executable, "-c", DIGEST, "7"], capture_output=True, text=True, check=True, env=environment
    )

    assert elsewhere.stdout.strip() == here


@pytest.mark.parametrize(
    "plant",
    [
        "outbox_dropped",
        "silence_is_failure",
        "counter_stored_after_use",
        "fact_changed",
        "epoch_unchecked",
        "token_lost",
    ],
)
def test_a_mistake_in_the_code_is_found(plant: str) -> None:
    fault = PLANTED[plant]

    outcomes = [run_seed(fault.scenario, seed, plant=plant) for seed in range(1, 6)]

    assert any(outcome.violations for outcome in outcomes)
    assert run_seed(fault.scenario, 1).violations == ()  # and the code is whole again


def test_a_failing_run_is_shrunk_to_less_that_fails_the_same_way() -> None:
    found = shrink("silence", 1, plant="silence_is_failure")

    assert found.violation.invariant == "FailedIsTrue"
    assert len(found.schedule.orders) < 10
    assert len(found.schedule.faults) <= 3
    assert found.replay == "aforo sim replay 1 --scenario silence --plant silence_is_failure"


def test_there_are_many_ways_to_be_wrong() -> None:
    assert len(PLANTED) >= 15
