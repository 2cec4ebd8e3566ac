"""Who may call: what each is known by, and what each may do. Nobody may do what is not said."""

import hmac
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256


class Scope(StrEnum):
    """Of what is behind the HTTP doors."""

    ORDER = "orders:write"
    READ = "orders:read"
    REGISTRY_READ = "registry:read"
    REGISTRY_WRITE = "registry:write"
    AUDIT = "audit:read"
    STATUS = "status:read"
    REPLAY = "results:replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """sources: Header/Source that it speaks for.   dialect, language: empty when not set.

    certificates: SHA-256 of the DER, in lower-case hexadecimal.   username, password: of WS-Security.   tokens: SHA-256
    of each bearer token.   oauth_clients: as the provider of access tokens names it.   kinds: None for all.
    replies: prefixes of addresses that its answers may go to.
    webhook_secret: with which its webhooks are signed; empty when it has none.
    requests_per_s, concurrent: what it may ask at most.
    """

    name: str
    sources: frozenset[str] = frozenset()
    dialect: str = ""
    language: str = ""
    certificates: frozenset[str] = frozenset()
    username: str = ""
    password: bytes = field(default=b"", repr=False)
    tokens: frozenset[str] = field(default=frozenset(), repr=False)
    oauth_clients: frozenset[str] = frozenset()
    scopes: frozenset[Scope] = frozenset()
    kinds: frozenset[str] | None = None
    meters: tuple[str, ...] = ("*",)
    priorities: frozenset[str] = frozenset({"normal", "high"})
    may_be_special: bool = False
    replies: tuple[str, ...] = ()
    usual_reply: str = ""
    webhook_secret: bytes = field(default=b"", repr=False)
    requests_per_s: float = 100.0
    concurrent: int = 50


class BadCallers(ValueError):
    """Two callers cannot be told apart, or one by nothing. The text says which."""


class Callers:
    """Known by certificate, token or user name."""

    def __init__(self, callers: Iterable[Caller]) -> None:
        """Raises BadCallers."""
        self.all = tuple(callers)
        self._of_source = _by(self.all, "source", lambda one: one.sources)
        self._of_certificate = _by(self.all, "certificate", lambda one: one.certificates)
        # Without a password a user name is no way in: the digest of an empty one is known to everybody.
        self._of_username = _by(self.all, "user name", lambda one: {one.username} if one.password else set())
        self._of_oauth_client = _by(self.all, "OAuth client", lambda one: one.oauth_clients)
        self._of_token = _by(self.all, "token", lambda one: one.tokens)
        _by(self.all, "name", lambda one: {one.name})
        for one in self.all:
            is_known = one.certificates or one.tokens or one.oauth_clients or (one.username and one.password)
            if not is_known:
                raise BadCallers(f"caller {one.name} is known by no certificate, password or token")

    def of_source(self, source: str) -> Caller | None:
        return self._of_source.get(source)

    def of_certificate(self, der_sha256: str) -> Caller | None:
        return self._of_certificate.get(der_sha256)

    def of_username(self, username: str) -> Caller | None:
        return self._of_username.get(username)

    def of_oauth_client(self, client: str) -> Caller | None:
        return self._of_oauth_client.get(client)

    def of_token(self, token: str) -> Caller | None:
        """Every one is compared, each in constant time: how long it takes says nothing."""
        given, found = sha256(token.encode("utf-8", "surrogateescape")).hexdigest(), None
        for known, caller in self._of_token.items():
            if hmac.compare_digest(given, known):
                found = caller
        return found


def _by(callers: Iterable[Caller], what: str, of: Callable[[Caller], Set[str]]) -> Mapping[str, Caller]:
    found: dict[str, Caller] = {}
    for caller in callers:
        for name in of(caller):
            if name in found:
                raise BadCallers(f"callers {found[name].name} and {caller.name} have the same {what}")
            found[name] = caller
    return found
