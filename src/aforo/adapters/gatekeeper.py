"""Who is at an HTTP door: by TLS certificate, bearer token or UsernameToken; how often, and whether it was seen before.

Every refusal is told to the security log. Without a callers' file the doors stand open, and only loopback reaches them.
"""

import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec import structs
from starlette.types import Scope as HttpScope

from aforo.adapters.oauth_tokens import BadGrant, OAuthTokens
from aforo.cim.message import Header, moment_of
from aforo.cim.refusal import CimError, Refusal
from aforo.cim.username_token import BadToken, UsernameToken
from aforo.domain.callers import Caller, Callers, Scope

TLS_EXTENSION = "aforo.tls"
"""In an ASGI scope's extensions: {"client_certificate_sha256": hexadecimal}, when there is one."""

TOKEN_LIFE = timedelta(minutes=5)
"""How far Created may lie from now, either way (OASIS recommends five minutes)."""

TOKEN_MIN, TOKEN_MAX = 16, 256
NONCES_MAX = 100_000
FAILURES_MAX, FAILURES_PER_S = 10, 0.2
"""Of one address: as many refused identifications in a row, then one in five seconds."""

PEERS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """kind: a word or two.   caller: its name, empty when unknown.   peer: address.   details: no secret among them."""

    kind: str
    caller: str
    peer: str
    details: str = ""


class NotAdmitted(Exception):
    """status: of HTTP.   refusal: for the peer."""

    def __init__(self, status: int, refusal: Refusal) -> None:
        super().__init__(refusal.en)
        self.status = status
        self.refusal = refusal


class WeakToken(ValueError):
    """It could be guessed, or cannot stand in a header."""


def is_token(text: str) -> bool:
    return TOKEN_MIN <= len(text) <= TOKEN_MAX and text.isascii() and text.isprintable() and " " not in text


class _Bucket:
    """Tokens that come back at a rate, as many as it holds at most."""

    __slots__ = ("_at", "_left", "_most", "_per_s")

    def __init__(self, most: float, per_s: float, now: datetime) -> None:
        self._most, self._per_s = most, per_s
        self._left, self._at = most, now

    def take(self, now: datetime) -> bool:
        if not self.has_one(now):
            return False
        self._left -= 1
        return True

    def has_one(self, now: datetime) -> bool:
        self._left = min(self._most, self._left + max(0.0, (now - self._at).total_seconds()) * self._per_s)
        self._at = now
        return self._left >= 1


class Nonces:
    """Those of the last minutes, so that none is taken twice. A full memory refuses rather than forgets."""

    def __init__(self, most: int = NONCES_MAX) -> None:
        self._seen: OrderedDict[tuple[str, bytes], tuple[datetime, str]] = OrderedDict()
        self._most = most

    def take(self, name: str, nonce: bytes, now: datetime, *, message: str = "") -> bool:
        """False: it was seen, or there is no room to remember it. message: may have it again; empty for none."""
        while self._seen and next(iter(self._seen.values()))[0] < now - 2 * TOKEN_LIFE:
            self._seen.popitem(last=False)
        seen = self._seen.get((name, nonce))
        if seen is not None:
            return bool(message) and seen[1] == message
        if len(self._seen) >= self._most:
            return False
        self._seen[name, nonce] = now, message
        return True


class Gatekeeper:
    """callers: None leaves the doors open.   operator: the token of this system's own operator, who may do all.
    oauth: verifies access tokens.   failures_max: refusals of one address in a row.

    Raises WeakToken.
    """

    def __init__(
        self,
        callers: Callers | None,
        *,
        operator: str = "",
        now: Callable[[], datetime],
        note: Callable[[SecurityEvent], None] = lambda _: None,
        oauth: OAuthTokens | None = None,
    ) -> None:
        self._oauth = oauth
        if operator and not is_token(operator):
            raise WeakToken(f"a token has {TOKEN_MIN} to {TOKEN_MAX} visible ASCII characters")
        self._callers = callers
        self._operator = operator.encode()
        self._now = now
        self._note = note
        self._nonces = Nonces()
        self._message_nonces = Nonces()
        self._buckets: dict[str, _Bucket] = {}
        self._busy: dict[str, int] = {}
        self.failures_max = FAILURES_MAX
        self._failures: OrderedDict[str, _Bucket] = OrderedDict()

    def identify(self, scope: HttpScope, token: Callable[[], UsernameToken | None] = lambda: None) -> Caller | None:
        """None: the operator, or anybody where the doors stand open. token: read when nothing else tells.

        Raises NotAdmitted.
        """
        if self._callers is None:
            return None
        return self.identify_strictly(scope, token)

    @property
    def is_open(self) -> bool:
        return self._callers is None

    def identify_strictly(
        self, scope: HttpScope, token: Callable[[], UsernameToken | None] = lambda: None
    ) -> Caller | None:
        """The same, of a door that never stands open. None: the operator."""
        bearer, callers = bearer_of(scope), self._callers or _NOBODY
        if bearer is not None and self._is_operator(bearer):
            return None
        peer = peer_of(scope)
        failures = self._failures.get(peer)
        if failures is not None and not failures.has_one(self._now()):
            raise self._refused(429, _TOO_OFTEN, peer, "too many refusals")
        caller = self._known(scope, callers, bearer)
        if caller is None and bearer is None:
            caller = self._by_username(token, callers, peer)
        if caller is None:
            self._fail(peer)
            if bearer is not None:
                raise self._refused(401, _FAILED, peer, "unknown token")
            raise self._refused(401, _REQUIRED, peer, "no credentials")
        return caller

    def _is_operator(self, bearer: str) -> bool:
        return bool(self._operator) and hmac.compare_digest(bearer.encode("latin-1", "replace"), self._operator)

    def note(self, kind: str, caller: Caller | None, peer: str, details: str = "") -> None:
        self._note(SecurityEvent(kind, "" if caller is None else caller.name, peer, details))

    def check_replay(self, header: Header, at: str) -> None:
        """Of a message that asks for it: created within five minutes, and its nonce used by no other message.

        The same message again is no replay: it is the same order. Raises CimError (7.4).
        """
        if not header.nonce:
            return
        now = self._now()
        try:
            is_of_now = abs(moment_of(header.created) - now) <= TOKEN_LIFE
        except ValueError:
            is_of_now = False
        if not is_of_now:
            raise CimError(structs.replace(_EXPIRED, xpath=f"{at}/Created"))
        nonce = header.nonce.encode("utf-8", "surrogatepass")
        if not self._message_nonces.take(header.source, nonce, now, message=header.message_id):
            raise CimError(structs.replace(_REPLAYED, xpath=f"{at}/Nonce"))

    @contextmanager
    def room_for(self, caller: Caller | None, peer: str) -> Iterator[None]:
        """Within what it may ask. Raises NotAdmitted."""
        if caller is None:
            yield
            return
        now, name = self._now(), caller.name
        bucket = self._buckets.get(name)
        if bucket is None:
            most = max(1.0, caller.requests_per_s)
            bucket = self._buckets[name] = _Bucket(most, caller.requests_per_s, now)
        if self._busy.get(name, 0) >= caller.concurrent or not bucket.take(now):
            self.note("over its limit", caller, peer)
            raise NotAdmitted(429, _OVER)
        self._busy[name] = self._busy.get(name, 0) + 1
        try:
            yield
        finally:
            self._busy[name] -= 1

    def _known(self, scope: HttpScope, callers: Callers, bearer: str | None) -> Caller | None:
        if bearer is not None:
            return callers.of_token(bearer) or self._granted(callers, bearer, peer_of(scope))
        tls = scope.get("extensions", {}).get(TLS_EXTENSION, {})
        certificate = tls.get("client_certificate_sha256", "")
        return callers.of_certificate(certificate) if certificate else None

    def _granted(self, callers: Callers, token: str, peer: str) -> Caller | None:
        """With no more scopes than the provider has granted."""
        if self._oauth is None or token.count(".") != 2:
            return None
        try:
            grant = self._oauth.grant_of(token)
        except BadGrant as wrong:
            self._note(SecurityEvent("access token refused", "", peer, str(wrong)))
            return None
        caller = callers.of_oauth_client(grant.client)
        scopes = frozenset(scope for scope in Scope if scope.value in grant.scopes)
        return None if caller is None else replace(caller, scopes=caller.scopes & scopes)

    def _by_username(self, read: Callable[[], UsernameToken | None], callers: Callers, peer: str) -> Caller | None:
        try:
            token = read()
        except BadToken as wrong:
            self._fail(peer)
            raise self._refused(401, _FAILED, peer, str(wrong)) from wrong
        if token is None:
            return None
        caller, now = callers.of_username(token.username), self._now()
        is_right = token.has_password(b"\0" * 32 if caller is None else caller.password)
        if caller is None or not is_right:
            self._fail(peer)
            raise self._refused(401, _FAILED, peer, f"user name {token.username[:64]!r}")
        if abs(token.created - now) > TOKEN_LIFE:
            raise self._refused(401, _EXPIRED, peer, f"user name {token.username[:64]!r}, created {token.created_text}")
        if not self._nonces.take(token.username, token.nonce, now):
            raise self._refused(401, _REPLAYED, peer, f"user name {token.username[:64]!r}")
        return caller

    def _fail(self, peer: str) -> None:
        now = self._now()
        bucket = self._failures.get(peer)
        if bucket is None:
            if len(self._failures) >= PEERS_MAX:
                self._failures.popitem(last=False)
            bucket = self._failures[peer] = _Bucket(self.failures_max, FAILURES_PER_S, now)
        bucket.take(now)

    def _refused(self, status: int, refusal: Refusal, peer: str, details: str) -> NotAdmitted:
        self._note(SecurityEvent("not authenticated", "", peer, details))
        return NotAdmitted(status, refusal)


_NOBODY = Callers(())
_REQUIRED = Refusal(code="7.2", es="Debe identificarse.", en="Authentication is required.")
_FAILED = Refusal(code="7.4", es="La identificación no es válida.", en="Authentication failed.")
_EXPIRED = Refusal(code="7.4", es="La identificación no es de estos minutos.", en="The token is not of these minutes.")
_REPLAYED = Refusal(code="7.4", es="La identificación ya fue usada.", en="The token was used before.")
_TOO_OFTEN = Refusal(
    code="7.1", es="Demasiadas identificaciones fallidas; espere.", en="Too many failed authentications; wait."
)
_OVER = Refusal(code="5.1", es="Demasiadas solicitudes; espere.", en="Too many requests; wait.")


def bearer_of(scope: HttpScope) -> str | None:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    given = next((value.decode("latin-1") for key, value in headers if key == b"authorization"), "")
    kind, _, token = given.partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def peer_of(scope: HttpScope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def check_source(caller: Caller | None, source: str, at: str) -> None:
    """Raises CimError (7.5) when it may not speak for this source."""
    if caller is not None and source not in caller.sources:
        es, en = f"{caller.name} no puede hablar por {source}.", f"{caller.name} may not speak for {source}."
        raise CimError(Refusal(code="7.5", es=es, en=en, xpath=at))


def check_scope(caller: Caller | None, scope: Scope, at: str) -> None:
    """Raises CimError (7.5) when it does not have this scope."""
    if caller is not None and scope not in caller.scopes:
        es, en = f"{caller.name} no tiene el permiso {scope.value}.", f"{caller.name} has no scope {scope.value}."
        raise CimError(Refusal(code="7.5", es=es, en=en, xpath=at))
