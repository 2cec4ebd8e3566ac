"""The doors on real TLS: who comes with which certificate, token or password, and what the security log says of it.

The peers are independent: zeep for SOAP and WS-Security, httpx for TLS.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import zeep
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from aforo.adapters.gatekeeper import Gatekeeper, SecurityEvent
from aforo.adapters.listening import listen_on
from aforo.adapters.soap_door import DoorSettings, SoapDoor
from aforo.adapters.system_clock import SystemClock
from aforo.app.http_server import HttpServer, Tls
from aforo.cim.client import read_answer
from aforo.domain.callers import Caller, Callers
from edge.soap_situations import StubIntegration
from edge.test_soap_zeep import order
from unit.cim.cim_situations import NOW, changed

PATH = "/soap/EndDeviceControls"
PASSWORD, KEY = "a password of some length", "an-api-key-of-some-length"
XML = {"content-type": "text/xml"}


@dataclass(frozen=True)
class Identity:
    """Files in PEM of a certificate and its key, and the SHA-256 of its DER."""

    certificate: Path
    key: Path
    digest: str


class Authority:
    """Issues certificates for this test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.identity = self.issue("authority")

    def issue(self, name: str) -> Identity:
        is_ca, key = name == "authority", ec.generate_private_key(ec.SECP256R1())
        key = self._key if is_ca else key
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        begun = datetime.now(UTC) - timedelta(days=1)  # noqa: TID251 (TLS compares it with the real time)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begun)
            .not_valid_after(begun + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Identity(*files, sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest())


@dataclass
class Scene:
    authority: Authority
    integration: StubIntegration = field(default_factory=StubIntegration)
    events: list[SecurityEvent] = field(default_factory=list)
    url: str = ""

    def context(self, who: Identity | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.identity.certificate))
        if who is not None:
            context.load_cert_chain(who.certificate, who.key)
        return context

    async def post(self, who: Identity | None = None, content: bytes | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(verify=self.context(who), trust_env=False) as client:
            return await client.post(f"{self.url}{PATH}", content=content or changed(), headers={**XML, **named})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def secured(authority: Authority, *callers: Caller) -> AsyncIterator[Scene]:
    here, server_identity = Scene(authority), authority.issue("server")
    gate = Gatekeeper(
        Callers(callers), operator="the-token-of-the-operator", now=SystemClock().now, note=here.events.append
    )
    door = SoapDoor(here.integration, now=lambda: NOW, settings=DoorSettings(gate=gate))
    tls = Tls(server_identity.certificate, server_identity.key, authority.identity.certificate)
    server = HttpServer(door, listen_on("127.0.0.1", 0), tls)
    await server.start()
    here.url = server.url
    try:
        yield here
    finally:
        await server.stop()


def caller(**changes: Any) -> Caller:
    known = Caller(
        name="cis",
        sources=frozenset({"commercial"}),
        username="cis",
        password=PASSWORD.encode(),
        tokens=frozenset({sha256(KEY.encode()).hexdigest()}),
    )
    return replace(known, **changes)


async def test_a_caller_with_its_certificate_orders_and_another_one_does_not(authority: Authority) -> None:
    known, other = authority.issue("known"), authority.issue("other")
    async with secured(authority, caller(certificates=frozenset({known.digest}))) as here:
        taken, refused = await here.post(known), await here.post(other)

    assert read_answer(taken.content).error.code == "0.3"
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert b"7.2" in refused.content
    assert [(event.kind, event.peer) for event in here.events] == [("not authenticated", "127.0.0.1")]
    assert list(here.integration.orders) == ["OS-1"]


async def test_a_certificate_of_another_authority_does_not_even_come_in(authority: Authority, tmp_path: Path) -> None:
    known = authority.issue("known")
    stranger = Authority(tmp_path).issue("stranger")
    async with secured(authority, caller(certificates=frozenset({known.digest}))) as here:
        with pytest.raises(httpx.HTTPError):
            await here.post(stranger)

    assert here.integration.orders == {}


async def test_a_token_opens_the_door_and_a_wrong_one_does_not(authority: Authority) -> None:
    async with secured(authority, caller()) as here:
        taken = await here.post(authorization=f"Bearer {KEY}")
        refused = await here.post(authorization=f"Bearer {KEY}x")

    assert read_answer(taken.content).error.code == "0.3"
    assert (refused.status_code, b"7.4" in refused.content) == (401, True)


async def test_zeep_orders_with_a_digest_that_serves_once(authority: Authority) -> None:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(authority.identity.certificate)
    sent: list[bytes] = []
    session.hooks["response"] = [lambda response, **_: sent.append(response.request.body)]

    def ordered(url: str) -> Any:
        token = UsernameToken("cis", PASSWORD, use_digest=True)  # type: ignore[no-untyped-call]  # zeep has no types
        transport = Transport(session=session)  # type: ignore[no-untyped-call]
        client = zeep.Client(f"{url}{PATH}?wsdl", wsse=token, transport=transport)  # type: ignore[no-untyped-call]
        return client.service.CreateEndDeviceControls(**order(EndDeviceAction={"command": "2500"})).Reply

    async with secured(authority, caller()) as here:
        reply = await asyncio.to_thread(ordered, here.url)
        again = await here.post(content=sent[-1])

    assert (reply.Result, reply.Error[0].code) == ("OK", "0.3")
    assert (again.status_code, "used before" in again.text or "ya fue usada" in again.text) == (401, True)
    session.close()


async def test_a_caller_that_speaks_for_another_is_refused_and_written_down(authority: Authority) -> None:
    async with secured(authority, caller(sources=frozenset({"CRM"}))) as here:
        answer = read_answer((await here.post(authorization=f"Bearer {KEY}")).content)

    assert (answer.error.code, answer.error.xpath) == ("7.5", "/CreateEndDeviceControls/Header/Source")
    assert [(event.kind, event.caller) for event in here.events] == [("not authorized", "cis")]
    assert here.integration.orders == {}


async def test_a_caller_above_its_rate_is_told_to_wait(authority: Authority) -> None:
    async with secured(authority, caller(requests_per_s=0.001)) as here:
        first = await here.post(authorization=f"Bearer {KEY}")
        second = await here.post(authorization=f"Bearer {KEY}")

    assert first.status_code == 200
    assert (second.status_code, second.headers["retry-after"]) == (429, "1")


async def test_the_language_of_a_caller_goes_before_that_of_its_client(authority: Authority) -> None:
    async with secured(authority, caller(language="en")) as here:
        answer = await here.post(authorization=f"Bearer {KEY}", accept_language="es")

    assert read_answer(answer.content).error.reason == "The order is accepted."


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "DOCTYPE"),
        (b"<x", "well-formed"),
        (b"\x1f\x8b\x08", "well-formed"),
    ],
)
async def test_what_is_no_message_is_written_down(authority: Authority, content: bytes, told: str) -> None:
    async with secured(authority, caller()) as here:
        answer = await here.post(content=content, authorization=f"Bearer {KEY}")

    assert answer.status_code == 500
    (event,) = here.events
    assert (event.kind, told in event.details) == ("unreadable message", True)
