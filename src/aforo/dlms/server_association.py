"""The server's end of an association."""

from aforo.dlms import acse, association_states, data, xdlms
from aforo.dlms.association import (
    ASSOCIATION_CLASS,
    CHALLENGE_OCTETS,
    CURRENT_ASSOCIATION,
    REPLY_TO_HLS,
    Association,
    title_of,
)
from aforo.dlms.association_states import Move, State
from aforo.dlms.authentication import Challenges
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.events import (
    Abort,
    AccessResponse,
    ActionListResponse,
    ActionRequest,
    ActionResponse,
    AssociationEstablished,
    Conformance,
    DataAccess,
    DataNotification,
    Event,
    EventNotification,
    ExceptionResponse,
    GetListResponse,
    GetResponse,
    Released,
    Request,
    Response,
    ServiceError,
    SetListResponse,
    SetResponse,
)
from aforo.dlms.keys import Key, Secret
from aforo.dlms.offered_services import NotOffered, check_offered
from aforo.dlms.protection import CounterReplayed
from aforo.dlms.server_exchange import Phase, ServerExchange
from aforo.dlms.settings import Mechanism, ServerSettings
from aforo.dlms.suites import suite_of
from aforo.dlms.xdlms import blocks

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


_REQUESTS = {*xdlms.REQUESTS, xdlms.ACCESS_REQUEST}
_CONTINUED = blocks.NEXTS | blocks.ASKS


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
        self._exchange: ServerExchange | None = None
        self._challenges: Challenges | None = None

    is_to_answer = True

    def send(self, event: Event) -> None:
        match event:
            case GetResponse() | SetResponse() | ActionResponse() | AccessResponse():
                self._answer(event)
            case GetListResponse() | SetListResponse() | ActionListResponse():
                self._answer(event)
            case DataNotification() | EventNotification():
                self._notify(event)
            case ExceptionResponse():
                self._fail(xdlms.encode_exception(event))
            case ServiceError():
                self._fail(xdlms.encode_service_error(event))
            case Abort():
                self._forget()
            case _:
                raise LocalProtocolError(f"a server does not send {type(event).__name__}")

    def _notify(self, event: DataNotification | EventNotification) -> None:
        after = association_states.sent(self._state, Move.NOTIFICATION)
        check_offered(event, self._offered)
        plain = (
            xdlms.encode_notification(event)
            if isinstance(event, DataNotification)
            else xdlms.encode_event_notification(event)
        )
        self._send_service(plain, is_pushed=True)
        self._state = after

    def _fail(self, plain: bytes) -> None:
        """In place of an answer, and unprotected."""
        after = association_states.sent(self._state, Move.RESPONSE)
        self._outgoing.append(plain)
        self._state = after

    def _answer(self, response: Response) -> None:
        after = association_states.sent(self._state, Move.RESPONSE)
        assert self._exchange is not None, "BUSY means that one is outstanding"
        exchange = self._exchange
        plain = exchange.answer(response)
        if plain is not None:
            try:
                self._send_service(plain)
            except LocalProtocolError:
                exchange.phase = Phase.ASKED  # a shorter answer may still be given
                raise
        self._state = after if exchange.phase is Phase.OVER else self._state

    def _forget(self) -> None:
        self._state, self._exchange, self._established = State.IDLE, None, None
        self._general = self._pushed = self._usual_bounds = None
        if self._protection is not None:
            self._protection.use_global()

    def receive(self, apdu: bytes) -> Event | None:
        if not apdu:
            raise malformed("an empty APDU")
        try:
            if apdu[0] == acse.AARQ:
                return self._aarq(apdu)
            if apdu[0] == acse.RLRQ:
                return self._rlrq(apdu)
            whole = self._joined(apdu)
            if whole is None:
                return None
            if apdu[0] != xdlms.GENERAL_BLOCK_TRANSFER:
                self._general = None
            plain = self._opened(whole)
            if self._protection is not None:
                self._protection.answer_alike(whole)
            return self._service(plain)
        except RemoteProtocolError as wrong:
            self._refuse(wrong)
            raise

    def _aarq(self, apdu: bytes) -> Event | None:
        self._forget()
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
        if self._authentication.needs_proof and len(request.authentication) not in CHALLENGE_OCTETS:
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
        elif initiate.dedicated_key and len(initiate.dedicated_key) != suite_of(self._settings.suite).key_octets:
            error, detail = xdlms.OTHER, f"a dedicated key of {len(initiate.dedicated_key)} octets"
        if error is not None:
            raise AarqRefused(acse.NO_REASON, ErrorCode.UNSUPPORTED, detail, initiate_error=error)
        return initiate

    def _accept(self, request: acse.AssociationRequest, initiate: xdlms.Initiate) -> Event | None:
        settings = self._settings
        conformance = initiate.conformance & settings.conformance
        needs_proof = self._authentication.needs_proof
        answer = acse.AssociationAnswer(
            context=self._context,
            diagnostic=acse.AUTHENTICATION_REQUIRED if needs_proof else 0,
            title=b"" if settings.title is None else settings.title.octets,
            mechanism=settings.mechanism if needs_proof else 0,
            authentication=settings.challenge if needs_proof else b"",
            information=self._initiate_response(conformance),
        )
        self._outgoing.append(acse.encode_answer(answer))
        self._state = association_states.sent(self._state, Move.CHALLENGE if needs_proof else Move.AARE)
        peer = title_of(request.title) if self._protection is None else self._protection.peer
        self._established = AssociationEstablished(conformance, initiate.max_pdu, peer)
        self._challenges = Challenges(settings.challenge, request.authentication, peer)
        if self._protection is not None:
            self._protection.agree(conformance)
            if initiate.dedicated_key:
                self._protection.use_dedicated(Key(initiate.dedicated_key))
        return None if needs_proof else self._established

    def _initiate_response(self, conformance: Conformance) -> bytes:
        return self._protected(xdlms.encode_initiate_response(xdlms.Initiate(conformance, self._settings.max_pdu)))

    def _rlrq(self, apdu: bytes) -> Released:
        """One without user-information is taken too: it can do no more harm than the end of the line."""
        information, answer = acse.decode_release(apdu, acse.RLRQ), b""
        if information and self._protection is not None and self._established is not None:
            self._protection.open(information)
            answer = self._initiate_response(self._established.conformance)
        self._forget()
        self._outgoing.append(acse.encode_release(acse.RLRE, answer))
        return Released()

    def _service(self, plain: bytes) -> Event | None:
        if plain[0] == xdlms.DATA_NOTIFICATION_CONFIRM:
            self._state = association_states.received(self._state, Move.CONFIRM)
            return xdlms.decode_notification_confirm(plain)
        if plain[0] not in _REQUESTS:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"APDU {plain[0]:02X}")
        if self._state is State.PROVING:
            return self._proof(*xdlms.decode_request(plain))
        if (plain[0], plain[1] if len(plain) > 1 else 0) in _CONTINUED:
            self._state = association_states.received(self._state, Move.BLOCK)
        else:
            self._begin_exchange()
        return self._take(plain)

    def _begin_exchange(self) -> None:
        """A new request ends what was under way in blocks, but not one that is about to be answered."""
        if self._exchange is not None and self._exchange.phase in (Phase.COLLECTING, Phase.ANSWERING):
            self._state, self._exchange = State.READY, None
        self._state = association_states.received(self._state, Move.REQUEST)
        self._exchange = ServerExchange(self._bounds())

    def _take(self, plain: bytes) -> Request | None:
        assert self._exchange is not None, "BUSY means that one is outstanding"
        try:
            outcome = self._exchange.take(plain)
            if outcome is not None and not isinstance(outcome, bytes):
                check_offered(outcome, self._offered)
                return outcome
        except NotOffered as missing:
            self._state, self._exchange = State.READY, None
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, str(missing)) from missing
        except RemoteProtocolError:
            if self._exchange.phase is not Phase.ASKED:
                self._state, self._exchange = State.READY, None
            raise
        if outcome is not None:
            self._send_service(outcome)
        if self._exchange.phase is Phase.OVER:
            self._state = State.READY
        return None

    def _proof(self, request: Request, priority: int) -> Event:
        """HLS pass 3 in, pass 4 out. Anything else before it is refused."""
        after = association_states.received(self._state, Move.PROOF)
        if not isinstance(request, ActionRequest) or not _is_reply_to_hls(request):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a service before the authentication")
        assert self._challenges is not None, "PROVING means that there are some"
        assert self._established is not None
        proof = data.decode(request.parameter) if request.parameter else b""
        try:
            self._authentication.check(proof if isinstance(proof, bytes) else b"", self._challenges)
        except RemoteProtocolError:
            self._send_service(xdlms.encode_response(ActionResponse(DataAccess.OTHER_REASON), priority))
            self._state = State.IDLE
            raise
        self._state = after
        answer = data.octets(self._authentication.prove(self._challenges))
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
