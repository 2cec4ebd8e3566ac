"""DeviceRegistry: devices as they were put, all or none, and counters that new keys forget."""

import dataclasses
from datetime import timedelta

import pytest
from msgspec.structs import replace

from aforo.domain.devices import Address, Concentrator, DeviceSecurity, Framing, Link
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber
from aforo.engine.ports import DeviceRegistry, UnknownConcentrator
from cases import WEDNESDAY, a_meter
from contract.conftest import Stores

KEYS = DeviceSecurity(bytes.fromhex("4D4D4D0000BC614E"), bytes(range(24)), bytes(range(24, 48)))
NEW_ENCRYPTION = dataclasses.replace(KEYS, encryption_key=bytes(24))
NEW_AUTHENTICATION = dataclasses.replace(KEYS, authentication_key=bytes(24))
NEW_TITLE = dataclasses.replace(KEYS, system_title=bytes(8))


def a_concentrator(number: str = "C-1", security: DeviceSecurity = KEYS, host: str = "10.0.0.7") -> Concentrator:
    return Concentrator(number=ConcentratorNumber(number), address=Address(host, 4059, 1, 16), security=security)


async def with_concentrators(registry: DeviceRegistry, *numbers: str) -> None:
    await registry.put_concentrators([a_concentrator(number) for number in numbers or ("C-1",)], WEDNESDAY)


@pytest.mark.parametrize("link", Link)
async def test_a_meter_comes_back_as_it_was_put(stores: Stores, link: Link) -> None:
    await with_concentrators(stores.registry)
    meter = a_meter(link, security=KEYS, commissioned=False, protected=True, time_zone="America/Punta_Arenas")

    await stores.registry.put_meters([meter], WEDNESDAY)

    assert await stores.registry.meters([meter.number]) == {meter.number: meter}
    assert await stores.registry.list_meters(10) == [meter]


@pytest.mark.parametrize("framing", Framing)
async def test_a_line_comes_back_as_it_was_put_and_as_it_was_changed(stores: Stores, framing: Framing) -> None:
    lower = 17 if framing is Framing.HDLC else None
    before = a_meter(Link.DIRECT, address=Address("h", 1, 1, 1, Framing.HDLC, 16))
    after = a_meter(Link.DIRECT, address=Address("h", 1, 1, 1, framing, lower))

    await stores.registry.put_meters([before], WEDNESDAY)
    await stores.registry.put_meters([after], WEDNESDAY)

    assert await stores.registry.list_meters(10) == [after]


async def test_a_meter_may_be_linked_to_nothing(stores: Stores) -> None:
    meter = a_meter(concentrator=None)

    await stores.registry.put_meters([meter], WEDNESDAY)

    assert await stores.registry.meters([meter.number]) == {meter.number: meter}


async def test_a_concentrator_comes_back_as_it_was_put(stores: Stores) -> None:
    address = Address("10.0.0.8", 4059, 1, 16, Framing.HDLC, 17)
    concentrator = replace(a_concentrator(), time_zone="Pacific/Easter", address=address)

    await stores.registry.put_concentrators([concentrator], WEDNESDAY)

    assert await stores.registry.concentrator(concentrator.number) == concentrator
    assert await stores.registry.list_concentrators(10) == [concentrator]


async def test_what_is_not_registered_is_not_there(stores: Stores) -> None:
    assert await stores.registry.meters([MeterNumber("M-1"), MeterNumber("\0")]) == {}
    assert await stores.registry.meters([]) == {}
    assert await stores.registry.concentrator(ConcentratorNumber("C-1\0")) is None
    assert await stores.registry.list_meters(10) == []
    assert await stores.registry.list_concentrators(10) == []


async def test_only_the_registered_of_the_meters_asked_for_come(stores: Stores) -> None:
    meters = [a_meter(Link.DIRECT, number=MeterNumber(f"M-{number}")) for number in range(3)]
    await stores.registry.put_meters(meters, WEDNESDAY)

    asked = [MeterNumber("M-2"), MeterNumber("M-9"), MeterNumber("M-0"), MeterNumber("M-2")]

    assert await stores.registry.meters(asked) == {meters[2].number: meters[2], meters[0].number: meters[0]}


async def test_meters_are_found_where_they_stand(stores: Stores) -> None:
    places = {"M-1": "UP-1", "M-3": "UP-2", "M-2": "UP-2"}
    meters = [a_meter(Link.DIRECT, number=MeterNumber(n), usage_point=place) for n, place in places.items()]
    await stores.registry.put_meters(meters, WEDNESDAY)

    assert await stores.registry.meters_at("UP-2") == ["M-2", "M-3"]
    assert await stores.registry.meters_at("UP-9\0") == []


async def test_lists_go_on_after_the_last_number_told(stores: Stores) -> None:
    meters = [a_meter(Link.DIRECT, number=MeterNumber(f"M-{number}")) for number in range(5)]
    concentrators = [a_concentrator(f"C-{number}") for number in range(5)]
    await stores.registry.put_meters(meters[::-1], WEDNESDAY)
    await stores.registry.put_concentrators(concentrators[::-1], WEDNESDAY)

    assert await stores.registry.list_meters(2) == meters[:2]
    assert await stores.registry.list_meters(2, after=meters[1].number) == meters[2:4]
    assert await stores.registry.list_concentrators(9, after=concentrators[1].number) == concentrators[2:]


async def test_putting_again_replaces(stores: Stores) -> None:
    await with_concentrators(stores.registry, "C-1", "C-2")
    await stores.registry.put_meters([a_meter()], WEDNESDAY)
    meter = a_meter(concentrator=ConcentratorNumber("C-2"), max_power_w=5_000, contracted_power_w=4_000)
    concentrator = a_concentrator(host="10.0.0.8")

    await stores.registry.put_meters([meter], WEDNESDAY)
    await stores.registry.put_concentrators([concentrator], WEDNESDAY)

    assert await stores.registry.meters([meter.number]) == {meter.number: meter}
    assert await stores.registry.concentrator(concentrator.number) == concentrator


async def test_a_meter_moves_from_a_concentrator_to_an_address_of_its_own_and_back(stores: Stores) -> None:
    await with_concentrators(stores.registry)

    for meter in (a_meter(Link.DELEGATED), a_meter(Link.DIRECT), a_meter(Link.TRANSPARENT), a_meter(Link.DELEGATED)):
        await stores.registry.put_meters([meter], WEDNESDAY)
        assert await stores.registry.list_meters(10) == [meter]


async def test_meters_with_an_unknown_concentrator_among_them_are_not_put_at_all(stores: Stores) -> None:
    await with_concentrators(stores.registry)
    lost = a_meter(number=MeterNumber("M-2"), concentrator=ConcentratorNumber("C-9"))

    with pytest.raises(UnknownConcentrator, match="C-9"):
        await stores.registry.put_meters([a_meter(), lost], WEDNESDAY)

    assert await stores.registry.list_meters(10) == []


async def test_a_new_encryption_key_forgets_the_counter_of_its_device_alone(stores: Stores) -> None:
    changed = NEW_ENCRYPTION
    await with_concentrators(stores.registry, "C-1", "C-2")
    meters = [a_meter(number=MeterNumber(number), security=KEYS) for number in ("M-1", "M-2")]
    await stores.registry.put_meters(meters, WEDNESDAY)
    for device in ("meter:M-1", "meter:M-2", "concentrator:C-1", "concentrator:C-2"):
        await stores.ledger.raise_counter(device, 100, 10)

    await stores.registry.put_meters([replace(meters[0], security=changed), meters[1]], WEDNESDAY)
    await stores.registry.put_concentrators([a_concentrator("C-1", changed), a_concentrator("C-2")], WEDNESDAY)

    assert await stores.ledger.reserve_counters("meter:M-1", 10) is None
    assert await stores.ledger.reserve_counters("concentrator:C-1", 10) is None
    assert await stores.ledger.counter_on_record("meter:M-2") == 110
    assert await stores.ledger.counter_on_record("concentrator:C-2") == 110


@pytest.mark.parametrize("security", [NEW_TITLE, NEW_AUTHENTICATION])
async def test_the_same_encryption_key_keeps_its_counter_whatever_else_changes(
    stores: Stores, security: DeviceSecurity
) -> None:
    """A counter used twice under one encryption key would give GCM the same nonce twice."""
    await with_concentrators(stores.registry)
    meter = a_meter(security=KEYS)
    await stores.registry.put_meters([meter], WEDNESDAY)
    await stores.ledger.raise_counter("meter:M-1", 100, 10)
    await stores.ledger.raise_counter("concentrator:C-1", 100, 10)

    await stores.registry.put_meters(
        [replace(meter, security=security, max_power_w=1, model="class71-watts")], WEDNESDAY
    )
    await stores.registry.put_concentrators([a_concentrator(security=security, host="10.0.0.8")], WEDNESDAY)

    assert await stores.ledger.counter_on_record("meter:M-1") == 110
    assert await stores.ledger.counter_on_record("concentrator:C-1") == 110


async def test_when_a_concentrator_was_last_heard_only_goes_forward_and_outlives_an_import(stores: Stores) -> None:
    await with_concentrators(stores.registry)
    number, later = ConcentratorNumber("C-1"), WEDNESDAY + timedelta(minutes=9)
    assert await stores.registry.last_heard(number) is None

    await stores.registry.note_heard(number, later)
    await stores.registry.note_heard(number, WEDNESDAY)
    await stores.registry.note_heard(ConcentratorNumber("nobody"), WEDNESDAY)
    await with_concentrators(stores.registry)

    assert await stores.registry.last_heard(number) == later
