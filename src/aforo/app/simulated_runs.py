"""`aforo sim`: many seeds over all processors of this machine, with progress, and what was found."""

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from aforo.app.console_output import WrongUsage, say, say_json, say_table
from aforo.simulation.outcome import Outcome
from aforo.simulation.planted_faults import PLANTED
from aforo.simulation.runs import Found, replay_command, run_seed, seeds_to_find, shrink
from aforo.simulation.scenarios import SCENARIOS
from aforo.simulation.steady_state import STEADY, interval, simulate_day

PROGRESS_EVERY_S = 5.0
TRACE_COLUMNS = 240
TRACE_SHOWN = 60
"""Lines of a failing run's trace: its end, which is where it failed."""

Summary = tuple[int, str, int, int]
"""Seed, the first invariant that is violated or nothing, orders, crashes."""


def run(*, seeds: int, scenario: str, first_seed: int, plant: str, jobs: int, as_json: bool) -> int:
    """0 only when no seed violates an invariant."""
    _check(scenario, plant)
    begun, failing = time.monotonic(), list[int]()
    progress = _Progress(seeds, begun)
    orders = crashes = 0
    wanted = range(first_seed, first_seed + seeds)
    for seed, invariant, ordered, crashed in _summaries(scenario, plant, wanted, jobs):
        orders, crashes = orders + ordered, crashes + crashed
        if invariant:
            failing.append(seed)
        progress.note(len(failing))
    seconds = time.monotonic() - begun
    found = [shrink(scenario, seed, plant=plant) for seed in failing[:1]]
    violations = [*(_violation(one) for one in found), *(_repeated(scenario, plant, seed) for seed in failing[1:])]
    if as_json:
        say_json(
            {
                "seeds": seeds,
                "scenario": scenario,
                "violations": violations,
                "orders": orders,
                "crashes": crashes,
                "seconds": round(seconds, 2),
                "seeds_per_second": round(seeds / seconds, 2),
                "processes": jobs,
            }
        )
    else:
        _show(found, violations)
        rate = f"{seeds / seconds:.1f} seeds/s in {jobs} process{'' if jobs == 1 else 'es'}"
        say(f"{seeds} seeds of scenario {scenario}: {orders} orders, {crashes} crashes, {seconds:.1f} s, {rate}")
        say(f"violations: {len(violations)}")
    return 1 if violations else 0


def replay(*, seed: int, scenario: str, plant: str, shrunk: bool, step: bool) -> int:
    """The trace of one run, line by line. 1 when it violates an invariant."""
    _check(scenario, plant)
    outcome = run_seed(scenario, seed, plant=plant)
    if shrunk and outcome.violations:
        outcome = shrink(scenario, seed, plant=plant).outcome
    for line in outcome.trace:
        print(line)
        if step:
            sys.stdin.readline()
    for violation in outcome.violations:
        say(f"violated: {violation.invariant}: {violation.words}")
    return 1 if outcome.violations else 0


def faults(*, names: list[str], jobs: int, as_json: bool) -> int:
    """0 only when every planted fault is found within the seeds that it is allowed."""
    for name in names:
        _check("standard", name)
    names = names or list(PLANTED)
    begun, rows = time.monotonic(), []
    with processes(jobs) as pool:
        for name, row in zip(names, pool.map(_find, names), strict=True):
            rows.append(row)
            if sys.stderr.isatty():
                print(f"  {name}: {row['seeds'] or 'not found'}", file=sys.stderr)
    missed = [row for row in rows if row["seeds"] is None]
    if as_json:
        document = {"planted": len(rows), "found": len(rows) - len(missed), "faults": rows}
        say_json({**document, "seconds": round(time.monotonic() - begun, 2)})
    else:
        headings = ("planted fault", "what is done wrong", "seeds to find it", "allowed", "scenario", "found by")
        keys = ("fault", "words", "seeds", "within", "scenario", "invariant")
        say_table(headings, [["-" if row[key] is None else row[key] for key in keys] for row in rows])
        say(f"planted {len(rows)}, found {len(rows) - len(missed)}")
    return 1 if missed else 0


def _check(scenario: str, plant: str) -> None:
    if scenario not in SCENARIOS:
        raise WrongUsage(f"no scenario {scenario!r}; there are {', '.join(SCENARIOS)}")
    if plant and plant not in PLANTED:
        raise WrongUsage(f"no planted fault {plant!r}; there are {', '.join(PLANTED)}")


def processes(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))


def _summaries(scenario: str, plant: str, seeds: range, jobs: int) -> Iterator[Summary]:
    """In the order of the seeds."""
    summary = partial(_summary, scenario, plant)
    if jobs == 1:
        yield from map(summary, seeds)
        return
    with processes(jobs) as pool:
        yield from pool.map(summary, seeds, chunksize=max(1, min(16, len(seeds) // (4 * jobs))))


def _summary(scenario: str, plant: str, seed: int) -> Summary:
    outcome = run_seed(scenario, seed, plant=plant)
    return seed, _first(outcome), sum(outcome.states.values()), outcome.crashes


def _first(outcome: Outcome) -> str:
    return outcome.violations[0].invariant if outcome.violations else ""


def _find(name: str) -> dict[str, Any]:
    count, outcome = seeds_to_find(name)
    fault = PLANTED[name]
    return {
        "fault": name,
        "words": fault.words,
        "seeds": count,
        "within": fault.within_seeds,
        "scenario": fault.scenario,
        "invariant": _first(outcome) if outcome else None,
    }


def _violation(found: Found) -> dict[str, Any]:
    return {
        "seed": found.seed,
        "invariant": found.violation.invariant,
        "words": found.violation.words,
        "replay": found.replay,
        "faults": [str(fault) for fault in found.schedule.faults],
        "orders": [order.number for order in found.schedule.orders],
    }


def _repeated(scenario: str, plant: str, seed: int) -> dict[str, Any]:
    """Of a further seed that fails: not shrunk, so that many failures still end soon."""
    violation = run_seed(scenario, seed, plant=plant).violations[0]
    command = replay_command(scenario, seed, plant)
    return {"seed": seed, "invariant": violation.invariant, "words": violation.words, "replay": command}


def _show(found: list[Found], violations: list[dict[str, Any]]) -> None:
    for one in found:
        for line in one.outcome.trace[-TRACE_SHOWN:]:
            print(line[:TRACE_COLUMNS])
        say(f"shrunk to {len(one.schedule.orders)} orders and {len(one.schedule.faults)} faults:")
        for fault in one.schedule.faults:
            say(f"  {fault}")
    for violation in violations:
        say(f"seed {violation['seed']}: {violation['invariant']}: {violation['words']}")
        say(f"  {violation['replay']}")


def calibrate(*, orders: int, first_seed: int, jobs: int, as_json: bool) -> int:
    """0 when what was found lies within what the fleet's public figures say."""
    days = -(-orders // STEADY.orders)
    begun = time.monotonic()
    with processes(jobs) as pool:
        found = list(pool.map(simulate_day, range(first_seed, first_seed + days)))
    given = sum(day.orders for day in found)
    shares = {
        "first_try_success": (sum(day.first_try for day in found), 0.94, 0.96),
        "done_on_the_requested_day": (sum(day.on_the_day for day in found), 0.985, 1.0),
        "allowed_by_hard_faults": (given - sum(day.hard for day in found), 0.0, 1.0),
    }
    rows = []
    for name, (count, lowest, highest) in shares.items():
        below, above = interval(count, given)
        share = count / given
        rows.append(
            {
                "share": name,
                "value": round(share, 5),
                "interval_95": [round(below, 5), round(above, 5)],
                "expected": [lowest, highest],
                "met": lowest <= share <= highest,
            }
        )
    seconds = round(time.monotonic() - begun, 1)
    if as_json:
        say_json({"orders": given, "days": days, "shares": rows, "seconds": seconds})
    else:
        shown = [(row["value"], row["interval_95"], row["expected"]) for row in rows]
        say_table(
            ("share of orders", "found", "95 % interval", "expected"),
            [(name, _percent(one[0]), *map(_between, one[1:])) for name, one in zip(shares, shown, strict=True)],
        )
        say(f"{given} orders of {days} days from seed {first_seed} on, in {seconds} s")
        say("public reference: 99.1 % of remote orders done on the requested day")
    return 0 if all(row["met"] for row in rows) else 1


def _percent(share: Any) -> str:
    return f"{100 * share:.2f} %"


def _between(bounds: Any) -> str:
    return f"{_percent(bounds[0])} to {_percent(bounds[1])}"


class _Progress:
    """To a terminal, every few seconds."""

    def __init__(self, seeds: int, begun: float) -> None:
        self._seeds = seeds
        self._begun = self._told_at = begun
        self._done = 0

    def note(self, failing: int) -> None:
        """One more seed is done."""
        self._done += 1
        now = time.monotonic()
        if sys.stderr.isatty() and now - self._told_at > PROGRESS_EVERY_S:
            self._told_at = now
            rate = self._done / (now - self._begun)
            print(f"  {self._done} of {self._seeds} seeds, {rate:.1f}/s, {failing} failing", file=sys.stderr)


def processors() -> int:
    return os.cpu_count() or 1
