"""A town from a TOML file; everything wrong in it is told with the table and the key."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from aforo.dlms.cosem.disconnect_control import CONTROL_MODES
from aforo.domain.quantities import LimitNotRepresentable, PowerLimit
from aforo.simulator.households import HOUSEHOLDS
from aforo.simulator.limiter_behaviour import BEHAVIOURS
from aforo.simulator.media import HOURS, LINES, NETWORKS, LinePlan, NetworkPlan
from aforo.simulator.town_plan import (
    BOUNDS,
    FRAMINGS,
    LINKS,
    NUMBER_OCTETS_MAX,
    ConcentratorPlan,
    MeterPlan,
    TownPlan,
    meters_of,
)

_THRESHOLD_MAX = 0xFFFF_FFFF
_KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
T = TypeVar("T")
K = TypeVar("K", LinePlan, NetworkPlan)


class TownError(ValueError):
    """The file is wrong; the message names the file, the table and the key."""


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
    tables = {
        "line": tuple(_kind_of(LinePlan, LINES, table, origin) for table in _tables(document, "line", origin)),
        "network": tuple(
            _kind_of(NetworkPlan, NETWORKS, table, origin) for table in _tables(document, "network", origin)
        ),
        "concentrator": concentrators,
        "meter": meters,
    }
    plan = _plan(TownPlan, {**document, **tables}, origin)
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


def _kind_of(kind: type[K], shipped: Mapping[str, K], table: dict[str, Any], origin: str) -> K:
    """What it does not say is as in the shipped one of its name, or of the name that `like` gives."""
    table = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    like = table.pop("like", table.get("name"))
    plan = _plan(kind, table, origin)
    if like in shipped:
        return replace(shipped[like], **table)
    if like != plan.name:
        raise TownError(f"{_where(kind, table, origin)}: like is {' or '.join(shipped)}, not {like!r}")
    return plan


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
        for one in value if isinstance(value, tuple) else (value,):
            if lowest is not None and highest is not None and not lowest <= one <= highest:
                raise TownError(f"{where}: {key} lies between {lowest} and {highest}, it is not {one}")
    for field in fields(kind):  # type: ignore[arg-type]  # every plan is a dataclass
        if field.default is MISSING and field.name not in table:
            raise TownError(f"{where}: {field.name} is missing")
    return kind(**table)


def _check_value(where: str, value: Any, hint: Any) -> None:
    allowed = [kind for kind in get_args(hint) or (hint,) if kind in _KINDS]
    if get_origin(hint) is tuple:
        if allowed and not (isinstance(value, tuple) and value and all(_is_a(one, allowed) for one in value)):
            raise TownError(f"{where} is a list, each {_KINDS[allowed[0]]}, not {value!r}")
        return  # else tables, which are plans by now
    if not _is_a(value, allowed):
        raise TownError(f"{where} is {' or '.join(_KINDS[kind] for kind in allowed)}, not {value!r}")


def _is_a(value: Any, allowed: Sequence[type]) -> bool:
    return type(value) in allowed or (type(value) is int and float in allowed)


def _check(plan: TownPlan, origin: str) -> None:
    concentrators: set[str] = set()
    for one in plan.concentrator:
        where = f"{origin}: concentrator {one.number}"
        _check_number(where, one.number, concentrators)
        if one.link not in LINKS:
            raise TownError(f"{where}: link is {' or '.join(LINKS)}, not {one.link!r}")
        _check_name(f"{where}: line", one.line, plan.lines)
        _check_name(f"{where}: network", one.network, plan.networks)
        if one.meters and not one.first_meter:
            raise TownError(f"{where}: first_meter is missing, the number of the first of its {one.meters} meters")
        for meter in one.meter:
            if meter.port:
                raise TownError(f"{origin}: meter {meter.number}: port is for a meter without a concentrator")
            if meter.network:
                raise TownError(f"{origin}: meter {meter.number}: network is for a meter without a concentrator")
    for meter in plan.meter:
        if not meter.in_table:
            raise TownError(f"{origin}: meter {meter.number}: in_table is for a meter behind a concentrator")
        _check_name(f"{origin}: meter {meter.number}: network", meter.network, plan.networks)
        if meter.framing not in FRAMINGS:
            known = " or ".join(FRAMINGS)
            raise TownError(f"{origin}: meter {meter.number}: framing is {known}, not {meter.framing!r}")
        if meter.physical_device is not None and meter.framing != "hdlc":
            raise TownError(f"{origin}: meter {meter.number}: physical_device is for framing hdlc")
    if plan.flats + plan.electric_heating + plan.solar > 1:
        raise TownError(f"{origin}: town {plan.name}: flats, electric_heating and solar are together at most 1")
    _check_lines(plan, origin)
    _check_meters(plan, origin)
    _check_ports(plan, origin)


def _check_lines(plan: TownPlan, origin: str) -> None:
    for one in plan.line:
        where = f"{origin}: line {one.name}"
        _check_name(f"{where}: other", one.other, plan.lines)
        if one.other and plan.lines[one.other].other:
            raise TownError(f"{where}: other is a line without another one, not {one.other!r}")
        if len(one.noise_percent) != HOURS:
            raise TownError(f"{where}: noise_percent has {HOURS} numbers, one for each hour")
        if one.dead_days + one.whole_days > 1:
            raise TownError(f"{where}: dead_days and whole_days are together at most 1")
        if sum(one.repeaters) <= 0:
            raise TownError(f"{where}: repeaters has a share above 0")
        for key in ("dip_hours", "dip_depth"):
            if len(getattr(one, key)) != 2:
                raise TownError(f"{where}: {key} has 2 numbers, the least and the most")


def _check_name(where: str, name: str, known: Mapping[str, object]) -> None:
    if name and name not in known:
        raise TownError(f"{where} is {', '.join(known)}, not {name!r}")


def _check_meters(plan: TownPlan, origin: str) -> None:
    numbers: set[str] = set()
    for meter in (*plan.meter, *(one for concentrator in plan.concentrator for one in meters_of(concentrator))):
        where = f"{origin}: meter {meter.number}"
        _check_number(where, meter.number, numbers)
        _check_limiter(where, meter)
        _check_name(f"{where}: household", meter.household, HOUSEHOLDS)
        if meter.phases not in (1, 3):
            raise TownError(f"{where}: phases is 1 or 3, not {meter.phases}")
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
