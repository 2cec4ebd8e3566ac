"""No service is used that was not negotiated; selective access is one of its own, wherever it stands in a request."""

from typing import Any

import pytest

from aforo.dlms import ActionRequest, Conformance, GetRequest, LocalProtocolError, Selection, SetRequest, data
from aforo.dlms.events import AccessRequest, GetListRequest, SetListRequest
from aforo.dlms.long_octets import BlockSource
from aforo.dlms.offered_services import NotOffered, check_offered

SELECTED = Selection(2, data.null())
GET, SET = GetRequest(7, bytes(6), 2), SetRequest(7, bytes(6), 2, data.null())
GET_SELECTED, SET_SELECTED = GetRequest(7, bytes(6), 2, SELECTED), SetRequest(7, bytes(6), 2, data.null(), SELECTED)
ALL_BUT_SELECTION = ~Conformance.SELECTIVE_ACCESS & Conformance(0xFF_FFFF)


@pytest.mark.parametrize(
    "request_",
    [
        GET_SELECTED,
        SET_SELECTED,
        GetListRequest((GET, GET_SELECTED)),
        SetListRequest((SET, SET_SELECTED)),
        AccessRequest((GET, SET, GET_SELECTED)),
    ],
)
def test_a_selection_anywhere_needs_selective_access(request_: Any) -> None:
    with pytest.raises(NotOffered) as refused:
        check_offered(request_, ALL_BUT_SELECTION)
    assert refused.value.missing == Conformance.SELECTIVE_ACCESS
    check_offered(request_, Conformance(0xFF_FFFF))


@pytest.mark.parametrize(
    "request_", [GET, SET, GetListRequest((GET,)), AccessRequest((GET, ActionRequest(70, bytes(6), 1)))]
)
def test_without_a_selection_it_is_not_needed(request_: Any) -> None:
    check_offered(request_, ALL_BUT_SELECTION)


def test_a_list_needs_its_service_and_multiple_references() -> None:
    with pytest.raises(NotOffered) as refused:
        check_offered(GetListRequest((GET,)), Conformance.GET)
    assert refused.value.missing == Conformance.MULTIPLE_REFERENCES


def test_a_block_without_room_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        BlockSource(b"long").next_block(0)
