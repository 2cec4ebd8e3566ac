"""The server finds the object that a request names, and says what is wrong when there is none."""

from aforo.dlms import (
    ActionRequest,
    ActionResponse,
    DataAccess,
    GetRequest,
    GetResponse,
    Selection,
    SetRequest,
    SetResponse,
    data,
)
from aforo.dlms.obis import obis
from aforo.dlms.server import Server
from unit.dlms_cosem.cosem_objects import Device

LIMITER, SWITCH, NOBODY = obis("0-0:17.0.0.255"), obis("0-0:96.3.10.255"), obis("0-0:99.0.0.255")


def test_each_service_reaches_its_object() -> None:
    device = Device()
    server = Server(device.objects())

    assert server.answer(GetRequest(71, LIMITER, 4)) == GetResponse(DataAccess.SUCCESS, data.u32(330))
    assert server.answer(SetRequest(71, LIMITER, 4, data.u32(250))) == SetResponse(DataAccess.SUCCESS)
    assert server.answer(ActionRequest(70, SWITCH, 1, data.i8(0))) == ActionResponse(DataAccess.SUCCESS)
    assert device.limiter.threshold_normal == 250
    assert device.breaker.name == "DISCONNECTED"


def test_a_name_that_nobody_has_is_undefined_in_every_service() -> None:
    server = Server(Device().objects())

    assert server.answer(GetRequest(71, NOBODY, 4)) == GetResponse(DataAccess.OBJECT_UNDEFINED)
    assert server.answer(SetRequest(71, NOBODY, 4, data.u32(1))) == SetResponse(DataAccess.OBJECT_UNDEFINED)
    assert server.answer(ActionRequest(70, NOBODY, 1)) == ActionResponse(DataAccess.OBJECT_UNDEFINED)


def test_a_name_of_another_class_is_inconsistent() -> None:
    server = Server(Device().objects())

    assert server.answer(GetRequest(3, LIMITER, 2)) == GetResponse(DataAccess.OBJECT_CLASS_INCONSISTENT)


def test_a_refusal_of_the_object_is_the_answer() -> None:
    server = Server(Device().objects())

    assert server.answer(GetRequest(71, LIMITER, 12)) == GetResponse(DataAccess.OBJECT_UNDEFINED)
    assert server.answer(SetRequest(71, LIMITER, 3, data.u32(1))) == SetResponse(DataAccess.READ_WRITE_DENIED)
    assert server.answer(ActionRequest(70, SWITCH, 1, data.u8(0))) == ActionResponse(DataAccess.TYPE_UNMATCHED)


def test_a_selective_write_is_refused() -> None:
    server = Server(Device().objects())
    request = SetRequest(71, LIMITER, 4, data.u32(1), Selection(1, data.null()))

    assert server.answer(request) == SetResponse(DataAccess.SCOPE_OF_ACCESS_VIOLATED)


def test_a_client_that_only_reads_changes_nothing() -> None:
    device = Device()
    server = Server(device.objects(), read_only=True)

    assert server.answer(SetRequest(71, LIMITER, 4, data.u32(1))) == SetResponse(DataAccess.READ_WRITE_DENIED)
    assert server.answer(ActionRequest(70, SWITCH, 1, data.i8(0))) == ActionResponse(DataAccess.READ_WRITE_DENIED)
    assert server.answer(GetRequest(71, LIMITER, 4)) == GetResponse(DataAccess.SUCCESS, data.u32(330))
    assert device.breaker.name == "CONNECTED"


def test_what_does_not_fit_the_clients_apdu_is_not_sent() -> None:
    server = Server(Device().objects(), reply_octets=5)

    assert server.answer(GetRequest(71, LIMITER, 4)) == GetResponse(DataAccess.SUCCESS, data.u32(330))
    assert server.answer(GetRequest(71, LIMITER, 2)) == GetResponse(DataAccess.DATA_BLOCK_UNAVAILABLE)


class Talkative:
    """Its method returns more than asked for, and counts how often it ran."""

    class_id, version, logical_name = 8200, 0, NOBODY
    runs = 0

    def read(self, attribute: int, selection: Selection | None) -> bytes:
        return data.null()

    def write(self, attribute: int, data: bytes) -> None: ...

    def invoke(self, method: int, parameter: bytes | None) -> bytes:
        self.runs += 1
        return data.octets(bytes(100))


def test_a_method_that_ran_is_no_failure_because_it_returned_too_much() -> None:
    talkative = Talkative()

    answer = Server([talkative], reply_octets=50).answer(ActionRequest(8200, NOBODY, 1))

    assert answer == ActionResponse(DataAccess.SUCCESS)
    assert talkative.runs == 1


def test_an_object_without_a_table_is_served_like_any_other() -> None:
    server = Server([Talkative()])

    assert server.answer(GetRequest(8200, NOBODY, 2)) == GetResponse(DataAccess.SUCCESS, data.null())
    assert server.answer(ActionRequest(8200, NOBODY, 1)) == ActionResponse(DataAccess.SUCCESS, data.octets(bytes(100)))
