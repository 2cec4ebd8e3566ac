"""The server's end: it answers when polled, and repeats what the client's N(R) says that it has not got."""

from datetime import datetime, timedelta
from typing import Final

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.hdlc import link_states
from aforo.dlms.hdlc.addresses import Address
from aforo.dlms.hdlc.control import POLL_FINAL, Control, FrameReject, Kind, RejectReason, decode_control
from aforo.dlms.hdlc.events import Connected, Disconnected, LinkFailed
from aforo.dlms.hdlc.frames import Frame
from aforo.dlms.hdlc.link_settings import ServerLinkSettings
from aforo.dlms.hdlc.link_states import Move, State
from aforo.dlms.hdlc.negotiation import decode_parameters
from aforo.dlms.hdlc.station import MOVE_OF, Station
from aforo.dlms.hdlc.transfer import LLC_REQUEST, LLC_RESPONSE

_REASONS: Final = {
    ErrorCode.UNSUPPORTED: RejectReason.UNDEFINED_CONTROL,
    ErrorCode.UNEXPECTED_APDU: RejectReason.UNDEFINED_CONTROL | RejectReason.INFORMATION_NOT_PERMITTED,
    ErrorCode.TOO_LONG: RejectReason.INFORMATION_TOO_LONG,
    ErrorCode.MALFORMED: RejectReason.INVALID_RECEIVE_NUMBER,
}
_HELD: Final = (State.CONNECTED, State.FAILED)
"""Where the link belongs to one client, and others are not heard."""


class SecondaryStation(Station):
    """Has the turn from a frame with P until it answers with F."""

    def __init__(self, settings: ServerLinkSettings) -> None:
        self._settings = settings
        self._client: Address | None = settings.client
        self._asked_as = settings.server
        self._reject: FrameReject | None = None
        self._reply_deadline: datetime | None = None
        self._idle_deadline: datetime | None = None
        super().__init__(settings, llc_sent=LLC_RESPONSE, llc_received=LLC_REQUEST)

    def _start_anew(self) -> None:
        super()._start_anew()
        self._reply_deadline = None

    def disconnect(self) -> None:
        """The client hears of it (DM) when it polls next."""
        before, self._state = self._state, link_states.sent(self._state, Move.DM)
        if self._has_turn:
            self._put(Kind.DM)
        if before in _HELD:
            self._end(by_peer=False)

    def send_apdu(self, apdu: bytes) -> None:
        self._queue_apdu(apdu)
        if self._has_turn:
            self._answer()

    def _addresses(self) -> tuple[Address, Address]:
        if self._client is None:
            raise LocalProtocolError("no client is known yet")
        return self._client, self._asked_as

    def _is_ours(self, frame: Frame) -> bool:
        if frame.destination.is_all_stations:
            return True
        if not frame.destination.means(self._settings.server):
            return False
        known = self._client if self._state in _HELD else self._settings.client
        return known is None or frame.source == known

    def _deadlines(self) -> tuple[datetime | None, ...]:
        return self._reply_deadline, self._idle_deadline if self._state in _HELD else None

    def _handle_deadlines(self, now: datetime) -> None:
        if self._reply_deadline is not None and now >= self._reply_deadline:
            self._answer()
        if self._state in _HELD and self._idle_deadline is not None and now >= self._idle_deadline:
            self._fall_silent(f"no frame from the client for {self._settings.inactivity_s_max} s")

    def _receive(self, frame: Frame, now: datetime) -> None:
        if frame.destination.is_all_stations:
            self._broadcast(frame)
            return
        self._idle_deadline = now + timedelta(seconds=self._settings.inactivity_s_max)
        if self._state not in _HELD:
            self._client, self._asked_as = frame.source, frame.destination
        try:
            control = decode_control(frame.control)
        except RemoteProtocolError as error:
            self._reject_frame(frame, error)
            return
        match control.kind:
            case Kind.I | Kind.RR | Kind.RNR | Kind.REJ:
                self._numbered(frame, control, now)
            case Kind.SNRM:
                self._connected(frame)
            case Kind.DISC:
                self._disconnected()
            case Kind.UI:
                self._take_unnumbered(frame)
                self._polled(control)
            case _:
                raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"the response {control.kind.name} from a client")

    def _broadcast(self, frame: Frame) -> None:
        """Never answered: all would speak at once."""
        if decode_control(frame.control).kind is not Kind.UI:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a broadcast that is not UI")
        self._take_unnumbered(frame)

    def _connected(self, frame: Frame) -> None:
        proposed = decode_parameters(frame.information)
        before, self._state = self._state, link_states.received(self._state, Move.SNRM)
        if before is State.CONNECTED:
            self._events.append(Disconnected(by_peer=True))
        self._start_anew()
        agreed = self._settings.parameters.agree(proposed)
        self._put(Kind.UA, information=agreed.encode())
        self._state = link_states.sent(self._state, Move.UA)
        self._agreed = agreed
        self._events.append(Connected(agreed, frame.source))

    def _disconnected(self) -> None:
        before, self._state = self._state, link_states.received(self._state, Move.DISC)
        was_connected = before in _HELD
        answer = Kind.UA if was_connected else Kind.DM
        self._put(answer)
        self._state = link_states.sent(self._state, Move[answer.name])
        if was_connected:
            self._end(by_peer=True)

    def _numbered(self, frame: Frame, control: Control, now: datetime) -> None:
        if self._state is not State.CONNECTED:
            self._polled(control)
            link_states.received(self._state, MOVE_OF[control.kind])
        try:
            _check_information(frame, control)
            self._outbound.acknowledge(control.receive)
            is_new = control.kind is Kind.I and self._take_information(frame, control)
        except RemoteProtocolError as error:
            self._reject_frame(frame, error)
            return
        self._note_readiness(control.kind)
        if control.is_final and is_new and not frame.is_segmented and self._outbound.is_empty:
            self._has_turn = True
            self._reply_deadline = now + timedelta(seconds=self._settings.reply_wait_s)
        else:
            self._polled(control)

    def _polled(self, control: Control) -> None:
        """P asks for an answer, in every state."""
        if not control.is_final:
            return
        if self._state is State.CONNECTED:
            self._outbound.go_back()
            self._answer()
        elif self._state is State.FAILED:
            self._put_reject()
        else:
            self._put(Kind.DM)

    def _answer(self) -> None:
        self._reply_deadline = None
        self._speak()

    def _reject_frame(self, frame: Frame, error: RemoteProtocolError) -> None:
        """FRMR; the link is over until the client sets it up again. Outside a connection the frame is only refused."""
        if self._state is not State.CONNECTED:
            raise error
        numbers = self._outbound.next_number, self._inbound.next_number
        self._reject = FrameReject(frame.control, *numbers, _REASONS[error.code])
        self._state = link_states.sent(self._state, Move.FRMR)
        self._start_anew()
        self._events.append(LinkFailed(error, self._reject))
        if frame.control & POLL_FINAL:
            self._put_reject()

    def _put_reject(self) -> None:
        assert self._reject is not None, "FAILED means that a frame was rejected"
        self._put(Kind.FRMR, information=self._reject.encode())


def _check_information(frame: Frame, control: Control) -> None:
    if frame.information and control.kind is not Kind.I:
        raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"{control.kind.name} with information")
