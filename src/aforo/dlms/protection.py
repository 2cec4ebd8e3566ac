"""How an association's APDUs are protected: which key, which form, and the counters of both directions.

glo- and ded- forms have a tag for each service; general-glo-, general-ded- and general-ciphering one for all.
"""

import struct

from aforo.dlms import general_ciphering
from aforo.dlms.axdr import put_length, put_octets, take_octets
from aforo.dlms.counters import COUNTER_MAX
from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.events import Conformance
from aforo.dlms.general_ciphering import GENERAL_CIPHERING, GENERAL_SIGNING, Envelope
from aforo.dlms.general_keys import received_key, sending_key
from aforo.dlms.keys import Key, SystemTitle
from aforo.dlms.security import BROADCAST, CONTENT_OCTETS_LEAST, Cipher, counter_of
from aforo.dlms.settings import Ciphering, Settings
from aforo.dlms.xdlms import DATA_NOTIFICATION, INITIATE_REQUEST, INITIATE_RESPONSE
from aforo.dlms.xdlms.tags import ACCESS_REQUEST, ACCESS_RESPONSE, DATA_NOTIFICATION_CONFIRM

GENERAL_GLO, GENERAL_DED = 0xDB, 0xDC
_INITIATES = (INITIATE_REQUEST, INITIATE_RESPONSE)
_SERVICES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC7)
_GLO_OF = {INITIATE_REQUEST: 0x21, INITIATE_RESPONSE: 0x28, **{tag: tag + 0x08 for tag in _SERVICES}}
_DED_OF = {tag: tag + 0x10 for tag in _SERVICES}
_GLO_HEADS = {plain: bytes((protected,)) for plain, protected in _GLO_OF.items()}
_DED_HEADS = {plain: bytes((protected,)) for plain, protected in _DED_OF.items()}
_read_counter = struct.Struct(">I").unpack_from
_SHORT_LENGTHS = [bytes((octets,)) for octets in range(0x80)]
_PLAIN_OF = {protected: plain for table in (_GLO_OF, _DED_OF) for plain, protected in table.items()}
_DED_TAGS = {*_DED_OF.values(), GENERAL_DED}
_PLAIN = {*_GLO_OF, DATA_NOTIFICATION, DATA_NOTIFICATION_CONFIRM, ACCESS_REQUEST, ACCESS_RESPONSE}
_ENVELOPED = (GENERAL_CIPHERING, GENERAL_SIGNING)
_NO_HEAD = bytes(10)
"""How a general form begins that is not to be expected: no APDU begins like this."""

TRANSACTION_OCTETS = 8
ENVELOPE_OCTETS, POINT_OCTETS = 48, 96
"""At most, of the fields of general-ciphering and general-signing, and of a public key or a signature of suite 2."""


class CounterReplayed(RemoteProtocolError):
    """expected: the lowest counter that would be taken; the highest that there is once all are used."""

    def __init__(self, seen: int, expected: int) -> None:
        super().__init__(ErrorCode.REPLAY, f"invocation counter {seen}, expected {expected} or higher", wire=6)
        self.expected = min(expected, COUNTER_MAX)


class Protection:
    """Both directions of one ciphered association. peer: None until its title is known."""

    def __init__(self, settings: Settings) -> None:
        assert settings.keys is not None and settings.title is not None and settings.counters is not None  # noqa: PT018 (Settings checks them together)
        self._settings = settings
        self._keys = settings.keys
        self._suite = settings.suite
        self._cipher = Cipher(settings.keys, suite=settings.suite)
        self._dedicated: Cipher | None = None
        self._sending = self._cipher
        self._form_of = _GLO_HEADS
        self._title = settings.title
        self._titled = put_octets(settings.title.octets)
        self._general_head = bytes((GENERAL_GLO,)) + self._titled
        self._counters = settings.counters
        self._is_enveloped = settings.signs_services or settings.ciphering is Ciphering.GENERAL_CIPHERING
        self._ciphering = settings.ciphering
        self._transaction = settings.general.first_transaction if settings.general is not None else 1
        self.expected_peer = settings.peer_title
        self.peer: SystemTitle | None = None
        self._head_of_peer = _NO_HEAD
        if settings.peer_title is not None:
            self._know(settings.peer_title)
        self.is_general = settings.ciphering in (Ciphering.GENERAL_GLO, Ciphering.GENERAL_CIPHERING)
        self.peer_counter = settings.peer_counter_floor
        self._dedicated_counter = -1
        self._broadcast_counter = -1

    @property
    def overhead(self) -> int:
        """Octets that protection adds to an APDU, at most."""
        octets = 32
        if self._ciphering is Ciphering.GENERAL_CIPHERING:
            octets += ENVELOPE_OCTETS + 2 * POINT_OCTETS
        if self._settings.signs_services:
            octets += ENVELOPE_OCTETS + POINT_OCTETS
        return octets

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
        self._know(told)

    def _know(self, peer: SystemTitle) -> None:
        self.peer = peer
        self._open_from_peer = self._cipher.opener(peer)
        self._head_of_peer = _NO_HEAD if self._is_enveloped else bytes((GENERAL_GLO,)) + put_octets(peer.octets)

    def agree(self, conformance: Conformance) -> None:
        """AUTO follows the negotiated general-protection bit."""
        if self._ciphering is Ciphering.AUTO:
            self.is_general = Conformance.GENERAL_PROTECTION in conformance

    def use_dedicated(self, key: Key) -> None:
        """From here on services go under the key of this association; what is under the global one is refused."""
        self._dedicated = self._sending = Cipher(self._keys, suite=self._suite, key=key)
        self._form_of = _DED_HEADS
        self._head_of_peer = _NO_HEAD
        self._general_head = bytes((GENERAL_DED,)) + self._titled

    def use_global(self) -> None:
        """Of a new association, until it agrees on a key of its own."""
        self._dedicated, self._sending, self._form_of = None, self._cipher, _GLO_HEADS
        if self.peer is not None:
            self._know(self.peer)
        self._general_head = bytes((GENERAL_GLO,)) + self._titled
        self._dedicated_counter = -1

    def answer_alike(self, apdu: bytes) -> None:
        """AUTO of a server: the answer takes the form of the request, whatever was negotiated."""
        if self._ciphering is Ciphering.AUTO:
            self.is_general = apdu[0] in (GENERAL_GLO, GENERAL_DED)

    def seal(self, plain: bytes) -> bytes:
        """A service without a form of its own, such as a notification, always goes by a general one."""
        tag = plain[0]
        if tag in _INITIATES:
            return bytes((_GLO_OF[tag],)) + put_octets(self._cipher.seal(plain, self._title, self._counters.take()))
        if self._is_enveloped:
            return self._sealed_anew(plain)
        content = self._sending.seal(plain, self._title, self._counters.take())
        head = self._general_head if self.is_general else self._form_of.get(tag, self._general_head)
        octets = len(content)
        return head + (_SHORT_LENGTHS[octets] if octets < 0x80 else put_length(octets)) + content

    def _sealed_anew(self, plain: bytes) -> bytes:
        """By the forms that name their parties."""
        if self._ciphering is Ciphering.GENERAL_CIPHERING:
            return self._signed(self._enveloped(plain))
        content = self._sending.seal(plain, self._title, self._counters.take())
        head = self._general_head if self.is_general else self._form_of.get(plain[0], self._general_head)
        return self._signed(head + put_octets(content))

    def open(self, apdu: bytes) -> bytes:
        """The service inside. Raises RemoteProtocolError; CounterReplayed for a counter that was used."""
        octets = len(apdu) - 11
        # general-glo-, short, from whom we know: what nearly every answer is, so that it takes no detour.
        if (
            CONTENT_OCTETS_LEAST <= octets < 0x80
            and apdu[10] == octets
            and apdu.startswith(self._head_of_peer)
            and apdu[11] < BROADCAST
        ):
            plain = self._open_from_peer(apdu, 11)
            (counter,) = _read_counter(apdu, 12)
            if plain and counter > self.peer_counter:
                self.peer_counter = counter
                return plain
        if self._is_enveloped and apdu[:1] not in _UNSIGNED:
            if self._settings.signs_services:
                apdu = self._checked(apdu)
            if self._ciphering is Ciphering.GENERAL_CIPHERING:
                return self._open_enveloped(apdu)
        tag = apdu[0] if apdu else 0
        is_general = tag in (GENERAL_GLO, GENERAL_DED)
        if is_general:
            title, at = take_octets(apdu, 1)
            content, end = take_octets(apdu, at)
            # Without a title it is taken: some meters tell theirs in the AARE only, and the tag covers it anyway.
            if self.peer is None or (title and title != self.peer.octets):
                raise RemoteProtocolError(ErrorCode.WRONG_PEER, f"ciphered under the title {title.hex()}")
        elif tag in _PLAIN_OF:
            content, end = take_octets(apdu, 1)
        else:
            code = ErrorCode.NOT_CIPHERED if tag in _PLAIN else ErrorCode.UNSUPPORTED
            raise RemoteProtocolError(code, f"APDU {tag:02X} where glo- protection was agreed")
        if end != len(apdu):
            raise malformed("octets after the ciphered content")
        return self._open(content, tag)

    def _open(self, content: bytes, tag: int) -> bytes:
        assert self.peer is not None, "the peer's title is known before anything is opened"
        if (self._dedicated is not None or tag in _DED_TAGS) and tag not in _INITIATE_FORMS:
            return self._open_dedicated(content, tag)
        if content and content[0] & BROADCAST:
            return self._open_broadcast(content, tag)
        plain = self._cipher.open(content, self.peer)
        _check_service(plain, tag)
        self.peer_counter = _risen(self.peer_counter, content)
        return plain

    def _open_dedicated(self, content: bytes, tag: int) -> bytes:
        assert self.peer is not None
        if self._dedicated is None:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"APDU {tag:02X} without a dedicated key")
        if tag not in _DED_TAGS:
            raise RemoteProtocolError(ErrorCode.NOT_CIPHERED, f"APDU {tag:02X} where a dedicated key was agreed")
        plain = self._dedicated.open(content, self.peer)
        _check_service(plain, tag)
        self._dedicated_counter = _risen(self._dedicated_counter, content)
        return plain

    def _open_broadcast(self, content: bytes, tag: int) -> bytes:
        assert self.peer is not None
        if self._keys.broadcast is None:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, "a message under the broadcast key, which is not ours")
        cipher = Cipher(self._keys, suite=self._suite, key=self._keys.broadcast, is_broadcast=True)
        plain = cipher.open(content, self.peer)
        _check_service(plain, tag)
        self._broadcast_counter = _risen(self._broadcast_counter, content)
        return plain

    def _enveloped(self, plain: bytes) -> bytes:
        assert self._settings.general is not None, "Settings asks for it"
        envelope = self._envelope()
        info, key = sending_key(self._settings.general, self._keys, envelope, self._suite)
        cipher = Cipher(self._keys, suite=self._suite, key=key)
        content = cipher.seal(plain, self._title, self._counters.take(), envelope.encoded())
        return general_ciphering.encode_ciphering(envelope, info, content)

    def _open_enveloped(self, apdu: bytes) -> bytes:
        assert self.peer is not None
        general = self._settings.general
        assert general is not None, "Settings asks for it"
        if apdu[:1] != bytes((GENERAL_CIPHERING,)):
            raise RemoteProtocolError(
                ErrorCode.NOT_CIPHERED, "an APDU of less than the general-ciphering that was agreed"
            )
        envelope, info, content = general_ciphering.decode_ciphering(apdu)
        self._check_parties(envelope)
        key = received_key(general, self._keys, envelope, info, self._suite)
        is_broadcast = info == general_ciphering.IdentifiedKey(general_ciphering.GLOBAL_BROADCAST)
        cipher = Cipher(self._keys, suite=self._suite, key=key, is_broadcast=is_broadcast)
        plain = cipher.open(content, self.peer, envelope.encoded())
        _check_service(plain, GENERAL_CIPHERING)
        self.peer_counter = _risen(self.peer_counter, content)
        return plain

    def _envelope(self) -> Envelope:
        transaction = self._transaction.to_bytes(TRANSACTION_OCTETS, "big")
        self._transaction += 1
        recipient = b"" if self.peer is None else self.peer.octets
        return Envelope(transaction=transaction, originator=self._title.octets, recipient=recipient)

    def _check_parties(self, envelope: Envelope) -> None:
        """A message for somebody else, or of somebody else, is none of ours."""
        assert self.peer is not None
        if envelope.originator != self.peer.octets:
            raise RemoteProtocolError(ErrorCode.WRONG_PEER, f"a message of {envelope.originator.hex()}")
        if envelope.recipient not in (b"", self._title.octets):
            raise RemoteProtocolError(ErrorCode.WRONG_PEER, f"a message for {envelope.recipient.hex()}")

    def _signed(self, apdu: bytes) -> bytes:
        if not self._settings.signs_services:
            return apdu
        assert self._settings.signing is not None, "Settings asks for it"
        envelope = self._envelope()
        signature = self._settings.signing.own.sign(general_ciphering.signed_octets(envelope, apdu))
        return general_ciphering.encode_signing(envelope, apdu, signature)

    def _checked(self, apdu: bytes) -> bytes:
        assert self._settings.signing is not None, "Settings asks for it"
        if apdu[:1] != bytes((GENERAL_SIGNING,)):
            raise RemoteProtocolError(ErrorCode.NOT_CIPHERED, "an APDU that is not signed, where signing was agreed")
        envelope, content, signature = general_ciphering.decode_signing(apdu)
        self._check_parties(envelope)
        self._settings.signing.peer.check(signature, general_ciphering.signed_octets(envelope, content))
        return content

    def proof(self, challenge: bytes) -> bytes:
        return self._cipher.proof(challenge, self._title, self._counters.take())

    def check_proof(self, proof: bytes, challenge: bytes) -> None:
        """Raises RemoteProtocolError (AUTHENTICATION_FAILED)."""
        assert self.peer is not None
        self._cipher.check_proof(proof, challenge, self.peer)


_INITIATE_FORMS = tuple(_GLO_OF[tag] for tag in _INITIATES)
_UNSIGNED = tuple(bytes((tag,)) for tag in _INITIATE_FORMS)


def is_protected(apdu: bytes) -> bool:
    return bool(apdu) and (apdu[0] in (GENERAL_GLO, GENERAL_DED, *_ENVELOPED) or apdu[0] in _PLAIN_OF)


def _check_service(plain: bytes, tag: int) -> None:
    """The tag is not authenticated: whoever changes it must not use up the counter of the message as well.

    Raises RemoteProtocolError (MALFORMED).
    """
    if not plain or plain[0] != _PLAIN_OF.get(tag, plain[0]):
        raise malformed("the ciphered service is not the one that its tag tells")


def _risen(floor: int, content: bytes) -> int:
    """The counter of a content that was opened. Raises CounterReplayed."""
    counter = counter_of(content)
    if counter <= floor:
        raise CounterReplayed(counter, floor + 1)
    return counter
