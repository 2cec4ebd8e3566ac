"""The client's end of an association."""

from msgspec.structs import replace

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
from aforo.dlms.client_exchange import INVOKE_IDS, ClientExchange
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.events import (
    Abort,
    AccessRequest,
    ActionListRequest,
    ActionRequest,
    ActionResponse,
    Associate,
    AssociationEstablished,
    AssociationRejected,
    Conformance,
    DataAccess,
    Event,
    ExceptionResponse,
    GetListRequest,
    GetRequest,
    NotificationConfirm,
    Release,
    Released,
    Request,
    Response,
    ServiceError,
    SetListRequest,
    SetRequest,
)
from aforo.dlms.offered_services import check_offered
from aforo.dlms.settings import ClientSettings, Mechanism


class ClientAssociation(Association):
    """See `aforo.dlms.connection.Connection`."""

    def __init__(self, settings: ClientSettings) -> None:
        super().__init__(settings)
        self._settings = settings
        self._invoke = 0
        self._exchange: ClientExchange | None = None
        self._challenges: Challenges | None = None
        self._offers_priority = False

    def send(self, event: Event) -> None:
        match event:
            case GetRequest() | SetRequest() | ActionRequest() | AccessRequest() | GetListRequest():
                after = self._ask(event)
            case SetListRequest() | ActionListRequest():
                after = self._ask(event)
            case NotificationConfirm():
                after = association_states.sent(self._state, Move.CONFIRM)
                check_offered(event, self._offered)
                self._outgoing.append(self._protected(xdlms.encode_notification_confirm(event)))
            case Abort():
                after = State.IDLE
            case Associate():
                after = association_states.sent(self._state, Move.AARQ)
                self._established = self._usual_bounds = None
                if self._protection is not None:
                    self._protection.use_global()
                self._outgoing.append(acse.encode_request(self._association_request()))
            case Release():
                after = association_states.sent(self._state, Move.RLRQ)
                self._outgoing.append(acse.encode_release(acse.RLRQ, self._release_information()))
            case _:
                raise LocalProtocolError(f"a client does not send {type(event).__name__}")
        self._state = after

    def _ask(self, request: Request) -> State:
        after = association_states.sent(self._state, Move.REQUEST)
        check_offered(request, self._offered)
        self._request(request)
        return after

    def receive(self, apdu: bytes) -> Event | None:
        if not apdu:
            raise malformed("an empty APDU")
        whole = self._joined(apdu)
        return None if whole is None else self._whole(whole)

    def _whole(self, apdu: bytes) -> Event | None:
        if apdu[0] == acse.AARE:
            return self._aare(apdu)
        if apdu[0] == acse.RLRE:
            return self._rlre(apdu)
        if apdu[0] in (xdlms.EXCEPTION_RESPONSE, xdlms.CONFIRMED_SERVICE_ERROR):
            return self._failure(apdu)
        return self._service(self._opened(apdu))

    def _initiate_request(self) -> bytes:
        settings = self._settings
        dedicated = settings.keys.dedicated if settings.keys is not None else None
        key = b"" if dedicated is None or self._established is not None else dedicated.octets
        initiate = xdlms.Initiate(settings.conformance, settings.max_pdu, key)
        return self._protected(xdlms.encode_initiate_request(initiate))

    def _association_request(self) -> acse.AssociationRequest:
        settings = self._settings
        authentication = settings.challenge if self._authentication.needs_proof else b""
        if settings.mechanism is Mechanism.LLS:
            assert settings.password is not None, "Settings asks for it"
            authentication = settings.password.octets
        return acse.AssociationRequest(
            context=self._context,
            title=b"" if settings.title is None else settings.title.octets,
            mechanism=settings.mechanism,
            authentication=authentication,
            information=self._initiate_request(),
        )

    def _release_information(self) -> bytes:
        """A ciphered association is released under its own protection."""
        return b"" if self._protection is None else self._initiate_request()

    def _aare(self, apdu: bytes) -> Event | None:
        needs_proof = self._authentication.needs_proof
        after = association_states.received(self._state, Move.CHALLENGE if needs_proof else Move.AARE)
        self._state = State.IDLE
        answer = acse.decode_answer(apdu)
        welcome = (acse.AUTHENTICATION_REQUIRED, 0) if needs_proof else (0,)
        if answer.result != acse.ACCEPTED or answer.diagnostic not in welcome:
            why = xdlms.initiate_error(answer.information) or ""
            return AssociationRejected(answer.result, answer.diagnostic, detail=why)
        initiate = self._read_initiate(answer)
        conformance = initiate.conformance & self._settings.conformance
        self._offers_priority = Conformance.PRIORITY in conformance
        self._established = AssociationEstablished(
            conformance,
            initiate.max_pdu,
            title_of(answer.title) if self._protection is None else self._protection.peer,
        )
        if self._protection is not None:
            self._protection.agree(conformance)
            if self._settings.keys is not None and self._settings.keys.dedicated is not None:
                self._protection.use_dedicated(self._settings.keys.dedicated)
        if needs_proof:
            self._prove(answer)
        self._state = after
        return None if needs_proof else self._established

    def _read_initiate(self, answer: acse.AssociationAnswer) -> xdlms.Initiate:
        why = xdlms.initiate_error(answer.information)
        if why is not None:
            raise RemoteProtocolError(
                ErrorCode.PEER_ABORT, f"initiate error: {why}", wire=xdlms.CONFIRMED_SERVICE_ERROR
            )
        if answer.context != self._context:
            code = ErrorCode.UNEXPECTED_APDU if self._protection is None else ErrorCode.NOT_CIPHERED
            raise RemoteProtocolError(code, f"the peer answers with context {answer.context}, not {self._context}")
        if self._protection is None:
            return xdlms.decode_initiate_response(answer.information)
        self._protection.meet(answer.title)
        return xdlms.decode_initiate_response(self._protection.open(answer.information))

    def _prove(self, answer: acse.AssociationAnswer) -> None:
        """HLS pass 3."""
        settings = self._settings
        if answer.mechanism not in (0, settings.mechanism) or len(answer.authentication) not in CHALLENGE_OCTETS:
            raise RemoteProtocolError(ErrorCode.AUTHENTICATION_FAILED, "the peer's challenge is missing")
        if answer.authentication == settings.challenge:
            raise RemoteProtocolError(ErrorCode.AUTHENTICATION_FAILED, "the peer sent our own challenge back")
        assert self._established is not None, "the AARE was read"
        self._challenges = Challenges(settings.challenge, answer.authentication, self._established.peer_title)
        proof = data.octets(self._authentication.prove(self._challenges))
        self._request(ActionRequest(ASSOCIATION_CLASS, CURRENT_ASSOCIATION, REPLY_TO_HLS, proof))

    def _request(self, request: Request) -> None:
        self._general = None
        invoke = (self._invoke + 1) % INVOKE_IDS
        if request.high and not self._offers_priority:
            request = replace(request, high=False)
        exchange = ClientExchange(request, invoke, self._bounds())
        self._send_service(exchange.begin())
        self._invoke, self._exchange = invoke, exchange

    def _service(self, plain: bytes) -> Event | None:
        if plain[0] in (xdlms.DATA_NOTIFICATION, xdlms.EVENT_NOTIFICATION):
            self._state = association_states.received(self._state, Move.NOTIFICATION)
            is_event = plain[0] == xdlms.EVENT_NOTIFICATION
            return xdlms.decode_event_notification(plain) if is_event else xdlms.decode_notification(plain)
        if plain[0] in (xdlms.EXCEPTION_RESPONSE, xdlms.CONFIRMED_SERVICE_ERROR):
            return self._failure(plain)
        if self._exchange is None:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "an answer where nothing was asked")
        outcome = self._exchange.take(plain)
        if isinstance(outcome, bytes):
            self._state = association_states.received(self._state, Move.BLOCK)
            self._send_service(outcome)
            return None
        return self._proved(outcome) if self._state is State.PROVING else self._response(outcome)

    def _response(self, response: Response) -> Response:
        self._state = association_states.received(self._state, Move.RESPONSE)
        self._general = None
        return response

    def _proved(self, response: Response) -> Event:
        """HLS pass 4."""
        after = association_states.received(self._state, Move.PROVED)
        self._state = State.IDLE
        if not isinstance(response, ActionResponse) or response.result is not DataAccess.SUCCESS:
            return AssociationRejected(acse.REJECTED_PERMANENT, acse.AUTHENTICATION_FAILURE)
        assert self._challenges is not None, "PROVING means that there are some"
        assert self._established is not None
        try:
            proof = data.decode(response.data or b"")
            self._authentication.check(proof if isinstance(proof, bytes) else b"", self._challenges)
        except RemoteProtocolError as wrong:
            return AssociationRejected(
                acse.REJECTED_PERMANENT, acse.AUTHENTICATION_FAILURE, by_peer=False, detail=str(wrong)
            )
        self._state = after
        return self._established

    def _rlre(self, apdu: bytes) -> Released:
        self._state = association_states.received(self._state, Move.RLRE)
        information = acse.decode_release(apdu, acse.RLRE)
        if information and self._protection is not None:
            self._protection.open(information)
        return Released()

    def _failure(self, apdu: bytes) -> ExceptionResponse | ServiceError:
        """Instead of any answer. It is not protected, so it decides nothing but that this exchange has failed."""
        if self._state in (State.IDLE, State.READY):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"a refusal while {self._state.value}")
        is_exception = apdu[0] == xdlms.EXCEPTION_RESPONSE
        failure = xdlms.decode_exception(apdu) if is_exception else xdlms.decode_service_error(apdu)
        self._state = State.READY if self._state is State.BUSY else State.IDLE
        self._general = None
        return failure
