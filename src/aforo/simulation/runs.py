"""Many runs: one seed after the other, what was found in them, and the least that still shows it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from aforo.simulation.faults import begin_fault
from aforo.simulation.outcome import Outcome, Violation
from aforo.simulation.planted_faults import PLANTED, planted
from aforo.simulation.scenarios import SCENARIOS
from aforo.simulation.schedule import Schedule
from aforo.simulation.world import World

SHRINKING_RUNS_MAX = 80


@dataclass(frozen=True, slots=True)
class Found:
    """schedule: of the run, as far as it is needed.   outcome: of that schedule; its first violation counts."""

    scenario: str
    plant: str
    seed: int
    outcome: Outcome
    schedule: Schedule

    @property
    def violation(self) -> Violation:
        return self.outcome.violations[0]

    @property
    def replay(self) -> str:
        return replay_command(self.scenario, self.seed, self.plant)


def replay_command(scenario: str, seed: int, plant: str) -> str:
    """What a person types to see a run again."""
    return f"aforo sim replay {seed} --scenario {scenario}" + (f" --plant {plant}" if plant else "")


def run_seed(scenario: str, seed: int, *, plant: str = "", schedule: Schedule | None = None) -> Outcome:
    """plant: a key of PLANTED, or empty.   schedule: instead of the seed's own."""
    with planted(plant):
        return World(SCENARIOS[scenario], seed, begin_fault, schedule).run()


def shrink(scenario: str, seed: int, *, plant: str = "") -> Found:
    """Of a run that violates an invariant: fewer faults, then fewer orders, as long as it still violates the same."""
    schedule = World(SCENARIOS[scenario], seed, begin_fault).schedule
    outcome = run_seed(scenario, seed, plant=plant)
    sought, runs = outcome.violations[0].invariant, 0

    def still(candidate: Schedule) -> Outcome | None:
        nonlocal runs
        runs += 1
        tried = run_seed(scenario, seed, plant=plant, schedule=candidate)
        return tried if tried.violations and tried.violations[0].invariant == sought else None

    found = Found(scenario, plant, seed, outcome, schedule)
    for part in ("faults", "orders"):
        for candidate in _smaller(found, part, lambda: runs < SHRINKING_RUNS_MAX, still):
            found = candidate
    return found


def _smaller(
    found: Found, part: str, may_go_on: Callable[[], bool], still: Callable[[Schedule], Outcome | None]
) -> Iterator[Found]:
    """Ever smaller ones: pieces are left out, half of them first."""
    size = max(1, len(getattr(found.schedule, part)) // 2)
    while may_go_on():
        items = getattr(found.schedule, part)
        left_out = False
        for begin in range(0, len(items), size):
            if not may_go_on():
                return
            kept = (*items[:begin], *items[begin + size :])
            candidate = replace(found.schedule, **{part: kept})
            outcome = still(candidate)
            if outcome is not None:
                found = replace(found, schedule=candidate, outcome=outcome)
                yield found
                left_out = True
                break
        if not left_out:
            if size == 1:
                return
            size //= 2


def seeds_to_find(plant: str, *, first_seed: int = 1) -> tuple[int | None, Outcome | None]:
    """How many seeds it takes to find a planted fault. None: more than it is allowed."""
    fault = PLANTED[plant]
    for count in range(1, fault.within_seeds + 1):
        outcome = run_seed(fault.scenario, first_seed + count - 1, plant=plant)
        if outcome.violations:
            return count, outcome
    return None, None
