"""A concentrator's one line to its meters: half-duplex, so exchanges follow each other, orders and relays in turn."""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random

from msgspec import Struct

from aforo.dlms.connection import Connection
from aforo.dlms.counters import COUNTER_MAX
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.events import Associate
from aforo.dlms.settings import ClientSettings
from aforo.domain.causes import Cause
from aforo.domain.readback import CommandResult, Verdict
from aforo.flow.device_client import (
    PUBLIC_CLIENT,
    Conversation,
    CountersGiven,
    CountersWanted,
    DeviceAccess,
    DeviceClient,
    Exchange,
    Heard,
)
from aforo.flow.meter_errand import MeterErrand
from aforo.flow.visit import MeterTask
from aforo.simulator.concentrator_settings import (
    Begun,
    ConcentratorMemory,
    ConcentratorSettings,
    MeterCounters,
    MeterPort,
)
from aforo.simulator.order_ledger import OrderLedger

EXCHANGES_PER_TURN = 256
"""In one call of `advance`, so that whoever hosts many concentrators comes back to the others."""

CLIENTS_MAX = 512
"""Associations with meters kept for their next order."""


class Relay(Struct, frozen=True):
    """An APDU to be passed on as it is. answer: told what the meter said, None for silence."""

    meter: str
    client_sap: int
    server_sap: int
    apdu: bytes
    answer: Callable[[bytes | None], None]


@dataclass(slots=True)
class _Turn:
    """What has the line. due: when what was heard is there.   errand: None for a relay or a probe."""

    meter: str
    due: datetime
    heard: bytes | None
    errand: Conversation[CommandResult] | None = None
    relay: Relay | None = None


class ConcentratorLine:
    """Whose turn it is, and what is heard. Time is passed in; nothing happens between two calls."""

    def __init__(
        self,
        settings: ConcentratorSettings,
        memory: ConcentratorMemory,
        *,
        ledger: OrderLedger,
        meters: Mapping[str, MeterPort],
        chance: Random,
    ) -> None:
        self._settings = settings
        self._memory = memory
        self._ledger = ledger
        self._meters = meters
        self._moved: dict[str, MeterPort | None] = {}
        self._chance = chance
        self._clients: OrderedDict[str, DeviceClient] = OrderedDict()
        self._relays: deque[Relay] = deque()
        self._relay_was_last = False
        self._turn: _Turn | None = None
        self._probe_at: datetime | None = None
        self._is_behind = False

    def relay(self, relay: Relay) -> bool:
        """False: too many wait already."""
        if len(self._relays) >= self._settings.relays_max:
            return False
        self._relays.append(relay)
        return True

    def connect(self, meter: str, port: MeterPort) -> None:
        self._moved[meter] = port

    def disconnect(self, meter: str) -> None:
        """From now on it is silent here."""
        self._moved[meter] = None

    def forget(self, meter: str) -> None:
        """The association kept for its next order; an errand under way goes on."""
        self._clients.pop(meter, None)

    def next_deadline(self, now: datetime) -> datetime | None:
        if self._is_behind:
            return now
        return self._turn.due if self._turn is not None else self._probe_at

    def advance(self, now: datetime) -> None:
        for _ in range(EXCHANGES_PER_TURN):
            if self._turn is None and not self._begin(now):
                self._is_behind = False
                return
            if self._turn is None:
                continue  # an order that ended before a single exchange
            if self._turn.due > now:
                self._is_behind = False
                return
            self._hear(self._turn)
        self._is_behind = True

    def _begin(self, now: datetime) -> bool:
        """False: there is nothing to do now."""
        if self._relays and not self._relay_was_last:
            self._relay_was_last = True
            self._begin_relay(self._relays.popleft(), now)
            return True
        self._relay_was_last = False
        begun = self._memory.begun or self._ledger.begin(now)
        if begun is not None:
            self._begin_errand(begun, now)
            return True
        if self._relays:
            self._begin_relay(self._relays.popleft(), now)
            return True
        return self._begin_probe(now)

    def _begin_errand(self, begun: Begun, now: datetime) -> None:
        meter = begun.item.meter
        if meter not in self._memory.table:
            self._ledger.finish(_of_unlisted_meter(begun.task), now)
            return
        model = self._settings.model(begun.item.model)
        assert model is not None, "the ledger takes no order of an unknown model"
        errand = MeterErrand(self._client(meter)).carry_out(begun.task, model)
        self._go_on(errand, None, meter=meter, now=now)

    def _begin_relay(self, relay: Relay, now: datetime) -> None:
        heard, due = self._call(relay.meter, Exchange(relay.client_sap, relay.server_sap, (relay.apdu,)), now)
        self._turn = _Turn(relay.meter, due, heard, relay=relay)

    def _begin_probe(self, now: datetime) -> bool:
        silent = [meter for meter, entry in self._memory.table.items() if not entry.reachable]
        if not silent:
            self._probe_at = None
            return False
        if self._probe_at is None or self._probe_at > now:
            self._probe_at = self._probe_at or now + self._settings.probe_every
            return False
        self._probe_at = now + self._settings.probe_every
        meter = silent[self._chance.randrange(len(silent))]
        connection = Connection(ClientSettings())
        connection.send(Associate())
        access = self._memory.table[meter].access
        exchange = Exchange(PUBLIC_CLIENT, access.server_sap, tuple(connection.outgoing()))
        heard, due = self._call(meter, exchange, now)
        self._turn = _Turn(meter, due, heard)
        return True

    def _hear(self, turn: _Turn) -> None:
        self._turn = None
        entry = self._memory.table.get(turn.meter)
        if entry is not None and turn.heard is not None:
            entry.reachable, entry.last_seen = True, turn.due
        if turn.relay is not None:
            turn.relay.answer(turn.heard)
        if turn.errand is not None:
            self._go_on(turn.errand, Heard(turn.heard, turn.due), meter=turn.meter, now=turn.due)

    def _go_on(self, errand: Conversation[CommandResult], heard: Heard | None, *, meter: str, now: datetime) -> None:
        """To the errand's next exchange, or to its end. heard: None at its beginning."""
        try:
            step = next(errand) if heard is None else errand.send(heard)
            while isinstance(step, CountersWanted):
                step = errand.send(CountersGiven(self._counters(meter, step)))
        except StopIteration as done:
            self._note_silence(meter, heard, done.value, now)
            self._ledger.finish(done.value, now)
            return
        answer, due = self._call(meter, step, now)
        self._turn = _Turn(meter, due, answer, errand=errand)

    def _note_silence(self, meter: str, heard: Heard | None, result: CommandResult, now: datetime) -> None:
        """A meter that answers its public client and no wrong key is there all the same."""
        entry = self._memory.table.get(meter)
        is_silent = heard is not None and heard.apdu is None and result.cause is not Cause.WRONG_KEY
        if entry is not None and is_silent:
            entry.reachable = False
            self._probe_at = self._probe_at or now + self._settings.probe_every

    def _call(self, meter: str, exchange: Exchange, now: datetime) -> tuple[bytes | None, datetime]:
        """What the meter answers, and when that is known here. One APDU at a time: the meters behind a concentrator
        take part in no general block transfer.
        """
        settings, port, heard = self._settings, self._moved.get(meter, self._meters.get(meter)), None
        if port is not None and exchange.apdus:
            (apdu,) = exchange.apdus
            try:
                heard = port.respond(exchange.client_sap, exchange.server_sap, apdu, now)
            except RemoteProtocolError:
                heard = None  # a meter has no answer to what it cannot read
        takes = settings.answer_wait if heard is None else settings.answered_after(meter, now, self._chance)
        return heard, now + takes

    def _client(self, meter: str) -> DeviceClient:
        client = self._clients.get(meter)
        if client is None:
            client = self._clients[meter] = self._new_client(meter)
            if len(self._clients) > CLIENTS_MAX:
                self._clients.popitem(last=False)
        self._clients.move_to_end(meter)
        return client

    def _new_client(self, meter: str) -> DeviceClient:
        access = self._memory.table[meter].access
        device = DeviceAccess(
            own_title=self._settings.title,
            keys=access.keys,
            title=access.title,
            client_sap=access.client_sap,
            server_sap=access.server_sap,
        )
        return DeviceClient(
            device, challenge=lambda: self._chance.randbytes(16), jump_max=self._settings.counter_jump_max
        )

    def _counters(self, meter: str, wanted: CountersWanted) -> MeterCounters | None:
        known = self._memory.meter_counters.get(meter)
        if wanted.expected is None and known is None:
            return None
        self._memory.meter_counters[meter] = min(max(wanted.expected or 0, known or 0), COUNTER_MAX)
        return MeterCounters(self._memory, meter)


def _of_unlisted_meter(task: MeterTask) -> CommandResult:
    detail = "taken out of the internal table before its order had ended"
    if task.written is None:
        return CommandResult(Verdict.KO, Cause.NOT_IN_TABLE, detail)
    return CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, detail)
