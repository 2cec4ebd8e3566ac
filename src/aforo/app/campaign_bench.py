"""`aforo bench campaign`: what a campaign takes beside the least that its lines allow, and how urgent orders fare."""

import statistics
import sys
import time
from typing import Any

from aforo.app.console_output import say, say_json, say_table
from aforo.app.simulated_runs import processes, processors
from aforo.simulation.campaign import CONCENTRATORS, METERS_EACH, Campaign, simulate_campaign

ORDERS = 10_000
FULL = 200_000
"""Over 1,000 concentrators."""

OF_A_WORLD = CONCENTRATORS * METERS_EACH


def run(*, orders: int | None, full: bool, as_json: bool) -> int:
    worlds = -(-(orders or (FULL if full else ORDERS)) // OF_A_WORLD)
    begun = time.monotonic()
    found = _campaigns(worlds)
    rows = _rows(found)
    if as_json:
        say_json({"rows": rows})
        return 0
    say(
        f"{worlds * OF_A_WORLD} orders over {worlds * CONCENTRATORS} concentrators, {METERS_EACH} each, "
        f"exchanges of 0.8 s (median), in virtual time; {time.monotonic() - begun:.0f} s"
    )
    say_table(("figure", "value", "unit"), [(row["name"].replace("_", " "), row["value"], row["unit"]) for row in rows])
    return 0


def _campaigns(worlds: int) -> list[Campaign]:
    """Concentrators have nothing in common but the head-end's processor, which costs no time here: so a thousand of
    them are as many worlds of a few.
    """
    found = []
    with processes(processors()) as pool:
        for done, campaign in enumerate(pool.map(simulate_campaign, range(1, worlds + 1)), 1):
            found.append(campaign)
            if sys.stderr.isatty():
                print(f"\r  {done} of {worlds}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return found


def _rows(found: list[Campaign]) -> list[dict[str, Any]]:
    makespan, bound = max(one.makespan_s for one in found), max(one.bound_s for one in found)
    waits = sorted(wait for one in found for wait in one.urgent_waits_s)
    figures: list[tuple[str, float, str]] = [
        ("campaign_orders", sum(one.orders for one in found), "orders"),
        ("campaign_makespan", round(makespan, 1), "s"),
        ("campaign_lower_bound", round(bound, 1), "s"),
        ("campaign_makespan_to_bound", round(makespan / bound, 4), "ratio"),
        ("campaign_worst_of_all_to_its_bound", round(max(one.makespan_s / one.bound_s for one in found), 4), "ratio"),
        ("urgent_wait_p50", round(statistics.median(waits), 1), "s"),
        ("urgent_wait_max", round(waits[-1], 1), "s"),
        ("orders_begun_before_an_urgent_one_that_waited", max(max(one.passed_by) for one in found), "orders"),
        ("longest_visit_to_a_meter", round(max(one.longest_visit_s for one in found), 1), "s"),
    ]
    return [{"name": name, "value": value, "unit": unit, "peers": {}} for name, value, unit in figures]
