"""Class 15: a client is told what it may see, by which name, and never a secret. Class 8: the clock can be set."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from aforo.dlms import Mechanism, data, dates
from aforo.dlms.cosem.association_ln import AssociationLn
from aforo.dlms.cosem.clock import Clock
from aforo.dlms.obis import obis
from aforo.dlms.server import AccessRefused
from unit.dlms_cosem.cosem_objects import FACTS, NOON, Device

CURRENT = obis("0-0:40.0.0.255")
READ, READ_WRITE, NOTHING = 1, 3, 0


def rights(association: AssociationLn, class_id: int) -> tuple[dict[int, int], dict[int, int]]:
    """Access by attribute and by method, out of the object_list."""
    listed: Any = data.decode(association.read(2, None))
    [(attributes, methods)] = [entry[3] for entry in listed if entry[0] == class_id]
    return {each[0]: each[1] for each in attributes}, {each[0]: each[1] for each in methods}


def test_the_object_list_holds_every_object_with_its_rights() -> None:
    *others, association = Device().objects()
    assert isinstance(association, AssociationLn)

    listed: Any = data.decode(association.read(2, None))

    assert [entry[:3] for entry in listed] == [
        (each.class_id, each.version, each.logical_name) for each in [*others, association]
    ]
    assert rights(association, 71) == (
        {**dict.fromkeys(range(1, 12), READ), **dict.fromkeys(range(4, 10), READ_WRITE)},
        {},
    )
    assert rights(association, 70)[1] == {1: 1, 2: 1}
    assert rights(association, 15)[0][7] == NOTHING


def test_to_a_client_that_only_reads_nothing_is_listed_as_writable() -> None:
    *others, _ = Device().objects()
    association = AssociationLn(CURRENT, FACTS, others, read_only=True)

    assert rights(association, 71)[0] == dict.fromkeys(range(1, 12), READ)
    assert rights(association, 70)[1] == {1: 0, 2: 0}


@pytest.mark.parametrize(
    ("mechanism", "security_setup", "context", "mechanism_name"),
    [
        (Mechanism.HLS_GMAC, obis("0-0:43.0.0.255"), "60857405080103", "60857405080205"),
        (Mechanism.NONE, b"", "60857405080101", "60857405080200"),
    ],
)
def test_the_names_are_those_of_the_running_association(
    mechanism: Mechanism, security_setup: bytes, context: str, mechanism_name: str
) -> None:
    """2.16.756.5.8.1.n and 2.16.756.5.8.2.n, as octets of an object identifier."""
    facts = replace(FACTS, mechanism=mechanism, security_setup=security_setup)
    association = AssociationLn(CURRENT, facts, [])

    assert data.decode(association.read(4, None)) == bytes.fromhex(context)
    assert data.decode(association.read(6, None)) == bytes.fromhex(mechanism_name)
    assert data.decode(association.read(9, None)) == security_setup


def test_the_context_tells_what_was_negotiated_and_no_dedicated_key() -> None:
    """GET, SET and ACTION are bits 19, 20 and 23."""
    told = data.decode(AssociationLn(CURRENT, FACTS, []).read(5, None))

    assert told == (data.BitString("0" * 19 + "11001"), 1024, 512, 6, 0, b"")


def test_the_secret_is_never_told() -> None:
    with pytest.raises(AccessRefused, match="READ_WRITE_DENIED"):
        AssociationLn(CURRENT, FACTS, []).read(7, None)


def a_clock(device: Device) -> Clock:
    return Clock(obis("0-0:1.0.0.255"), time=lambda: device.time, adjust=device.adjust)


def test_a_clock_takes_the_time_that_is_written() -> None:
    device = Device()
    later = NOON + timedelta(minutes=7)

    a_clock(device).write(2, data.octets(dates.encode(later)))

    assert device.time == later
    assert data.decode(a_clock(device).read(2, None)) == dates.encode(later)


def test_a_clock_is_shifted_by_seconds_within_bounds() -> None:
    device = Device()

    a_clock(device).invoke(6, data.i16(-900))

    assert device.time == NOON - timedelta(seconds=900)
    with pytest.raises(AccessRefused, match="OTHER_REASON"):
        a_clock(device).invoke(6, data.i16(901))


@pytest.mark.parametrize(
    ("octets", "result"),
    [
        (bytes.fromhex("ffffffffffffffffff800000"), "OTHER_REASON"),
        (dates.encode(datetime(1999, 12, 31, tzinfo=UTC)), "OTHER_REASON"),
        (b"noon", "TYPE_UNMATCHED"),
    ],
)
def test_a_clock_takes_no_time_that_it_could_not_keep(octets: bytes, result: str) -> None:
    device = Device()

    with pytest.raises(AccessRefused, match=result):
        a_clock(device).write(2, data.octets(octets))

    assert device.time == NOON
