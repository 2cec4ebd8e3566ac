"""One HDLC link (IEC 62056-46) as a state machine without I/O, for both roles: octets in, events out, and back."""

from datetime import datetime

from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.hdlc.events import LinkEvent
from aforo.dlms.hdlc.link_settings import ClientLinkSettings, ServerLinkSettings
from aforo.dlms.hdlc.link_states import State
from aforo.dlms.hdlc.primary_station import PrimaryStation
from aforo.dlms.hdlc.secondary_station import SecondaryStation


class HdlcLink:
    """Role by the settings' type: a client is the primary station, a server a secondary one.

    After every call, take what is in `outgoing` and `next_event`, and call `handle_deadline` once `next_deadline` is
    reached. The two ends speak in turns: the client sends when the server has ended its turn (F), the server when it
    is polled (P). An APDU arrives once and in order, or the link ends with LinkFailed, LinkSilent or Disconnected.
    Seven numbers under way are told apart, so the line may lose and repeat frames, but not let late ones overtake.
    """

    def __init__(self, settings: ClientLinkSettings | ServerLinkSettings) -> None:
        self._station: PrimaryStation | SecondaryStation = (
            PrimaryStation(settings) if isinstance(settings, ClientLinkSettings) else SecondaryStation(settings)
        )

    @property
    def state(self) -> State:
        return self._station.state

    @property
    def frames_lost(self) -> int:
        """Frames passed over because too many events or outgoing frames had not been taken away."""
        return self._station.frames_lost

    def connect(self, now: datetime) -> None:
        """Client: SNRM, and Connected, Disconnected or LinkSilent follows. A standing link starts anew.

        Raises LocalProtocolError: for a server, or while disconnecting.
        """
        self._primary().connect(now)

    def disconnect(self, now: datetime) -> None:
        """Disconnected or LinkSilent follows. What is not acknowledged yet is lost."""
        if isinstance(self._station, PrimaryStation):
            self._station.disconnect(now)
        else:
            self._station.disconnect()

    def send_apdu(self, apdu: bytes, now: datetime, *, expects_answer: bool = True) -> None:
        """In as many frames as it needs. A server's waits for its turn. Look at `state` first when you answer an event:
        the link may have ended behind it.

        expects_answer: a client then polls until some APDU has come for it; else it polls only by `poll`.
        Raises LocalProtocolError: not connected, longer than apdu_max or empty, or too many APDUs waiting.
        """
        if isinstance(self._station, PrimaryStation):
            self._station.send_apdu(apdu, now, expects_answer=expects_answer)
        else:
            self._station.send_apdu(apdu)

    def send_unnumbered(self, apdu: bytes) -> None:
        """One UI frame, at once, in any state, without the poll bit. On a shared line the caller knows when it is free.

        Raises LocalProtocolError: it does not fit one frame, or a server does not know its client yet.
        """
        self._station.send_unnumbered(apdu)

    def poll(self, now: datetime) -> None:
        """Client: asks whether the server has something to say. Nothing is sent when the server has the turn already.

        Raises LocalProtocolError: for a server, or when not connected.
        """
        self._primary().poll(now)

    def receive_octets(self, octets: bytes, now: datetime) -> None:
        """Whatever comes, nothing is raised: it ends in events."""
        self._station.receive_octets(octets, now)

    def next_event(self) -> LinkEvent | None:
        """None: nothing more to tell."""
        return self._station.next_event()

    def outgoing(self) -> list[bytes]:
        """Frames to be sent, in order; they are handed out once."""
        return self._station.outgoing()

    def next_deadline(self) -> datetime | None:
        return self._station.next_deadline()

    def handle_deadline(self, now: datetime) -> None:
        """Repeats, polls, answers "nothing yet" or gives up. Nothing happens before the deadline."""
        self._station.handle_deadline(now)

    def _primary(self) -> PrimaryStation:
        if not isinstance(self._station, PrimaryStation):
            raise LocalProtocolError("a server neither connects nor polls")
        return self._station
