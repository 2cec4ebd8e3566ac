"""What both ends of an association share: its state, its protection, what is to be sent."""

from aforo.dlms.association_states import State
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.events import (
    ActionRequest,
    ActionResponse,
    AssociationEstablished,
    GetRequest,
    GetResponse,
    SetRequest,
    SetResponse,
)
from aforo.dlms.protection import Protection, is_protected
from aforo.dlms.settings import Mechanism, Settings

ASSOCIATION_CLASS, CURRENT_ASSOCIATION, REPLY_TO_HLS = 15, bytes.fromhex("0000280000ff"), 1
"""Where passes 3 and 4 of HLS take place: the method reply_to_HLS_authentication."""

PLAIN_CONTEXT, CIPHERED_CONTEXT = 1, 3
"""Last arcs of the application contexts with logical names."""

ANSWER_OF = {GetRequest: GetResponse, SetRequest: SetResponse, ActionRequest: ActionResponse}
CHALLENGE_OCTETS = range(8, 65)
_SPOKEN = (Mechanism.NONE, Mechanism.LLS, Mechanism.HLS_GMAC)


class Association:
    """The common half of `ClientAssociation` and `ServerAssociation`."""

    def __init__(self, settings: Settings) -> None:
        _check_spoken(settings)
        self._protection = Protection(settings) if settings.keys is not None else None
        self._counter_floor = settings.peer_counter_floor
        self._state = State.IDLE
        self._outgoing: list[bytes] = []
        self._established: AssociationEstablished | None = None

    @property
    def is_associated(self) -> bool:
        return self._state in (State.READY, State.BUSY)

    @property
    def peer_counter(self) -> int:
        return self._counter_floor if self._protection is None else self._protection.peer_counter

    def outgoing(self) -> list[bytes]:
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    @property
    def _context(self) -> int:
        return PLAIN_CONTEXT if self._protection is None else CIPHERED_CONTEXT

    def _protected(self, plain: bytes) -> bytes:
        return plain if self._protection is None else self._protection.seal(plain)

    def _send_service(self, plain: bytes) -> None:
        """Raises LocalProtocolError, and sends nothing, when the peer has said that it takes nothing so long."""
        apdu = self._protected(plain)
        longest = self._established.max_pdu if self._established is not None else 0
        if 0 < longest < len(apdu):
            raise LocalProtocolError(f"an APDU of {len(apdu)} octets to a peer that takes {longest}")
        self._outgoing.append(apdu)

    def _opened(self, apdu: bytes) -> bytes:
        if self._state in (State.IDLE, State.ASKED):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a service without an association")
        if self._protection is not None:
            return self._protection.open(apdu)
        if is_protected(apdu):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a ciphered APDU where nothing was agreed")
        return apdu


def _check_spoken(settings: Settings) -> None:
    if settings.mechanism not in _SPOKEN:
        raise LocalProtocolError(f"authentication by {settings.mechanism.name} is not spoken")
    if settings.suite != 0:
        raise LocalProtocolError(f"security suite {settings.suite} is not spoken")
    if settings.keys is None:
        return
    if settings.keys.dedicated is not None:
        raise LocalProtocolError("dedicated keys are not spoken")
    if len(settings.keys.encryption) != 16 or len(settings.keys.authentication) != 16:
        raise LocalProtocolError("suite 0 has keys of 16 octets")
