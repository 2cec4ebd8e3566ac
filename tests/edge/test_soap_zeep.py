"""An independent SOAP client finds its way by our WSDL alone, and drives the door with it over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import requests
import zeep
from zeep.transports import Transport

from aforo.cim import schemas
from aforo.domain.order import Priority
from edge.soap_situations import StubIntegration, door, serving

PATH = "/soap/EndDeviceControls"


@pytest.fixture
def integration() -> StubIntegration:
    return StubIntegration()


@pytest.fixture
async def peer(integration: StubIntegration) -> AsyncIterator[zeep.Client]:
    session = requests.Session()
    session.trust_env = False
    async with serving(door(integration)) as address:
        transport = Transport(session=session)  # type: ignore[no-untyped-call]  # zeep has no types
        yield await asyncio.to_thread(zeep.Client, f"{address}{PATH}?wsdl", transport=transport)
        session.close()


def order(**control: Any) -> dict[str, Any]:
    """The arguments of CreateEndDeviceControls."""
    header = {"Verb": "create", "Noun": "EndDeviceControls", "Source": "commercial", "MessageID": "1001"}
    content = {
        "issuerTrackingID": "OS-1",
        "EndDeviceControlType": {"ref": "3.15.139.13"},
        "EndDevices": [{"Names": [{"name": "M-1"}]}],
        **control,
    }
    return {
        "Header": header,
        "Request": {"Option": [{"name": "priority", "value": "high"}]},
        "Payload": {"EndDeviceControls": [{"EndDeviceControl": [content]}]},
    }


@pytest.mark.parametrize("path", schemas.SERVICES)
async def test_every_wsdl_is_read_by_a_peer_with_all_its_operations(path: str) -> None:
    session = requests.Session()
    session.trust_env = False
    async with serving(door()) as address:
        transport = Transport(session=session)  # type: ignore[no-untyped-call]  # zeep has no types
        client = await asyncio.to_thread(zeep.Client, f"{address}/soap/{path}?wsdl", transport=transport)
    session.close()

    assert set(client.service._operations) == set(schemas.SERVICES[path].requests)
    assert client.service._binding_options["address"].endswith(f"/soap/{path}")


async def test_the_wsdl_offers_every_operation(peer: zeep.Client) -> None:
    operations = peer.service._operations

    assert set(operations) == {f"{verb}EndDeviceControls" for verb in ("Create", "Change", "Cancel", "Get")}


@pytest.mark.parametrize(
    "control",
    [
        {"PowerLimit": {"value": "2.5", "multiplier": "k", "unit": "W"}},
        {"EndDeviceAction": {"command": "2500"}},
    ],
)
async def test_an_order_is_created_and_asked_about(
    peer: zeep.Client, integration: StubIntegration, control: dict[str, Any]
) -> None:
    reply = (await asyncio.to_thread(peer.service.CreateEndDeviceControls, **order(**control))).Reply

    assert (reply.Result, reply.Error[0].code, reply.ID[0]["_value_1"]) == ("OK", "0.3", "OS-1")
    received = integration.orders["OS-1"].request
    assert (received.limit and received.limit.watts, received.priority) == (2500, Priority.HIGH)

    header = {"Verb": "get", "Noun": "EndDeviceControls", "Source": "commercial", "MessageID": "1002"}
    question = {"Header": header, "Request": {"ID": [{"_value_1": "OS-1", "idType": "issuerTrackingID"}]}}
    standing = await asyncio.to_thread(peer.service.GetEndDeviceControls, **question)
    assert standing.Reply.Error[0].code == "0.3"
    assert standing.Payload.EndDeviceControls[0].EndDeviceControl[0].PowerLimit.value == "2500"


async def test_a_refusal_reaches_the_peer_as_a_reply(peer: zeep.Client) -> None:
    control = {"EndDeviceControlType": {"ref": "3.31.48.13"}, "EndDeviceAction": {"command": "2500"}}
    reply = (await asyncio.to_thread(peer.service.CreateEndDeviceControls, **order(**control))).Reply

    assert (reply.Result, reply.Error[0].code) == ("FAILED", "5.2")
    assert reply.Error[0].xpath.endswith("/EndDeviceControlType/@ref")


async def test_our_own_failure_reaches_the_peer_as_a_fault(peer: zeep.Client, integration: StubIntegration) -> None:
    integration.breaks = RuntimeError("away")

    with pytest.raises(zeep.exceptions.Fault) as fault:
        await asyncio.to_thread(peer.service.CreateEndDeviceControls, **order(EndDeviceAction={"command": "2500"}))

    assert fault.value.code == "soap:Server"
