"""What both ends of an association share: its state, its protection, what is to be sent."""

from aforo.dlms.association_states import State
from aforo.dlms.authentication import Authentication
from aforo.dlms.client_exchange import Bounds
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.events import AssociationEstablished, Conformance
from aforo.dlms.general_transfer import GeneralTransfer
from aforo.dlms.keys import SystemTitle
from aforo.dlms.protection import Protection, is_protected
from aforo.dlms.settings import Settings
from aforo.dlms.xdlms import GENERAL_BLOCK_TRANSFER
from aforo.dlms.xdlms.general_blocks import decode_general_block

ASSOCIATION_CLASS, CURRENT_ASSOCIATION, REPLY_TO_HLS = 15, bytes.fromhex("0000280000ff"), 1
"""Where passes 3 and 4 of HLS take place: the method reply_to_HLS_authentication."""

PLAIN_CONTEXT, CIPHERED_CONTEXT = 1, 3
"""Last arcs of the application contexts with logical names."""

CHALLENGE_OCTETS = range(8, 65)
SYSTEM_TITLE_OCTETS = 8


class Association:
    """The common half of `ClientAssociation` and `ServerAssociation`."""

    def __init__(self, settings: Settings) -> None:
        self._protection = Protection(settings) if settings.keys is not None else None
        self._authentication = Authentication(settings, self._protection)
        self._counter_floor = settings.peer_counter_floor
        self._state = State.IDLE
        self._outgoing: list[bytes] = []
        self._established: AssociationEstablished | None = None
        self._window = settings.window
        self._octets_max = settings.message_octets_max
        self._usual_bounds: Bounds | None = None
        self._general: GeneralTransfer | None = None
        self._pushed: GeneralTransfer | None = None

    is_to_answer = False
    """Of whoever answers requests: the server."""

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

    @property
    def _offered(self) -> Conformance:
        return Conformance(0) if self._established is None else self._established.conformance

    def _bounds(self) -> Bounds:
        """What a plain APDU must keep to, so that it arrives whole."""
        longest = self._established.max_pdu if self._established is not None else 0
        if longest == 0 or self._general is not None:
            return Bounds(self._offered, None, self._octets_max)
        if self._usual_bounds is not None:
            return self._usual_bounds
        room = longest if self._protection is None else longest - self._protection.overhead
        self._usual_bounds = Bounds(self._offered, room, self._octets_max)
        return self._usual_bounds

    def _send_service(self, plain: bytes, *, is_pushed: bool = False) -> None:
        """What is too long goes by general block transfer, and so does the answer to what came by it.

        Raises LocalProtocolError, and sends nothing, when the peer has said that it takes nothing so long.
        """
        apdu = self._protected(plain)
        longest = self._established.max_pdu if self._established is not None else 0
        if self._general is None and (longest == 0 or len(apdu) <= longest):
            self._outgoing.append(apdu)
            return
        if Conformance.GENERAL_BLOCK_TRANSFER not in self._offered:
            raise LocalProtocolError(f"an APDU of {len(apdu)} octets to a peer that takes {longest}")
        if is_pushed:
            self._outgoing += self._transfer().send_unconfirmed(apdu, longest)
            return
        self._general = self._general or self._transfer()
        self._outgoing += self._general.send(apdu, longest or 0xFFFF)

    def _transfer(self) -> GeneralTransfer:
        return GeneralTransfer(window=self._window, octets_max=self._octets_max, is_to_answer=self.is_to_answer)

    def _joined(self, apdu: bytes) -> bytes | None:
        """The APDU itself, or the one that its blocks have made whole; None: there is more to come."""
        if apdu[0] != GENERAL_BLOCK_TRANSFER:
            return apdu
        if Conformance.GENERAL_BLOCK_TRANSFER not in self._offered:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, "general block transfer was not negotiated")
        block = decode_general_block(apdu)
        is_pushed = block.window == 0
        is_new = self._general is not None and self._general.has_sent_all and block.number == 1 and block.octets
        if self.is_to_answer and is_new:
            self._general = None
        if is_pushed:
            transfer = self._pushed = self._transfer() if block.number == 1 else self._pushed or self._transfer()
        else:
            transfer = self._general = self._general or self._transfer()
        try:
            whole, answers = transfer.take(block)
        except RemoteProtocolError:
            self._general = self._pushed = None
            raise
        self._outgoing += answers
        return whole

    def _opened(self, apdu: bytes) -> bytes:
        if self._state in (State.IDLE, State.ASKED):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a service without an association")
        if self._protection is not None:
            return self._protection.open(apdu)
        if is_protected(apdu):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a ciphered APDU where nothing was agreed")
        return apdu


def title_of(octets: bytes) -> SystemTitle | None:
    """As told in clear; None when there is none, or it is no title."""
    return SystemTitle(octets) if len(octets) == SYSTEM_TITLE_OCTETS else None
