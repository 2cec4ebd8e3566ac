"""How an association's APDUs are protected: glo- and general-glo- forms, counters in both directions."""

from aforo.dlms.axdr import put_octets, take_octets
from aforo.dlms.counters import COUNTER_MAX
from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.events import Conformance
from aforo.dlms.keys import SystemTitle
from aforo.dlms.security import Cipher, counter_of
from aforo.dlms.settings import Ciphering, Settings
from aforo.dlms.xdlms import DATA_NOTIFICATION, INITIATE_REQUEST, INITIATE_RESPONSE

GENERAL_GLO = 0xDB
_GLO_OF = {
    INITIATE_REQUEST: 0x21, INITIATE_RESPONSE: 0x28,
    0xC0: 0xC8, 0xC1: 0xC9, 0xC3: 0xCB, 0xC4: 0xCC, 0xC5: 0xCD, 0xC7: 0xCF,
}  # fmt: skip
_PLAIN_OF = {glo: plain for plain, glo in _GLO_OF.items()}
_INITIATES = (INITIATE_REQUEST, INITIATE_RESPONSE)
_PLAIN = {*_GLO_OF, DATA_NOTIFICATION}


class CounterReplayed(RemoteProtocolError):
    """expected: the lowest counter that would be taken; the highest that there is once all are used."""

    def __init__(self, seen: int, expected: int) -> None:
        super().__init__(ErrorCode.REPLAY, f"invocation counter {seen}, expected {expected} or higher", wire=6)
        self.expected = min(expected, COUNTER_MAX)


class Protection:
    """Both directions of one ciphered association. peer: None until its title is known."""

    def __init__(self, settings: Settings) -> None:
        assert settings.keys is not None and settings.title is not None and settings.counters is not None  # noqa: PT018 (Settings checks them together)
        self._cipher = Cipher(settings.keys)
        self._title = settings.title
        self._general_head = bytes((GENERAL_GLO,)) + put_octets(settings.title.octets)
        self._counters = settings.counters
        self._ciphering = settings.ciphering
        self.expected_peer = settings.peer_title
        self.peer: SystemTitle | None = settings.peer_title
        self.is_general = settings.ciphering is Ciphering.GENERAL_GLO
        self.peer_counter = settings.peer_counter_floor

    def meet(self, title: bytes) -> None:
        """The peer has told its title. Raises RemoteProtocolError: MALFORMED, WRONG_PEER."""
        if not title and self.expected_peer is not None:
            return
        if len(title) != 8:
            raise malformed("the peer does not tell its system title")
        told = SystemTitle(title)
        if told == self._title:
            raise RemoteProtocolError(ErrorCode.WRONG_PEER, f"the peer calls itself {told}, as we do")
        if self.expected_peer is not None and told != self.expected_peer:
            raise RemoteProtocolError(ErrorCode.WRONG_PEER, f"the peer is {told}, not {self.expected_peer}")
        self.peer = told

    def agree(self, conformance: Conformance) -> None:
        """AUTO follows the negotiated general-protection bit."""
        if self._ciphering is Ciphering.AUTO:
            self.is_general = Conformance.GENERAL_PROTECTION in conformance

    def answer_alike(self, apdu: bytes) -> None:
        """AUTO of a server: the answer takes the form of the request, whatever was negotiated."""
        if self._ciphering is Ciphering.AUTO:
            self.is_general = apdu[0] == GENERAL_GLO

    def seal(self, plain: bytes) -> bytes:
        """A notification has no glo- form, so it always goes general-glo-."""
        content = self._cipher.seal(plain, self._title, self._counters.take())
        glo = _GLO_OF.get(plain[0])
        if glo is None or (self.is_general and plain[0] not in _INITIATES):
            return self._general_head + put_octets(content)
        return bytes((glo,)) + put_octets(content)

    def open(self, apdu: bytes) -> bytes:
        """The service inside. Raises RemoteProtocolError; CounterReplayed for a counter that was used.

        general-glo- without a title is taken: some meters tell theirs in the AARE only, and the tag covers it anyway.
        """
        tag = apdu[0] if apdu else 0
        if tag == GENERAL_GLO:
            title, at = take_octets(apdu, 1)
            content, end = take_octets(apdu, at)
            if self.peer is None or (title and title != self.peer.octets):
                raise RemoteProtocolError(ErrorCode.WRONG_PEER, f"ciphered under the title {title.hex()}")
        elif tag in _PLAIN_OF:
            content, end = take_octets(apdu, 1)
        else:
            code = ErrorCode.NOT_CIPHERED if tag in _PLAIN else ErrorCode.UNSUPPORTED
            raise RemoteProtocolError(code, f"APDU {tag:02X} where glo- protection was agreed")
        if end != len(apdu):
            raise malformed("octets after the ciphered content")
        plain = self._open(content)
        if not plain or (tag != GENERAL_GLO and plain[0] != _PLAIN_OF[tag]):
            raise malformed("the ciphered service is not the one that its tag tells")
        return plain

    def _open(self, content: bytes) -> bytes:
        assert self.peer is not None, "the peer's title is known before anything is opened"
        plain = self._cipher.open(content, self.peer)
        counter = counter_of(content)
        if counter <= self.peer_counter:
            raise CounterReplayed(counter, self.peer_counter + 1)
        self.peer_counter = counter
        return plain

    def proof(self, challenge: bytes) -> bytes:
        return self._cipher.proof(challenge, self._title, self._counters.take())

    def check_proof(self, proof: bytes, challenge: bytes) -> None:
        """Raises RemoteProtocolError (AUTHENTICATION_FAILED)."""
        assert self.peer is not None
        self._cipher.check_proof(proof, challenge, self.peer)


def is_protected(apdu: bytes) -> bool:
    return bool(apdu) and (apdu[0] == GENERAL_GLO or apdu[0] in _PLAIN_OF)
