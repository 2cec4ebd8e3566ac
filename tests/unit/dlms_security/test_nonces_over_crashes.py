"""No nonce is ever used twice under one key, whenever the process dies."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aforo.dlms import Ciphering, ClientSettings, CounterRange, CountersExhausted, Key, Keys, SystemTitle, data
from aforo.dlms.events import SetRequest
from aforo.dlms.general_keys import GeneralKeys, UnderIdentifiedKey
from aforo.dlms.protection import Protection
from aforo.dlms.xdlms import encode_request
from aforo.engine.memory import MemorySessionLedger

TITLE, METER = SystemTitle(b"CLIENT01"), SystemTitle(b"METER001")
KEYS = Keys(Key(bytes(16)), Key(bytes(range(16))), dedicated=Key(bytes(range(16, 32))))
PLAIN = encode_request(SetRequest(71, bytes(6), 4, data.u32(1)), 1)
RESERVED = 3
T = TypeVar("T")


def _now(call: Coroutine[Any, Any, T]) -> T:
    """The twin's calls never wait."""
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("the twin of the ledger waited")


class Counters(RuleBasedStateMachine):
    """The ledger is durable; protection and what it still held of its range are gone with every crash."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = MemorySessionLedger()
        _now(self.ledger.raise_counter("M", 0, 1))
        self.used: list[tuple[bytes, int]] = []
        self.protection: Protection | None = None
        self.counters: CounterRange | None = None

    def _reserve(self) -> CounterRange:
        reserved = _now(self.ledger.reserve_counters("M", RESERVED))
        assert reserved is not None
        return reserved

    @rule(ciphering=st.sampled_from(Ciphering), dedicated=st.booleans())
    def associate(self, ciphering: Ciphering, dedicated: bool) -> None:
        self.counters = self._reserve()
        self.protection = Protection(
            ClientSettings(
                title=TITLE, peer_title=METER, keys=KEYS, counters=self.counters, ciphering=ciphering,
                general=GeneralKeys(sending=UnderIdentifiedKey()),
            )
        )  # fmt: skip
        if dedicated:
            assert KEYS.dedicated is not None
            self.protection.use_dedicated(KEYS.dedicated)

    def _note(self, octets: bytes, at: int) -> None:
        self.used.append((octets, int.from_bytes(octets[at : at + 4], "big")))

    @rule()
    def seal(self) -> None:
        if self.protection is not None and self.counters is not None:
            before = self.counters.next
            try:
                sealed = self.protection.seal(PLAIN)
            except CountersExhausted:
                return
            self.used.append((sealed, before))
            assert before.to_bytes(4, "big") in sealed

    @rule()
    def prove(self) -> None:
        if self.protection is not None:
            try:
                self._note(self.protection.proof(b"challenge"), 1)
            except CountersExhausted:
                return

    @rule()
    def refill(self) -> None:
        if self.counters is not None:
            self.counters.extend(self._reserve())

    @rule(expected=st.integers(0, 200))
    def follow_what_the_device_expects(self, expected: int) -> None:
        """Read from the device, so perhaps forged, and perhaps lower than what was used."""
        raised = _now(self.ledger.raise_counter("M", expected, RESERVED))
        self.used += [(b"reserved and dropped", raised.take()) for _ in range(raised.remaining)]

    @rule()
    def crash(self) -> None:
        self.protection = self.counters = None

    @invariant()
    def no_counter_was_used_twice(self) -> None:
        counters = [counter for _, counter in self.used]
        assert len(counters) == len(set(counters))


TestCounters = Counters.TestCase
TestCounters.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
