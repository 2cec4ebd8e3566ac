"""Messages of the link to begin a test with, and a board of plain lists behind the COSEM object."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from aforo.dclink import codec
from aforo.dclink.messages import (
    ItemDemand,
    ItemKind,
    ItemReadback,
    ItemResult,
    ItemSupply,
    ItemVerdict,
    OrderItem,
    QueuedOrder,
    Submission,
    TableRow,
    Withdrawal,
)
from aforo.dclink.order_board import NoSession

NOON = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)
READBACK = ItemReadback(
    before=990, written=250, threshold=250, active=250, scaler=1, read_at=NOON, emergency=False, breaker=1
)


def an_order(order_id: int = 1, **changes: Any) -> OrderItem:
    given: dict[str, Any] = {
        "order_id": order_id,
        "number": f"OS-{order_id}",
        "kind": ItemKind.LIMIT,
        "meter": "20300001",
        "limit_w": 2_500,
        "fence": 7,
        "epoch": 3,
        "priority": 1,
        "not_after": NOON,
        "model": "class71",
    }
    return OrderItem(**{**given, **changes})


def a_result(result_id: int = 1, **changes: Any) -> ItemResult:
    given: dict[str, Any] = {
        "result_id": result_id,
        "order_id": 1,
        "fence": 7,
        "verdict": ItemVerdict.OK,
        "readback": READBACK,
        "at": NOON,
    }
    return ItemResult(**{**given, **changes})


# Everything that the types can hold

U64 = st.integers(0, 2**64 - 1)
RAW = st.integers(-(2**63), 2**64 - 1)
NAMES = st.text(st.characters(codec="ascii"), max_size=codec.NAME_OCTETS_MAX)
TEXTS = st.text(max_size=codec.NUMBER_OCTETS_MAX // 4)
MOMENTS = st.integers(0, 3_155_760_000_00).map(
    lambda hundredths: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=10 * hundredths)
)
ORDERS = st.builds(
    OrderItem,
    order_id=U64,
    number=TEXTS,
    kind=st.sampled_from(ItemKind),
    meter=NAMES,
    limit_w=st.integers(0, 2**32 - 1),
    fence=U64,
    epoch=U64,
    priority=st.integers(0, 255),
    not_after=st.none() | MOMENTS,
    model=NAMES,
    until=st.none() | MOMENTS,
)
READBACKS = st.builds(
    ItemReadback,
    before=RAW,
    written=st.none() | RAW,
    threshold=RAW,
    active=st.none() | RAW,
    scaler=st.integers(-128, 127),
    read_at=MOMENTS,
    emergency=st.none() | st.booleans(),
    breaker=st.none() | st.integers(0, 2),
    restores_at=st.none() | MOMENTS,
)
SUPPLIES = st.builds(
    ItemSupply,
    before=st.integers(0, 2),
    state=st.integers(0, 2),
    output=st.none() | st.booleans(),
    is_commanded=st.booleans(),
    read_at=MOMENTS,
)
DEMANDS = st.builds(
    ItemDemand,
    average=RAW,
    scaler=st.integers(-128, 127),
    period_s=st.integers(0, 2**32 - 1),
    captured_at=st.none() | MOMENTS,
    breaker=st.none() | st.integers(0, 2),
    read_at=MOMENTS,
)
RESULTS = st.builds(
    ItemResult,
    result_id=U64,
    order_id=U64,
    fence=U64,
    verdict=st.sampled_from(ItemVerdict),
    cause=NAMES,
    detail=TEXTS,
    readback=st.none() | READBACKS,
    supply=st.none() | SUPPLIES,
    demand=st.none() | DEMANDS,
    at=MOMENTS,
)
ROWS = st.builds(TableRow, NAMES, st.booleans(), st.none() | MOMENTS)
SUBMISSIONS = st.builds(Submission, U64, st.booleans(), NAMES)
QUEUED = st.builds(QueuedOrder, U64, U64, NAMES, st.integers(0, 255), st.booleans())


@dataclass
class PaperBoard:
    """A board whose lists a test writes by hand; what it is asked to do is noted."""

    epoch: int = 3
    firmware: str = "paper 1"
    clock: datetime = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
    table: list[TableRow] = field(default_factory=list)
    results: list[ItemResult] = field(default_factory=list)
    queue: list[QueuedOrder] = field(default_factory=list)
    has_session: bool = True
    submitted: list[OrderItem] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    withdrawal: Withdrawal = Withdrawal.WITHDRAWN

    def meters(self, after: str) -> Iterator[TableRow]:
        return (row for row in self.table if row.meter > after)

    def rows_of(self, meters: Iterable[str]) -> Iterator[TableRow]:
        table = {row.meter: row for row in self.table}
        return (table[meter] for meter in meters if meter in table)

    def pending(self, after: int) -> Iterator[ItemResult]:
        return (result for result in self.results if result.result_id > after)

    def queued(self, after: int) -> Iterator[QueuedOrder]:
        return (queued for queued in self.queue if queued.order_id > after)

    def open_session(self, epoch: int) -> int:
        self.epoch = max(self.epoch, epoch)
        return self.epoch

    def submit(self, items: tuple[OrderItem, ...]) -> tuple[Submission, ...]:
        self._require_session()
        self.submitted += items
        return tuple(Submission(item.order_id, True) for item in items)

    def withdraw(self, order_id: int) -> Withdrawal:
        self._require_session()
        return self.withdrawal

    def acknowledge(self, results: tuple[int, ...]) -> int:
        self._require_session()
        self.acknowledged += results
        self.results = [result for result in self.results if result.result_id not in results]
        return len(self.results)

    def _require_session(self) -> None:
        if not self.has_session:
            raise NoSession
