"""A town in a TOML file: concentrators, meters, and how they behave. `docs/reference/town-file.md` has every key."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, get_args, get_type_hints

from aforo.dlms.cosem.disconnect_control import CONTROL_MODES
from aforo.domain.quantities import HIGHEST_WATTS, LimitNotRepresentable, PowerLimit
from aforo.simulator.limiter_behaviour import BEHAVIOURS
from aforo.simulator.meter_settings import THRESHOLD_REGISTERS_MAX

FRAMINGS = ("wrapper", "udp", "hdlc")
LINKS = ("delegated", "transparent")
NUMBER_OCTETS_MAX = 64
METERS_ALIKE_MAX = 10_000
BOUNDS = {
    "answer_wait_s": (1, 3_600),
    "contracted_power_w": (1, HIGHEST_WATTS),
    "control_mode": (0, 6),
    "first_meter": (1, 10**15),
    "limit_w": (1, HIGHEST_WATTS),
    "line_delay_ms": (0, 60_000),
    "line_loss_permille": (0, 1_000),
    "line_spread_percent": (0, 300),
    "load_w": (0, HIGHEST_WATTS),
    "max_power_w": (1, HIGHEST_WATTS),
    "meters": (0, METERS_ALIKE_MAX),
    "min_over_threshold_s": (0, 0xFFFF_FFFF),
    "physical_device": (1, 0x3FFD),
    "port": (0, 32_767),
    "scaler": (-3, 6),
    "threshold_registers": (0, THRESHOLD_REGISTERS_MAX),
}
"""Lowest and highest value of a key that a file gives, in whichever table. Ports above are the system's to choose."""

_THRESHOLD_MAX = 0xFFFF_FFFF
_KINDS = {int: "a whole number", str: "a text", bool: "true or false"}
T = TypeVar("T")


class TownError(ValueError):
    """The file is wrong; the message names the file, the table and the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterPlan:
    """load_w: what the household draws, steadily but for small changes; None means a household's day.

    in_table: false leaves the meter out of its concentrator's internal table.   silent: it answers nobody.
    swallows_answer: the answer to the first SET is lost.   port: of a direct meter; 0 lets the system choose.
    framing: of a direct meter, wrapper, udp or hdlc.   physical_device: HDLC lower address; None answers to any.
    threshold_registers: instead of a Limiter object so many Registers, as model registers-prime has them.
    limiter: how it decides to cut, a key of `aforo.simulator.limiter_behaviour.BEHAVIOURS`; empty: after
    min_over_threshold_s.
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
    framing: str = "wrapper"
    physical_device: int | None = None
    threshold_registers: int = 0
    limiter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentratorPlan:
    """meters: so many that are alike, numbered on from first_meter; `meter` tables add single ones.

    line_delay_ms: from the beginning of an exchange with a meter to its answer; the median, when line_spread_percent,
    a hundred times the sigma of a lognormal distribution, is not 0.   line_loss_permille: exchanges lost.
    answer_wait_s: until silence is certain.   port: 0 lets the system choose.
    """

    number: str
    link: str = "delegated"
    port: int = 0
    line_delay_ms: int = 0
    line_spread_percent: int = 0
    line_loss_permille: int = 0
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


def _tables(document: Mapping[str, Any], name: str, where: str, *, within: str = "") -> list[dict[str, Any]]:
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise TownError(f"{where}: {name} is written [[{within}{name}]]")
    return tables


def _with_meters(table: dict[str, Any], origin: str) -> dict[str, Any]:
    tables = _tables(table, "meter", _where(ConcentratorPlan, table, origin), within="concentrator.")
    return {**table, "meter": tuple(_plan(MeterPlan, meter, origin) for meter in tables)}


def _where(kind: type, table: Mapping[str, Any], origin: str) -> str:
    """File and table, for messages."""
    return f"{origin}: {kind.__name__.removesuffix('Plan').lower()} {table.get('number', table.get('name', '?'))}"


def _plan(kind: type[T], table: Mapping[str, Any], origin: str) -> T:
    where, known = _where(kind, table, origin), get_type_hints(kind)
    for key, value in table.items():
        if key not in known:
            raise TownError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")
        _check_value(f"{where}: {key}", value, known[key])
        lowest, highest = BOUNDS.get(key, (None, None))
        if lowest is not None and highest is not None and not lowest <= value <= highest:
            raise TownError(f"{where}: {key} lies between {lowest} and {highest}, it is not {value}")
    for field in fields(kind):  # type: ignore[arg-type]  # every plan is a dataclass
        if field.default is MISSING and field.name not in table:
            raise TownError(f"{where}: {field.name} is missing")
    return kind(**table)


def _check_value(where: str, value: Any, hint: Any) -> None:
    if isinstance(value, tuple):
        return  # tables, which are plans by now
    allowed = [kind for kind in get_args(hint) or (hint,) if kind in _KINDS]
    if type(value) not in allowed:
        raise TownError(f"{where} is {' or '.join(_KINDS[kind] for kind in allowed)}, not {value!r}")


def _check(plan: TownPlan, origin: str) -> None:
    concentrators: set[str] = set()
    for one in plan.concentrator:
        where = f"{origin}: concentrator {one.number}"
        _check_number(where, one.number, concentrators)
        if one.link not in LINKS:
            raise TownError(f"{where}: link is {' or '.join(LINKS)}, not {one.link!r}")
        if one.meters and not one.first_meter:
            raise TownError(f"{where}: first_meter is missing, the number of the first of its {one.meters} meters")
        for meter in one.meter:
            if meter.port:
                raise TownError(f"{origin}: meter {meter.number}: port is for a meter without a concentrator")
    for meter in plan.meter:
        if not meter.in_table:
            raise TownError(f"{origin}: meter {meter.number}: in_table is for a meter behind a concentrator")
        if meter.framing not in FRAMINGS:
            known = " or ".join(FRAMINGS)
            raise TownError(f"{origin}: meter {meter.number}: framing is {known}, not {meter.framing!r}")
        if meter.physical_device is not None and meter.framing != "hdlc":
            raise TownError(f"{origin}: meter {meter.number}: physical_device is for framing hdlc")
    _check_meters(plan, origin)
    _check_ports(plan, origin)


def _check_meters(plan: TownPlan, origin: str) -> None:
    numbers: set[str] = set()
    for meter in (*plan.meter, *(one for concentrator in plan.concentrator for one in meters_of(concentrator))):
        where = f"{origin}: meter {meter.number}"
        _check_number(where, meter.number, numbers)
        _check_limiter(where, meter)
        key, watts = ("max_power_w", meter.max_power_w) if meter.limit_w is None else ("limit_w", meter.limit_w)
        try:
            PowerLimit(watts).scaled(meter.scaler, highest=_THRESHOLD_MAX)
        except LimitNotRepresentable as wrong:
            raise TownError(f"{where}: {key}: {wrong}") from wrong


def _check_limiter(where: str, meter: MeterPlan) -> None:
    if not meter.limiter:
        return
    if meter.limiter not in BEHAVIOURS:
        raise TownError(f"{where}: limiter is {', '.join(BEHAVIOURS)}, not {meter.limiter!r}")
    if BEHAVIOURS[meter.limiter].recloses_after_s and "h" not in CONTROL_MODES[meter.control_mode]:
        mode = meter.control_mode
        raise TownError(f"{where}: limiter {meter.limiter} closes by itself, which control_mode {mode} does not allow")


def _check_number(where: str, number: str, taken: set[str]) -> None:
    if not number.isascii() or not number.isprintable() or not 1 <= len(number) <= NUMBER_OCTETS_MAX:
        raise TownError(f"{where}: number has 1 to {NUMBER_OCTETS_MAX} ASCII characters")
    if number in taken:
        raise TownError(f"{where}: number stands there twice")
    taken.add(number)


def _check_ports(plan: TownPlan, origin: str) -> None:
    taken: set[int] = set()
    for kind, number, port in _listeners(plan):
        if port and port in taken:
            raise TownError(f"{origin}: {kind} {number}: port {port} stands there twice")
        taken.add(port)


def _listeners(plan: TownPlan) -> Iterator[tuple[str, str, int]]:
    yield from (("concentrator", one.number, one.port) for one in plan.concentrator)
    yield from (("meter", one.number, one.port) for one in plan.meter)


def meters_of(concentrator: ConcentratorPlan) -> list[MeterPlan]:
    """Those that are alike, then those with tables of their own."""
    alike = range(concentrator.first_meter, concentrator.first_meter + concentrator.meters)
    return [*(MeterPlan(number=str(number)) for number in alike), *concentrator.meter]


def small_town(
    *, concentrators: int, meters: int, seed: int = 1, line_delay_ms: int = 0, link: str = "delegated"
) -> TownPlan:
    """So many meters in all, evenly behind the concentrators; for benches. link: "direct" has no concentrators."""
    if link == "direct":
        direct = tuple(MeterPlan(number=str(50_000_001 + place)) for place in range(meters))
        return TownPlan(name=f"{meters} direct meters", seed=seed, meter=direct)
    each = meters // concentrators
    return TownPlan(
        name=f"{concentrators} concentrators, {each} meters each",
        seed=seed,
        concentrator=tuple(
            ConcentratorPlan(
                number=f"CT-{place:04d}",
                link=link,
                line_delay_ms=line_delay_ms,
                meters=each,
                first_meter=50_000_001 + place * each,
            )
            for place in range(concentrators)
        ),
    )
