"""Access tokens of an OAuth 2 or OpenID Connect provider: JWTs signed by a key of its set (RFC 7519, RFC 9068)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
"""Signatures by a private key; a shared secret would let us make tokens ourselves, and `none` anybody."""

LEEWAY_S = 60
TOKEN_OCTETS_MAX = 16 * 1024
_CLIENT_CLAIMS = ("client_id", "azp", "sub")


@dataclass(frozen=True, slots=True)
class Grant:
    """client: as the provider names it.   scopes: as it has granted them."""

    client: str
    scopes: frozenset[str]


class BadGrant(ValueError):
    """The token is none of the provider's, or not for us, or not for now. The text holds nothing of the token."""


class OAuthTokens:
    """jwks: a file with the provider's key set (JSON), read again whenever it has changed.   audience: us."""

    def __init__(self, *, jwks: Path, issuer: str, audience: str, now: Callable[[], datetime]) -> None:
        self._jwks = jwks
        self._issuer = issuer
        self._audience = audience
        self._now = now
        self._read_at = 0
        self._keys = self._load()

    def grant_of(self, token: str) -> Grant:
        """Raises BadGrant."""
        if len(token) > TOKEN_OCTETS_MAX:
            raise BadGrant("the token is too long")
        self._reload()
        try:
            claims = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
            self._registry().validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as wrong:
            raise BadGrant(type(wrong).__name__) from wrong
        client = next((claims[name] for name in _CLIENT_CLAIMS if isinstance(claims.get(name), str)), "")
        if not client:
            raise BadGrant("it names no client")
        return Grant(client, frozenset(_scopes(claims)))

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=lambda: int(self._now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        )

    def _reload(self) -> None:
        """A file that cannot be read now leaves the keys as they were: it may be being written."""
        try:
            if self._jwks.stat().st_mtime_ns != self._read_at:
                self._keys = self._load()
        except (OSError, ValueError):
            return

    def _load(self) -> KeySet:
        """Raises OSError, ValueError."""
        read_at = self._jwks.stat().st_mtime_ns
        keys: KeySet = KeySet.import_key_set(json.loads(self._jwks.read_bytes()))
        self._read_at = read_at
        return keys


def _scopes(claims: dict[str, Any]) -> list[str]:
    """`scope` is a text with spaces (RFC 8693); some providers have a list, or call it `scp`."""
    told = claims.get("scope", claims.get("scp", ""))
    return told.split() if isinstance(told, str) else [one for one in told if isinstance(one, str)]
