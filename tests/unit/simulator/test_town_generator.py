"""Towns from a seed: the same again, sound, and of the distributions that they name."""

from collections import Counter
from dataclasses import replace
from statistics import median

import pytest

from aforo.simulator.media import LINES, NETWORKS
from aforo.simulator.town_file import load_town
from aforo.simulator.town_generator import PROFILES, SOURCES, Distributions, media_distributions, new_town
from aforo.simulator.town_plan import TownPlan, meters_of


def plan_of(meters: int, seed: int = 7, **given: object) -> TownPlan:
    return load_town(new_town(meters=meters, seed=seed, **given), "new")  # type: ignore[arg-type]


@pytest.mark.parametrize("meters", [1, 7, 1_000, 20_000])
def test_a_new_town_has_exactly_so_many_meters_and_loads(meters: int) -> None:
    plan = plan_of(meters)

    assert len(plan.meter) + sum(len(meters_of(one)) for one in plan.concentrator) == meters


def test_the_same_seed_is_the_same_file_and_another_is_another() -> None:
    assert new_town(meters=500, seed=3) == new_town(meters=500, seed=3)
    assert new_town(meters=500, seed=3) != new_town(meters=500, seed=4)


def test_its_concentrators_are_of_the_size_that_is_named() -> None:
    sizes = [len(meters_of(one)) for one in plan_of(60_000).concentrator]

    assert 80 <= median(sizes) <= 100
    assert max(sizes) <= 600
    assert min(sizes[:-1]) >= 5


@pytest.mark.parametrize(("profile", "lowest", "highest"), [("steady", 0.0005, 0.005), ("rollout", 0.14, 0.18)])
def test_a_profile_says_how_many_are_not_commissioned_yet(profile: str, lowest: float, highest: float) -> None:
    meters = [meter for one in plan_of(20_000, profile=profile).concentrator for meter in meters_of(one)]

    assert lowest < sum(not meter.commissioned for meter in meters) / len(meters) < highest


def test_a_distribution_can_be_changed_and_the_file_says_so() -> None:
    text = new_town(meters=2_000, seed=1, changes={"point_to_point": 0.5})

    assert "#   point_to_point = 0.5 " in text
    assert len(load_town(text, "new").meter) == 1_000


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"changes": {"nothing": 1.0}}, "no distribution 'nothing'"),
        ({"changes": {"protected": -1.0}}, "not negative"),
        ({"changes": {"plc.noise": 1.0}}, "no distribution 'plc.noise'"),
        ({"changes": {"lte.cut_s": -1.0}}, "lte.cut_s is not negative"),
        ({"profile": "peace"}, "no profile 'peace'"),
        ({"meters": 0}, "1 to 1000000 meters"),
    ],
)
def test_what_cannot_be_made_is_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        new_town(**{"meters": 10, "seed": 1, **given})  # type: ignore[arg-type]


def test_every_distribution_has_a_source() -> None:
    assert set(SOURCES) == set(Distributions.__dataclass_fields__)
    assert set(PROFILES) == {"steady", "rollout"}


def test_its_lines_and_networks_are_of_the_kinds_and_shares_that_are_named() -> None:
    plan = plan_of(60_000, changes={"hybrid_lines": 0.3, "rf_lines": 0.2, "gprs": 0.4})
    lines = Counter(one.line for one in plan.concentrator)
    networks = Counter(one.network for one in plan.concentrator) + Counter(one.network for one in plan.meter)

    shares = {name: round(lines[name] / len(plan.concentrator), 1) for name in LINES}
    assert shares == {
        "plc": 0.5,
        "rf": 0.2,
        "hybrid": 0.3,
    }
    assert round(networks["gprs"] / networks.total(), 1) == 0.4
    assert set(networks) == set(NETWORKS)


def test_what_happens_on_a_kind_of_line_or_network_can_be_changed() -> None:
    text = new_town(meters=100, seed=1, changes={"plc.loss": 0.05, "plc.reattach_s": 30, "gprs.cuts_per_day": 9})
    plan = load_town(text, "new")

    assert plan.line == (replace(LINES["plc"], loss=0.05, reattach_s=30),)
    assert plan.network == (replace(NETWORKS["gprs"], cuts_per_day=9.0),)
    assert "#   plc.loss = 0.05 " in text


def test_every_figure_of_the_media_is_listed_with_its_source() -> None:
    listed = list(media_distributions())

    assert len(listed) == len({name for name, _, _ in listed})
    assert {name for name, _, _ in listed} >= {"plc.dead_days", "rf.exchange_ms", "hybrid.handover_s", "lte.cut_s"}
    assert all(source for _, _, source in listed)
