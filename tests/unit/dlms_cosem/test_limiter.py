"""Class 71: which thresholds are taken, and which one applies."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from aforo.dlms import DataAccess, data, dates
from aforo.dlms.cosem.limiter import GROUPS_MAX, EmergencyProfile
from aforo.dlms.server import AccessRefused
from unit.dlms_cosem.cosem_objects import NOON, POWER, Device

SECOND = timedelta(seconds=1)
UNSPECIFIED = bytes.fromhex("ffffffffffffffffff800000")


def refusal(device: Device, attribute: int, sent: bytes) -> DataAccess:
    with pytest.raises(AccessRefused) as refused:
        device.the_limiter().write(attribute, sent)
    return refused.value.result


def emergency(device: Device) -> tuple[data.Value, data.Value]:
    """threshold_active and emergency_profile_active, as they are told now."""
    limiter = device.the_limiter()
    return data.decode(limiter.read(3, None)), data.decode(limiter.read(10, None))


def test_a_threshold_is_written_in_the_monitored_type_and_read_back() -> None:
    """250 as double-long-unsigned is 06 000000FA (A-XDR)."""
    device = Device()
    limiter = device.the_limiter()

    limiter.write(4, bytes.fromhex("06000000fa"))

    assert device.limiter.threshold_normal == 250
    assert limiter.read(4, None) == limiter.read(3, None) == bytes.fromhex("06000000fa")


@pytest.mark.parametrize("sent", [data.u16(250), data.i32(250), data.u64(250), data.enum(25), data.octets(b"250")])
def test_a_threshold_of_another_type_is_type_unmatched(sent: bytes) -> None:
    device = Device()

    assert refusal(device, 4, sent) is DataAccess.TYPE_UNMATCHED
    assert device.limiter.threshold_normal == 330


def test_a_threshold_beyond_the_device_is_other_reason() -> None:
    device = Device()

    device.the_limiter().write(4, data.u32(3_000))

    assert refusal(device, 4, data.u32(3_001)) is DataAccess.OTHER_REASON
    assert refusal(device, 5, data.u32(3_001)) is DataAccess.OTHER_REASON
    assert device.limiter.threshold_normal == 3_000


def test_every_writable_attribute_keeps_what_is_written() -> None:
    device = Device()
    limiter = device.the_limiter()
    profile = data.structure(data.u16(7), data.octets(dates.encode(NOON)), data.u32(3_600))
    written = {
        4: data.u32(200),
        5: data.u32(50),
        6: data.u32(120),
        7: data.u32(0),
        8: profile,
        9: data.array(data.u16(7), data.u16(9)),
    }

    for attribute, sent in written.items():
        limiter.write(attribute, sent)

    assert {attribute: limiter.read(attribute, None) for attribute in written} == written
    assert device.limiter.min_over_s == 120
    assert device.limiter.groups == (7, 9)


def test_what_is_monitored_is_a_reference_to_an_attribute() -> None:
    assert data.decode(Device().the_limiter().read(2, None)) == (3, POWER, 2)


def test_the_emergency_threshold_applies_within_its_time_only() -> None:
    """The first second counts, the one after the last does not."""
    device = Device()
    device.limiter.profile = EmergencyProfile(7, dates.encode(NOON), 60)
    device.limiter.groups = (3, 7)

    seen = {}
    for after_s in (-1, 0, 59, 60):
        device.time = NOON + after_s * SECOND
        seen[after_s] = emergency(device)

    assert seen == {-1: (330, False), 0: (100, True), 59: (100, True), 60: (330, False)}


def test_an_emergency_time_in_another_zone_is_the_same_moment() -> None:
    device = Device()
    santiago = timezone(timedelta(hours=-3))
    device.limiter.profile = EmergencyProfile(7, dates.encode(NOON.astimezone(santiago)), 60)
    device.limiter.groups = (7,)

    assert emergency(device) == (100, True)


def test_a_profile_of_another_group_never_applies() -> None:
    device = Device()
    device.limiter.profile = EmergencyProfile(7, dates.encode(NOON), 60)
    device.limiter.groups = (8,)

    assert emergency(device) == (330, False)


def test_an_unspecified_time_never_comes() -> None:
    device = Device()
    device.the_limiter().write(8, data.structure(data.u16(7), data.octets(UNSPECIFIED), data.u32(60)))
    device.limiter.groups = (7,)

    assert emergency(device) == (330, False)


@pytest.mark.parametrize(
    ("attribute", "sent", "result"),
    [
        (8, data.structure(data.u16(7), data.octets(UNSPECIFIED)), DataAccess.TYPE_UNMATCHED),
        (8, data.structure(data.u32(7), data.octets(UNSPECIFIED), data.u32(60)), DataAccess.TYPE_UNMATCHED),
        (8, data.structure(data.u16(7), data.octets(b"noon"), data.u32(60)), DataAccess.TYPE_UNMATCHED),
        (
            8,
            data.structure(
                data.u16(7), data.octets(dates.encode(datetime(9998, 12, 31, tzinfo=UTC))), data.u32(0xFFFFFFFF)
            ),
            DataAccess.OTHER_REASON,
        ),
        (9, data.array(data.u8(7)), DataAccess.TYPE_UNMATCHED),
        (9, data.array(*[data.u16(7)] * (GROUPS_MAX + 1)), DataAccess.OTHER_REASON),
    ],
)
def test_what_is_no_profile_or_group_list_is_refused(attribute: int, sent: bytes, result: DataAccess) -> None:
    device = Device()

    assert refusal(device, attribute, sent) is result
    assert device.limiter == Device().limiter
