"""The client's end: it commands, and repeats what is not answered in time; the server only speaks when polled."""

from datetime import datetime, timedelta

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.hdlc import link_states
from aforo.dlms.hdlc.addresses import Address
from aforo.dlms.hdlc.control import FRAME_REJECT_OCTETS, Control, Kind, decode_control, decode_frame_reject
from aforo.dlms.hdlc.events import Connected, LinkFailed
from aforo.dlms.hdlc.frames import Frame
from aforo.dlms.hdlc.link_settings import ClientLinkSettings
from aforo.dlms.hdlc.link_states import Move, State
from aforo.dlms.hdlc.negotiation import DEFAULTS, decode_parameters
from aforo.dlms.hdlc.station import MOVE_OF, Station
from aforo.dlms.hdlc.transfer import LLC_REQUEST, LLC_RESPONSE


class PrimaryStation(Station):
    """While it has the turn a deadline ends a pause; while the server has it, the wait for its final frame."""

    def __init__(self, settings: ClientLinkSettings) -> None:
        self._settings = settings
        self._deadline: datetime | None = None
        self._progress_deadline: datetime | None = None
        self._attempts = 0
        self._answers_wanted = 0
        self._has_progressed = False
        super().__init__(settings, llc_sent=LLC_REQUEST, llc_received=LLC_RESPONSE)

    def _start_anew(self) -> None:
        super()._start_anew()
        self._has_turn = True
        self._deadline = None
        self._attempts = 0
        self._answers_wanted = 0

    def connect(self, now: datetime) -> None:
        self._command(Move.SNRM, now)

    def disconnect(self, now: datetime) -> None:
        self._command(Move.DISC, now)

    def _command(self, move: Move, now: datetime) -> None:
        self._state = link_states.sent(self._state, move)
        self._start_anew()
        self._transmit(now)

    def poll(self, now: datetime) -> None:
        if self._state is not State.CONNECTED:
            raise LocalProtocolError(f"a server is not polled while {self._state.value}")
        if self._has_turn:
            self._note_progress(now)
            self._transmit(now)

    def send_apdu(self, apdu: bytes, now: datetime, *, expects_answer: bool) -> None:
        self._queue_apdu(apdu)
        self._answers_wanted += expects_answer
        self._note_progress(now)
        if self._has_turn:
            self._transmit(now)

    def _addresses(self) -> tuple[Address, Address]:
        return self._settings.server, self._settings.client

    def _is_ours(self, frame: Frame) -> bool:
        is_to_us = frame.destination == self._settings.client or frame.destination.is_all_stations
        return is_to_us and frame.source.means(self._settings.server)

    def _deadlines(self) -> tuple[datetime | None, ...]:
        return (self._deadline,)

    def _handle_deadlines(self, now: datetime) -> None:
        if self._deadline is None or now < self._deadline:
            return
        if not self._has_turn:
            self._outbound.go_back()
        elif self._progress_deadline is not None and now >= self._progress_deadline:
            self._fall_silent("the peer answers, but nothing comes or goes on")
            return
        self._transmit(now)

    def _transmit(self, now: datetime) -> None:
        """What the state calls for, with the poll bit; the turn is the server's then."""
        if self._attempts >= self._settings.attempts_max:
            self._fall_silent(f"no answer to {self._attempts} attempts while {self._state.value}")
            return
        self._attempts += 1
        self._has_progressed = False
        self._wait(now)
        if self._state is State.CONNECTED:
            self._speak()
            return
        self._has_turn = False
        if self._state is State.CONNECTING:
            parameters = self._settings.parameters
            self._put(Kind.SNRM, information=b"" if parameters == DEFAULTS else parameters.encode())
        else:
            self._put(Kind.DISC)

    def _wait(self, now: datetime) -> None:
        self._deadline = now + timedelta(seconds=self._settings.answer_wait_s)

    def _note_progress(self, now: datetime) -> None:
        self._progress_deadline = now + timedelta(seconds=self._settings.progress_wait_s_max)
        self._attempts = 0

    def _receive(self, frame: Frame, now: datetime) -> None:
        control = decode_control(frame.control)
        match control.kind:
            case Kind.I | Kind.RR | Kind.RNR | Kind.REJ:
                link_states.received(self._state, MOVE_OF[control.kind])
                self._numbered(frame, control, now)
            case Kind.UA:
                self._acknowledged(frame)
            case Kind.DM:
                self._refused_connection()
            case Kind.FRMR:
                self._rejected(frame)
            case Kind.UI:
                self._take_unnumbered(frame)
            case _:
                raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"the command {control.kind.name} from a server")

    def _acknowledged(self, frame: Frame) -> None:
        after = link_states.received(self._state, Move.UA)
        if after is State.DISCONNECTED:
            self._state = after
            self._end(by_peer=False)
            return
        parameters = self._settings.parameters.agree(decode_parameters(frame.information))
        self._state = after
        self._start_anew()
        self._agreed = parameters
        self._events.append(Connected(parameters, frame.source))

    def _refused_connection(self) -> None:
        before, self._state = self._state, link_states.received(self._state, Move.DM)
        if before is not State.DISCONNECTED:
            self._end(by_peer=before is not State.DISCONNECTING)

    def _rejected(self, frame: Frame) -> None:
        before, self._state = self._state, link_states.received(self._state, Move.FRMR)
        if before is State.FAILED:
            return
        is_whole = len(frame.information) == FRAME_REJECT_OCTETS
        reject = decode_frame_reject(frame.information) if is_whole else None
        self._fail(LinkFailed(RemoteProtocolError(ErrorCode.PEER_ABORT, "the peer rejects a frame (FRMR)"), reject))

    def _fail(self, failure: LinkFailed) -> None:
        self._state = State.FAILED
        self._start_anew()
        self._events.append(failure)

    def _numbered(self, frame: Frame, control: Control, now: datetime) -> None:
        try:
            is_progress = self._outbound.acknowledge(control.receive)
            if control.kind is Kind.I and self._take_information(frame, control):
                is_progress = True
        except RemoteProtocolError as error:
            self._fail(LinkFailed(error))
            return
        if is_progress:
            self._has_progressed = True
            self._note_progress(now)
        self._note_readiness(control.kind)
        if self._has_turn:
            return
        if not control.is_final:
            if is_progress:
                self._wait(now)
        elif self._is_answer(control):
            self._go_on(control, now)

    def _is_answer(self, control: Control) -> bool:
        """A final frame that brings nothing new is a late one, to an attempt that was repeated since.

        Were it taken for the answer to the last attempt, each late frame would double what is sent from then on.
        """
        return self._has_progressed or not (control.kind is Kind.I or self._outbound.is_unacknowledged)

    def _go_on(self, control: Control, now: datetime) -> None:
        """The turn is ours again. What is still unacknowledged was lost on the way."""
        self._has_turn = True
        self._outbound.go_back()
        if control.kind is not Kind.REJ:
            self._attempts = 0
        has_more_to_come = self._has_progressed and self._inbound.is_under_way
        if has_more_to_come or (self._is_peer_ready and not self._outbound.is_empty):
            self._transmit(now)
        elif self._answers_wanted or self._inbound.is_under_way or not self._outbound.is_empty:
            self._deadline = now + timedelta(seconds=self._settings.poll_pause_s)
        else:
            self._deadline = None

    def _deliver(self, octets: bytes) -> None:
        self._answers_wanted = max(0, self._answers_wanted - 1)
        super()._deliver(octets)
