"""Calls of the stores' ports as messages: what is asked, what is told, and which of the ports' errors came of it."""

import hashlib
import hmac
import inspect
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from aforo.adapters.remote.documents import Form, form_of
from aforo.dlms.counters import CountersExhausted
from aforo.engine.ports import (
    AuditStore,
    DeliveryStore,
    DeviceRegistry,
    LeaseLost,
    OrderStore,
    SessionLedger,
    StaleOrder,
    StoreUnavailable,
    UnknownConcentrator,
)
from aforo.engine.status import StatusStore

PORTS: Mapping[str, type] = {
    "orders": OrderStore,
    "deliveries": DeliveryStore,
    "audit": AuditStore,
    "registry": DeviceRegistry,
    "ledger": SessionLedger,
    "status": StatusStore,
}
ERRORS: Mapping[str, type[Exception]] = {
    error.__name__: error for error in (StaleOrder, StoreUnavailable, LeaseLost, UnknownConcentrator, CountersExhausted)
}
"""Those that the ports promise."""

OCTETS_MAX = 64 * 1024 * 1024
"""Of a message when it is unpacked."""

_PACKED_FROM = 8 * 1024
_PLAIN, _PACKED = b"\0", b"\1"
_TAG_LENGTH = 32


class NotOurs(Exception):
    """Not written by whoever has our key-encryption key, or by another version."""


class RemoteMistake(Exception):
    """The process that serves the stores has made one: an error of ours, with its words."""


@dataclass(frozen=True, slots=True)
class Call:
    """One of a port's. given: how each of its arguments is written, by name.   told: the same of its answer."""

    port: str
    name: str
    signature: inspect.Signature
    given: dict[str, Form]
    told: Form

    def ask(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        bound = self.signature.bind(None, *arguments, **options).arguments
        given = {name: self.given[name].write(value) for name, value in bound.items() if name != "self"}
        return {"port": self.port, "call": self.name, "given": given}


@cache
def calls() -> dict[tuple[str, str], Call]:
    """By the names of the port and of the call."""
    found = {}
    for port, kind in PORTS.items():
        for name, function in inspect.getmembers(kind, inspect.iscoroutinefunction):
            hints = get_type_hints(function)
            told = form_of(hints.pop("return"))
            given = {argument: form_of(hint) for argument, hint in hints.items()}
            found[port, name] = Call(port, name, inspect.signature(function), given, told)
    return found


class Envelope:
    """Messages between processes that share a secret. Others' are refused (HMAC-SHA-256, RFC 2104)."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"aforo stores", hashlib.sha256)

    def seal(self, document: Any, *, about: bytes = b"") -> bytes:
        """about: the message that is answered; an answer to another is none."""
        octets = json.dumps(document, separators=(",", ":")).encode()
        body = _PLAIN + octets if len(octets) < _PACKED_FROM else _PACKED + zlib.compress(octets, 1)
        return self._tag(body, about) + body

    def open(self, message: bytes, *, about: bytes = b"") -> Any:
        """Raises NotOurs."""
        tag, body = message[:_TAG_LENGTH], message[_TAG_LENGTH:]
        if not hmac.compare_digest(tag, self._tag(body, about)):
            raise NotOurs("its tag is not one of ours")
        return json.loads(body[1:] if body[:1] == _PLAIN else _unpacked(body[1:]))

    def _tag(self, body: bytes, about: bytes) -> bytes:
        return hmac.digest(self._key, hashlib.sha256(about).digest() + body, hashlib.sha256)


def _unpacked(octets: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    unpacked = unpacking.decompress(octets, OCTETS_MAX)
    if unpacking.unconsumed_tail:
        raise NotOurs(f"it is larger than {OCTETS_MAX} octets")
    return unpacked


class StoreDesk:
    """Carries calls out. stores: whatever has a store of each port, under its name."""

    def __init__(self, stores: Any, envelope: Envelope) -> None:
        self._stores = stores
        self._envelope = envelope

    async def answer(self, message: bytes, *, most: int) -> bytes:
        """most: octets that can be sent. Raises NotOurs, which is answered by silence."""
        asked = self._envelope.open(message)
        answer = self._envelope.seal(await self._carried_out(asked), about=message)
        if len(answer) <= most:
            return answer
        broke = {"broke": f"its answer has {len(answer)} octets, and the broker takes {most}"}
        return self._envelope.seal(broke, about=message)

    async def _carried_out(self, asked: Any) -> dict[str, Any]:
        try:
            call = calls()[asked["port"], asked["call"]]
            given = {name: call.given[name].read(part) for name, part in asked["given"].items()}
        except (AttributeError, KeyError, TypeError, ValueError) as wrong:
            return {"broke": f"the call is not understood: {type(wrong).__name__}: {wrong}"}
        try:
            told = await getattr(getattr(self._stores, call.port), call.name)(**given)
            return {"told": call.told.write(told)}
        except tuple(ERRORS.values()) as error:
            return {"raised": type(error).__name__, "words": str(error)}
        except Exception as wrong:  # noqa: BLE001 (whoever has asked must be told, whatever it is)
            return {"broke": f"{type(wrong).__name__}: {wrong}"}


def outcome_of(call: Call, answer: Any) -> Any:
    """What the call returns. Raises what it raised; RemoteMistake for what no port promises."""
    if "told" in answer:
        return call.told.read(answer["told"])
    if "raised" in answer:
        raise ERRORS[answer["raised"]](answer["words"])
    raise RemoteMistake(f"{call.port}.{call.name}: {answer['broke']}")
