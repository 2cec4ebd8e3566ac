"""A town's CSV files: an import reads from them what hosting the town would have registered."""

from typing import Any

from aforo.adapters.registry_csv import (
    CONCENTRATOR_COLUMNS,
    METER_COLUMNS,
    METER_OPTIONS,
    concentrators_of,
    meters_of,
    read_csv,
)
from aforo.domain.devices import Concentrator, Framing, Link, Meter
from aforo.domain.meter_models import GENERIC
from aforo.simulator.town import Town
from aforo.simulator.town_csv import concentrator_csv, meter_csv
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from registry_rows import OpenVault

MARK = b"wrapped:"


def a_town(**meter: Any) -> Town:
    return Town(
        TownPlan(
            name="t",
            time_zone="America/Punta_Arenas",
            concentrator=(
                ConcentratorPlan(number="C-1", port=4061, meter=(MeterPlan(number="M-1", **meter),)),
                ConcentratorPlan(
                    number="C-2", port=4062, link="transparent", meter=(MeterPlan(number="M-2", **meter),)
                ),
            ),
            meter=(MeterPlan(number="M-3", port=4063, **meter),),
        )
    )


def imported_meters(town: Town) -> list[Meter]:
    return meters_of(read_csv(meter_csv(town.registry()), METER_COLUMNS, METER_OPTIONS), OpenVault(), models={GENERIC})


def imported_concentrators(town: Town) -> list[Concentrator]:
    return concentrators_of(read_csv(concentrator_csv(town.registry()), CONCENTRATOR_COLUMNS), OpenVault())


def test_concentrators_are_imported_with_address_keys_and_zone() -> None:
    town = a_town()

    imported = imported_concentrators(town)

    for device, row in zip(imported, town.registry().concentrators, strict=True):
        assert row.encryption_key is not None
        assert row.authentication_key is not None
        assert (device.number, device.address.host, device.address.port) == (row.number, row.host, row.port)
        assert (device.address.client_sap, device.address.server_sap) == (row.client_sap, row.server_sap)
        assert device.security.system_title == row.system_title
        assert device.security.encryption_key == MARK + row.encryption_key.octets
        assert device.security.authentication_key == MARK + row.authentication_key.octets
        assert device.time_zone == "America/Punta_Arenas"


def test_meters_are_imported_under_their_links_with_the_keys_that_the_head_end_may_have() -> None:
    town = a_town()

    imported = imported_meters(town)

    assert [(meter.number, meter.link, meter.concentrator) for meter in imported] == [
        ("M-1", Link.DELEGATED, "C-1"),
        ("M-2", Link.TRANSPARENT, "C-2"),
        ("M-3", Link.DIRECT, None),
    ]
    assert imported[0].address is None
    assert imported[2].address is not None
    assert (imported[2].address.host, imported[2].address.port) == ("127.0.0.1", 4063)
    for meter, row in zip(imported, town.registry().meters, strict=True):
        wrapped = b"" if row.encryption_key is None else MARK + row.encryption_key.octets
        assert (meter.security.encryption_key, meter.security.system_title) == (wrapped, row.system_title)
    assert [bool(meter.security.encryption_key) for meter in imported] == [False, True, True]


def test_what_the_plan_says_of_a_meter_is_imported() -> None:
    plan = {"usage_point": 'UP "1", left', "max_power_w": 9_900, "contracted_power_w": 6_600}

    for meter in imported_meters(a_town(**plan, commissioned=False, protected=True)):
        assert (meter.usage_point, meter.max_power_w, meter.contracted_power_w) == tuple(plan.values())
        assert (meter.commissioned, meter.protected, meter.time_zone) == (False, True, "America/Punta_Arenas")


def test_a_town_without_devices_has_empty_files() -> None:
    town = Town(TownPlan(name="empty"))

    assert (concentrator_csv(town.registry()), meter_csv(town.registry())) == ("", "")


def test_a_meters_framing_and_physical_device_are_imported_as_the_town_has_them() -> None:
    plans = (
        MeterPlan(number="M-1", port=4061),
        MeterPlan(number="M-2", port=4062, framing="udp"),
        MeterPlan(number="M-3", port=4063, framing="hdlc", physical_device=17),
    )

    imported = [meter.address for meter in imported_meters(Town(TownPlan(name="lines", meter=plans)))]

    assert [(one.framing, one.physical_device) for one in imported if one is not None] == [
        (Framing.WRAPPER, None),
        (Framing.UDP, None),
        (Framing.HDLC, 17),
    ]
