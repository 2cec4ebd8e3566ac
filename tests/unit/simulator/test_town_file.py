"""A town in a TOML file: what it may say, and that every mistake is named by file, table and key."""

import re
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import get_origin, get_type_hints

import pytest

from aforo.simulator.media import LINES, NETWORKS, LinePlan, NetworkPlan
from aforo.simulator.town_file import TownError, load_town
from aforo.simulator.town_plan import BOUNDS, LINKS, ConcentratorPlan, MeterPlan, TownPlan, meters_of, small_town

DEMO = (files("aforo.simulator") / "towns" / "demo.toml").read_text(encoding="utf-8")
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (REFERENCE / "town-file.md").read_text(encoding="utf-8")
MEDIA_PAGE = (REFERENCE / "town-media.md").read_text(encoding="utf-8")
NAME = 'name = "t"\n'


def concentrator(*keys: str) -> str:
    return "\n".join([NAME, "[[concentrator]]", 'number = "C-1"', *keys])


def meter(*keys: str) -> str:
    return "\n".join([NAME, "[[meter]]", 'number = "M-1"', *keys])


def meter_behind(*keys: str) -> str:
    return "\n".join([concentrator(), "[[concentrator.meter]]", 'number = "M-1"', *keys])


def line(*keys: str) -> str:
    return "\n".join([NAME, "[[line]]", 'name = "x"', *keys])


def network(*keys: str) -> str:
    return "\n".join([NAME, "[[network]]", 'name = "x"', *keys])


PLACES: tuple[tuple[type, str, Callable[..., str]], ...] = (
    (MeterPlan, "meter M-1", meter),
    (ConcentratorPlan, "concentrator C-1", concentrator),
    (LinePlan, "line x", line),
    (NetworkPlan, "network x", network),
    (TownPlan, "town t", lambda *keys: "\n".join([NAME, *keys])),
)


def test_the_demo_s_town_loads() -> None:
    plan = load_town(DEMO, "demo.toml")

    assert plan.name == "demo"
    assert [(one.number, one.link, len(meters_of(one))) for one in plan.concentrator] == [
        ("CT-0001", "delegated", 8),
        ("CT-0002", "transparent", 2),
    ]
    assert [one.number for one in plan.meter] == ["20500001"]


def test_every_example_is_a_town() -> None:
    examples = sorted((Path(__file__).parents[3] / "examples" / "towns").glob("*.toml"))

    plans = [load_town(path.read_text(encoding="utf-8"), path.name) for path in examples]

    assert [plan.name for plan in plans] == [path.stem for path in examples]
    assert "faults" in {plan.name for plan in plans}


def test_a_name_is_enough_for_a_town() -> None:
    assert load_town(NAME, "t.toml") == TownPlan(name="t")


def test_every_key_arrives() -> None:
    text = meter_behind(
        'usage_point = "UP"',
        'model = "other"',
        "scaler = 1",
        "control_mode = 3",
        "min_over_threshold_s = 5",
        "limit_w = 20",
        "max_power_w = 30",
        "contracted_power_w = 40",
        "load_w = 0",
        "commissioned = false",
        "in_table = false",
        "silent = true",
        "swallows_answer = true",
        "protected = true",
    )

    (one,) = load_town(text, "t.toml").concentrator[0].meter

    assert one == MeterPlan(
        number="M-1",
        usage_point="UP",
        model="other",
        scaler=1,
        control_mode=3,
        min_over_threshold_s=5,
        limit_w=20,
        max_power_w=30,
        contracted_power_w=40,
        load_w=0,
        commissioned=False,
        in_table=False,
        silent=True,
        swallows_answer=True,
        protected=True,
    )


def test_meters_that_are_alike_are_numbered_on_and_come_before_those_with_tables() -> None:
    text = concentrator("meters = 3", "first_meter = 9999", "[[concentrator.meter]]", 'number = "X"')

    (one,) = load_town(text, "t.toml").concentrator

    assert [each.number for each in meters_of(one)] == ["9999", "10000", "10001", "X"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.toml: town ?: name is missing"),
        ("name = 3", "t.toml: town 3: name is a text, not 3"),
        (NAME + "seed = 1.5", "t.toml: town t: seed is a whole number, not 1.5"),
        (NAME + "seed = true", "t.toml: town t: seed is a whole number, not True"),
        (NAME + "seeds = 1", "t.toml: town t: unknown key 'seeds'; known are clock_drift_ppm, concentrator, "),
        (NAME + "[concentrator]", "t.toml: concentrator is written [[concentrator]]"),
        (NAME + "meter = [1]", "t.toml: meter is written [[meter]]"),
        (NAME + "[[concentrator]]", "t.toml: concentrator ?: number is missing"),
        (NAME + "[[meter]]", "t.toml: meter ?: number is missing"),
        (NAME + "[[meter]]\nnumber = 7", "t.toml: meter 7: number is a text, not 7"),
        (concentrator("meter = 1"), "t.toml: concentrator C-1: meter is written [[concentrator.meter]]"),
        (concentrator('link = "radio"'), "t.toml: concentrator C-1: link is delegated or transparent, not 'radio'"),
        (concentrator("meters = 2"), "t.toml: concentrator C-1: first_meter is missing"),
        (concentrator('meters = "2"'), "t.toml: concentrator C-1: meters is a whole number, not '2'"),
        (concentrator("[[concentrator]]", 'number = "C-1"'), "t.toml: concentrator C-1: number stands there twice"),
        (meter("colour = 1"), "t.toml: meter M-1: unknown key 'colour'"),
        (meter('silent = "no"'), "t.toml: meter M-1: silent is true or false, not 'no'"),
        (meter("silent = 0"), "t.toml: meter M-1: silent is true or false, not 0"),
        (meter('limit_w = "5 kW"'), "t.toml: meter M-1: limit_w is a whole number, not '5 kW'"),
        (meter("scaler = 2", "limit_w = 2550"), "t.toml: meter M-1: limit_w: 2550 W is not a multiple of 100 W"),
        (meter("scaler = 3", "max_power_w = 9500"), "t.toml: meter M-1: max_power_w: 9500 W is not a multiple"),
        (meter("[[meter]]", 'number = "M-1"'), "t.toml: meter M-1: number stands there twice"),
        (meter('framing = "radio"'), "t.toml: meter M-1: framing is wrapper or udp or hdlc, not 'radio'"),
        (meter("physical_device = 17"), "t.toml: meter M-1: physical_device is for framing hdlc"),
        (
            meter('framing = "hdlc"', "physical_device = 0"),
            "t.toml: meter M-1: physical_device lies between 1 and 16381",
        ),
        (meter("in_table = false"), "t.toml: meter M-1: in_table is for a meter behind a concentrator"),
        (meter("port = 4059", "[[meter]]", 'number = "M-2"', "port = 4059"), "t.toml: meter M-2: port 4059 stands"),
        (meter_behind("port = 4059"), "t.toml: meter M-1: port is for a meter without a concentrator"),
        (meter_behind("load = 5"), "t.toml: meter M-1: unknown key 'load'"),
        (NAME + '[[meter]]\nnumber = ""', "t.toml: meter : number has 1 to 64 ASCII characters"),
        (NAME + '[[meter]]\nnumber = "ñ"', "t.toml: meter ñ: number has 1 to 64 ASCII characters"),
        (NAME + '[[concentrator]]\nnumber = "ñ"', "t.toml: concentrator ñ: number has 1 to 64 ASCII characters"),
    ],
)
def test_a_mistake_is_named_by_file_table_and_key(text: str, message: str) -> None:
    with pytest.raises(TownError) as wrong:
        load_town(text, "t.toml")

    assert str(wrong.value).startswith(message)


def test_what_is_no_toml_is_named_by_file_and_line() -> None:
    with pytest.raises(TownError, match=r"^t\.toml: .*line 2"):
        load_town("name = 'x'\nname\nseed = 1", "t.toml")


@pytest.mark.parametrize("key", BOUNDS)
def test_a_value_beyond_its_bounds_is_named_with_them(key: str) -> None:
    lowest, highest = BOUNDS[key]
    where, written, hint = next(
        (where, written, hints[key]) for plan, where, written in PLACES if key in (hints := get_type_hints(plan))
    )

    for value in (lowest - 1, highest + 1):
        given = f"[{value}]" if get_origin(hint) is tuple else value
        with pytest.raises(TownError) as wrong:
            load_town(written(f"{key} = {given}"), "t.toml")
        assert str(wrong.value) == f"t.toml: {where}: {key} lies between {lowest} and {highest}, it is not {value}"


def test_every_number_in_a_town_is_bounded_but_the_seed() -> None:
    kinds = (int, int | None, float, float | None, tuple[int, ...], tuple[float, ...])
    numbers = {key for plan, _, _ in PLACES for key, hint in get_type_hints(plan).items() if hint in kinds}

    assert numbers - {"seed"} == set(BOUNDS)


def test_a_small_town_has_so_many_of_each() -> None:
    plan = small_town(concentrators=3, meters=12, line_delay_ms=40)

    numbers = [one.number for each in plan.concentrator for one in meters_of(each)]
    assert len(plan.concentrator) == 3
    assert len(set(numbers)) == 12
    assert {(each.link, each.line_delay_ms) for each in plan.concentrator} == {("delegated", 40)}


# The page


def rows_of(heading: str) -> dict[str, tuple[str, str]]:
    """Type and default of each key in the table under that heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]*) \| [^|]+ \|$", section, re.MULTILINE)
    return {key: (kind, default.strip().strip("`")) for key, kind, default in rows}


@pytest.mark.parametrize(
    ("plan", "heading"), [(TownPlan, "The town"), (ConcentratorPlan, "`[[concentrator]]`"), (MeterPlan, "A meter")]
)
def test_the_page_has_every_key_with_its_type_and_default(plan: type, heading: str) -> None:
    hints = get_type_hints(plan)
    expected = {}
    for field in fields(plan):
        kinds = {
            int: "whole number",
            int | None: "whole number",
            float: "number",
            float | None: "number",
            str: "text",
            bool: "true or false",
        }
        default = "needed" if field.default is MISSING else shown(field.default)
        expected[field.name] = (kinds.get(hints[field.name], "tables"), default)

    assert rows_of(heading) == expected


def shown(default: object) -> str:
    """As TOML would have it."""
    match default:
        case bool():
            return "true" if default else "false"
        case str():
            return f'"{default}"'
        case None | ():
            return "none"
    return str(default)


@pytest.mark.parametrize("key", BOUNDS)
def test_the_page_has_the_bounds_of_every_number(key: str) -> None:
    lowest, highest = BOUNDS[key]
    rows = [line for line in (PAGE + MEDIA_PAGE).splitlines() if line.startswith(f"| `{key}` |")]

    assert rows
    assert [row for row in rows if f"{lowest} to {highest}" not in row] == []


def test_the_page_has_both_links() -> None:
    assert [link for link in LINKS if f"`{link}`: " not in PAGE] == []


def test_the_example_on_the_page_is_a_town() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

    plan = load_town(example, "town-file.md")

    assert plan.concentrator
    assert plan.meter


def test_the_example_of_a_line_is_like_the_shipped_one_but_for_what_it_says() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", MEDIA_PAGE, re.MULTILINE | re.DOTALL)

    (cables,) = load_town(NAME + example, "town-media.md").line

    assert cables == replace(LINES["plc"], name="old cables", loss=0.02, repeaters=(0.3, 0.3, 0.2, 0.2))


def test_a_table_with_the_name_of_a_shipped_kind_changes_that_kind() -> None:
    plan = load_town(concentrator('network = "lte"', "[[network]]", 'name = "lte"', "cuts_per_day = 9"), "t.toml")

    assert plan.networks["lte"] == replace(NETWORKS["lte"], cuts_per_day=9)
    assert plan.networks["gprs"] == NETWORKS["gprs"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (concentrator('line = "string"'), "concentrator C-1: line is plc, rf, hybrid, not 'string'"),
        (concentrator('network = "5g"'), "concentrator C-1: network is lte, gprs, not '5g'"),
        (meter('network = "5g"'), "meter M-1: network is lte, gprs, not '5g'"),
        (meter('household = "castle"'), "meter M-1: household is house, flat, electric-heating, solar, workshop, not"),
        (meter("phases = 2"), "meter M-1: phases is 1 or 3, not 2"),
        (NAME + "flats = 0.7\nsolar = 0.4", "town t: flats, electric_heating and solar are together at most 1"),
        (meter_behind('network = "lte"'), "meter M-1: network is for a meter without a concentrator"),
        (line('like = "y"'), "line x: like is plc or rf or hybrid, not 'y'"),
        (line('other = "y"'), "line x: other is plc, rf, hybrid, x, not 'y'"),
        (line('other = "hybrid"'), "line x: other is a line without another one, not 'hybrid'"),
        (line("noise_percent = [1, 2]"), "line x: noise_percent has 24 numbers, one for each hour"),
        (line("dead_days = 0.1"), "line x: dead_days and whole_days are together at most 1"),
        (line("repeaters = [0, 0.0]"), "line x: repeaters has a share above 0"),
        (line("repeaters = []"), "line x: repeaters is a list, each a number, not ()"),
        (line("repeaters = 1"), "line x: repeaters is a list, each a number, not 1"),
        (line("repeaters = [1.5]"), "line x: repeaters lies between 0 and 1, it is not 1.5"),
        (line("dip_hours = [1]"), "line x: dip_hours has 2 numbers, the least and the most"),
        (line('loss = "much"'), "line x: loss is a number, not 'much'"),
        (line("hiss = 1"), "line x: unknown key 'hiss'"),
        (NAME + "[[line]]\nloss = 0.5", "name is missing"),
    ],
)
def test_a_mistake_about_a_medium_is_named(text: str, words: str) -> None:
    with pytest.raises(TownError, match=re.escape(words)):
        load_town(text, "t.toml")
