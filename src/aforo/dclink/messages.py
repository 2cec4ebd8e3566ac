"""What crosses the link in delegated mode. Plain values: the link knows neither our orders nor our meters."""

from datetime import datetime
from enum import IntEnum

from msgspec import Struct


class ItemKind(IntEnum):
    """What the concentrator is asked to do at the meter."""

    LIMIT = 1
    READ = 2
    DISCONNECT = 3
    RECONNECT = 4
    READ_SUPPLY = 5
    PROVE = 6


class ItemVerdict(IntEnum):
    """OK: carried out, values read back.   KO: not carried out.   UNKNOWN: it may have been; the meter fell silent."""

    OK = 0
    KO = 1
    UNKNOWN = 2


class Withdrawal(IntEnum):
    """WITHDRAWN: it had not begun and never will.   BEGUN: its result will come.   UNKNOWN: never seen here."""

    WITHDRAWN = 0
    BEGUN = 1
    UNKNOWN = 2


class OrderItem(Struct, frozen=True, kw_only=True):
    """order_id: the head-end's key, the same for every repetition.   number: the customer's, for people.

    limit_w: whole watts; 0 for all but LIMIT.   fence: refused when lower than one seen for the meter.
    epoch: of the session that hands it over.   priority: higher first.   not_after: it must not begin later.
    model: name of the meter's model.   until: when its limit ends; a meter that can end it by itself is told so.
    """

    order_id: int
    number: str
    kind: ItemKind
    meter: str
    limit_w: int
    fence: int
    epoch: int
    priority: int
    not_after: datetime | None
    model: str = ""
    until: datetime | None = None


class ItemReadback(Struct, frozen=True, kw_only=True):
    """Raw values in units of 10^scaler W, read from the meter itself at read_at; None where it has none.

    breaker: control_state of class 70.   restores_at: when the meter itself ends this limit.
    """

    before: int
    written: int | None
    threshold: int
    active: int | None
    scaler: int
    read_at: datetime
    emergency: bool | None = None
    breaker: int | None = None
    restores_at: datetime | None = None


class ItemSupply(Struct, frozen=True, kw_only=True):
    """before, state: control_state of class 70.   output: output_state, None when the meter has none."""

    before: int
    state: int
    output: bool | None
    is_commanded: bool
    read_at: datetime


class ItemDemand(Struct, frozen=True, kw_only=True):
    """average: of the last whole period, in units of 10^scaler W.   captured_at: its end by the meter's clock."""

    average: int
    scaler: int
    period_s: int
    captured_at: datetime | None
    breaker: int | None
    read_at: datetime


class ItemResult(Struct, frozen=True, kw_only=True):
    """result_id: the concentrator's own, rising, for the acknowledgement.   cause: code, empty when OK."""

    result_id: int
    order_id: int
    fence: int
    verdict: ItemVerdict
    cause: str = ""
    detail: str = ""
    readback: ItemReadback | None = None
    supply: ItemSupply | None = None
    demand: ItemDemand | None = None
    at: datetime


class TableRow(Struct, frozen=True):
    """One meter of the concentrator's internal table.   last_seen: None when it never answered."""

    meter: str
    reachable: bool
    last_seen: datetime | None


class Submission(Struct, frozen=True):
    """The concentrator's answer to one handed-over item: taken, or refused with a cause code."""

    order_id: int
    taken: bool
    cause: str = ""


class QueuedOrder(Struct, frozen=True):
    """One order that waits at the concentrator, or is being carried out (begun)."""

    order_id: int
    fence: int
    meter: str
    priority: int
    begun: bool
