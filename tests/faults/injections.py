"""The faults of the matrix: what is broken at which device, and the one cause that must be reported for it.

The causes are written out here: this list and the head-end's tables have nothing in common but the words.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from aforo.dlms import data
from aforo.dlms.events import DataAccess, GetResponse
from aforo.dlms.keys import Key, Keys, SystemTitle
from aforo.simulator.concentrator_settings import LastOrder
from aforo.simulator.town import Town
from faults import sabotage
from faults.sabotage import APDUS, REQUESTS, answers_reads, refuses_writes

Break = Callable[[Town, "Placed"], None]
EVERY_WAY = ("delegated", "transparent", "direct")
DELEGATED = ("delegated",)
COUNTS_WATT_HOURS = data.structure(data.i8(0), data.enum(30))


@dataclass(frozen=True, eq=False)
class Injection:
    """cause: expected; empty for what must end VERIFIED all the same.   breaks: done to the town before it listens.

    between: done after a first order has gone well, None when one order is enough.   meter: keys of its plan.
    watts: None orders a disconnection.   is_away: nothing listens at the concentrator's port.
    """

    cause: str
    title: str
    breaks: Break = lambda *_: None
    between: Break | None = None
    modes: tuple[str, ...] = EVERY_WAY
    meter: dict[str, Any] = field(default_factory=dict)
    watts: int | None = 2500
    not_after_s: float | None = None
    is_away: bool = False


@dataclass(frozen=True, eq=False)
class Placed:
    """Where an injection lives. concentrator: None of a direct meter."""

    injection: Injection
    mode: str
    meter: str
    concentrator: str | None


def on_requests(found: sabotage.RequestSabotage) -> Break:
    return lambda _, placed: REQUESTS.__setitem__(placed.meter, found)


def on_apdus(found: sabotage.ApduSabotage) -> Break:
    return lambda _, placed: APDUS.__setitem__(placed.meter, found)


def _answers(class_id: int, attribute: int, raw: bytes | None, code: int = 0) -> Break:
    return on_requests(answers_reads(class_id, attribute, GetResponse(DataAccess(code), raw)))


def _other_keys(town: Town, placed: Placed) -> None:
    town.meters[placed.meter].faults.keys = Keys(Key(bytes(16)), Key(bytes(range(16))))


def _other_device(town: Town, placed: Placed) -> None:
    supply = town.meters[placed.meter]._supply
    supply.settings = replace(supply.settings, title=SystemTitle(b"XXX" + bytes(5)))


def _falls_silent(_: Town, placed: Placed) -> None:
    found = sabotage.FallsSilentAtTheCommand()
    REQUESTS[placed.meter], APDUS[placed.meter] = found.request, found.apdu


def _hangs_up(_: Town, placed: Placed) -> None:
    REQUESTS[placed.meter] = sabotage.CutsTheLine(sabotage.hangs_up).request


def _loses_its_modem(town: Town, placed: Placed) -> None:
    concentrator = town.concentrators[str(placed.concentrator)]

    def come_back() -> None:
        concentrator.is_down = False

    def cut() -> None:
        concentrator.is_down = True
        asyncio.get_running_loop().call_later(1, come_back)

    REQUESTS[placed.meter] = sabotage.CutsTheLine(cut).request


def _wakes_late(_: Town, placed: Placed) -> None:
    APDUS[placed.meter] = sabotage.WakesUpLate(2).apdu


def _counter_leaps(town: Town, placed: Placed) -> None:
    town.meters[placed.meter].memory.client_counter += 50_000_000


def _busy(town: Town, placed: Placed) -> None:
    town.concentrators[str(placed.concentrator)].ledger.is_busy = True


def _knows_a_later_fence(town: Town, placed: Placed) -> None:
    town.concentrators[str(placed.concentrator)].memory.last[placed.meter] = LastOrder(1, 10**12)


def _another_head_end(town: Town, placed: Placed) -> None:
    """It opens a session of its own whenever ours hands an order over."""
    concentrator = town.concentrators[str(placed.concentrator)]
    submit = concentrator.ledger.submit

    def overtaken(item: Any, now: Any) -> Any:
        concentrator.memory.epoch += 1
        return submit(item, now)

    concentrator.ledger.submit = overtaken  # type: ignore[method-assign]


def _clock_ahead(town: Town, placed: Placed) -> None:
    town.concentrators[str(placed.concentrator)].ledger.clock_offset = timedelta(minutes=5)


INJECTIONS = (
    Injection("METER_UNREACHABLE", "the meter is silent", on_apdus(sabotage.silent)),
    Injection("WRONG_KEY", "the meter has other keys", _other_keys),
    Injection("WRONG_DEVICE", "another meter answers", _other_device),
    Injection("COUNTER_JUMP", "the counter leaps between two orders", between=_counter_leaps),
    Injection("COUNTER_UNREADABLE", "no public client at first contact", on_apdus(sabotage.hides_from_the_public)),
    Injection("ASSOCIATION_REFUSED", "AARE rejected-permanent, diagnostic 2", on_apdus(sabotage.refuses_association)),
    Injection("PROTOCOL_FAULT", "the threshold ends in mid-value", _answers(71, 4, b"\x06\x00\x00")),
    Injection("HARDWARE_FAULT", "a write is answered with 1", on_requests(refuses_writes(1))),
    Injection("TEMPORARY_FAILURE", "a write is answered with 2", on_requests(refuses_writes(2))),
    Injection("ACCESS_DENIED", "a write is answered with 3", on_requests(refuses_writes(3))),
    Injection("OBJECT_UNDEFINED", "no limiter: 4", _answers(71, 4, None, 4)),
    Injection("OBJECT_UNAVAILABLE", "a write is answered with 11", on_requests(refuses_writes(11))),
    Injection("TYPE_UNMATCHED", "a write is answered with 12", on_requests(refuses_writes(12))),
    Injection("METER_REFUSED", "a write is answered with 250", on_requests(refuses_writes(250))),
    Injection("NOT_A_POWER", "the register counts Wh", _answers(3, 3, COUNTS_WATT_HOURS)),
    Injection("SCALE_UNREADABLE", "the monitored register is null", _answers(71, 2, data.null())),
    Injection("SCALE_MISMATCH", "model in W, meter in 10 W", meter={"model": "class71-watts", "scaler": 1}),
    Injection("LIMIT_NOT_REPRESENTABLE", "2550 W in hundreds of watts", meter={"scaler": 2}, watts=2550),
    Injection("VERIFY_MISMATCH", "says yes, does nothing", on_requests(sabotage.says_yes)),
    Injection("BREAKER_STUCK", "the breaker does not open", _answers(70, 2, data.boolean(True)), watts=None),
    Injection("OUTCOME_UNKNOWN", "silent for ever once commanded", _falls_silent),
    Injection("", "the line is cut once commanded", _hangs_up, modes=("direct",)),
    Injection("", "its modem is dead for 1 s once commanded", _loses_its_modem, modes=DELEGATED),
    Injection("EXPIRED", "reached after not-after", _wakes_late, not_after_s=1.5),
    Injection("NOT_IN_TABLE", "not in the concentrator's table", modes=DELEGATED, meter={"in_table": False}),
    Injection("CLOCK_SKEW", "its clock is 5 min ahead", _clock_ahead, modes=DELEGATED, not_after_s=600),
    Injection("CONCENTRATOR_FAULT", "its queue is full", _busy, modes=DELEGATED),
    Injection("STALE_FENCE", "it knows a later fence", _knows_a_later_fence, modes=DELEGATED),
    Injection("OLD_EPOCH", "another head-end takes its session", _another_head_end, modes=DELEGATED),
    Injection("UNKNOWN_MODEL", "it does not know the model", modes=DELEGATED, meter={"model": "registers-prime"}),
    Injection("CONCENTRATOR_UNREACHABLE", "nobody at its port", modes=DELEGATED, is_away=True),
)
