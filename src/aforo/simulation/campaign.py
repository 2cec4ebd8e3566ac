"""A campaign in virtual time: every meter limited once, all ordered at the opening of the service window.

What is measured is waiting, not computing: the code is the production code, and its time costs nothing here. So the
lines should be busy from the first order to the last, and an urgent order should wait for what is under way alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from aforo.domain.order import Order
from aforo.domain.order_states import OrderState
from aforo.simulation.faults import begin_fault
from aforo.simulation.schedule import PlannedOrder, Scenario, Schedule
from aforo.simulation.simulated_town import exchange_time
from aforo.simulation.world import BEGIN, World

CONCENTRATORS, METERS_EACH = 5, 200
URGENT_EACH = 4
"""Orders to meters that the campaign leaves out, of high priority, while it is under way."""

OPENS_S = 8 * 3600.0
URGENT_WITHIN_S = (60.0, 1_200.0)

CAMPAIGN = Scenario(
    name="campaign",
    title="every meter limited once, ordered at the opening of the service window",
    orders=CONCENTRATORS * METERS_EACH,
    delegated=(METERS_EACH + URGENT_EACH,) * CONCENTRATORS,
    transparent=(),
    direct=0,
    faults={},
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """makespan_s: from the first order given to the last one ended.   bound_s: the greatest sum, over concentrators, of
    the exchange times that were drawn for its line, which carries one exchange at a time.

    urgent_waits_s: of each urgent order, from its acceptance until its meter heard of it.   longest_visit_s: of any
    meter, from the first exchange to the last.   passed_by: of each urgent order, how many others that are not urgent
    began on its line while it waited; the one that was under way when it came is none of them.
    """

    orders: int
    makespan_s: float
    bound_s: float
    urgent_waits_s: tuple[float, ...]
    longest_visit_s: float
    passed_by: tuple[int, ...]


class _CampaignWorld(World):
    """Notes what every line was busy with, and when each meter was heard first and last."""

    probe_every = timedelta(days=1)
    """Only orders take the line, or the bound would tell of more than them."""

    def __init__(self, seed: int, schedule: Schedule) -> None:
        self.busy_s: dict[int, float] = {}
        self.heard_first: dict[str, datetime] = {}
        self.heard_last: dict[str, datetime] = {}
        super().__init__(CAMPAIGN, seed, begin_fault, schedule)

    def exchange_time(self, chance: Random) -> timedelta:
        takes = exchange_time(self.scenario.exchange_s, chance)
        self.busy_s[id(chance)] = self.busy_s.get(id(chance), 0.0) + takes.total_seconds()
        return takes

    def heard(self, meter: str, apdu: bytes, now: datetime) -> None:
        self.heard_first.setdefault(meter, now)
        self.heard_last[meter] = now
        super().heard(meter, apdu, now)

    def passed_by(self, urgent: Order, others: Iterable[Order]) -> int:
        """Of these others, how many began on its line after it had been accepted, and before it began itself."""
        meter, accepted = urgent.request.meter, self.truth.accepted[urgent.number]
        began = (
            self.heard_first[other.request.meter]
            for other in others
            if self._concentrator_of[other.request.meter] == self._concentrator_of[meter]
        )
        return sum(accepted < moment < self.heard_first[meter] for moment in began)


def campaign_schedule(seed: int) -> Schedule:
    chance = Random(f"campaign {seed}")  # noqa: S311 (a simulation's, to be repeated)
    orders, first = list[PlannedOrder](), 1
    for size in CAMPAIGN.delegated:
        meters = [f"M-{first + place:03d}" for place in range(size)]
        first += size
        for place, meter in enumerate(meters):
            is_urgent = place >= METERS_EACH
            after_s = chance.uniform(*URGENT_WITHIN_S) if is_urgent else chance.uniform(0, 1)
            number = f"{'U' if is_urgent else 'O'}-{meter}"
            watts = 1_000 + len(orders)
            at_s = OPENS_S + after_s
            orders.append(
                PlannedOrder(at_s=at_s, number=number, kind="LIMIT", meter=meter, watts=watts, is_urgent=is_urgent)
            )
    return Schedule(orders=tuple(sorted(orders, key=lambda order: order.at_s)), faults=())


def simulate_campaign(seed: int) -> Campaign:
    """Raises AssertionError when an order was not verified: nothing goes wrong here."""
    schedule = campaign_schedule(seed)
    world = _CampaignWorld(seed, schedule)
    outcome = world.run()
    assert not outcome.violations, f"seed {seed}: {outcome.violations[0]}"
    orders = world.truth.orders.values()
    ended = [order.ended_at for order in orders if order.ended_at and order.state is OrderState.VERIFIED]
    assert len(ended) == len(schedule.orders), f"seed {seed}: {outcome.states}"
    begun = BEGIN + timedelta(seconds=schedule.orders[0].at_s)
    urgent = [order for order in orders if order.number.startswith("U")]
    normal = [order for order in orders if not order.number.startswith("U")]
    waits = [world.heard_first[order.request.meter] - world.truth.accepted[order.number] for order in urgent]
    visits = [world.heard_last[meter] - first for meter, first in world.heard_first.items()]
    return Campaign(
        orders=len(ended),
        makespan_s=(max(ended) - begun).total_seconds(),
        bound_s=max(world.busy_s.values()),
        urgent_waits_s=tuple(wait.total_seconds() for wait in waits),
        longest_visit_s=max(visits).total_seconds(),
        passed_by=tuple(world.passed_by(order, normal) for order in urgent),
    )
