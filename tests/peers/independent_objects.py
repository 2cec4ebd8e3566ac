"""What the independent meter is: its selectable behaviour, its COSEM objects, what it has seen."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from peers.independent_bytes import obis_octets, octets, structure

MANAGEMENT = 1
PUBLIC = 16

ASSOCIATION = "0-0:40.0.0.255"
DEVICE_NAME = "0-0:42.0.0.255"
LIMITER = "0-0:17.0.0.255"
POWER = "1-0:1.7.0.255"
SWITCH = "0-0:96.3.10.255"
SCRIPTS = "0-0:10.0.106.255"

READ_WRITE_DENIED = 3
OBJECT_UNDEFINED = 4
OBJECT_CLASS_INCONSISTENT = 9
TYPE_UNMATCHED = 12
WATT = 27


class Refusal(Enum):
    """How this make of meter turns down what it cannot authenticate."""

    REJECT = "reject"  # a rejecting AARE; inside an association the same as EXCEPTION
    EXCEPTION = "exception"  # an exception-response
    CLOSE = "close"  # hangs up
    SILENT = "silent"  # says nothing


class Number(Enum):
    """Type of the monitored power and therefore of every threshold: A-XDR tag, octets, signed."""

    U16 = (18, 2, False)
    U32 = (6, 4, False)
    I32 = (5, 4, True)

    def encode(self, value: int) -> bytes:
        tag, size, signed = self.value
        return bytes([tag]) + value.to_bytes(size, "big", signed=signed)

    def decode(self, data: bytes) -> int:
        return int.from_bytes(data[1:], "big", signed=self.value[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One make of meter. The defaults are the strictest reading of the standard."""

    on_wrong_key: Refusal = Refusal.REJECT
    on_stale_counter: Refusal = Refusal.EXCEPTION
    counter_floor: int = 0
    """The client's counters must lie above this from the first message on."""
    counter_object: str | None = "0-0:43.1.1.255"
    """Where the public client reads the counter; ``None``: nowhere."""
    counter_ahead: int = 0
    """0: the object and exception-response 6 tell the last counter accepted; 1: the next one expected."""
    general_protection: bool = True
    """Whether the bit is granted when proposed; only then is general-glo- understood."""
    per_service_ciphering: bool = True
    """Whether glo- per service is still taken once general-protection is agreed."""
    shared_proof_counter: bool = False
    """Takes and sends f() under the counter of the APDU around it, as some stacks do (one nonce, twice)."""
    title_only_in_aare: bool = False
    """general-glo- answers carry an empty title: the client must have kept the one in the AARE."""
    client_title: bytes | None = None
    """The only client system title known; ``None`` takes any."""
    challenge_octets: int = 16
    """8 to 64; from 39 on, the AARE needs the long BER length form."""
    server_sap: int = 1
    max_pdu: int = 1024
    number: Number = Number.U32
    scaler: int = 0
    """Power of ten of power and thresholds, in W."""
    emergency_attribute: bool = True
    """Whether the Limiter has attribute 10."""
    emergency_active: bool = False
    """threshold_active is the emergency one, whatever threshold_normal says."""
    switch: bool = True
    """Whether there is a Disconnect control."""
    write_result: int = 0
    """Data-Access-Result for every otherwise good SET; other than 0, nothing is written."""
    keeps_writes: bool = True
    """False: says success and forgets the value (accepted is not applied)."""


class Denied(Exception):
    """An access that ends in a Data-Access-Result or Action-Result other than success."""

    def __init__(self, code: int) -> None:
        super().__init__(f"result {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as this meter understood it, in order of arrival.

    ``service`` is AARQ, RLRQ, GET, SET or ACTION; ``form`` is plain, glo or general-glo; ``counter`` is the
    invocation counter it came under; ``answer`` is the result code given (for AARQ the diagnostic).
    """

    sap: int
    service: str
    form: str
    counter: int | None = None
    class_id: int = 0
    name: str = ""
    index: int = 0
    invoke: int = 0
    data: bytes = b""
    answer: int = 0

    def __str__(self) -> str:
        target = f" {self.class_id}/{self.name}/{self.index}" if self.name else ""
        data = f" {self.data.hex()}" if self.data else ""
        return f"SAP {self.sap} {self.service}{target}{data} ({self.form}, IC {self.counter}) -> {self.answer}"


Attributes = dict[int, bytes]


class Objects:
    """The logical device. Every attribute is kept encoded; what moves is worked out when read."""

    _WRITABLE = frozenset({(71, LIMITER, 4), (71, LIMITER, 5), (71, LIMITER, 6), (71, LIMITER, 7)})

    def __init__(self, behaviour: Behaviour, *, title: bytes, threshold: int, counter: Callable[[], int]) -> None:
        self._behaviour = behaviour
        self._counter = counter
        number = behaviour.number.encode
        never = bytes.fromhex("ffffffffffffffffff800000")
        script = structure(octets(obis_octets(SCRIPTS)), b"\x12\x00\x01")
        self._kept: dict[tuple[int, str], Attributes] = {
            (15, ASSOCIATION): {},
            (1, DEVICE_NAME): {2: octets(b"IND" + title.hex().upper().encode()[-13:])},
            (3, POWER): {
                2: number(1_200),
                3: structure(bytes([15, behaviour.scaler & 0xFF]), bytes([22, WATT])),
            },
            (71, LIMITER): {
                2: structure(b"\x12\x00\x03", octets(obis_octets(POWER)), b"\x0f\x02"),
                4: number(threshold),
                5: number(500),
                6: b"\x06\x00\x00\x00\x3c",
                7: b"\x06\x00\x00\x00\x0a",
                8: structure(b"\x12\x00\x01", octets(never), b"\x06\x00\x00\x00\x00"),
                9: b"\x01\x00",
                11: structure(script, script),
            },
        }
        if behaviour.switch:
            self._kept[70, SWITCH] = {2: b"\x03\x01", 3: b"\x16\x01", 4: b"\x16\x04"}
        if behaviour.counter_object is not None:
            self._kept[1, behaviour.counter_object] = {}

    @property
    def threshold(self) -> int:
        """threshold_normal in the scaler of the power register, not in watts."""
        return self._behaviour.number.decode(self._kept[71, LIMITER][4])

    @property
    def connected(self) -> bool:
        return self._kept[70, SWITCH][2] == b"\x03\x01"

    def read(self, class_id: int, name: str, index: int, *, public: bool = False) -> bytes:
        attributes = self._find(class_id, name)
        if public and name not in {DEVICE_NAME, self._behaviour.counter_object}:
            raise Denied(READ_WRITE_DENIED)
        now = {1: octets(obis_octets(name))} | attributes | self._moving(class_id, name, attributes)
        if index not in now:
            raise Denied(OBJECT_UNDEFINED)
        return now[index]

    def _moving(self, class_id: int, name: str, attributes: Attributes) -> Attributes:
        if class_id == 71:
            emergency = self._behaviour.emergency_active
            active = {3: attributes[5 if emergency else 4]}
            return active | ({10: bytes([3, emergency])} if self._behaviour.emergency_attribute else {})
        if name == self._behaviour.counter_object:
            return {2: b"\x06" + self._counter().to_bytes(4, "big")}
        return {}

    def write(self, class_id: int, name: str, index: int, data: bytes) -> None:
        present = self.read(class_id, name, index)
        if (class_id, name, index) not in self._WRITABLE:
            raise Denied(READ_WRITE_DENIED)
        if data[:1] != present[:1]:
            raise Denied(TYPE_UNMATCHED)
        if self._behaviour.write_result:
            raise Denied(self._behaviour.write_result)
        if self._behaviour.keeps_writes:
            self._kept[class_id, name][index] = data

    def invoke(self, class_id: int, name: str, index: int, parameter: bytes | None) -> None:
        attributes = self._find(class_id, name)
        if class_id != 70 or index not in {1, 2}:
            raise Denied(OBJECT_UNDEFINED)
        if parameter != b"\x0f\x00":
            raise Denied(TYPE_UNMATCHED)
        closed = index == 2
        attributes[2], attributes[3] = bytes([3, closed]), bytes([22, closed])

    def _find(self, class_id: int, name: str) -> Attributes:
        if (class_id, name) in self._kept:
            return self._kept[class_id, name]
        known = any(name == other for _, other in self._kept)
        raise Denied(OBJECT_CLASS_INCONSISTENT if known else OBJECT_UNDEFINED)
