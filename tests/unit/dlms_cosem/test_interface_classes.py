"""Every class is its table: names, types, access, and refusals for all the rest (IEC 62056-6-2)."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import DataAccess, Selection, data
from aforo.dlms.cosem.interface_class import Access, InterfaceObject
from aforo.dlms.server import AccessRefused
from unit.dlms_cosem.cosem_objects import Device

CLASSES = {
    1: (0, ["logical_name", "value"]),
    3: (0, ["logical_name", "value", "scaler_unit"]),
    8: (
        0,
        [
            *("logical_name", "time", "time_zone", "status", "daylight_savings_begin", "daylight_savings_end"),
            *("daylight_savings_deviation", "daylight_savings_enabled", "clock_base"),
        ],
    ),
    15: (
        1,
        [
            *("logical_name", "object_list", "associated_partners_id", "application_context_name"),
            *("xDLMS_context_info", "authentication_mechanism_name", "secret", "association_status"),
            "security_setup_reference",
        ],
    ),
    17: (0, ["logical_name", "sap_assignment_list"]),
    64: (
        1,
        [
            *("logical_name", "security_policy", "security_suite", "client_system_title", "server_system_title"),
            "certificates",
        ],
    ),
    70: (0, ["logical_name", "output_state", "control_state", "control_mode"]),
    71: (
        0,
        [
            *("logical_name", "monitored_value", "threshold_active", "threshold_normal", "threshold_emergency"),
            *("min_over_threshold_duration", "min_under_threshold_duration", "emergency_profile"),
            *("emergency_profile_group_id_list", "emergency_profile_active", "actions"),
        ],
    ),
}
METHODS = {
    1: [],
    71: [],
    3: ["reset"],
    8: [
        *("adjust_to_quarter", "adjust_to_measuring_period", "adjust_to_minute", "adjust_to_preset_time"),
        *("preset_adjusting_time", "shift_time"),
    ],
    15: ["reply_to_HLS_authentication", "change_HLS_secret", "add_object", "remove_object"],
    17: ["connect_logical_device"],
    64: [
        *("security_activate", "key_transfer", "key_agreement", "generate_key_pair", "generate_certificate_request"),
        *("import_certificate", "export_certificate", "remove_certificate"),
    ],
    70: ["remote_disconnect", "remote_reconnect"],
}
WRITABLE = {8: {2}, 71: {4, 5, 6, 7, 8, 9}}
OPEN_METHODS = {8: {6}, 70: {1, 2}}
OBJECTS = Device().objects()
each_object = pytest.mark.parametrize("target", OBJECTS, ids=lambda target: target.table.name)


def refusal(attempt: Callable[..., object], *arguments: object) -> DataAccess:
    with pytest.raises(AccessRefused) as refused:
        attempt(*arguments)
    return refused.value.result


def test_all_classes_are_here() -> None:
    assert {target.class_id for target in OBJECTS} == set(CLASSES)


@each_object
def test_the_table_is_that_of_the_standard(target: InterfaceObject) -> None:
    version, names = CLASSES[target.class_id]

    assert target.version == version
    assert [each.name for each in target.table.attributes] == names
    assert [each.index for each in target.table.attributes] == list(range(1, len(names) + 1))
    assert [each.name for each in target.table.methods] == METHODS[target.class_id]
    assert {each.index for each in target.table.attributes if each.access is Access.READ_WRITE} == WRITABLE.get(
        target.class_id, set()
    )
    assert {each.index for each in target.table.methods if each.is_open} == OPEN_METHODS.get(target.class_id, set())


@each_object
def test_every_readable_attribute_has_the_type_of_the_table(target: InterfaceObject) -> None:
    for each in target.table.attributes:
        if each.access & Access.READ:
            encoded = target.read(each.index, None)
            data.decode(encoded)
            assert each.type in (None, encoded[0]), each.name


@each_object
def test_the_first_attribute_is_the_logical_name(target: InterfaceObject) -> None:
    assert data.decode(target.read(1, None)) == target.logical_name


@each_object
def test_what_the_table_does_not_open_is_refused(target: InterfaceObject) -> None:
    for attribute in target.table.attributes:
        if not attribute.access & Access.READ:
            assert refusal(target.read, attribute.index, None) is DataAccess.READ_WRITE_DENIED
        if not attribute.access & Access.WRITE:
            assert refusal(target.write, attribute.index, data.null()) is DataAccess.READ_WRITE_DENIED
    for method in target.table.methods:
        if not method.is_open:
            assert refusal(target.invoke, method.index, data.i8(0)) is DataAccess.READ_WRITE_DENIED


@each_object
def test_what_the_table_does_not_have_is_undefined(target: InterfaceObject) -> None:
    beyond = len(target.table.attributes) + 1

    assert refusal(target.read, beyond, None) is DataAccess.OBJECT_UNDEFINED
    assert refusal(target.write, beyond, data.null()) is DataAccess.OBJECT_UNDEFINED
    assert refusal(target.invoke, len(target.table.methods) + 1, data.i8(0)) is DataAccess.OBJECT_UNDEFINED


@each_object
def test_another_type_is_unmatched(target: InterfaceObject) -> None:
    for index in WRITABLE.get(target.class_id, set()):
        for sent in (data.boolean(True), b"", b"\xfe", data.u32(1) + b"\x00"):
            assert refusal(target.write, index, sent) is DataAccess.TYPE_UNMATCHED
    for index in OPEN_METHODS.get(target.class_id, set()):
        assert refusal(target.invoke, index, data.u32(0)) is DataAccess.TYPE_UNMATCHED
        assert refusal(target.invoke, index, b"") is DataAccess.TYPE_UNMATCHED
        assert refusal(target.invoke, index, None) is DataAccess.TYPE_UNMATCHED


@each_object
def test_selective_access_is_refused_where_a_class_has_none(target: InterfaceObject) -> None:
    assert refusal(target.read, 1, Selection(1, data.null())) is DataAccess.SCOPE_OF_ACCESS_VIOLATED


@given(index=st.integers(1, 12), sent=st.binary(max_size=40))
def test_whatever_octets_are_written_an_object_can_still_be_read(index: int, sent: bytes) -> None:
    """They are taken or refused; nothing else comes out."""
    for target in Device().objects():
        for attempt in (target.write, target.invoke):
            with suppress(AccessRefused):
                attempt(index, sent)
        for each in target.table.attributes:
            if each.access & Access.READ:
                data.decode(target.read(each.index, None))
