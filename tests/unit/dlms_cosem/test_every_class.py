"""Every interface class: its table, an object that keeps to it, and the client's requests that are made from it."""

from typing import Any

import pytest

from aforo.dlms import DataAccess, GetResponse, LocalProtocolError, RemoteProtocolError, Selection, SetResponse, data
from aforo.dlms.cosem.activity_calendar import ACTIVITY_CALENDAR, ActivityCalendar
from aforo.dlms.cosem.arbitrator import ARBITRATOR, Arbitrator
from aforo.dlms.cosem.classes import CLASSES
from aforo.dlms.cosem.compact_data import COMPACT_DATA, CompactData
from aforo.dlms.cosem.demand_register import DEMAND_REGISTER, DemandRegister
from aforo.dlms.cosem.disconnect_control import DISCONNECT_CONTROL
from aforo.dlms.cosem.extended_register import EXTENDED_REGISTER, ExtendedRegister
from aforo.dlms.cosem.hdlc_setup import HDLC_SETUP, HdlcSetup
from aforo.dlms.cosem.interface_class import Access, InterfaceClass, StoredObject
from aforo.dlms.cosem.limiter import LIMITER, EmergencyProfile, read_emergency_profile, read_monitored_value
from aforo.dlms.cosem.push_setup import PUSH_SETUP, PushSetup
from aforo.dlms.cosem.register import WATT, ScalerUnit, WritableRegister, read_scaler_unit
from aforo.dlms.cosem.register_activation import REGISTER_ACTIVATION, RegisterActivation
from aforo.dlms.cosem.register_monitor import REGISTER_MONITOR, RegisterMonitor
from aforo.dlms.cosem.schedule import SCHEDULE, Schedule
from aforo.dlms.cosem.script_table import SCRIPT_TABLE, ScriptTable
from aforo.dlms.cosem.single_action_schedule import SINGLE_ACTION_SCHEDULE, SingleActionSchedule
from aforo.dlms.cosem.special_days_table import SPECIAL_DAYS_TABLE, SpecialDaysTable
from aforo.dlms.cosem.status_mapping import STATUS_MAPPING, Meaning, StatusMapping, read_mapping_table
from aforo.dlms.cosem.tcp_udp_setup import TCP_UDP_SETUP, TcpUdpSetup
from aforo.dlms.obis import obis
from aforo.dlms.server import AccessRefused, Server

NAME = obis("0-0:1.2.3.255")
STORED: list[tuple[InterfaceClass, type[StoredObject]]] = [
    (ACTIVITY_CALENDAR, ActivityCalendar),
    (ARBITRATOR, Arbitrator),
    (COMPACT_DATA, CompactData),
    (DEMAND_REGISTER, DemandRegister),
    (EXTENDED_REGISTER, ExtendedRegister),
    (HDLC_SETUP, HdlcSetup),
    (PUSH_SETUP, PushSetup),
    (REGISTER_ACTIVATION, RegisterActivation),
    (REGISTER_MONITOR, RegisterMonitor),
    (SCHEDULE, Schedule),
    (SCRIPT_TABLE, ScriptTable),
    (SINGLE_ACTION_SCHEDULE, SingleActionSchedule),
    (SPECIAL_DAYS_TABLE, SpecialDaysTable),
    (STATUS_MAPPING, StatusMapping),
    (TCP_UDP_SETUP, TcpUdpSetup),
]
SAMPLES = {
    None: data.u32(7),
    data.ARRAY: data.array(),
    data.STRUCTURE: data.structure(data.u8(1)),
    data.BOOLEAN: data.boolean(True),
    data.OCTET_STRING: data.octets(b"x"),
    data.ENUM: data.enum(1),
    data.INTEGER: data.i8(1),
    data.LONG: data.i16(1),
    data.UNSIGNED: data.u8(1),
    data.LONG_UNSIGNED: data.u16(1),
    data.DOUBLE_LONG_UNSIGNED: data.u32(1),
}
WRONG = data.text("of no type that a table names")


def values_of(table: InterfaceClass) -> dict[int, bytes]:
    return {each.index: SAMPLES[each.type] for each in table.attributes[1:]}


@pytest.mark.parametrize("table", CLASSES.values(), ids=lambda table: table.name)
def test_attributes_and_methods_are_numbered_as_in_the_standard(table: InterfaceClass) -> None:
    assert [each.index for each in table.attributes] == list(range(1, len(table.attributes) + 1))
    assert [each.index for each in table.methods] == list(range(1, len(table.methods) + 1))
    assert table.attributes[0].name == "logical_name"
    names = [each.name for each in table.attributes]
    assert len(set(names)) == len(names)


def test_all_classes_that_a_head_end_meets_are_known() -> None:
    assert set(CLASSES) == {1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 17, 18, 20, 21, 22, 23, 40, 41, 62, 63, 64, 68, 70, 71}


@pytest.mark.parametrize(("table", "kind"), STORED, ids=lambda one: getattr(one, "name", None))
def test_an_object_answers_each_attribute_with_its_type_and_takes_what_may_be_written(
    table: InterfaceClass, kind: type[StoredObject]
) -> None:
    server = Server([kind(NAME, values_of(table))])
    for each in table.attributes:
        read = server.answer(table.get(each.name, NAME))
        assert isinstance(read, GetResponse)
        assert read.data is not None
        assert table.decode(each.name, read.data) == data.decode(read.data)
        written = server.answer(table.set(each.name, NAME, read.data))
        is_open = bool(each.access & Access.WRITE)
        assert written == SetResponse(DataAccess.SUCCESS if is_open else DataAccess.READ_WRITE_DENIED)
        if is_open and each.type is not None:
            with pytest.raises(LocalProtocolError):
                table.set(each.name, NAME, WRONG)
            with pytest.raises(RemoteProtocolError):
                table.decode(each.name, WRONG)


@pytest.mark.parametrize(("table", "kind"), STORED, ids=lambda one: getattr(one, "name", None))
def test_open_methods_are_carried_out_and_told_and_the_others_refused(
    table: InterfaceClass, kind: type[StoredObject]
) -> None:
    told: list[tuple[int, Any]] = []
    server = Server([kind(NAME, values_of(table), lambda method, parameter: told.append((method, parameter)))])
    for each in table.methods:
        encoded = SAMPLES[each.parameter]
        answer = server.answer(table.action(each.name, NAME, encoded))
        if each.is_open:
            assert told.pop() == (each.index, data.decode(encoded))
        assert answer.result is (DataAccess.SUCCESS if each.is_open else DataAccess.READ_WRITE_DENIED)  # type: ignore[union-attr]
    assert told == []


def test_a_value_of_another_type_than_the_object_has_settled_is_refused() -> None:
    register = WritableRegister(
        NAME, lambda: data.u32(5), ScalerUnit(0, WATT), store=lambda _: pytest.fail("stored"), highest=100
    )
    for wrong in (data.u16(5), data.text("5"), data.structure()):
        with pytest.raises(AccessRefused) as refused:
            register.write(2, wrong)
        assert refused.value.result is DataAccess.TYPE_UNMATCHED
    with pytest.raises(AccessRefused) as refused:
        register.write(2, data.u32(101))
    assert refused.value.result is DataAccess.OTHER_REASON


def test_a_writable_register_keeps_what_it_takes() -> None:
    kept = [5]
    register = WritableRegister(
        NAME,
        lambda: data.u32(kept[0]),
        ScalerUnit(1, WATT),
        store=lambda value: kept.__setitem__(0, value),
        highest=100,
    )
    register.write(2, data.u32(100))
    assert register.read(2, None) == data.u32(100)
    assert read_scaler_unit(register.read(3, None)) == ScalerUnit(1, WATT)
    with pytest.raises(AccessRefused):
        register.write(3, data.structure(data.i8(0), data.enum(27)))


def test_the_passive_calendar_takes_the_place_of_the_active_one() -> None:
    values = values_of(ACTIVITY_CALENDAR)
    values[6] = data.octets(b"summer")
    calendar = ActivityCalendar(NAME, values)
    calendar.invoke(1, data.i8(0))
    assert calendar.read(2, None) == data.octets(b"summer")


def test_requests_are_made_by_name_and_names_that_there_are_not_are_refused() -> None:
    assert LIMITER.get("threshold_normal", NAME).attribute == 4
    assert LIMITER.set("threshold_normal", NAME, data.u32(1)).data == data.u32(1)
    assert DISCONNECT_CONTROL.action("remote_reconnect", NAME, data.i8(0)).method == 2
    for wrong in (
        lambda: LIMITER.get("threshold", NAME),
        lambda: LIMITER.get("threshold_normal", NAME, Selection(1, data.u8(1))),
        lambda: DISCONNECT_CONTROL.action("reconnect", NAME, data.i8(0)),
        lambda: DISCONNECT_CONTROL.action("remote_reconnect", NAME, data.u8(0)),
    ):
        with pytest.raises(LocalProtocolError):
            wrong()


def test_structured_attributes_are_read_as_what_they_mean() -> None:
    monitored = read_monitored_value(data.structure(data.u16(3), data.octets(NAME), data.i8(2)))
    assert (monitored.class_id, monitored.obis, monitored.attribute) == (3, NAME, 2)
    profile = EmergencyProfile(7, bytes(12), 60)
    assert read_emergency_profile(profile.encoded()) == profile
    status = read_mapping_table(data.structure(data.u8(3), data.array(data.u8(10), data.u8(20))))
    assert status == Meaning(3, (10, 20))
    assert status.of(data.BitString("01")) == (20,)
    assert read_mapping_table(data.structure(data.u8(3), data.u16(100))).of(data.BitString("101")) == (100, 102)


@pytest.mark.parametrize("read", [read_monitored_value, read_emergency_profile, read_mapping_table, read_scaler_unit])
@pytest.mark.parametrize("wrong", ["00", "0200", "02021100", "0203110009001100", "06"])
def test_what_is_not_of_that_shape_is_refused(read: Any, wrong: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read(bytes.fromhex(wrong))
