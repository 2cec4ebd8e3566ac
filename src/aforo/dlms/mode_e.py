"""The sign-on of a local connection (IEC 62056-21, protocol mode E), sans-I/O, for both roles.

Four short messages in seven bits at 300 Bd: request, identification, acknowledgement with what is chosen, and its
confirmation. Then both ends go over to eight bits and the chosen speed, and HDLC begins (`aforo.dlms.hdlc`).

Seven bits with even parity (7E1) are on the line what eight bits without (8N1) are, the eighth being the parity. So the
port has eight bits all the time, and what passes here is with parity; whoever takes the parity off is understood too.
"""

import re
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed

SPEEDS: Final = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
"""Baud rates by their identification character (modes C and E); 7 to 9 are reserved."""

SIGN_ON_SPEED: Final = 300
MESSAGE_OCTETS_MAX: Final = 64
"""The longest is an identification: 7 octets, 2 per enhanced character, 16 of text, of which some devices take more."""

EVENTS_MAX: Final = 16
"""Left lying by the caller; further requests are not answered meanwhile."""

DISCARDED_OCTETS_MAX: Final = 1024
"""Of noise and of other messages in one wait; beyond it the line is not one to a meter."""

_EVEN: Final = bytes(octet ^ (octet.bit_count() & 1) << 7 for octet in range(256))
_CHARACTER_BITS: Final = 10
_ACK: Final = "\x06"
_OPENINGS: Final = b"/\x06"
_END: Final = b"\r\n"
_REQUEST = re.compile(r"/\?([0-9A-Za-z ]{0,32})!\r\n", re.ASCII)
_ADDRESS = re.compile(r"[0-9A-Za-z ]{0,32}", re.ASCII)
_IDENTIFICATION = re.compile(r'/([A-Z]{2}[A-Za-z])([0-9])((?:\\[ "-.0-~])*)([ "-.0-~]{0,32})\r\n', re.ASCII)
_ACKNOWLEDGEMENT = re.compile(r"\x06([0-9])([0-9])([0-9])\r\n", re.ASCII)
_MODE_E: Final = "\\2"


@dataclass(frozen=True, slots=True)
class Identification:
    """manufacturer: three letters (the FLAG association's).   speed_max: the highest offered, in baud.   text: its own.

    offers_hdlc: enhanced capability 2, protocol mode E.
    """

    manufacturer: str
    speed_max: int
    text: str
    offers_hdlc: bool = True

    def encode(self) -> bytes:
        """Raises LocalProtocolError."""
        told = f"/{self.manufacturer}{_character(self.speed_max)}{_MODE_E if self.offers_hdlc else ''}{self.text}\r\n"
        if not _IDENTIFICATION.fullmatch(told) or len(told) > MESSAGE_OCTETS_MAX:
            raise LocalProtocolError(f"{told!r} is no identification")
        return told.encode("ascii")


def decode_identification(message: bytes) -> Identification:
    """Raises RemoteProtocolError: MALFORMED, or UNSUPPORTED for a speed of another protocol mode."""
    found = _IDENTIFICATION.fullmatch(message.decode("latin-1"))
    if found is None:
        raise malformed(f"{message[:MESSAGE_OCTETS_MAX].hex()} is no identification")
    manufacturer, speed, enhanced, text = found.groups()
    if speed not in SPEEDS:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"the speed character {speed}", wire=ord(speed))
    return Identification(
        manufacturer, SPEEDS[speed], text, _MODE_E in (enhanced[n : n + 2] for n in range(0, len(enhanced), 2))
    )


def encode_request(device_address: str = "") -> bytes:
    """device_address: of one device on a shared line, usually its number. Raises LocalProtocolError."""
    if not _ADDRESS.fullmatch(device_address):
        raise LocalProtocolError("a device address has at most 32 letters, digits and spaces")
    return f"/?{device_address}!\r\n".encode("ascii")


def encode_acknowledgement(speed: int) -> bytes:
    """The choice of HDLC at that speed; its confirmation is the same octets. Raises LocalProtocolError."""
    return f"{_ACK}2{_character(speed)}2\r\n".encode("ascii")


def _character(speed: int) -> str:
    found = next((character for character, known in SPEEDS.items() if known == speed), None)
    if found is None:
        raise LocalProtocolError(f"{speed} Bd is none of {', '.join(map(str, SPEEDS.values()))}")
    return found


@dataclass(frozen=True, slots=True)
class Transmit:
    """Octets for the line, at the speed that it has now."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class ChangeSpeed:
    """Of the line, in baud, once what was to be transmitted before has left."""

    speed: int


@dataclass(frozen=True, slots=True)
class Identified:
    identification: Identification


@dataclass(frozen=True, slots=True)
class SignedOn:
    """What comes now is HDLC, from its first octet on."""

    speed: int


@dataclass(frozen=True, slots=True)
class SignOnFailed:
    """The device told something else, or offers no HDLC; the line is to be closed."""

    error: RemoteProtocolError


@dataclass(frozen=True, slots=True)
class SignOnSilent:
    """No device answered, in all attempts."""

    detail: str


SignOnEvent = Transmit | ChangeSpeed | Identified | SignedOn | SignOnFailed | SignOnSilent


class _MessageReader:
    """Octets as they come, messages up to their line end, from a first character that may begin one."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self.discarded = 0

    def feed(self, octets: bytes) -> list[bytes]:
        """Noise before a beginning, damaged characters and what is too long are passed over and counted."""
        messages: list[bytes] = []
        for received in octets:
            octet = received & 0x7F
            is_damaged = received not in (octet, _EVEN[octet])
            if is_damaged or octet in _OPENINGS:
                self._pass_over()
            if is_damaged or not (self._pending or octet in _OPENINGS):
                self.discarded += 1
                continue
            self._pending.append(octet)
            if self._pending.endswith(_END):
                messages.append(bytes(self._pending))
                self._pending.clear()
            elif len(self._pending) >= MESSAGE_OCTETS_MAX:
                self._pass_over()
        return messages

    def _pass_over(self) -> None:
        self.discarded += len(self._pending)
        self._pending.clear()


class _SignOn(ABC):
    """What both ends share. After every call take the events, in order; call `handle_deadline` at `next_deadline`."""

    def __init__(self) -> None:
        self._reader = _MessageReader()
        self._events: deque[SignOnEvent] = deque()
        self._deadline: datetime | None = None

    def next_event(self) -> SignOnEvent | None:
        """None: nothing more to do or to tell now."""
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> datetime | None:
        return self._deadline

    @abstractmethod
    def receive_octets(self, octets: bytes, now: datetime) -> None:
        """Whatever comes, nothing is raised: it ends in events."""

    @abstractmethod
    def handle_deadline(self, now: datetime) -> None:
        """Nothing happens before the deadline."""

    def _transmit(self, message: bytes, now: datetime, wait_s: float) -> None:
        """wait_s: for the other end, from when the message has left, which at this speed takes long itself."""
        self._events.append(Transmit(message.translate(_EVEN)))
        sending_s = len(message) * _CHARACTER_BITS / SIGN_ON_SPEED
        self._deadline = now + timedelta(seconds=sending_s + wait_s)


class _Phase(Enum):
    IDLE = "idle"
    REQUESTED = "requested"
    IDENTIFIED = "identified"
    CHOSEN = "chosen"
    SETTLING = "settling"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSignOnSettings:
    """device_address: of one device on a shared line.   speed_max: no higher speed is chosen, in baud.

    answer_wait_s: for a whole identification; a device begins within 1.5 s (IEC 62056-21, 5.3) and speaks for 2 more.
    reaction_s: before our choice; an end must not answer sooner, since the other turns round (the same clause).
    confirmation_wait_s: then we go over without: many devices do not confirm.   attempts_max: of the request.
    settle_s: after the change of speed, before HDLC begins.
    """

    device_address: str = ""
    speed_max: int = 19200
    answer_wait_s: float = 4.0
    reaction_s: float = 0.2
    confirmation_wait_s: float = 1.5
    settle_s: float = 0.3
    attempts_max: int = 3

    def __post_init__(self) -> None:
        encode_request(self.device_address)
        _character(self.speed_max)
        if self.attempts_max < 1:
            raise LocalProtocolError("a sign-on that may not ask even once")


class ClientSignOn(_SignOn):
    """The reader's end. An optical head that echoes what we send is recognised, and its echo passed over."""

    def __init__(self, settings: ClientSignOnSettings) -> None:
        super().__init__()
        self._settings = settings
        self._request = encode_request(settings.device_address)
        self._phase = _Phase.IDLE
        self._attempts = 0
        self._chosen = SIGN_ON_SPEED
        self._has_echo = False

    def start(self, now: datetime) -> None:
        self._events.append(ChangeSpeed(SIGN_ON_SPEED))
        self._ask(now)

    def receive_octets(self, octets: bytes, now: datetime) -> None:
        """Before it chooses, and once it has changed its speed, it is deaf."""
        if self._phase not in (_Phase.REQUESTED, _Phase.CHOSEN):
            return
        for message in self._reader.feed(octets):
            try:
                self._take(message, now)
            except RemoteProtocolError as error:
                self._fail(error)
        if self._reader.discarded > DISCARDED_OCTETS_MAX:
            self._fail(malformed(f"{self._reader.discarded} octets that are no sign-on"))

    def handle_deadline(self, now: datetime) -> None:
        if self._deadline is None or now < self._deadline:
            return
        match self._phase:
            case _Phase.REQUESTED:
                self._ask(now)
            case _Phase.IDENTIFIED:
                self._phase = _Phase.CHOSEN
                self._transmit(encode_acknowledgement(self._chosen), now, self._settings.confirmation_wait_s)
            case _Phase.CHOSEN:
                self._change_speed(now)
            case _Phase.SETTLING:
                self._end(SignedOn(self._chosen))

    def _ask(self, now: datetime) -> None:
        if self._attempts >= self._settings.attempts_max:
            self._end(SignOnSilent(f"no device answered {self._attempts} requests"))
            return
        self._attempts += 1
        self._reader = _MessageReader()
        self._phase = _Phase.REQUESTED
        self._transmit(self._request, now, self._settings.answer_wait_s)

    def _take(self, message: bytes, now: datetime) -> None:
        match self._phase:
            case _Phase.REQUESTED if message == self._request:
                self._has_echo = True
            case _Phase.REQUESTED:
                self._identify(decode_identification(message), now)
            case _Phase.CHOSEN if message != encode_acknowledgement(self._chosen):
                raise malformed(f"{message.hex()} confirms nothing that was chosen")
            case _Phase.CHOSEN if self._has_echo:
                self._has_echo = False
            case _Phase.CHOSEN:
                self._change_speed(now)

    def _identify(self, identification: Identification, now: datetime) -> None:
        self._events.append(Identified(identification))
        if not identification.offers_hdlc:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, "the device offers no HDLC (protocol mode E)")
        self._phase = _Phase.IDENTIFIED
        self._chosen = min(identification.speed_max, self._settings.speed_max)
        self._deadline = now + timedelta(seconds=self._settings.reaction_s)

    def _change_speed(self, now: datetime) -> None:
        self._events.append(ChangeSpeed(self._chosen))
        self._phase = _Phase.SETTLING
        self._deadline = now + timedelta(seconds=self._settings.settle_s)

    def _fail(self, error: RemoteProtocolError) -> None:
        if self._phase is not _Phase.OVER:
            self._end(SignOnFailed(error))

    def _end(self, event: SignOnEvent) -> None:
        self._events.append(event)
        self._phase = _Phase.OVER
        self._deadline = None


class ServerSignOn(_SignOn):
    """The meter's end. It answers a request to any device or to its address, and forgets one that is not followed up.

    Its own message, which a shared line echoes, is passed over.
    choice_wait_s: for the acknowledgement, from the end of the identification.
    """

    def __init__(self, identification: Identification, *, device_address: str = "", choice_wait_s: float = 2.5) -> None:
        super().__init__()
        self._identification = identification
        self._message = identification.encode()
        self._device_address = device_address.lstrip("0")
        self._choice_wait_s = choice_wait_s
        self._is_over = False

    def receive_octets(self, octets: bytes, now: datetime) -> None:
        for message in self._reader.feed(octets):
            if self._is_over:
                return
            asked = _REQUEST.fullmatch(message.decode("latin-1"))
            if asked is not None:
                self._answer(asked[1], now)
            elif message != self._message and self._deadline is not None and now < self._deadline:
                self._follow(message)

    def handle_deadline(self, now: datetime) -> None:
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None

    def _answer(self, address: str, now: datetime) -> None:
        if address.lstrip("0") in ("", self._device_address) and len(self._events) < EVENTS_MAX:
            self._transmit(self._message, now, self._choice_wait_s)

    def _follow(self, message: bytes) -> None:
        """Anything but HDLC at a speed that was offered is another mode, which this end does not have."""
        chosen = _ACKNOWLEDGEMENT.fullmatch(message.decode("latin-1"))
        self._deadline = None
        if chosen is None or chosen[1] != "2" or chosen[3] != "2":
            return
        speed = SPEEDS.get(chosen[2], 0)
        if 0 < speed <= self._identification.speed_max:
            self._events.extend((Transmit(message.translate(_EVEN)), ChangeSpeed(speed), SignedOn(speed)))
            self._is_over = True
