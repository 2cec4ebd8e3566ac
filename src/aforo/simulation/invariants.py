"""What must hold in every run, whatever goes wrong: one class each, and one table of them all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from aforo.cim.message import Result
from aforo.dclink.messages import OrderItem
from aforo.domain.audit import ChainedFact, Seal, verify
from aforo.domain.devices import Link, Meter
from aforo.domain.order import Order
from aforo.domain.order_kinds import LIMIT, LIMIT_REMOVE, Aspect
from aforo.domain.order_states import NEVER_CARRIED_OUT, OrderState, check_transition
from aforo.domain.preconditions import is_restrictive
from aforo.domain.service_calendar import ServiceCalendar
from aforo.engine.concentrator_clock import READING_FRESH
from aforo.simulation.ground_truth import GroundTruth, Told
from aforo.simulation.watched_line import Holding

READING_TAKES = timedelta(minutes=2)
"""From the moment at which a meter said what it holds to the one at which that is noted."""


@dataclass(frozen=True, slots=True)
class AtRest:
    """The world once nothing more happens. undelivered: what has not ended, and answers that are still on their way."""

    facts: list[ChainedFact]
    seals: list[Seal]
    undelivered: list[str]
    has_drained: bool


class Invariant:
    """Each of its methods yields what is wrong, in a sentence. What it does not care for it leaves as it is."""

    def __init__(self, truth: GroundTruth, rules: "Rules") -> None:
        self.truth = truth
        self.rules = rules

    def committed(self, before: Order | None, order: Order, at: datetime) -> Iterable[str]:  # noqa: ARG002
        return ()

    def fenced(self, lane: str, epoch: int) -> Iterable[str]:  # noqa: ARG002
        return ()

    def taken(self, concentrator: str, item: OrderItem, in_force: int) -> Iterable[str]:  # noqa: ARG002
        return ()

    def held(self, holding: Holding) -> Iterable[str]:  # noqa: ARG002
        return ()

    def heard(self, device: str, apdu: bytes) -> Iterable[str]:  # noqa: ARG002
        return ()

    def told(self, answer: Told) -> Iterable[str]:  # noqa: ARG002
        return ()

    def queued(self, device: str, what: str, length: int, most: int) -> Iterable[str]:  # noqa: ARG002
        return ()

    def ended(self, rest: AtRest) -> Iterable[str]:  # noqa: ARG002
        return ()


class NothingIsLost(Invariant):
    """Every order that was accepted has ended, and the commercial system knows how."""

    def ended(self, rest: AtRest) -> Iterator[str]:  # noqa: ARG002
        for number in self.truth.accepted:
            order = self.truth.orders.get(number)
            if order is None:
                yield f"order {number} was accepted and is nowhere"
            elif not order.state.is_end:
                yield f"order {number} was accepted and is still {order.state.value}"
            elif number not in self.truth.told:
                yield f"order {number} ended {order.state.value}, and the commercial system was never told"


class OneAnswer(Invariant):
    """Of each order one final answer, the same however often it comes; a second only corrects an unconfirmed one."""

    def told(self, answer: Told) -> Iterator[str]:
        answers = self.truth.told[answer.number]
        same = [one for one in answers if one.message_id == answer.message_id]
        if any(one.octets != answer.octets for one in same):
            yield f"order {answer.number}: answer {answer.message_id} has two bodies"
        kinds = list(dict.fromkeys(one.message_id for one in answers))
        if len(kinds) > 2:
            yield f"order {answer.number} was answered in {len(kinds)} ways"
        if len(kinds) == 2 and answers[0].response.reply.result is not Result.PARTIAL:
            yield f"order {answer.number}: an answer that was final was corrected"


class OnlyForward(Invariant):
    """States change along the edges of their table, by one version at a time."""

    def committed(self, before: Order | None, order: Order, at: datetime) -> Iterator[str]:  # noqa: ARG002
        if before is None:
            return
        check_transition(before.state, order.state)
        if order.version != before.version + 1:
            yield f"order {order.number} went from version {before.version} to {order.version}"


class VerifiedIsHeld(Invariant):
    """When an order is verified, its meter held that limit when read, and no older order has changed it since."""

    def committed(self, before: Order | None, order: Order, at: datetime) -> Iterator[str]:
        is_new = before is not None and before.state is not OrderState.VERIFIED
        if order.state is not OrderState.VERIFIED or not is_new or order.kind.sets is not Aspect.LIMIT:
            return
        read_at = datetime.fromisoformat((order.evidence or {})["read_at"])
        seen = self.truth.held_between(order.request.meter, min(read_at, at) - READING_TAKES, at)
        if all(holding.watts != order.limit_w for holding in seen):
            held = self.truth.holdings[order.request.meter][-1].watts
            yield f"order {order.number} is VERIFIED at {order.limit_w} W, and its meter holds {held} W"

    def held(self, holding: Holding) -> Iterator[str]:
        order = self.truth.order_of(holding)
        if order is None or not holding.by_command:
            return
        for later in self.truth.orders.values():
            same = later.request.meter == order.request.meter and later.kind.sets is order.kind.sets
            if same and later.id > order.id and later.state is OrderState.VERIFIED:
                yield f"order {order.number} was carried out after the later order {later.number} was verified"


class FailedIsTrue(Invariant):
    """What is told FAILED, or any other end at which nothing is in force, did not happen."""

    def committed(self, before: Order | None, order: Order, at: datetime) -> Iterator[str]:  # noqa: ARG002
        is_new = before is not None and before.state is not order.state
        if order.state not in NEVER_CARRIED_OUT or not is_new or order.kind is not LIMIT:
            return
        holdings = self.truth.holdings.get(order.request.meter, [])
        mine = [holding for holding in holdings if holding.watts == order.limit_w and holding.by_command]
        if mine and holdings[-1].watts == order.limit_w:
            since = mine[-1].at.isoformat()
            yield f"order {order.number} is {order.state.value}, and its meter has held its limit since {since}"

    def held(self, holding: Holding) -> Iterator[str]:
        order = self.truth.order_of(holding)
        if order is not None and holding.by_command and order.state in NEVER_CARRIED_OUT:
            yield f"order {order.number} is {order.state.value}, and is carried out now"


class NeverLate(Invariant):
    """Nothing restrictive begins outside the service window, and nothing after its not-after: by the concentrator's
    clock where it decides, else by when it was sent. A window cannot be kept by a clock that was set after the order
    had been handed over by it.
    """

    def held(self, holding: Holding) -> Iterator[str]:
        order = self.truth.order_of(holding)
        if order is None or not holding.by_command:
            return
        begun = self.rules.begun_at(holding)
        if begun is None:
            return
        latest = order.request.latest_start
        if latest is not None and begun > latest:
            yield f"order {order.number} began {(begun - latest).total_seconds():.1f} s after its not-after"
        meter = self.rules.meters[order.request.meter]
        truly = holding.at if meter.link is Link.DELEGATED else begun
        if self.rules.clock_was_set_since(order):
            return
        if order.request.special is None and not self.rules.calendar.is_open(truly, meter.time_zone):
            known = self.rules.known_limit.get(order.number)
            if is_restrictive(order.request, meter, known):
                yield f"order {order.number} began at {truly.isoformat()}, outside the service window"


@dataclass(slots=True)
class Rules:
    """known_limit: the head-end's own, by order, when it was last handed out.   handed_out: when that was.

    clock_ahead_s: of each concentrator.   clock_set_at: when it last came to be what it is.
    """

    calendar: ServiceCalendar
    meters: dict[str, Meter]
    truth: GroundTruth
    clock_ahead_s: dict[str, float]
    known_limit: dict[str, int | None] = field(default_factory=dict)
    handed_out: dict[str, datetime] = field(default_factory=dict)
    clock_set_at: dict[str, datetime] = field(default_factory=dict)

    def clock_was_set_since(self, order: Order) -> bool:
        """Later than a reading by which the order may have been handed over."""
        meter = self.meters[order.request.meter]
        set_at = self.clock_set_at.get(meter.concentrator or "") if meter.link is Link.DELEGATED else None
        return set_at is not None and set_at > self.handed_out[order.number] - READING_FRESH

    def begun_at(self, holding: Holding) -> datetime | None:
        """By whose clock it counts."""
        meter = self.meters[holding.meter]
        if meter.link is Link.DELEGATED:
            return holding.at + timedelta(seconds=self.clock_ahead_s.get(meter.concentrator or "", 0.0))
        return self.truth.sent_at(meter.concentrator or meter.number, holding.apdu)


class CountersAreNew(Invariant):
    """No nonce of AES-GCM, a client's title and its invocation counter, protects two different messages to a device."""

    def __init__(self, truth: GroundTruth, rules: "Rules") -> None:
        super().__init__(truth, rules)
        self._seen: dict[tuple[str, bytes], bytes] = {}

    def heard(self, device: str, apdu: bytes) -> Iterator[str]:
        nonce = nonce_of(apdu)
        if nonce is None:
            return
        digest = sha256(apdu).digest()
        known = self._seen.setdefault((device, nonce), digest)
        if known != digest:
            counter = int.from_bytes(nonce[-4:], "big")
            yield f"invocation counter {counter} of {nonce[:-4].hex()} towards {device} was used twice"


_GLO = range(0xC8, 0xD0)
_GENERAL_GLO = 0xDB
_AARQ = 0x60
_GLO_INITIATE = 0x21
_CALLING_TITLE = bytes.fromhex("a60a0408")


def nonce_of(apdu: bytes) -> bytes | None:
    """Of a request ciphered with the global key: general-glo-ciphering, glo- (which tells no title), or the
    initiate-request of an AARQ. None: it has none.
    """
    if not apdu:
        return None
    if apdu[0] == _AARQ:
        ends = (at for at in range(len(apdu) - 1) if apdu[at] == 0xBE and apdu[at + 1] == len(apdu) - at - 2)
        at = next(ends, 0)
        title = apdu.partition(_CALLING_TITLE)[2][:8]
        return title + apdu[at + 7 : at + 11] if at and apdu[at + 4] == _GLO_INITIATE else None
    title, at = b"", 1
    if apdu[0] == _GENERAL_GLO:
        title, at = apdu[2 : 2 + apdu[1]], 2 + apdu[1]
    elif apdu[0] not in _GLO:
        return None
    length = apdu[at]
    at += 1 + (length & 0x7F if length & 0x80 else 0)
    return title + apdu[at + 1 : at + 5]


class OneInFlight(Invariant):
    """Of each meter at most one order is out, and its fence only ever rises."""

    def __init__(self, truth: GroundTruth, rules: "Rules") -> None:
        super().__init__(truth, rules)
        self._out: dict[str, str] = {}
        self._fences: dict[str, int] = {}

    def committed(self, before: Order | None, order: Order, at: datetime) -> Iterator[str]:  # noqa: ARG002
        meter = order.request.meter
        if order.state.may_have_left:
            other = self._out.setdefault(meter, order.number)
            if other != order.number:
                yield f"orders {other} and {order.number} of meter {meter} are both out"
        elif self._out.get(meter) == order.number:
            del self._out[meter]
        fence = order.fence
        if fence is not None and (before is None or before.fence != fence):
            if fence <= self._fences.get(meter, 0):
                yield f"order {order.number} of meter {meter} has fence {fence} after {self._fences[meter]}"
            self._fences[meter] = fence


class OneSession(Invariant):
    """A session hands nothing out once a later one of its lane has begun, nor does a concentrator take it."""

    def fenced(self, lane: str, epoch: int) -> Iterator[str]:
        latest = self.truth.epochs[lane]
        if epoch < latest:
            yield f"session {epoch} of {lane} is given a fence after session {latest} had begun"

    def taken(self, concentrator: str, item: OrderItem, in_force: int) -> Iterator[str]:
        if item.epoch < in_force:
            yield f"{concentrator} takes order {item.order_id} of session {item.epoch} in session {in_force}"


class UnknownIsOnlyRead(Invariant):
    """An order whose command may have left is read, and never commanded again."""

    def committed(self, before: Order | None, order: Order, at: datetime) -> Iterator[str]:  # noqa: ARG002
        if before is not None and before.state.is_only_read and order.command_fence != before.command_fence:
            yield f"order {order.number} was {before.state.value}, and its command is handed out again"


class TheAnswerIsTheEnd(Invariant):
    """The last answer tells the state in which the order is; a temporary limit has the order that ends it."""

    def ended(self, rest: AtRest) -> Iterator[str]:
        for number, answers in self.truth.told.items():
            order, errors = self.truth.orders.get(number), answers[-1].response.reply.errors
            if rest.has_drained and order is not None and not errors[0].details.startswith(order.state.value):
                yield f"order {number} is {order.state.value}, and was told as {errors[0].details}"
        for order in self.truth.orders.values():
            was_open = order.ended_at != order.received_at  # else it ended at the door, refused or too late
            ends = order.request.until is not None and was_open
            companions = (other.kind for other in self.truth.orders.values() if other.companion_of == order.id)
            if ends and LIMIT_REMOVE not in companions:
                yield f"order {order.number} has an end, and nothing ends it"


class TheTrailIsWhole(Invariant):
    """The audit trail verifies, and covers everything."""

    def ended(self, rest: AtRest) -> Iterator[str]:
        for finding in verify(rest.facts, rest.seals):
            yield f"audit: order {finding.order_id}: {finding.words}"
        sealed = {head.order_id: head.length for seal in rest.seals for head in seal.heads}
        lengths: dict[int, int] = {}
        for fact in rest.facts:
            lengths[fact.order_id] = fact.place
        for order_id, length in lengths.items():
            if sealed.get(order_id, 0) < length and rest.has_drained:  # type: ignore[call-overload]
                yield f"audit: order {order_id} has {length} facts, and {sealed.get(order_id, 0)} are sealed"  # type: ignore[call-overload]


class TheTrailIsComplete(Invariant):
    """Of every order the facts tell of each change of its state."""

    def ended(self, rest: AtRest) -> Iterator[str]:
        with_facts = {fact.order_id for fact in rest.facts}
        collected = {fact.order_id for fact in rest.facts if fact.fact.name in ("ResultCollected", "LinkLost")}
        for order in self.truth.orders.values():
            if order.id not in with_facts:
                yield f"order {order.number} has left no fact"
            elif order.state is OrderState.VERIFIED and order.id not in collected:
                yield f"order {order.number} is VERIFIED, and no fact tells of its result"


class QueuesAreBounded(Invariant):
    """What waits at a concentrator, and what it owes, is never more than it may hold."""

    def queued(self, device: str, what: str, length: int, most: int) -> Iterator[str]:
        if length > most:
            yield f"{device} has {length} {what}, more than {most}"


class ItDrains(Invariant):
    """Once nothing goes wrong any more, everything comes to its end, and every end is told."""

    def ended(self, rest: AtRest) -> Iterator[str]:
        if not rest.has_drained:
            yield f"the system does not come to rest: {', '.join(rest.undelivered[:5])}"


INVARIANTS: tuple[type[Invariant], ...] = (
    NothingIsLost,
    OneAnswer,
    OnlyForward,
    VerifiedIsHeld,
    FailedIsTrue,
    NeverLate,
    CountersAreNew,
    OneInFlight,
    OneSession,
    UnknownIsOnlyRead,
    TheAnswerIsTheEnd,
    TheTrailIsWhole,
    TheTrailIsComplete,
    QueuesAreBounded,
    ItDrains,
)


def every_invariant(truth: GroundTruth, rules: Rules) -> tuple[Invariant, ...]:
    return tuple(invariant(truth, rules) for invariant in INVARIANTS)
