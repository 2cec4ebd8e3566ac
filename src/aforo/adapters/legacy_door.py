"""The commercial system's own door, step 9 at the wire: one POST per answer, and what counts as its acknowledgement."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from aforo.adapters.trace_context import TRACEPARENT
from aforo.cim import soap
from aforo.cim.message import Result, read_reply
from aforo.cim.refusal import UnreadableMessage
from aforo.cim.soap import EmptyBody, SoapFault
from aforo.cim.xml_reading import Element, local_name
from aforo.cim.xml_writing import writable

ANSWER_OCTETS_MAX = 64 * 1024
CONNECT_WAIT_S_MAX = 5.0
READ_WAIT_S_MAX = 15.0
EXCHANGE_WAIT_S_MAX = 30.0
"""Over all: a peer that sends an octet now and then would never exceed the wait for one read."""

CONNECTIONS_MAX = 50

_WHY_LENGTH_MAX = 300
_HEADERS = {
    "content-type": "text/xml; charset=utf-8",
    "soapaction": '""',
    "accept": "text/xml, application/soap+xml",
    "accept-encoding": "identity",
}
"""Of an envelope."""


class ReplyAddresses:
    """Which addresses answers may go to: this machine, and what an operator has named. Nothing else can be reached.

    prefixes: such as `https://commercial.example/replies`. Scheme, host and port must be equal, the path the same or
    below. Raises ValueError for one that is no address.
    """

    def __init__(self, prefixes: Iterable[str] = ()) -> None:
        self._prefixes = tuple(_address(prefix) for prefix in prefixes)

    def __call__(self, text: str) -> bool:
        try:
            address = _address(text)
        except ValueError:
            return False
        return is_loopback(address.host or "") or any(_is_below(address, prefix) for prefix in self._prefixes)


def _address(text: str) -> URL:
    """Read as the client will read it. Raises ValueError for what is no plain HTTP address."""
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValueError(f"{text!r} has characters that no address has")
    try:
        address = URL(text)
        is_http = address.scheme in ("http", "https") and bool(address.host) and 0 < (address.port or 0) < 65536
    except ValueError as error:
        raise ValueError(f"{text!r} is no address: {error}") from None
    if not is_http:
        raise ValueError(f"{text!r} is no HTTP address")
    if address.user is not None or address.password is not None or address.fragment:
        raise ValueError(f"{text!r} has parts that an address of answers does not have")
    return address


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_below(address: URL, prefix: URL) -> bool:
    place = (address.scheme, address.host, address.port)
    if place != (prefix.scheme, prefix.host, prefix.port) or ".." in address.path.split("/"):
        return False
    folder = prefix.path.rstrip("/")
    return address.path.rstrip("/") == folder or address.path.startswith(f"{folder}/")


class HttpLegacyDoor:
    """A LegacyDoor. Use it as an async context manager: it keeps connections open between answers.

    allow: the policy of addresses.
    """

    _client: aiohttp.ClientSession

    def __init__(self, allow: Callable[[str], bool]) -> None:
        self._allow = allow

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            timeout=aiohttp.ClientTimeout(
                total=EXCHANGE_WAIT_S_MAX, sock_connect=CONNECT_WAIT_S_MAX, sock_read=READ_WAIT_S_MAX
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # what is compressed has no bound before it is opened
            trust_env=False,  # a proxy of the environment would see the orders
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def post(
        self, address: str, body: bytes, headers: Mapping[str, str] | None = None, *, traceparent: str = ""
    ) -> str:
        """See LegacyDoor: an empty text when it is acknowledged, else why not."""
        if not self._allow(address):
            return "answers may not be sent to this address"
        try:
            return writable(await self._exchange(_address(address), body, headers, traceparent))[:_WHY_LENGTH_MAX]
        except TimeoutError:
            return f"no complete answer within {EXCHANGE_WAIT_S_MAX:.0f} s"
        except (aiohttp.ClientError, OSError) as error:
            return writable(f"{type(error).__name__}: {error}")[:_WHY_LENGTH_MAX]

    async def _exchange(self, address: URL, body: bytes, headers: Mapping[str, str] | None, traceparent: str) -> str:
        sent = _HEADERS if headers is None else headers
        if traceparent:
            sent = {**sent, TRACEPARENT: traceparent}
        async with self._client.post(address, data=body, headers=sent, allow_redirects=False) as response:
            octets = bytearray()
            async for part in response.content.iter_any():
                octets += part
                if len(octets) > ANSWER_OCTETS_MAX:
                    response.close()
                    return f"its answer is larger than {ANSWER_OCTETS_MAX} octets"
        if headers is not None:
            return "" if 200 <= response.status < 300 else f"HTTP {response.status}"
        return _why_not(response.status, bytes(octets))


def _why_not(status: int, octets: bytes) -> str:
    """HTTP 200 may carry a fault or a FAILED, and an error status a fault that says more than the status."""
    accepted = 200 <= status < 300
    if not octets.strip():
        return "" if accepted else f"HTTP {status}"
    try:
        message = soap.open_answer(octets)
    except SoapFault as fault:
        return f"HTTP {status}, {fault}"
    except EmptyBody:
        return "" if accepted else f"HTTP {status}"
    except UnreadableMessage as error:
        return f"HTTP {status}" + (f", {error.refusal.en}" if accepted else "")
    return f"HTTP {status}" if not accepted else _refusal_of(message)


def _refusal_of(message: Element) -> str:
    """Empty when the message, come with a good status, says nothing against the answer."""
    try:
        reply = read_reply(message)
    except ValueError:
        in_envelope = message.getparent() is not None
        return "" if in_envelope else f"it answered with {local_name(message)}, which is no CIM response"
    if reply.result is not Result.FAILED:
        return ""
    return "it answered FAILED" + "".join(f", {error.code} {error.reason}".rstrip() for error in reply.errors)
