"""What both ends of a link share: the line's octets, numbered frames in and out, events, deadlines."""

from abc import ABC, abstractmethod
from collections import deque
from datetime import datetime, timedelta
from typing import Final

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.hdlc import frames, link_states
from aforo.dlms.hdlc.addresses import Address
from aforo.dlms.hdlc.control import Control, Kind, encode_control
from aforo.dlms.hdlc.events import ApduReceived, Disconnected, FrameRefused, LinkEvent, LinkSilent, UnnumberedReceived
from aforo.dlms.hdlc.frame_reader import FrameReader
from aforo.dlms.hdlc.frames import Frame
from aforo.dlms.hdlc.link_settings import LinkSettings
from aforo.dlms.hdlc.link_states import Move, State
from aforo.dlms.hdlc.negotiation import DEFAULTS
from aforo.dlms.hdlc.transfer import Inbound, Outbound, Segment, without_llc

EVENTS_MAX, OUTGOING_MAX = 64, 64
"""While so much is left lying, frames are lost, as on a line: whoever polls us fast must not fill our memory."""

APDUS_LEFT_LYING_MAX = 8
"""Then the peer is told that we are not ready (RNR)."""

MOVE_OF: Final = {
    Kind.I: Move.INFORMATION,
    Kind.RR: Move.SUPERVISORY,
    Kind.RNR: Move.SUPERVISORY,
    Kind.REJ: Move.SUPERVISORY,
}


class Station(ABC):
    """The common half of `PrimaryStation` and `SecondaryStation`; see `HdlcLink` for what its methods promise."""

    def __init__(self, settings: LinkSettings, *, llc_sent: bytes, llc_received: bytes) -> None:
        self._apdu_max = settings.apdu_max
        self._octet_wait = timedelta(seconds=settings.octet_wait_s)
        self._llc_sent = llc_sent
        self._llc_received = llc_received
        self._reader = FrameReader()
        self._octet_deadline: datetime | None = None
        self._events: deque[LinkEvent] = deque()
        self._apdus_left_lying = 0
        self._outgoing: list[bytes] = []
        self._state = State.DISCONNECTED
        self.frames_lost = 0
        self._start_anew()

    def _start_anew(self) -> None:
        """Both ends count from zero, and the standard's defaults hold until the other end has agreed to more."""
        self._agreed = DEFAULTS
        self._outbound = Outbound()
        self._inbound = Inbound(self._apdu_max)
        self._is_peer_ready = True
        self._has_turn = False

    @property
    def state(self) -> State:
        return self._state

    def outgoing(self) -> list[bytes]:
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def next_event(self) -> LinkEvent | None:
        if not self._events:
            return None
        event = self._events.popleft()
        self._apdus_left_lying -= isinstance(event, ApduReceived)
        return event

    def receive_octets(self, octets: bytes, now: datetime) -> None:
        self._take(self._reader.feed(octets), now)
        self._octet_deadline = now + self._octet_wait if self._reader.is_inside_frame else None

    def next_deadline(self) -> datetime | None:
        return min((at for at in (self._octet_deadline, *self._deadlines()) if at is not None), default=None)

    def handle_deadline(self, now: datetime) -> None:
        while self._octet_deadline is not None and now >= self._octet_deadline:
            self._take(self._reader.abandon(), now)
            self._octet_deadline = now if self._reader.is_inside_frame else None
        self._handle_deadlines(now)

    def send_unnumbered(self, apdu: bytes) -> None:
        self._check(apdu)
        information = self._llc_sent + apdu
        if len(information) > self._agreed.information_max_transmit:
            raise LocalProtocolError(f"{len(apdu)} octets do not fit one UI frame")
        self._put(Kind.UI, information=information)

    @abstractmethod
    def _addresses(self) -> tuple[Address, Address]:
        """Peer, and us: destination and source of what we send."""

    @abstractmethod
    def _is_ours(self, frame: Frame) -> bool: ...

    @abstractmethod
    def _receive(self, frame: Frame, now: datetime) -> None:
        """Raises RemoteProtocolError when the frame is refused and the link goes on."""

    @abstractmethod
    def _deadlines(self) -> tuple[datetime | None, ...]: ...

    @abstractmethod
    def _handle_deadlines(self, now: datetime) -> None: ...

    def _take(self, found: list[Frame | RemoteProtocolError], now: datetime) -> None:
        for item in found:
            if isinstance(item, RemoteProtocolError):
                self._refuse(item)
            elif len(self._events) >= EVENTS_MAX or len(self._outgoing) >= OUTGOING_MAX:
                self.frames_lost += 1
            elif self._is_ours(item):
                try:
                    self._receive(item, now)
                except RemoteProtocolError as error:
                    self._refuse(error)

    def _refuse(self, error: RemoteProtocolError) -> None:
        if len(self._events) < EVENTS_MAX:
            self._events.append(FrameRefused(error))
        else:
            self.frames_lost += 1

    def _take_information(self, frame: Frame, control: Control) -> bool:
        """Whether the frame was the next one, and not a repetition, one behind a gap, or more than we can hold.

        Raises RemoteProtocolError (TOO_LONG).
        """
        if len(frame.information) > self._agreed.information_max_receive:
            raise RemoteProtocolError(ErrorCode.TOO_LONG, f"an information field of {len(frame.information)} octets")
        if control.send != self._inbound.next_number or self._is_busy:
            return False
        octets = self._inbound.take(Segment(frame.information, frame.is_segmented))
        if octets is not None:
            self._deliver(octets)
        return True

    def _deliver(self, octets: bytes) -> None:
        try:
            apdu = without_llc(octets, self._llc_received)
        except RemoteProtocolError as error:
            self._refuse(error)
            return
        self._events.append(ApduReceived(apdu))
        self._apdus_left_lying += 1

    def _take_unnumbered(self, frame: Frame) -> None:
        """Raises RemoteProtocolError (MALFORMED, TOO_LONG)."""
        apdu = without_llc(frame.information, self._llc_received)
        if len(apdu) > self._apdu_max:
            raise RemoteProtocolError(ErrorCode.TOO_LONG, f"an APDU of {len(apdu)} octets")
        self._events.append(UnnumberedReceived(apdu, frame.source))

    def _note_readiness(self, kind: Kind) -> None:
        if kind in (Kind.RNR, Kind.REJ):
            self._outbound.go_back()
        if kind is not Kind.I:
            self._is_peer_ready = kind is not Kind.RNR

    def _speak(self) -> None:
        """Ends our turn: all segments that the window lets out, or a word that there is nothing; P/F in the last."""
        self._has_turn = False
        segments = self._outbound.take(self._agreed.window_transmit) if self._is_peer_ready else []
        for count, (number, segment) in enumerate(segments, 1):
            self._put_segment(number, segment, is_final=count == len(segments))
        if not segments:
            self._put(Kind.RNR if self._is_busy else Kind.RR, receive=self._inbound.next_number)

    def _put_segment(self, number: int, segment: Segment, *, is_final: bool) -> None:
        control = encode_control(Kind.I, is_final=is_final, send=number, receive=self._inbound.next_number)
        peer, us = self._addresses()
        self._outgoing.append(frames.encode(Frame(peer, us, control, segment.information, segment.is_segmented)))

    def _put(self, kind: Kind, *, information: bytes = b"", receive: int = 0) -> None:
        """With P/F, which all frames have but UI and the segments before the last."""
        control = encode_control(kind, is_final=kind is not Kind.UI, receive=receive)
        self._outgoing.append(frames.encode(Frame(*self._addresses(), control, information)))

    def _queue_apdu(self, apdu: bytes) -> None:
        if self._state is not State.CONNECTED:
            raise LocalProtocolError(f"an APDU cannot be sent while {self._state.value}")
        self._check(apdu)
        self._outbound.put(self._llc_sent + apdu, self._agreed.information_max_transmit)

    def _check(self, apdu: bytes) -> None:
        if not 0 < len(apdu) <= self._apdu_max:
            raise LocalProtocolError(f"an APDU of {len(apdu)} octets")

    @property
    def _is_busy(self) -> bool:
        return self._apdus_left_lying >= APDUS_LEFT_LYING_MAX

    def _end(self, *, by_peer: bool) -> None:
        self._start_anew()
        self._events.append(Disconnected(by_peer))

    def _fall_silent(self, detail: str) -> None:
        self._state = link_states.sent(self._state, Move.SILENCE)
        self._start_anew()
        self._events.append(LinkSilent(detail))
