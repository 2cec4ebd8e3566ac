"""A simulated concentrator: a COSEM server upward, a DLMS client downward, and the memory between them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from random import Random

from aforo.dclink.messages import ItemResult, OrderItem, QueuedOrder, Submission, TableRow, Withdrawal
from aforo.dclink.order_board import NoSession
from aforo.simulator.concentrator_line import ConcentratorLine, Relay
from aforo.simulator.concentrator_settings import (
    ConcentratorMemory,
    ConcentratorSettings,
    MeterAccess,
    MeterPort,
    TableEntry,
)
from aforo.simulator.concentrator_upward import ConcentratorConnection
from aforo.simulator.order_ledger import OrderLedger


class Concentrator:
    """meters: what stands on the line, by number.   memory: what survives a restart, which is a new Concentrator on it.

    Faults, to be set at will. is_down: the modem passes nothing on in either direction.   drops_pushes: results must be
    fetched.   ledger.is_busy: no new order is taken.   ledger.clock_offset: how far its
    clock is ahead.
    """

    def __init__(
        self,
        settings: ConcentratorSettings,
        meters: Mapping[str, MeterPort],
        memory: ConcentratorMemory,
        *,
        chance: Random,
    ) -> None:
        self.settings = settings
        self.memory = memory
        self.chance = chance
        self.is_down = False
        self.logical_devices: Mapping[int, str] = settings.logical_devices()
        self.drops_pushes = False
        if not memory.table:
            memory.table.update({meter: TableEntry(access) for meter, access in settings.access.items()})
        self.ledger = OrderLedger(memory, settings)
        self._line = ConcentratorLine(settings, memory, ledger=self.ledger, meters=meters, chance=chance)
        self._session: ConcentratorConnection | None = None
        self._now: datetime | None = None

    def connected(self) -> ConcentratorConnection:
        return ConcentratorConnection(self)

    def next_deadline(self) -> datetime | None:
        return None if self._now is None else self._line.next_deadline(self._now)

    def advance(self, now: datetime) -> None:
        self._now = now
        self._line.advance(now)
        fresh = self.ledger.take_fresh()
        if fresh and self._session is not None and not self.drops_pushes:
            self._session.push(fresh)

    def relay(self, relay: Relay) -> bool:
        return self._line.relay(relay)

    def add_meter(self, meter: str, access: MeterAccess) -> None:
        self.memory.table.setdefault(meter, TableEntry(access))

    def remove_meter(self, meter: str) -> None:
        """What waits for it ends as NOT_IN_TABLE."""
        self.memory.table.pop(meter, None)
        self._line.forget(meter)

    def find_meter(self, meter: str, line: MeterPort, access: MeterAccess) -> None:
        """On its line, where it was not before."""
        self._line.connect(meter, line)
        self.add_meter(meter, access)

    def lose_meter(self, meter: str) -> None:
        """From its line as well as from its table."""
        self._line.disconnect(meter)
        self.remove_meter(meter)

    def board(self, connection: ConcentratorConnection) -> "AssociationBoard":
        return AssociationBoard(self, connection)

    def hold_session(self, connection: ConcentratorConnection) -> None:
        self._session = connection

    def has_session(self, connection: ConcentratorConnection) -> bool:
        return self._session is connection

    def leave(self, connection: ConcentratorConnection) -> None:
        """Its results stay until they are acknowledged."""
        if self._session is connection:
            self._session = None


class AssociationBoard:
    """The order board as one association sees it; see `aforo.dclink.order_board.Board`."""

    def __init__(self, concentrator: Concentrator, connection: ConcentratorConnection) -> None:
        self._concentrator = concentrator
        self._connection = connection

    @property
    def epoch(self) -> int:
        return self._concentrator.memory.epoch

    @property
    def firmware(self) -> str:
        return self._concentrator.settings.firmware

    @property
    def clock(self) -> datetime:
        return self._connection.now + self._concentrator.ledger.clock_offset

    def meters(self, after: str) -> Iterator[TableRow]:
        table = self._concentrator.memory.table
        return (_row(meter, table[meter]) for meter in sorted(table) if meter > after)

    def rows_of(self, meters: Iterable[str]) -> Iterator[TableRow]:
        table = self._concentrator.memory.table
        return (_row(meter, table[meter]) for meter in meters if meter in table)

    def pending(self, after: int) -> Iterator[ItemResult]:
        return (result for number, result in self._concentrator.memory.results.items() if number > after)

    def queued(self, after: int) -> Iterator[QueuedOrder]:
        return (queued for queued in self._concentrator.ledger.queued() if queued.order_id > after)

    def open_session(self, epoch: int) -> int:
        if self._concentrator.ledger.open_session(epoch):
            self._concentrator.hold_session(self._connection)
        return self.epoch

    def submit(self, items: tuple[OrderItem, ...]) -> tuple[Submission, ...]:
        self._require_session()
        return tuple(self._concentrator.ledger.submit(item, self._connection.now) for item in items)

    def withdraw(self, order_id: int) -> Withdrawal:
        self._require_session()
        return self._concentrator.ledger.withdraw(order_id)

    def acknowledge(self, results: tuple[int, ...]) -> int:
        self._require_session()
        return self._concentrator.ledger.acknowledge(results)

    def _require_session(self) -> None:
        if not self._concentrator.has_session(self._connection):
            raise NoSession("another association has opened the latest session")


def _row(meter: str, entry: TableEntry) -> TableRow:
    return TableRow(meter, entry.reachable, entry.last_seen)
