"""A town in a TOML file: what it may say, and that every mistake is named by file, table and key."""

import re
from dataclasses import MISSING, fields
from importlib.resources import files
from pathlib import Path
from typing import get_type_hints

import pytest

from aforo.simulator.town_file import (
    BOUNDS,
    LINKS,
    ConcentratorPlan,
    MeterPlan,
    TownError,
    TownPlan,
    load_town,
    meters_of,
    small_town,
)

DEMO = (files("aforo.simulator") / "towns" / "demo.toml").read_text(encoding="utf-8")
PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "town-file.md").read_text(encoding="utf-8")
NAME = 'name = "t"\n'


def concentrator(*keys: str) -> str:
    return "\n".join([NAME, "[[concentrator]]", 'number = "C-1"', *keys])


def meter(*keys: str) -> str:
    return "\n".join([NAME, "[[meter]]", 'number = "M-1"', *keys])


def meter_behind(*keys: str) -> str:
    return "\n".join([concentrator(), "[[concentrator.meter]]", 'number = "M-1"', *keys])


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
        (NAME + "seeds = 1", "t.toml: town t: unknown key 'seeds'; known are concentrator, host, meter, name, "),
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
    in_meter = key in get_type_hints(MeterPlan)
    written = meter if in_meter else concentrator
    where = "meter M-1" if in_meter else "concentrator C-1"

    for value in (lowest - 1, highest + 1):
        with pytest.raises(TownError) as wrong:
            load_town(written(f"{key} = {value}"), "t.toml")
        assert str(wrong.value) == f"t.toml: {where}: {key} lies between {lowest} and {highest}, it is not {value}"


def test_every_number_in_a_town_is_bounded_but_the_seed() -> None:
    plans = (TownPlan, ConcentratorPlan, MeterPlan)
    numbers = {key for plan in plans for key, hint in get_type_hints(plan).items() if hint in (int, int | None)}

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
        kinds = {int: "whole number", int | None: "whole number", str: "text", bool: "true or false"}
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
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{key}` |")]

    assert rows
    assert [row for row in rows if f"{lowest} to {highest}" not in row] == []


def test_the_page_has_both_links() -> None:
    assert [link for link in LINKS if f"`{link}`: " not in PAGE] == []


def test_the_example_on_the_page_is_a_town() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

    plan = load_town(example, "town-file.md")

    assert plan.concentrator
    assert plan.meter
