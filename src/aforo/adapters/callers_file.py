"""The callers' file: who may call, in TOML. It has no secret, but digests, and names of files with secrets."""

import re
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from aforo.adapters.legacy_door import ReplyAddresses
from aforo.domain.callers import BadCallers, Caller, Callers, Scope
from aforo.domain.order_kinds import KINDS

SECRET_MIN = 16
"""Octets of a password, or of what signs."""

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F:]{64,95}$")]


class CallerEntry(BaseModel):
    """One `[[caller]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Name = Field(description="For the records.")
    sources: list[_Name] = Field(default_factory=list, description="Header/Source that it speaks for; its alone.")
    dialect: str = Field(default="", description="In which its messages are read; empty: by their look.")
    language: Literal["", "es", "en"] = Field(default="", description="Of refusals; empty: by Accept-Language.")
    certificate_sha256: list[_Digest] = Field(
        default_factory=list, description="Of its TLS client certificates: SHA-256 of the DER, as openssl prints it."
    )
    username: str = Field(default="", description="Of WS-Security, UsernameToken with a digest.")
    password_file: str = Field(default="", description=f"A file with its password, {SECRET_MIN} octets or more.")
    token_sha256: list[_Digest] = Field(
        default_factory=list, description="Of its bearer tokens (API keys): SHA-256 of each."
    )
    oauth_clients: list[_Name] = Field(
        default_factory=list, description="Its names at the provider of access tokens: claim client_id, azp or sub."
    )
    scopes: list[Scope] = Field(default_factory=list, description="What its tokens open of the REST API.")
    kinds: list[str] | None = Field(default=None, description="Of orders that it may give; left out: all.")
    meters: list[_Name] = Field(default_factory=lambda: ["*"], description="Patterns of meters that it may order for.")
    priorities: list[Literal["normal", "high"]] = Field(default=["normal", "high"], description="That it may give.")
    special: bool = Field(default=False, description="Whether its orders may pass the service window.")
    replies: list[_Name] = Field(
        default_factory=list, description="Prefixes of the addresses that its answers may go to; loopback always may."
    )
    usual_reply: str = Field(default="", description="Where its answers go when an order names no ReplyAddress.")
    webhook_secret_file: str = Field(
        default="", description="A file with the secret of its webhooks, 16 octets or more; without one it has none."
    )
    requests_per_s: float = Field(default=100.0, gt=0, le=100_000, description="At most, after a burst of as many.")
    concurrent: int = Field(default=50, ge=1, le=10_000, description="Requests of it at the same time, at most.")

    @field_validator("kinds")
    @classmethod
    def _are_kinds(cls, names: list[str] | None) -> list[str] | None:
        unknown = sorted(set(names or ()) - set(KINDS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: kinds are {', '.join(KINDS)}")
        return names

    @field_validator("replies")
    @classmethod
    def _are_addresses(cls, prefixes: list[str]) -> list[str]:
        ReplyAddresses(prefixes)
        return prefixes


def load_callers(file: Path) -> Callers:
    """Raises BadCallers, with the file, the caller and the entry at fault; OSError."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        entries = [_entry(place, one) for place, one in enumerate(table.pop("caller", []), 1)]
        if table:
            raise BadCallers(f"it has [[caller]] tables only, and no {', '.join(sorted(table))}")
        return Callers(_caller(entry, file.parent) for entry in entries)
    except ValueError as wrong:
        raise BadCallers(f"{file.name}: {wrong}") from wrong


def _entry(place: int, table: dict[str, Any]) -> CallerEntry:
    try:
        return CallerEntry.model_validate(table)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False)[0]
        at = ".".join(map(str, first["loc"]))
        raise BadCallers(f"caller {table.get('name', place)}: {at}: {first['msg']}") from wrong


def _caller(entry: CallerEntry, folder: Path) -> Caller:
    return Caller(
        name=entry.name,
        sources=frozenset(entry.sources),
        dialect=entry.dialect,
        language=entry.language,
        certificates=_digests(entry.certificate_sha256),
        username=entry.username,
        password=_secret(entry, entry.password_file, folder),
        tokens=_digests(entry.token_sha256),
        oauth_clients=frozenset(entry.oauth_clients),
        scopes=frozenset(entry.scopes),
        kinds=None if entry.kinds is None else frozenset(entry.kinds),
        meters=tuple(entry.meters),
        priorities=frozenset(entry.priorities),
        may_be_special=entry.special,
        replies=tuple(entry.replies),
        usual_reply=entry.usual_reply,
        webhook_secret=_secret(entry, entry.webhook_secret_file, folder),
        requests_per_s=entry.requests_per_s,
        concurrent=entry.concurrent,
    )


def _digests(texts: list[str]) -> frozenset[str]:
    found = frozenset(re.sub("[^0-9a-f]", "", text.lower()) for text in texts)
    if any(len(text) != sha256().digest_size * 2 for text in found):
        raise BadCallers("a SHA-256 has 64 hexadecimal digits")
    return found


def _secret(entry: CallerEntry, name: str, folder: Path) -> bytes:
    if not name:
        return b""
    try:
        secret = (folder / name).read_bytes().rstrip(b"\r\n")
    except OSError as wrong:
        raise BadCallers(f"caller {entry.name}: {name} cannot be read: {wrong.strerror}") from wrong
    if len(secret) < SECRET_MIN:
        raise BadCallers(f"caller {entry.name}: {name} has fewer than {SECRET_MIN} octets")
    return secret
