"""A town built from its plan: who stands where, with which keys, and what the head-end is told about it."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from random import Random
from statistics import pstdev
from typing import Any

import pytest

from aforo.dclink.messages import ItemVerdict
from aforo.dlms import Key, Keys, SystemTitle
from aforo.domain.readback import Verdict
from aforo.simulator.concentrator import Concentrator
from aforo.simulator.household_load import HouseholdLoad
from aforo.simulator.households import HOUSEHOLDS
from aforo.simulator.media import LinePlan
from aforo.simulator.meter_endpoint import MeterEndpoint
from aforo.simulator.network import NetworkedDevice
from aforo.simulator.town import Town
from aforo.simulator.town_file import load_town
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan, small_town
from aforo.simulator.town_rows import ConcentratorRow, MeterRow
from unit.simulator.driven_concentrator import HeadEnd, Site, an_item
from unit.simulator.driven_meter import NOON, Reader

DEMO = (files("aforo.simulator") / "towns" / "demo.toml").read_text(encoding="utf-8")
FAULTS = (Path(__file__).parents[3] / "examples" / "towns" / "faults.toml").read_text(encoding="utf-8")


def the_demo() -> Town:
    return Town(load_town(DEMO, "demo.toml"))


def a_town(*, link: str = "delegated", seed: int = 1, **meter: Any) -> Town:
    behind = ConcentratorPlan(number="C-1", link=link, meter=(MeterPlan(number="M-1", **meter),))
    return Town(TownPlan(name="t", seed=seed, concentrator=(behind,), meter=(MeterPlan(number="M-2"),)))


def row(town: Town, number: str) -> MeterRow:
    return next(each for each in town.registry().meters if each.number == number)


def test_everything_in_the_file_stands_in_the_town_and_in_the_registry() -> None:
    town = the_demo()

    rows = town.registry()

    assert {each.number for each in rows.meters} == set(town.meters)
    assert [each.number for each in rows.concentrators] == list(town.concentrators) == ["CT-0001", "CT-0002"]
    assert len(town.meters) == 11


def test_concentrators_and_direct_meters_listen_and_no_other_device_does() -> None:
    listening = the_demo().endpoints

    assert [(each.kind, each.number, type(each.endpoint)) for each in listening] == [
        ("concentrator", "CT-0001", Concentrator),
        ("concentrator", "CT-0002", Concentrator),
        ("meter", "20500001", MeterEndpoint),
    ]


@pytest.mark.parametrize(("link", "has_keys"), [("delegated", False), ("transparent", True)])
def test_only_the_keys_of_meters_it_speaks_to_itself_are_given_to_the_head_end(link: str, has_keys: bool) -> None:
    town = a_town(link=link)
    behind, direct = row(town, "M-1"), row(town, "M-2")

    assert (behind.encryption_key is not None, behind.authentication_key is not None) == (has_keys, has_keys)
    assert bool(behind.system_title) == has_keys
    assert direct.encryption_key is not None
    access = town.concentrators["C-1"].settings.access["M-1"]
    assert (access.keys is None) == has_keys, "one of the two has them, never both"


def test_the_concentrator_s_own_keys_are_the_head_end_s_too() -> None:
    town = a_town()
    (told,) = town.registry().concentrators
    settings = town.concentrators["C-1"].settings

    assert keys_of(told) == settings.keys
    assert told.system_title == settings.title.octets


def keys_of(told: ConcentratorRow | MeterRow) -> Keys:
    assert told.encryption_key is not None
    assert told.authentication_key is not None
    return Keys(told.encryption_key, told.authentication_key)


def test_no_two_devices_share_a_key_or_a_title() -> None:
    town = the_demo()
    devices = [(each.settings.keys, each.settings.title) for each in town.meters.values()]
    devices += [(each.settings.keys, each.settings.title) for each in town.concentrators.values()]

    assert len({key for keys, _ in devices for key in (keys.encryption, keys.authentication)}) == 26
    assert len({title for _, title in devices}) == 13


def test_the_same_file_makes_the_same_town_and_another_seed_another() -> None:
    def secrets(town: Town) -> list[tuple[Keys, SystemTitle]]:
        return [(each.settings.keys, each.settings.title) for each in town.meters.values()]

    def drawn(town: Town) -> list[int]:
        return [each.load_w(NOON + timedelta(minutes=m)) for each in town.meters.values() for m in range(60)]

    assert secrets(a_town(seed=5)) == secrets(a_town(seed=5))
    assert drawn(a_town(seed=5)) == drawn(a_town(seed=5))
    assert all(one != other for one, other in zip(secrets(a_town(seed=5)), secrets(a_town(seed=6)), strict=True))


def test_keys_of_a_seed_do_not_change_from_one_release_to_the_next() -> None:
    """A registry that was filled from a town goes on to fit it. SHA-256 of "1 encryption M-2", its first 16 octets."""
    told = row(a_town(), "M-2")

    assert told.encryption_key == Key.from_hex("36e6285451bdb3b039f538ae3bfb32af")
    assert told.system_title[:3] == b"SIM"


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"usage_point": "UP-9"}, {"usage_point": "UP-9"}),
        ({}, {"usage_point": "UP-M-1", "commissioned": True, "protected": False, "model": "", "link": "delegated"}),
        ({"max_power_w": 5_000}, {"max_power_w": 5_000, "contracted_power_w": 5_000}),
        ({"contracted_power_w": 4_000}, {"max_power_w": 10_000, "contracted_power_w": 4_000}),
        ({"commissioned": False, "protected": True}, {"commissioned": False, "protected": True}),
        ({"model": "class71-watts"}, {"model": "class71-watts"}),
    ],
)
def test_the_head_end_is_told_what_the_plan_says(plan: dict[str, Any], told: dict[str, Any]) -> None:
    behind = row(a_town(**plan), "M-1")

    assert {key: getattr(behind, key) for key in told} == told


def test_a_direct_meter_has_an_address_and_one_behind_a_concentrator_has_none() -> None:
    town = a_town()

    assert (row(town, "M-2").host, row(town, "M-2").concentrator) == ("127.0.0.1", "")
    assert (row(town, "M-1").host, row(town, "M-1").concentrator) == ("", "C-1")


def test_a_meter_left_out_of_the_table_is_unknown_to_its_concentrator() -> None:
    town = a_town(in_table=False)

    assert town.concentrators["C-1"].memory.table == {}
    assert row(town, "M-1").concentrator == "C-1"


@pytest.mark.parametrize(
    ("plan", "seen"),
    [
        ({"silent": True}, lambda meter: meter.faults.silent),
        ({"swallows_answer": True}, lambda meter: meter.faults.swallow_answer_to_next_command),
        ({"scaler": 1, "limit_w": 9_900}, lambda meter: meter.threshold == 990),
        ({"max_power_w": 7_000}, lambda meter: meter.threshold_w == 7_000),
        ({"control_mode": 4}, lambda meter: meter.settings.control_mode == 4),
        ({"min_over_threshold_s": 2}, lambda meter: meter.settings.min_over_threshold_s == 2),
        ({"load_w": 3_400}, lambda meter: 3_280 <= meter.load_w(NOON) <= 3_520),
        ({"load_w": 0}, lambda meter: meter.load_w(NOON) <= 1),
        ({}, lambda meter: isinstance(meter.load, HouseholdLoad)),
    ],
)
def test_a_meter_behaves_as_planned(plan: dict[str, Any], seen: Callable[[Any], bool]) -> None:
    assert seen(a_town(**plan).meters["M-1"])


def test_the_rows_open_the_devices_they_describe() -> None:
    town = the_demo()
    told = row(town, "20500001")

    result = Reader(town.meters["20500001"].line(), keys=keys_of(told)).limit(3_300)

    assert result.verdict is Verdict.OK
    assert town.meters["20500001"].threshold_w == 3_300


def test_a_delegated_order_runs_through_a_town() -> None:
    town = Town(small_town(concentrators=1, meters=2))
    site = site_of(town)
    headend = HeadEnd.in_session(site)

    results = headend.carried_out(an_item(1, "50000001"), an_item(2, "50000002"))

    assert [result.verdict for result in results] == [ItemVerdict.OK] * 2
    assert {meter.threshold_w for meter in town.meters.values()} == {2_500}


def test_in_the_town_of_faults_each_meter_fails_in_its_own_way() -> None:
    town = Town(load_town(FAULTS, "faults.toml"))
    site = site_of(town)
    headend = HeadEnd.in_session(site)
    meters = [f"2090000{place}" for place in (1, 2, 3, 4, 6, 7)]
    items = [an_item(place, meter, limit_w=2_550) for place, meter in enumerate(meters, 1)]

    refused = [(answer.order_id, answer.cause) for answer in headend.submit(*items) if not answer.taken]
    site.run()
    site.pass_time(timedelta(minutes=1))
    ended = {items[result.order_id - 1].meter: result.cause for result in headend.pushed()}

    assert refused == [(4, "NOT_IN_TABLE")]
    assert ended == {
        "20900001": "",
        "20900002": "",
        "20900003": "METER_UNREACHABLE",
        "20900006": "LIMIT_NOT_REPRESENTABLE",
        "20900007": "",
    }
    assert town.meters["20900007"].supplied_w(site.now) == 0, "its limiter has cut"
    assert town.meters["20900001"].supplied_w(site.now) > 0


def site_of(town: Town) -> Site:
    """The town's first concentrator, driven by hand."""
    site = Site()
    (site.concentrator,) = town.concentrators.values()
    return site


def test_nothing_secret_shows_in_a_row() -> None:
    told = row(a_town(link="transparent"), "M-1")

    assert keys_of(told).encryption.octets.hex() not in repr(told)
    assert str(keys_of(told).encryption.octets) not in repr(told)


def test_a_meter_that_moves_is_heard_at_its_new_concentrator_only_and_also_after_a_restart() -> None:
    plan = TownPlan(
        name="t",
        concentrator=(
            ConcentratorPlan(number="CT-1", meters=2, first_meter=101),
            ConcentratorPlan(number="CT-2", meters=1, first_meter=201),
        ),
    )
    town = Town(plan)

    town.move("101", "CT-2")
    town.move("101", "CT-1")
    town.move("101", "CT-2")
    again = town.restart("CT-2")

    assert set(town.concentrators["CT-1"].memory.table) == {"102"}
    assert set(again.memory.table) == {"101", "201"}
    assert set(again.settings.access) == {"101", "201"}


# The media


def test_a_line_that_is_not_perfect_keeps_meters_from_being_heard_and_a_wire_does_not() -> None:
    meters = tuple(MeterPlan(number=str(number)) for number in range(101, 201))
    dead = LinePlan(name="dead", dead_days=0.5, whole_days=0.5)
    answers = {}
    for line in ("", "dead"):
        plan = TownPlan(name="t", line=(dead,), concentrator=(ConcentratorPlan(number="C-1", line=line, meter=meters),))
        site = site_of(Town(plan))
        headend = HeadEnd.in_session(site)
        headend.submit(*(an_item(number, str(100 + number)) for number in range(1, 101)))
        site.run(within=timedelta(hours=2))
        answers[line] = sum(result.verdict is ItemVerdict.OK for result in headend.pushed())

    assert answers[""] == 100
    assert 30 < answers["dead"] < 70


def test_what_a_concentrator_says_of_its_line_counts_before_the_kind_of_line() -> None:
    kind = LinePlan(name="kind", exchange_ms=9_000, loss=0.5)
    one = ConcentratorPlan(number="C-1", line="kind", line_delay_ms=7, line_loss_permille=0, meters=1, first_meter=101)
    town = Town(TownPlan(name="t", line=(kind,), concentrator=(one,)))

    assert town.concentrators["C-1"].settings.answered_after("101", NOON, Random(1)) == timedelta(milliseconds=7)
    assert town.ways["C-1"].is_perfect


def test_a_device_behind_a_network_listens_as_one() -> None:
    plan = TownPlan(
        name="t",
        concentrator=(ConcentratorPlan(number="C-1", network="lte"), ConcentratorPlan(number="C-2")),
        meter=(MeterPlan(number="1", network="gprs"), MeterPlan(number="2", network="gprs", framing="udp")),
    )

    kinds = {one.number: type(one.endpoint) for one in Town(plan).endpoints}

    assert kinds == {"C-1": NetworkedDevice, "C-2": Concentrator, "1": NetworkedDevice, "2": NetworkedDevice}


# Households and clocks


def test_the_town_s_shares_decide_what_is_behind_a_meter_that_names_nothing() -> None:
    alike = ConcentratorPlan(number="C-1", meters=2_000, first_meter=1_000)
    town = Town(TownPlan(name="t", flats=0.5, electric_heating=0.2, solar=0.1, concentrator=(alike,)))
    kinds = Counter(meter.load.kind for meter in town.meters.values() if isinstance(meter.load, HouseholdLoad))

    shares = {name: round(kinds[kind] / 2_000, 1) for name, kind in HOUSEHOLDS.items()}
    assert shares == {"flat": 0.5, "electric-heating": 0.2, "solar": 0.1, "house": 0.2, "workshop": 0.0}


def test_a_meter_has_the_household_that_it_names_and_one_of_three_phases_a_workshop() -> None:
    loads = [a_town(**plan).meters["M-1"].load for plan in ({"household": "solar"}, {"phases": 3}, {})]

    kinds = [load.kind for load in loads if isinstance(load, HouseholdLoad)]
    assert kinds == [HOUSEHOLDS["solar"], HOUSEHOLDS["workshop"], HOUSEHOLDS["house"]]


def test_clocks_drift_as_the_town_says_unless_a_meter_says_otherwise() -> None:
    alike = ConcentratorPlan(
        number="C-1", meters=500, first_meter=1_000, meter=(MeterPlan(number="1", clock_drift_ppm=40.0),)
    )
    town = Town(TownPlan(name="t", clock_drift_ppm=3.0, concentrator=(alike,)))
    drifts = [meter.settings.clock_drift_ppm for number, meter in town.meters.items() if number != "1"]

    assert 2.7 < pstdev(drifts) < 3.3
    assert town.meters["1"].settings.clock_drift_ppm == 40.0
    assert a_town().meters["M-1"].settings.clock_drift_ppm == 0.0
