"""One association as a state machine without I/O, for both roles: events in, APDUs out; APDUs in, events out."""

from aforo.dlms.client_association import ClientAssociation
from aforo.dlms.events import Event
from aforo.dlms.server_association import ServerAssociation
from aforo.dlms.settings import ClientSettings, ServerSettings


class Connection:
    """Role by the settings' type. A server's may be associated again and again, each time from the AARQ on.

    One request is outstanding at a time: the invoke-id has 16 values, and real meters answer one after the other.
    """

    def __init__(self, settings: ClientSettings | ServerSettings) -> None:
        self._association: ClientAssociation | ServerAssociation = (
            ClientAssociation(settings) if isinstance(settings, ClientSettings) else ServerAssociation(settings)
        )

    @property
    def is_associated(self) -> bool:
        return self._association.is_associated

    @property
    def peer_counter(self) -> int:
        """Highest invocation counter accepted from the peer; the settings' floor before the first."""
        return self._association.peer_counter

    def send(self, event: Event) -> None:
        """Raises LocalProtocolError when the event is not allowed now."""
        self._association.send(event)

    def outgoing(self) -> list[bytes]:
        """APDUs to be sent, in order; they are handed out once."""
        return self._association.outgoing()

    def receive(self, apdu: bytes) -> Event | None:
        """What the APDU tells; None when there is only more to send first (`outgoing`).

        Raises RemoteProtocolError; then `outgoing` may hold what the standard answers to it.
        """
        return self._association.receive(apdu)
