"""Requests of several objects in one: each item has its own answer, in its place; and what a client reads of them."""

import pytest

from aforo.dlms import ActionRequest, ActionResponse, DataAccess, GetRequest, GetResponse, SetRequest, SetResponse, data
from aforo.dlms.cosem.association_ln import read_object_list
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.events import (
    AccessRequest,
    AccessResponse,
    ActionListRequest,
    ActionListResponse,
    AssociationEstablished,
    Conformance,
    GetListRequest,
    GetListResponse,
    SetListRequest,
    SetListResponse,
)
from aforo.dlms.obis import obis
from aforo.dlms.server import Server, reply_octets
from unit.dlms_cosem.cosem_objects import Device

LIMITER, SWITCH, NOBODY = obis("0-0:17.0.0.255"), obis("0-0:96.3.10.255"), obis("0-0:99.0.0.255")
GET, LOST = GetRequest(71, LIMITER, 4), GetRequest(71, NOBODY, 4)
SET, DENIED = SetRequest(71, LIMITER, 4, data.u32(250)), SetRequest(71, LIMITER, 3, data.u32(1))
OPEN, UNKNOWN = ActionRequest(70, SWITCH, 1, data.i8(0)), ActionRequest(70, NOBODY, 1)
OTHER = DataAccess.OTHER_REASON


def test_lists_are_answered_item_by_item() -> None:
    device = Device()
    server = Server(device.objects())

    assert server.answer(GetListRequest((GET, LOST))) == GetListResponse(
        (GetResponse(DataAccess.SUCCESS, data.u32(330)), GetResponse(DataAccess.OBJECT_UNDEFINED))
    )
    assert server.answer(SetListRequest((DENIED, SET))) == SetListResponse(
        (SetResponse(DataAccess.READ_WRITE_DENIED), SetResponse(DataAccess.SUCCESS))
    )
    assert server.answer(ActionListRequest((UNKNOWN, OPEN))) == ActionListResponse(
        (ActionResponse(DataAccess.OBJECT_UNDEFINED), ActionResponse(DataAccess.SUCCESS))
    )
    assert (device.limiter.threshold_normal, device.breaker.name) == (250, "DISCONNECTED")


def test_an_access_carries_out_every_item_in_its_order() -> None:
    device = Device()

    answer = Server(device.objects()).answer(AccessRequest((GET, SET, GET, LOST, OPEN)))

    assert answer == AccessResponse(
        (
            GetResponse(DataAccess.SUCCESS, data.u32(330)),
            SetResponse(DataAccess.SUCCESS),
            GetResponse(DataAccess.SUCCESS, data.u32(250)),
            GetResponse(DataAccess.OBJECT_UNDEFINED),
            ActionResponse(DataAccess.SUCCESS),
        )
    )
    assert device.breaker.name == "DISCONNECTED"


def test_an_access_that_breaks_on_error_does_nothing_behind_it() -> None:
    device = Device()

    answer = Server(device.objects()).answer(AccessRequest((GET, DENIED, SET, OPEN, GET), breaks_on_error=True))

    assert isinstance(answer, AccessResponse)
    assert answer.items[1:] == (
        SetResponse(DataAccess.READ_WRITE_DENIED), SetResponse(OTHER), ActionResponse(OTHER), GetResponse(OTHER),
    )  # fmt: skip
    assert (device.limiter.threshold_normal, device.breaker.name) == (330, "CONNECTED")


@pytest.mark.parametrize(
    ("offered", "max_pdu", "octets"),
    [
        (Conformance.GET, 200, 136),
        (Conformance.GET, 40, 0),
        (Conformance.GET, 0, None),
        (Conformance.GET | Conformance.BLOCK_GET | Conformance.BLOCK_ACTION, 200, None),
        (Conformance.GET | Conformance.GENERAL_BLOCK_TRANSFER, 200, None),
    ],
)
def test_an_answer_is_bounded_only_where_it_cannot_go_in_blocks(
    offered: Conformance, max_pdu: int, octets: int | None
) -> None:
    assert reply_octets(AssociationEstablished(offered, max_pdu, None)) == octets


def test_a_client_reads_the_list_of_objects_and_what_it_may_do_with_them() -> None:
    encoded = Server(Device().objects()).answer(GetRequest(15, obis("0-0:40.0.0.255"), 2))
    assert isinstance(encoded, GetResponse)
    assert encoded.data is not None

    listed = {each.obis: each for each in read_object_list(encoded.data)}

    limiter, switch = listed[LIMITER], listed[SWITCH]
    assert (limiter.class_id, limiter.version, limiter.attributes[3], limiter.attributes[4]) == (71, 0, 1, 3)
    assert switch.methods[1] > 0


@pytest.mark.parametrize(
    "wrong",
    [
        data.array(data.u8(1)),
        data.array(data.structure(data.u16(71), data.u8(0), data.octets(b"short"), data.structure())),
        data.array(
            data.structure(
                data.u16(71), data.u8(0), data.octets(LIMITER), data.structure(data.array(data.u8(1)), data.array())
            )
        ),
        data.u8(1),
    ],
)
def test_a_list_of_objects_that_is_none_is_refused(wrong: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_object_list(wrong)
