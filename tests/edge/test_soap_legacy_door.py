"""Answers to the commercial system: where they may go, and what counts as their acknowledgement."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send

from aforo.adapters import legacy_door
from aforo.adapters.legacy_door import ANSWER_OCTETS_MAX, HttpLegacyDoor, ReplyAddresses
from aforo.cim import client, soap
from aforo.cim.control_response import refused, response_envelope
from aforo.cim.message import Header
from aforo.cim.namespaces import SOAP12
from aforo.cim.refusal import Refusal
from edge.soap_situations import bound_socket, serving
from unit.cim.cim_situations import NOW

HEADER = Header(verb="reply", noun="EndDeviceControls", source="aforo", message_id="1")
REFUSAL = Refusal(code="2.15", es="Ya existe.", en="It exists already.")
ACKNOWLEDGEMENT = client.acknowledgement_envelope(HEADER, source="commercial", now=NOW)
FAILED = response_envelope(refused(REFUSAL, HEADER, language="en", now=NOW))
FAULT = soap.fault(soap.Blame.SERVER, REFUSAL, language="en")
EMPTY = b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body/></s:Envelope>"


@asynccontextmanager
async def legacy(
    status: int, *parts: bytes | asyncio.Event, headers: Sequence[tuple[bytes, bytes]] = ()
) -> AsyncIterator[tuple[str, list[str]]]:
    """A commercial system that answers so, part by part, waiting where there is an event. Its address, and the paths
    that it was asked for.
    """
    asked: list[str] = []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for part in parts:
            if isinstance(part, asyncio.Event):
                await part.wait()
            else:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with serving(answer) as address:
        yield f"{address}/replies", asked


async def why_not(status: int, content: bytes) -> str:
    async with legacy(status, content) as (address, _), HttpLegacyDoor(ReplyAddresses()) as door:
        return await door.post(address, b"<answer/>")


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b""),
        (202, b" \n"),
        (204, b""),
        (200, ACKNOWLEDGEMENT),
        (200, EMPTY),
        (200, EMPTY.replace(b"<s:Body/>", b"<s:Body><publishResponse xmlns='urn:x'/></s:Body>")),
    ],
)
async def test_a_good_status_with_nothing_against_it_is_an_acknowledgement(status: int, content: bytes) -> None:
    assert await why_not(status, content) == ""


@pytest.mark.parametrize(
    ("status", "content", "why"),
    [
        (200, FAULT, "HTTP 200, SOAP fault Server: It exists already."),
        (500, FAULT, "HTTP 500, SOAP fault Server: It exists already."),
        (200, soap.fault(soap.Blame.SERVER, REFUSAL, language="en", version=SOAP12),
         "HTTP 200, SOAP fault Receiver: It exists already."),
        (200, FAILED, "it answered FAILED, 2.15 It exists already."),
        (200, b"<html/>", "it answered with html, which is no CIM response"),
        (200, b"OK", "HTTP 200, The message is not well-formed XML."),
        (200, b"<!DOCTYPE x><x/>", "HTTP 200, A DOCTYPE (DTD) is not accepted in a message."),
        (302, b"", "HTTP 302"),
        (503, EMPTY, "HTTP 503"),
        (200, b"x" * (ANSWER_OCTETS_MAX + 1), "its answer is larger than 65536 octets"),
    ],
)  # fmt: skip
async def test_anything_else_is_none_and_says_why(status: int, content: bytes, why: str) -> None:
    assert await why_not(status, content) == why


async def test_a_redirect_is_not_followed() -> None:
    elsewhere = [(b"location", b"/elsewhere")]
    async with legacy(307, headers=elsewhere) as (address, asked), HttpLegacyDoor(ReplyAddresses()) as door:
        assert "HTTP 307" in await door.post(address, b"<answer/>")

    assert asked == ["/replies"]


async def test_an_address_that_is_not_allowed_is_not_connected_to() -> None:
    async with legacy(200) as (address, asked), HttpLegacyDoor(lambda _: False) as door:
        assert await door.post(address, b"") == "answers may not be sent to this address"

    assert asked == []


async def test_an_answer_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy_door, "EXCHANGE_WAIT_S_MAX", 0.05)
    go_on = asyncio.Event()

    async with legacy(200, b"<", go_on) as (address, _), HttpLegacyDoor(ReplyAddresses()) as door:
        assert "no complete answer" in await door.post(address, b"<answer/>")
        go_on.set()


async def test_a_peer_that_is_away_is_told_in_a_sentence() -> None:
    with bound_socket() as nobody_listens:
        port = nobody_listens.getsockname()[1]
        async with HttpLegacyDoor(ReplyAddresses()) as door:
            why = await door.post(f"http://127.0.0.1:{port}/replies", b"<answer/>")

    assert why.startswith("ClientConnectorError: Cannot connect to host 127.0.0.1")


async def test_an_answer_goes_over_a_real_connection_as_soap_1_1() -> None:
    seen: dict[str, bytes] = {}

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update({name.decode(): value for name, value in scope["headers"]})
        seen["body"] = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": ACKNOWLEDGEMENT})

    async with serving(noting) as address, HttpLegacyDoor(ReplyAddresses()) as door:
        assert await door.post(f"{address}/replies", b"<answer/>") == ""

    assert seen["body"] == b"<answer/>"
    assert (seen["content-type"], seen["soapaction"]) == (b"text/xml; charset=utf-8", b'""')


CONFIGURED = ReplyAddresses(["https://commercial.example/replies", "http://sap.example:8000"])


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8099/replies",
        "http://localhost/x",
        "http://[::1]:9/x",
        "https://commercial.example/replies",
        "https://commercial.example:443/replies/a?b=c",
        "https://COMMERCIAL.example/replies/",
        "http://sap.example:8000/anything",
    ],
)
def test_answers_may_go_to_loopback_and_to_what_is_configured(address: str) -> None:
    assert CONFIGURED(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mailto:x@commercial.example",
        "file:///etc/hostname",
        "ftp://127.0.0.1/x",
        "//127.0.0.1/x",
        "http://commercial.example/replies",
        "https://commercial.example:8443/replies",
        "https://commercial.example/repliesx",
        "https://commercial.example/replies/../admin",
        "https://commercial.example/replies/%2e%2e/admin",
        "https://commercial.example.evil.example/replies",
        "https://commercial.example@evil.example/replies",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1\\@evil.example/",
        "http://user:secret@127.0.0.1/x",
        "http://127.0.0.1.evil.example/",
        "http://169.254.169.254/latest",
        "http://[fd00::1]/x",
        "http://0x7f.1/x",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1/\nx",
        "http://sap.example/",
    ],
)
def test_answers_may_go_nowhere_else(address: str) -> None:
    assert not CONFIGURED(address)


def test_a_configured_address_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="no HTTP address"):
        ReplyAddresses(["commercial.example/replies"])
