"""`aforo bench orders`: orders per second end to end, with the head-end, the town and the commercial system apart.

Three processes on loopback: `aforo up` on an embedded PostgreSQL, the simulated town, and this one, which posts SOAP
orders and takes the answers. Bounded: one wave of orders, then it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aforo.app.console_output import WrongUsage, say, say_json, say_table
from aforo.app.history_bench import history_rows
from aforo.app.order_wave import measure_wave, whole_machine
from aforo.app.session_memory_bench import session_memory_rows
from aforo.app.shared_database_bench import shared_database_rows
from aforo.simulator.town_plan import small_town


@dataclass(frozen=True, slots=True)
class Case:
    """Orders one per meter. concentrators: 0 for direct meters."""

    link: str
    concentrators: int
    meters: int

    @property
    def name(self) -> str:
        return self.link if self.link == "direct" else f"{self.link}_{self.concentrators}_concentrators"


CASES = (
    Case("delegated", 1000, 8000),
    Case("delegated", 10, 3000),
    Case("transparent", 10, 600),
    Case("direct", 0, 400),
)
"""The first is the one that the target speaks of."""

PEERS: dict[str, dict[str, float]] = {
    "end_to_end_orders_per_s": {"GXF, street lights, nine machines (40,000 in 5 minutes)": 133.3},
    "head_end_cpu_ms_per_order": {"the bare exchange of the better Python DLMS library": 1.48},
}


def run(*, as_json: bool, link: str | None, concentrators: int | None, meters: int | None, full: bool) -> int:
    """0 when every order was answered. Of the choices none: all of CASES. full: also one and two head-ends over one
    database, 5,000 sessions, and a long history. Raises WrongUsage.
    """
    if link is None and concentrators is None and meters is None:
        return _run(CASES, as_json=as_json, more=_more() if full else [])
    case = Case(link or "delegated", 0 if link == "direct" else concentrators or 10, meters or 3000)
    if case.meters < case.concentrators:
        raise WrongUsage("--meters is of all concentrators together: at least one for each")
    return _run((case,), as_json=as_json)


def _more() -> list[dict[str, Any]]:
    return [*shared_database_rows(), *session_memory_rows(), *history_rows()]


def _run(cases: Sequence[Case], *, as_json: bool, more: Sequence[dict[str, Any]] = ()) -> int:
    rows, is_complete = list[dict[str, Any]](), True
    for place, case in enumerate(cases):
        figures = _figures(case)
        is_complete = is_complete and figures["answered"] == figures["orders"]
        told = _rows(case, figures, is_first=place == 0)
        rows += told
        if not as_json:
            title = f"{case.name.replace('_', ' ')}: {figures['orders']} orders, no line delay"
            say(f"{title}, answered {figures['answered']} in {figures['seconds']} s")
            say_table(("figure", "value", "unit", "peers"), [_cells(row) for row in told])
            say("")
    if more and not as_json:
        say_table(("figure", "value", "unit", "peers"), [_cells(row) for row in more])
    if as_json:
        say_json({"rows": [*rows, *more]})
    return 0 if is_complete else 1


def _figures(case: Case) -> dict[str, Any]:
    plan = small_town(concentrators=case.concentrators, meters=case.meters, link=case.link)
    with whole_machine(plan) as (machine, _, loop):
        return loop.run(measure_wave(machine, plan))


def _rows(case: Case, figures: dict[str, Any], *, is_first: bool) -> list[dict[str, Any]]:
    """name, value, unit, peers. The first case's have the names of the targets, the others' end in their own."""
    units = {
        "end_to_end_orders_per_s": "orders/s",
        "accepted_orders_per_s": "orders/s",
        "answer_after_p50": "s",
        "answer_after_p99": "s",
        "head_end_cpu_ms_per_order": "ms",
        "postgres_cpu_ms_per_order": "ms",
        "devices_cpu_ms_per_order": "ms",
        "head_end_memory": "MiB",
        "devices_memory": "MiB",
    }
    return [
        {
            "name": name if is_first else f"{name}_{case.name}",
            "value": figures[name],
            "unit": unit,
            "peers": PEERS.get(name, {}) if is_first else {},
        }
        for name, unit in units.items()
    ]


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    peers = "; ".join(f"{value:g}: {name}" for name, value in row["peers"].items())
    return row["name"].replace("_", " "), row["value"], row["unit"], peers
