"""WS-Security UsernameToken 1.0 with a password digest (OASIS, Username Token Profile 1.0, section 3.1).

Only the digest is taken: a password in clear would be worth no more than the network that it crossed.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from aforo.cim.message import moment_of
from aforo.cim.xml_reading import Element, text_of

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
WSSE = f"{_OASIS}-wssecurity-secext-1.0.xsd"
WSU = f"{_OASIS}-wssecurity-utility-1.0.xsd"
DIGEST = f"{_OASIS}-username-token-profile-1.0#PasswordDigest"
SECURITY = f"{{{WSSE}}}Security"
NONCE_OCTETS_MAX = 64


class BadToken(ValueError):
    """There is a Security header, and no UsernameToken in it that could be checked. The text says why, in English."""


@dataclass(frozen=True, slots=True)
class UsernameToken:
    """As it came. created: in UTC."""

    username: str
    digest: bytes
    nonce: bytes
    created_text: str
    created: datetime

    def has_password(self, password: bytes) -> bool:
        """In constant time."""
        given = digest_of(self.nonce, self.created_text, password)
        return hmac.compare_digest(given, self.digest)


def digest_of(nonce: bytes, created: str, password: bytes) -> bytes:
    """SHA-1 is the profile's; with a nonce used once it guards against replay, and not against guessing offline."""
    return hashlib.sha1(nonce + created.encode() + password, usedforsecurity=False).digest()


def read_username_token(envelope: Element) -> UsernameToken | None:
    """None: no Security header. Raises BadToken."""
    security = envelope.find(f"{{*}}Header/{SECURITY}")
    if security is None:
        return None
    token = security.find(f"{{{WSSE}}}UsernameToken")
    if token is None:
        raise BadToken("the Security header has no UsernameToken")
    password = token.find(f"{{{WSSE}}}Password")
    if password is None or password.get("Type") != DIGEST:
        raise BadToken("the password is no PasswordDigest")
    created = text_of(token, f"{{{WSU}}}Created")
    nonce = _octets(text_of(token, f"{{{WSSE}}}Nonce"), "Nonce")
    if not 8 <= len(nonce) <= NONCE_OCTETS_MAX:
        raise BadToken(f"the nonce has 8 to {NONCE_OCTETS_MAX} octets")
    return UsernameToken(
        username=text_of(token, f"{{{WSSE}}}Username"),
        digest=_octets(text_of(token, f"{{{WSSE}}}Password"), "Password"),
        nonce=nonce,
        created_text=created,
        created=_moment(created),
    )


def _octets(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadToken(f"{name} is no base64") from None


def _moment(text: str) -> datetime:
    try:
        return moment_of(text)
    except ValueError:
        raise BadToken("Created is no xs:dateTime") from None
