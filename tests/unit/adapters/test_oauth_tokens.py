"""Access tokens: whose signature, for whom, until when, and how much of what was granted a caller has here.

The tokens are made with the `cryptography` library by hand, not with the library that reads them.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from aforo.adapters.gatekeeper import Gatekeeper, NotAdmitted, SecurityEvent
from aforo.adapters.oauth_tokens import BadGrant, Grant, OAuthTokens
from aforo.domain.callers import Caller, Callers, Scope

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ISSUER, AUDIENCE = "https://login.example", "aforo"
CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "exp": int((NOW + timedelta(minutes=5)).timestamp()),
    "client_id": "shop",
    "scope": "orders:read orders:write openid",
}
SHOP = Caller(name="shop", oauth_clients=frozenset({"shop"}), scopes=frozenset({Scope.READ, Scope.STATUS}))


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Provider:
    """Signs with ES256, and writes its key set to a file."""

    def __init__(self, folder: Path, name: str = "k1") -> None:
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), name
        self.file = folder / "jwks.json"
        numbers = self._key.public_key().public_numbers()
        public = {
            "kty": "EC",
            "crv": "P-256",
            "kid": name,
            "x": encoded(numbers.x.to_bytes(32, "big")),
            "y": encoded(numbers.y.to_bytes(32, "big")),
        }
        self.file.write_text(json.dumps({"keys": [public]}))

    def token(self, *, algorithm: str = "ES256", **changes: Any) -> str:
        claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
        head = {"alg": algorithm, "typ": "at+jwt", "kid": self._name}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        signature = encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"{signed}.{'' if algorithm == 'none' else signature}"


def tokens_of(provider: Provider) -> OAuthTokens:
    return OAuthTokens(jwks=provider.file, issuer=ISSUER, audience=AUDIENCE, now=lambda: NOW)


def test_a_token_of_the_provider_is_a_grant(tmp_path: Path) -> None:
    provider = Provider(tmp_path)

    grant = tokens_of(provider).grant_of(provider.token())

    assert grant == Grant("shop", frozenset({"orders:read", "orders:write", "openid"}))


@pytest.mark.parametrize("claims", [{"client_id": None, "azp": "shop"}, {"client_id": None, "sub": "shop"}])
def test_providers_name_the_client_in_several_ways(tmp_path: Path, claims: dict[str, Any]) -> None:
    provider = Provider(tmp_path)

    grant = tokens_of(provider).grant_of(provider.token(**claims, scope=None, scp=["orders:read", 5]))

    assert grant == Grant("shop", frozenset({"orders:read"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": None},
        {"iss": None},
        {"exp": None},
        {"exp": int((NOW - timedelta(minutes=2)).timestamp())},
        {"nbf": int((NOW + timedelta(minutes=2)).timestamp())},
        {"client_id": None},
        {"client_id": 5},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
    ],
)
def test_a_token_that_is_not_for_us_or_not_for_now_is_none(tmp_path: Path, changes: dict[str, Any]) -> None:
    provider = Provider(tmp_path)

    with pytest.raises(BadGrant):
        tokens_of(provider).grant_of(provider.token(**changes))


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-4] + "AAAA", lambda t: "x" + t, lambda t: t + "x" * 20_000, lambda _: ".."]
)
def test_a_token_that_was_changed_is_none(tmp_path: Path, spoil: Any) -> None:
    provider = Provider(tmp_path)

    with pytest.raises(BadGrant) as refused:
        tokens_of(provider).grant_of(spoil(provider.token()))

    assert provider.token()[:20] not in str(refused.value)


def test_new_keys_are_read_when_the_provider_has_changed_them_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    old = Provider(tmp_path)
    tokens = tokens_of(old)
    old.file.write_text("{")
    assert tokens.grant_of(old.token()).client == "shop"

    new = Provider(tmp_path, "k2")

    assert tokens.grant_of(new.token()).client == "shop"
    with pytest.raises(BadGrant):
        tokens.grant_of(old.token())


def test_a_caller_has_what_was_granted_and_what_it_may_and_no_more(tmp_path: Path) -> None:
    provider, events = Provider(tmp_path), list[SecurityEvent]()
    gate = Gatekeeper(Callers([SHOP]), now=lambda: NOW, note=events.append, oauth=tokens_of(provider))

    def scope(token: str) -> dict[str, Any]:
        return {"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())], "client": ("192.0.2.7", 1)}

    caller = gate.identify(scope(provider.token()))

    assert caller is not None
    assert (caller.name, caller.scopes) == ("shop", frozenset({Scope.READ}))
    for wrong in (provider.token(client_id="stranger"), provider.token(aud="another")):
        with pytest.raises(NotAdmitted) as out:
            gate.identify(scope(wrong))
        assert (out.value.status, out.value.refusal.code) == (401, "7.4")
    assert [event.kind for event in events] == ["not authenticated", "access token refused", "not authenticated"]
