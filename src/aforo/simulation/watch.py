"""Whoever watches a run: keeps its trace, shows every event to every invariant, and ends it when one is violated."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from aforo.domain.order import Order
from aforo.simulation.ground_truth import GroundTruth, Told
from aforo.simulation.invariants import AtRest, Invariant
from aforo.simulation.outcome import Violation
from aforo.simulation.watched_line import Holding
from aforo.simulator.concentrator_settings import ConcentratorMemory, ConcentratorSettings

EVENTS = ("committed", "fenced", "taken", "held", "heard", "told", "queued", "ended")
"""What an invariant may be told of: its methods."""


class Watch:
    """violations: in the order in which they were found.   found: set at the first of them."""

    def __init__(self, truth: GroundTruth, now: Callable[[], datetime]) -> None:
        self._told: list[tuple[datetime, str]] = []
        self.violations: list[Violation] = []
        self.found = asyncio.Event()
        self._who: dict[str, tuple[Invariant, ...]] = {}
        self._truth = truth
        self._now = now
        self._epochs: dict[str, int] = {}
        self._taken: set[tuple[str, int, int]] = set()

    def watch_for(self, invariants: Iterable[Invariant]) -> None:
        """From now on. Each is only told of what it has a method of its own for."""
        every = tuple(invariants)
        for event in EVENTS:
            plain = getattr(Invariant, event)
            self._who[event] = tuple(one for one in every if getattr(type(one), event) is not plain)

    def tell(self, words: str) -> None:
        self._told.append((self._now(), words))

    def trace(self) -> list[str]:
        """One line for everything that happened, with its day and time in UTC."""
        return [f"{at:%d %H:%M:%S.%f} {words}" for at, words in self._told]

    def heard(self, meter: str, apdu: bytes) -> None:
        self._check("heard", meter, apdu)

    def held(self, holding: Holding) -> None:
        self._truth.holdings[holding.meter].append(holding)
        how = "" if holding.cut is None else ", switched off" if holding.cut else ", switched on"
        self.tell(f"meter {holding.meter} holds {holding.watts} W{how}")
        self._check("held", holding)

    def committed(self, before: Order | None, order: Order, facts: Iterable[str]) -> None:
        cause = f" {order.cause.value}" if order.cause else ""
        self.tell(f"order {order.number} is {order.state.value}{cause}, attempt {order.attempts}: {', '.join(facts)}")
        self._check("committed", before, order, self._now())
        self._truth.orders[order.number] = order

    def told(self, answer: Told) -> None:
        errors = answer.response.reply.errors
        self.tell(f"commercial system is told {answer.number}: {errors[0].details if errors else 'OK'}")
        self._check("told", answer)

    def opened(self, lane: str, epoch: int) -> None:
        self._truth.epochs[lane] = epoch

    def fenced(self, lane: str, epoch: int) -> None:
        self._check("fenced", lane, epoch)

    def queued(self, settings: ConcentratorSettings, memory: ConcentratorMemory) -> None:
        lengths = (
            ("waiting orders", len(memory.waiting), settings.queue_max),
            ("results not acknowledged", len(memory.results), settings.results_max),
        )
        for what, length, most in lengths:
            self._check("queued", settings.name, what, length, most)
        self._look_at_taken(settings.name, memory)

    def _look_at_taken(self, concentrator: str, memory: ConcentratorMemory) -> None:
        """What is there and was not at the last look was taken in the session of then or a later one."""
        in_force = self._epochs.get(concentrator, 0)
        there = [waiting.item for waiting in memory.waiting.values()]
        for item in there if memory.begun is None else (*there, memory.begun.item):
            one = (concentrator, item.order_id, item.fence)
            if one not in self._taken:
                self._taken.add(one)
                self._check("taken", concentrator, item, in_force)
        self._epochs[concentrator] = memory.epoch

    def ended(self, rest: AtRest) -> None:
        self._check("ended", rest)

    def violated(self, invariant: str, words: str) -> None:
        self.tell(f"VIOLATED {invariant}: {words}")
        self.violations.append(Violation(invariant, words, self._now()))
        self.found.set()

    def broke(self, who: str, wrong: BaseException) -> None:
        """An error of ours."""
        self.violated("NothingBreaks", f"{who}: {type(wrong).__name__}: {wrong}")

    def _check(self, event: str, *told: object) -> None:
        for invariant in self._who[event]:
            for words in getattr(invariant, event)(*told):
                self.violated(type(invariant).__name__, words)
