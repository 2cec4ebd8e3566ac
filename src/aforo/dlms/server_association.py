"""The server's end of an association."""

from aforo.dlms import acse, association_states, data, xdlms
from aforo.dlms.association import (
    ANSWER_OF,
    ASSOCIATION_CLASS,
    CHALLENGE_OCTETS,
    CURRENT_ASSOCIATION,
    REPLY_TO_HLS,
    Association,
)
from aforo.dlms.association_states import Move, State
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.events import (
    ActionRequest,
    ActionResponse,
    AssociationEstablished,
    Conformance,
    DataAccess,
    DataNotification,
    Event,
    ExceptionResponse,
    GetResponse,
    Released,
    Request,
    SetResponse,
)
from aforo.dlms.keys import Secret
from aforo.dlms.protection import CounterReplayed
from aforo.dlms.settings import Mechanism, ServerSettings

_NOT_ALLOWED, _UNKNOWN = 1, 2
_NOT_POSSIBLE, _NOT_SUPPORTED, _DECIPHERING, _COUNTER = 1, 2, 5, 6
_EXCEPTIONS = {
    ErrorCode.WRONG_TAG: ExceptionResponse(_NOT_ALLOWED, _DECIPHERING),
    ErrorCode.WRONG_PEER: ExceptionResponse(_NOT_ALLOWED, _DECIPHERING),
    ErrorCode.NOT_CIPHERED: ExceptionResponse(_NOT_ALLOWED, _NOT_POSSIBLE),
    ErrorCode.UNEXPECTED_APDU: ExceptionResponse(_NOT_ALLOWED, _NOT_POSSIBLE),
    ErrorCode.UNSUPPORTED: ExceptionResponse(_UNKNOWN, _NOT_SUPPORTED),
}
"""MALFORMED has none: whoever sends garbage is hung up on."""


class AarqRefused(RemoteProtocolError):
    """Answered by an AARE with this diagnostic and, when the InitiateRequest is to blame, its error."""

    def __init__(self, diagnostic: int, code: ErrorCode, detail: str, *, initiate_error: int | None = None) -> None:
        super().__init__(code, detail, wire=diagnostic)
        self.diagnostic = diagnostic
        self.initiate_error = initiate_error


class ServerAssociation(Association):
    """See `aforo.dlms.connection.Connection`. An AARQ ends whatever association there was."""

    def __init__(self, settings: ServerSettings) -> None:
        super().__init__(settings)
        self._settings = settings
        self._outstanding: tuple[Request, int] | None = None
        self._challenge_of_client = b""

    def send(self, event: Event) -> None:
        match event:
            case GetResponse() | SetResponse() | ActionResponse():
                after = association_states.sent(self._state, Move.RESPONSE)
                assert self._outstanding is not None, "BUSY means that one is outstanding"
                request, priority = self._outstanding
                if not isinstance(event, ANSWER_OF[type(request)]):
                    raise LocalProtocolError(f"{type(event).__name__} does not answer {type(request).__name__}")
                if xdlms.is_confirmed(priority):
                    self._send_service(xdlms.encode_response(event, priority))
            case DataNotification():
                after = association_states.sent(self._state, Move.NOTIFICATION)
                self._send_service(xdlms.encode_notification(event))
            case ExceptionResponse():
                after = association_states.sent(self._state, Move.RESPONSE)
                self._outgoing.append(xdlms.encode_exception(event))
            case _:
                raise LocalProtocolError(f"a server does not send {type(event).__name__}")
        self._state = after

    def receive(self, apdu: bytes) -> Event | None:
        if not apdu:
            raise malformed("an empty APDU")
        try:
            if apdu[0] == acse.AARQ:
                return self._aarq(apdu)
            if apdu[0] == acse.RLRQ:
                return self._rlrq(apdu)
            plain = self._opened(apdu)
            if self._protection is not None:
                self._protection.answer_alike(apdu)
            return self._service(plain)
        except RemoteProtocolError as wrong:
            self._refuse(wrong)
            raise

    def _aarq(self, apdu: bytes) -> Event | None:
        self._state, self._outstanding, self._established = State.IDLE, None, None
        after = association_states.received(self._state, Move.AARQ)
        request = acse.decode_request(apdu)
        initiate = self._admit(request)
        self._state = after
        return self._accept(request, initiate)

    def _admit(self, request: acse.AssociationRequest) -> xdlms.Initiate:
        """Raises AarqRefused; RemoteProtocolError of another kind when the ciphered InitiateRequest cannot be read."""
        settings = self._settings
        if request.context != self._context:
            raise AarqRefused(acse.CONTEXT_NOT_SUPPORTED, ErrorCode.NOT_CIPHERED, f"context {request.context}")
        if request.mechanism != settings.mechanism:
            diagnostic = acse.MECHANISM_NOT_RECOGNISED if request.mechanism else acse.MECHANISM_REQUIRED
            raise AarqRefused(diagnostic, ErrorCode.AUTHENTICATION_FAILED, f"mechanism {request.mechanism}")
        if settings.mechanism is Mechanism.LLS and settings.password != Secret(request.authentication):
            raise AarqRefused(acse.AUTHENTICATION_FAILURE, ErrorCode.AUTHENTICATION_FAILED, "a wrong password")
        if settings.mechanism is Mechanism.HLS_GMAC and len(request.authentication) not in CHALLENGE_OCTETS:
            raise AarqRefused(acse.AUTHENTICATION_FAILURE, ErrorCode.AUTHENTICATION_FAILED, "no challenge")
        if self._protection is None:
            return self._read_initiate(request.information)
        try:
            self._protection.meet(request.title)
        except RemoteProtocolError as stranger:
            raise AarqRefused(acse.TITLE_NOT_RECOGNISED, stranger.code, stranger.detail) from stranger
        return self._read_initiate(self._protection.open(request.information))

    def _read_initiate(self, plain: bytes) -> xdlms.Initiate:
        error = None
        initiate = xdlms.decode_initiate_request(plain)
        if initiate.version < xdlms.VERSION:
            error, detail = xdlms.VERSION_TOO_LOW, f"DLMS version {initiate.version}"
        elif not initiate.conformance & self._settings.conformance:
            error, detail = xdlms.INCOMPATIBLE_CONFORMANCE, "no service in common"
        elif 0 < initiate.max_pdu < xdlms.MAX_PDU_LEAST:
            error, detail = xdlms.PDU_SIZE_TOO_SHORT, f"APDUs of {initiate.max_pdu} octets"
        if error is not None:
            raise AarqRefused(acse.NO_REASON, ErrorCode.UNSUPPORTED, detail, initiate_error=error)
        return initiate

    def _accept(self, request: acse.AssociationRequest, initiate: xdlms.Initiate) -> Event | None:
        settings = self._settings
        conformance = initiate.conformance & settings.conformance
        needs_proof = settings.mechanism is Mechanism.HLS_GMAC
        answer = acse.AssociationAnswer(
            context=self._context,
            diagnostic=acse.AUTHENTICATION_REQUIRED if needs_proof else 0,
            title=b"" if settings.title is None else settings.title.octets,
            mechanism=settings.mechanism if needs_proof else 0,
            authentication=settings.challenge if needs_proof else b"",
            information=self._initiate_response(conformance),
        )
        self._outgoing.append(acse.encode_answer(answer))
        self._state = association_states.sent(self._state, Move.AARE)
        peer = None if self._protection is None else self._protection.peer
        self._established = AssociationEstablished(conformance, initiate.max_pdu, peer)
        if self._protection is not None:
            self._protection.agree(conformance)
        if needs_proof:
            self._state, self._challenge_of_client = State.PROVING, request.authentication
            return None
        return self._established

    def _initiate_response(self, conformance: Conformance) -> bytes:
        return self._protected(xdlms.encode_initiate_response(xdlms.Initiate(conformance, self._settings.max_pdu)))

    def _rlrq(self, apdu: bytes) -> Released:
        """One without user-information is taken too: it can do no more harm than the end of the line."""
        information, answer = acse.decode_release(apdu, acse.RLRQ), b""
        if information and self._protection is not None and self._established is not None:
            self._protection.open(information)
            answer = self._initiate_response(self._established.conformance)
        self._state, self._outstanding, self._established = State.IDLE, None, None
        self._outgoing.append(acse.encode_release(acse.RLRE, answer))
        return Released()

    def _service(self, plain: bytes) -> Event | None:
        if plain[0] not in xdlms.REQUESTS:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"APDU {plain[0]:02X}")
        request, priority = xdlms.decode_request(plain)
        if self._state is State.PROVING:
            return self._proof(request, priority)
        self._state = association_states.received(self._state, Move.REQUEST)
        self._outstanding = (request, priority)
        return request

    def _proof(self, request: Request, priority: int) -> Event:
        """HLS pass 3 in, pass 4 out. Anything else before it is refused."""
        after = association_states.received(self._state, Move.PROOF)
        if not isinstance(request, ActionRequest) or not _is_reply_to_hls(request):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a service before the authentication")
        assert self._protection is not None
        assert self._established is not None
        proof = data.decode(request.parameter) if request.parameter else b""
        try:
            self._protection.check_proof(proof if isinstance(proof, bytes) else b"", self._settings.challenge)
        except RemoteProtocolError:
            self._send_service(xdlms.encode_response(ActionResponse(DataAccess.OTHER_REASON), priority))
            self._state = State.IDLE
            raise
        self._state = after
        answer = data.octets(self._protection.proof(self._challenge_of_client))
        self._send_service(xdlms.encode_response(ActionResponse(DataAccess.SUCCESS, answer), priority))
        self._state = association_states.sent(self._state, Move.PROVED)
        return self._established

    def _refuse(self, wrong: RemoteProtocolError) -> None:
        """What the standard answers. The association stays as it was: a forged APDU must not end it."""
        if isinstance(wrong, AarqRefused):
            error = wrong.initiate_error
            refusal = acse.AssociationAnswer(
                context=self._context,
                result=acse.REJECTED_PERMANENT,
                diagnostic=wrong.diagnostic,
                information=b"" if error is None else xdlms.encode_initiate_error(error),
            )
            self._outgoing.append(acse.encode_answer(refusal))
        elif isinstance(wrong, CounterReplayed):
            self._outgoing.append(xdlms.encode_exception(ExceptionResponse(_NOT_ALLOWED, _COUNTER, wrong.expected)))
        elif wrong.code in _EXCEPTIONS:
            self._outgoing.append(xdlms.encode_exception(_EXCEPTIONS[wrong.code]))


def _is_reply_to_hls(request: ActionRequest) -> bool:
    target = (request.class_id, request.obis, request.method)
    return target == (ASSOCIATION_CLASS, CURRENT_ASSOCIATION, REPLY_TO_HLS)
