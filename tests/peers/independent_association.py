"""One association of the independent meter: an APDU in, an APDU or nothing out. No sockets."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from peers import independent_acse as acse
from peers import independent_services as services
from peers.independent_bytes import Cursor, Keys, Malformed, WrongKey, octets, sized
from peers.independent_objects import MANAGEMENT, PUBLIC, READ_WRITE_DENIED, Behaviour, Objects, Refusal, Seen

GENERAL_GLO = 0xDB
GLO_OFFSET = 8  # glo-get-request C8 = C0 + 8, glo-get-response CC = C4 + 8, and so on
NOT_ALLOWED, UNKNOWN_SERVICE = 1, 2
NOT_POSSIBLE, NOT_SUPPORTED, OTHER_REASON, TOO_LONG, DECIPHERING, STALE_COUNTER = 1, 2, 3, 4, 5, 6


class HangUp(Exception):
    """Close this TCP connection and no other."""


class Device:
    """What outlives associations: keys, counters in both directions, objects, and the notes for the test."""

    def __init__(self, keys: Keys, title: bytes, behaviour: Behaviour, *, threshold: int) -> None:
        if len(title) != 8:
            raise ValueError("a system title has 8 octets")
        self.keys = keys
        self.title = title
        self.behaviour = behaviour
        self.client_counter = behaviour.counter_floor
        self.own_counter = 0
        self.objects = Objects(behaviour, title=title, threshold=threshold, counter=self.counter_told)
        self.log: list[Seen] = []
        self.faults: list[str] = []
        self.observe: Callable[[str], None] = lambda _line: None
        self._challenges = 0

    def counter_told(self) -> int:
        return min(self.client_counter + self.behaviour.counter_ahead, 0xFFFF_FFFF)

    def next_counter(self) -> int:
        self.own_counter += 1
        return self.own_counter

    def next_challenge(self) -> bytes:
        """Repeatable from one run to the next, as a test needs it; no two alike in one run."""
        self._challenges += 1
        seed = self.title + self._challenges.to_bytes(4, "big")
        return hashlib.shake_256(seed).digest(self.behaviour.challenge_octets)

    def note(self, seen: Seen) -> None:
        self.log.append(seen)
        self.observe(str(seen))

    def fault(self, sentence: str) -> None:
        """The client broke a rule. A correct client leaves no faults."""
        self.faults.append(sentence)
        self.observe(f"FAULT {sentence}")


class Phase(Enum):
    IDLE = "idle"
    CHALLENGED = "challenged"  # AARE sent, f(StoC) awaited
    OPEN = "open"


def exception_response(state: int, error: int, *, counter: int | None = None) -> bytes:
    return bytes([0xD8, state, error]) + (b"" if counter is None else counter.to_bytes(4, "big"))


class _StaleCounter(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Envelope:
    """How a request came: its form, its counter, and the highest counter accepted before it."""

    form: str
    counter: int | None = None
    previous: int = 0


class _Answer(Exception):
    """Leave the work on this request with this exception-response."""

    def __init__(self, state: int, error: int) -> None:
        super().__init__(f"exception-response {state} {error}")
        self.apdu = exception_response(state, error)


class Association:
    """The association of one client SAP on one connection."""

    def __init__(self, device: Device, sap: int) -> None:
        self.device = device
        self.sap = sap
        self.phase = Phase.IDLE
        self.client_title = b""
        self.conformance = 0
        self.client_max_pdu = 0
        self._from_client = b""
        self._to_client = b""

    def answer(self, apdu: bytes) -> bytes | None:
        """The APDU to send back, ``None`` for silence. Raises ``HangUp``."""
        try:
            return self._answer(apdu)
        except Malformed as problem:
            self.device.fault(f"SAP {self.sap}: malformed APDU {apdu.hex()}: {problem}")
            raise HangUp from problem
        except _Answer as way_out:
            return way_out.apdu
        except WrongKey:
            self.device.fault(f"SAP {self.sap}: authentication tag of {apdu[0]:02x} does not match")
            return self._refuse(self.device.behaviour.on_wrong_key, apdu, DECIPHERING)
        except _StaleCounter:
            self.device.fault(f"SAP {self.sap}: counter does not rise above {self.device.client_counter}")
            return self._refuse(self.device.behaviour.on_stale_counter, apdu, STALE_COUNTER)

    def _answer(self, apdu: bytes) -> bytes | None:
        if not apdu:
            raise Malformed("empty APDU")
        if apdu[0] == acse.AARQ:
            return self._associate(apdu)
        if self.phase is Phase.IDLE:
            raise self._wrong(NOT_ALLOWED, NOT_POSSIBLE, f"{apdu[0]:02x} outside an association")
        if len(apdu) > self.device.behaviour.max_pdu:
            raise self._wrong(NOT_ALLOWED, TOO_LONG, f"APDU of {len(apdu)} octets")
        reply = self._release(apdu) if apdu[0] == acse.RLRQ else self._serve(apdu)
        if 0 < self.client_max_pdu < len(reply):
            raise self._wrong(
                NOT_ALLOWED, TOO_LONG, f"asked for {len(reply)} octets, able to take {self.client_max_pdu}"
            )
        return reply

    def _wrong(self, state: int, error: int, sentence: str) -> _Answer:
        self.device.fault(f"SAP {self.sap}: {sentence}")
        return _Answer(state, error)

    def _refuse(self, refusal: Refusal, apdu: bytes, error: int) -> bytes | None:
        if refusal is Refusal.CLOSE:
            raise HangUp
        if refusal is Refusal.SILENT:
            return None
        if refusal is Refusal.REJECT and apdu[0] == acse.AARQ:
            return self._reject(acse.CIPHERED_CONTEXT, acse.AUTHENTICATION_FAILURE)
        told = self.device.counter_told() if error == STALE_COUNTER else None
        return exception_response(NOT_ALLOWED, error, counter=told)

    # Opening and closing

    def _associate(self, apdu: bytes) -> bytes:
        if self.phase is not Phase.IDLE:
            self.phase = Phase.IDLE
            self.device.fault(f"SAP {self.sap}: AARQ inside an association")
        request = acse.read_aarq(apdu)
        return self._open_public(request) if self.sap == PUBLIC else self._open_ciphered(request)

    def _open_public(self, request: acse.AssociationRequest) -> bytes:
        if request.context != acse.PLAIN_CONTEXT:
            return self._reject(acse.PLAIN_CONTEXT, acse.CONTEXT_NOT_SUPPORTED)
        if request.mechanism or request.challenge is not None:
            return self._reject(acse.PLAIN_CONTEXT, acse.MECHANISM_NOT_RECOGNISED)
        response = self._agree(request.information, acse.GET)
        self.phase = Phase.OPEN
        self.device.note(Seen(self.sap, "AARQ", "plain"))
        return acse.accept_plain(response)

    def _open_ciphered(self, request: acse.AssociationRequest) -> bytes:
        problem = self._unacceptable(request)
        if problem is not None:
            return self._reject(acse.CIPHERED_CONTEXT, problem)
        assert request.title is not None
        assert request.challenge is not None
        self.client_title = request.title
        plain, envelope = self._decipher_initiate(request.information)
        granted = acse.GET | acse.SET | acse.ACTION | acse.PRIORITY
        if self.device.behaviour.general_protection:
            granted |= acse.GENERAL_PROTECTION
        response = self._agree(plain, granted)
        self._from_client = request.challenge
        self._to_client = self.device.next_challenge()
        self.phase = Phase.CHALLENGED
        self.device.note(Seen(self.sap, "AARQ", "glo", envelope.counter, answer=acse.AUTHENTICATION_REQUIRED))
        return acse.accept_gmac(self.device.title, self._to_client, self._cipher_initiate(response))

    def _unacceptable(self, request: acse.AssociationRequest) -> int | None:
        """The diagnostic to reject with before any cryptography, or nothing."""
        if request.context != acse.CIPHERED_CONTEXT:
            return acse.CONTEXT_NOT_SUPPORTED
        if request.mechanism == 0:
            return acse.MECHANISM_REQUIRED
        if request.mechanism != acse.HLS_GMAC:
            return acse.MECHANISM_NOT_RECOGNISED
        known = self.device.behaviour.client_title
        if request.title is None or len(request.title) != 8 or known not in {None, request.title}:
            return acse.CALLING_TITLE_NOT_RECOGNISED
        if request.title == self.device.title:  # one key and one title both ways would repeat nonces
            return acse.CALLING_TITLE_NOT_RECOGNISED
        if request.challenge is None or not 8 <= len(request.challenge) <= 64:
            return acse.AUTHENTICATION_FAILURE
        if request.information[:1] != bytes([acse.GLO_INITIATE_REQUEST]):
            return acse.NO_REASON
        return None

    def _agree(self, plain: bytes, granted: int) -> bytes:
        proposal = acse.read_initiate(plain)
        self.conformance = proposal.conformance & granted
        self.client_max_pdu = proposal.max_pdu
        return acse.initiate_response(self.conformance, self.device.behaviour.max_pdu)

    def _reject(self, context: int, diagnostic: int) -> bytes:
        self.phase = Phase.IDLE
        self.device.note(Seen(self.sap, "AARQ", "rejected", answer=diagnostic))
        return acse.reject(context, diagnostic)

    def _release(self, apdu: bytes) -> bytes:
        information = acse.read_rlrq(apdu)
        envelope, response = _Envelope("plain"), None
        if self.sap == MANAGEMENT and information is not None:
            plain, envelope = self._decipher_initiate(information)
            acse.read_initiate(plain)
            response = self._cipher_initiate(acse.initiate_response(self.conformance, self.device.behaviour.max_pdu))
        self.phase = Phase.IDLE
        self.device.note(Seen(self.sap, "RLRQ", envelope.form, envelope.counter))
        return acse.released(response)

    # Ciphering

    def _decipher(self, content: bytes, form: str) -> tuple[bytes, _Envelope]:
        """The tag is checked before the counter: a forger learns nothing and moves nothing."""
        counter, plain = self.device.keys.open(self.client_title, content)
        previous = self.device.client_counter
        if counter <= previous:
            raise _StaleCounter
        self.device.client_counter = counter
        return plain, _Envelope(form, counter, previous)

    def _cipher(self, plain: bytes) -> bytes:
        return sized(self.device.keys.seal(self.device.title, self.device.next_counter(), plain))

    def _decipher_initiate(self, information: bytes) -> tuple[bytes, _Envelope]:
        cursor = Cursor(information)
        cursor.expect(bytes([acse.GLO_INITIATE_REQUEST]), "glo-initiateRequest")
        content = cursor.sized()
        cursor.end("after glo-initiateRequest")
        return self._decipher(content, "glo")

    def _cipher_initiate(self, plain: bytes) -> bytes:
        return bytes([acse.GLO_INITIATE_RESPONSE]) + self._cipher(plain)

    # Requests

    def _serve(self, apdu: bytes) -> bytes:
        if self.sap == PUBLIC:
            return self._dispatch(apdu, _Envelope("plain"))
        if apdu[0] == GENERAL_GLO:
            return self._serve_general_glo(apdu)
        if apdu[0] - GLO_OFFSET in services.NAMES:
            return self._serve_glo(apdu)
        if apdu[0] in services.NAMES:
            raise self._wrong(
                NOT_ALLOWED, NOT_POSSIBLE, f"{services.NAMES[apdu[0]]} in clear in a ciphered association"
            )
        raise self._wrong(UNKNOWN_SERVICE, NOT_SUPPORTED, f"APDU {apdu[0]:02x}")

    def _serve_general_glo(self, apdu: bytes) -> bytes:
        if not self.conformance & acse.GENERAL_PROTECTION:
            raise self._wrong(UNKNOWN_SERVICE, NOT_SUPPORTED, "general-glo-ciphering without general-protection agreed")
        cursor = Cursor(apdu[1:])
        title, content = cursor.sized(), cursor.sized()
        cursor.end("after general-glo-ciphering")
        if title != self.client_title:
            raise self._wrong(NOT_ALLOWED, OTHER_REASON, f"title {title.hex()} is not the one in the AARQ")
        answer = self._dispatch(*self._decipher(content, "general-glo"))
        own_title = b"" if self.device.behaviour.title_only_in_aare else self.device.title
        return bytes([GENERAL_GLO]) + sized(own_title) + self._cipher(answer)

    def _serve_glo(self, apdu: bytes) -> bytes:
        general = bool(self.conformance & acse.GENERAL_PROTECTION)
        if general and not self.device.behaviour.per_service_ciphering:
            raise self._wrong(UNKNOWN_SERVICE, NOT_SUPPORTED, "glo-ciphering though general-protection was agreed")
        cursor = Cursor(apdu[1:])
        content = cursor.sized()
        cursor.end("after glo-ciphering")
        plain, envelope = self._decipher(content, "glo")
        if plain[0] != apdu[0] - GLO_OFFSET:
            raise Malformed(f"{plain[0]:02x} inside {apdu[0]:02x}")
        answer = self._dispatch(plain, envelope)
        return bytes([answer[0] + GLO_OFFSET]) + self._cipher(answer)

    def _dispatch(self, plain: bytes, envelope: _Envelope) -> bytes:
        try:
            request = services.read_request(plain)
        except services.Unsupported as problem:
            raise self._wrong(UNKNOWN_SERVICE, NOT_SUPPORTED, str(problem)) from problem
        if not self.conformance & services.NEEDS[request.tag]:
            raise self._wrong(UNKNOWN_SERVICE, NOT_SUPPORTED, f"{services.NAMES[request.tag]} was not agreed")
        if request.proves != (self.phase is Phase.CHALLENGED):
            raise self._wrong(NOT_ALLOWED, NOT_POSSIBLE, "reply_to_HLS comes first, and once")
        if request.proves:
            result, data = self._check_proof(request, envelope)
        else:
            result, data = services.perform(request, self.device.objects, public=self.sap == PUBLIC)
        self._note(request, envelope, result)
        return services.answer(request, result, data)

    def _check_proof(self, request: services.Request, envelope: _Envelope) -> tuple[int, bytes | None]:
        """Passes 3 and 4 of HLS: f(StoC) is verified, f(CtoS) goes back."""
        cursor = Cursor(request.data or b"")
        cursor.expect(b"\x09\x11\x10", "f(StoC): octet-string of 17, security control 10")
        counter = cursor.number(4)
        proof = bytes([0x10]) + counter.to_bytes(4, "big") + cursor.rest()
        if not hmac.compare_digest(proof, self.device.keys.proof(self.client_title, counter, self._to_client)):
            self.phase = Phase.IDLE
            self.device.fault(f"SAP {self.sap}: f(StoC) is wrong")
            return READ_WRITE_DENIED, None
        shared = self.device.behaviour.shared_proof_counter
        if counter <= envelope.previous or (counter == envelope.counter and not shared):
            raise _StaleCounter
        self.device.client_counter = max(self.device.client_counter, counter)
        self.phase = Phase.OPEN
        own_counter = self.device.own_counter + 1 if shared else self.device.next_counter()
        return 0, octets(self.device.keys.proof(self.device.title, own_counter, self._from_client))

    def _note(self, request: services.Request, envelope: _Envelope, result: int) -> None:
        self.device.note(
            Seen(
                sap=self.sap,
                service=services.NAMES[request.tag],
                form=envelope.form,
                counter=envelope.counter,
                class_id=request.class_id,
                name=request.name,
                index=request.index,
                invoke=request.invoke,
                data=request.data or b"",
                answer=result,
            )
        )
