"""A town in a TOML file: concentrators, meters, and how they behave. `docs/reference/town-file.md` has every key."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

LINKS = ("delegated", "transparent")
T = TypeVar("T")


class TownError(ValueError):
    """The file is wrong; the message names the file, the table and the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterPlan:
    """load_w: what the household draws, steadily but for small changes; None means a household's day.

    in_table: false leaves the meter out of its concentrator's internal table.   silent: it answers nobody.
    swallows_answer: the answer to the first SET is lost.   port: of a direct meter; 0 lets the system choose.
    """

    number: str
    usage_point: str = ""
    model: str = ""
    scaler: int = 0
    control_mode: int = 2
    min_over_threshold_s: int = 60
    limit_w: int | None = None
    max_power_w: int = 10_000
    contracted_power_w: int | None = None
    load_w: int | None = None
    commissioned: bool = True
    in_table: bool = True
    silent: bool = False
    swallows_answer: bool = False
    protected: bool = False
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentratorPlan:
    """meters: so many that are alike, numbered on from first_meter; `meter` tables add single ones.

    line_delay_ms: from the beginning of an exchange with a meter to its answer.   answer_wait_s: until silence is
    certain.   port: 0 lets the system choose.
    """

    number: str
    link: str = "delegated"
    port: int = 0
    line_delay_ms: int = 0
    answer_wait_s: int = 10
    meters: int = 0
    first_meter: int = 0
    meter: tuple[MeterPlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TownPlan:
    """seed: of every key, title, load and chance in it."""

    name: str
    seed: int = 1
    host: str = "127.0.0.1"
    time_zone: str = "America/Santiago"
    concentrator: tuple[ConcentratorPlan, ...] = ()
    meter: tuple[MeterPlan, ...] = ()


def load_town(text: str, origin: str) -> TownPlan:
    """origin: file name, for messages. Raises TownError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise TownError(f"{origin}: {wrong}") from wrong
    concentrators = tuple(
        _plan(ConcentratorPlan, _with_meters(table, origin), origin)
        for table in _tables(document, "concentrator", origin)
    )
    meters = tuple(_plan(MeterPlan, table, origin) for table in _tables(document, "meter", origin))
    plan = _plan(TownPlan, {**document, "concentrator": concentrators, "meter": meters}, origin)
    _check(plan, origin)
    return plan


def _tables(document: Mapping[str, Any], name: str, origin: str) -> list[dict[str, Any]]:
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise TownError(f"{origin}: {name} is written [[{name}]]")
    return tables


def _with_meters(table: dict[str, Any], origin: str) -> dict[str, Any]:
    meters = tuple(_plan(MeterPlan, meter, origin) for meter in _tables(table, "meter", origin))
    return {**table, "meter": meters}


def _plan(kind: type[T], table: Mapping[str, Any], origin: str) -> T:
    known = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    where = f"{origin}: {kind.__name__.removesuffix('Plan').lower()} {table.get('number', table.get('name', '?'))}"
    for key, value in table.items():
        if key not in known:
            raise TownError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")
        if not isinstance(value, tuple) and type(value).__name__ not in known[key]:
            raise TownError(f"{where}: {key} is {known[key]}, not {value!r}")
    try:
        return kind(**table)
    except TypeError:
        raise TownError(f"{where}: its number or name is missing") from None


def _check(plan: TownPlan, origin: str) -> None:
    numbers: set[str] = set()
    for concentrator in plan.concentrator:
        if concentrator.link not in LINKS:
            raise TownError(f"{origin}: concentrator {concentrator.number}: link is {' or '.join(LINKS)}")
        if concentrator.meters and not concentrator.first_meter:
            raise TownError(f"{origin}: concentrator {concentrator.number}: meters needs first_meter")
    for meter in (*plan.meter, *(one for concentrator in plan.concentrator for one in meters_of(concentrator))):
        if meter.number in numbers:
            raise TownError(f"{origin}: meter {meter.number} stands there twice")
        numbers.add(meter.number)
    for port in (*(one.port for one in plan.concentrator), *(one.port for one in plan.meter)):
        if not 0 <= port < 32768:
            raise TownError(f"{origin}: port {port}; devices listen below 32768, or at 0 for one that is free")


def meters_of(concentrator: ConcentratorPlan) -> list[MeterPlan]:
    """Those that are alike, then those with tables of their own."""
    alike = range(concentrator.first_meter, concentrator.first_meter + concentrator.meters)
    return [*(MeterPlan(number=str(number)) for number in alike), *concentrator.meter]


def small_town(*, concentrators: int, meters: int, seed: int = 1, line_delay_ms: int = 0) -> TownPlan:
    """Delegated meters, evenly behind the concentrators; for benches."""
    each = meters // concentrators
    return TownPlan(
        name=f"{concentrators} concentrators, {each} meters each",
        seed=seed,
        concentrator=tuple(
            ConcentratorPlan(
                number=f"CT-{place:04d}",
                line_delay_ms=line_delay_ms,
                meters=each,
                first_meter=50_000_001 + place * each,
            )
            for place in range(concentrators)
        ),
    )
