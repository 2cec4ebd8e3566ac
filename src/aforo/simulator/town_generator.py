"""A realistic town of any size from a seed, as a town file. Every distribution has a name, a value and a source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from math import log
from random import Random

from aforo.simulator.media import KEYS, LINES, NETWORKS, LinePlan, NetworkPlan
from aforo.simulator.town_plan import METERS_ALIKE_MAX

FIRST_METER = 20_000_001
TOWN_METERS_MAX = 1_000_000
_HEAD = """\
# Made by `aforo town new --meters {meters} --seed {seed} --profile {profile}`; the same command gives the same file.
# Drawn from:
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributions:
    """Shares are of one. The defaults are those of a PRIME fleet in its steady state. What happens on each kind of line
    and network has names of its own, as `plc.loss` and `lte.cuts_per_day`; see `media_distributions`.
    """

    meters_per_concentrator_median: float = 90
    meters_per_concentrator_sigma: float = 0.75
    meters_per_concentrator_lowest: float = 5
    meters_per_concentrator_highest: float = 600
    line_spread: float = 0.2
    hybrid_lines: float = 0.1
    rf_lines: float = 0.05
    gprs: float = 0.2
    moved_per_month: float = 0.002
    flats: float = 0.35
    electric_heating: float = 0.08
    solar: float = 0.03
    clock_drift_ppm: float = 3
    transparent_concentrators: float = 0.1
    point_to_point: float = 0.005
    not_commissioned: float = 0.002
    permanent_failure: float = 0.006
    not_in_table: float = 0.001
    three_phase: float = 0.08
    protected: float = 0.002

    def changed(self, changes: Mapping[str, float]) -> "Distributions":
        """Raises ValueError for a name that is none, or a negative value."""
        known = [field.name for field in fields(self)]
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no distribution {name!r}; there are {', '.join(known)}")
            if value < 0:
                raise ValueError(f"{name} is not negative")
        return replace(self, **changes)


SOURCES: dict[str, str] = {
    "meters_per_concentrator_median": "lognormal, fitted to a PRIME utility; published fleets: 50 to 209",
    "meters_per_concentrator_sigma": "of the same lognormal: 5 % below 26, 5 % above 311",
    "meters_per_concentrator_lowest": "cut off below",
    "meters_per_concentrator_highest": "cut off above",
    "line_spread": "estimate; lognormal sigma between lines, of the median time of an exchange over plc",
    "hybrid_lines": "estimate; lines with PLC and RF, the others of rf_lines RF, and the rest PLC",
    "rf_lines": "estimate",
    "gprs": "estimate; devices behind GPRS, the others behind LTE",
    "flats": "estimate; households in flats, the others in houses",
    "electric_heating": "estimate",
    "solar": "estimate; houses with panels",
    "clock_drift_ppm": "estimate: standard deviation; IEC 62054-21 allows half a second a day, which is 5.8",
    "moved_per_month": "estimate; meters that come to another concentrator in 30 days",
    "transparent_concentrators": "estimate",
    "point_to_point": "estimate; large customers with a line of their own",
    "not_commissioned": "estimate for the steady state; 0.16 in one audited rollout",
    "permanent_failure": "Enedis: no index in two months",
    "not_in_table": "estimate",
    "three_phase": "estimate",
    "protected": "estimate; electro-dependent customers",
}
"""By name, where each default comes from."""

PROFILES: dict[str, dict[str, float]] = {"steady": {}, "rollout": {"not_commissioned": 0.16, "not_in_table": 0.01}}
"""What differs from the defaults."""


def new_town(*, meters: int, seed: int, profile: str = "steady", changes: Mapping[str, float] | None = None) -> str:
    """The text of a town file. changes: of distributions and of media_distributions, beyond the profile's. Raises
    ValueError.
    """
    if not 1 <= meters <= TOWN_METERS_MAX:
        raise ValueError(f"a town has 1 to {TOWN_METERS_MAX} meters, not {meters}")
    if profile not in PROFILES:
        raise ValueError(f"no profile {profile!r}; there are {', '.join(PROFILES)}")
    given = {**PROFILES[profile], **(changes or {})}
    media = {name: value for name, value in given.items() if "." in name}
    drawn = Distributions().changed({name: value for name, value in given.items() if "." not in name})
    return "\n".join(_lines(drawn, media, meters=meters, seed=seed, profile=profile)) + "\n"


def media_distributions() -> Iterator[tuple[str, float, str]]:
    """Of every shipped kind of line and network what can be changed: its name, its value, its source."""
    kinds: list[LinePlan | NetworkPlan] = [*LINES.values(), *NETWORKS.values()]
    for kind in kinds:
        for field in fields(kind):
            value = getattr(kind, field.name)
            if isinstance(value, int | float):
                yield f"{kind.name}.{field.name}", value, KEYS[field.name][1]


def _lines(drawn: Distributions, media: Mapping[str, float], *, meters: int, seed: int, profile: str) -> Iterator[str]:
    chance = Random(f"town {seed}")  # noqa: S311 (a simulation's, to be repeated)
    yield _HEAD.format(meters=meters, seed=seed, profile=profile).rstrip()
    for field in fields(drawn):
        yield f"#   {field.name} = {getattr(drawn, field.name):g}   {SOURCES[field.name]}"
    for name, value, source in media_distributions():
        yield f"#   {name} = {media.get(name, value):g}   {source}"
    direct = round(meters * drawn.point_to_point)
    yield f'\nname = "a town of {meters} meters"\nseed = {seed}\nmoved_per_month = {drawn.moved_per_month:g}'
    for name in ("flats", "electric_heating", "solar", "clock_drift_ppm"):
        yield f"{name} = {getattr(drawn, name):g}"
    yield from _changed_media(media)
    first = FIRST_METER
    exchange_ms = {name: media.get(f"{name}.exchange_ms", line.exchange_ms) for name, line in LINES.items()}
    for place, size in enumerate(_sizes(drawn, meters - direct, chance), 1):
        yield f'\n[[concentrator]]\nnumber = "CT-{place:05d}"'
        yield from _ways(drawn, chance, exchange_ms)
        yield from _meters(drawn, chance, size=size, first=first)
        first += size
    for number in range(first, first + direct):
        framing = chance.choice(("wrapper", "wrapper", "hdlc", "udp"))
        yield f'\n[[meter]]\nnumber = "{number}"\nmax_power_w = 60000\nframing = "{framing}"'
        yield f'network = "{_network(drawn, chance)}"'


def _changed_media(media: Mapping[str, float]) -> Iterator[str]:
    """Raises ValueError for a name that is none, or a negative value."""
    shipped = {name: value for name, value, _ in media_distributions()}
    for name, value in sorted(media.items()):
        if name not in shipped:
            raise ValueError(f"no distribution {name!r}; there are {', '.join(shipped)}")
        if value < 0:
            raise ValueError(f"{name} is not negative")
    for kind in sorted({name.partition(".")[0] for name in media}):
        yield f'\n[[{"line" if kind in LINES else "network"}]]\nname = "{kind}"'
        for name, value in sorted(media.items()):
            if name.startswith(f"{kind}."):
                yield f"{name.partition('.')[2]} = {round(value) if isinstance(shipped[name], int) else value}"


def _network(drawn: Distributions, chance: Random) -> str:
    return "gprs" if chance.random() < drawn.gprs else "lte"


def _sizes(drawn: Distributions, meters: int, chance: Random) -> Iterator[int]:
    """The last concentrator takes what is left."""
    lowest, highest = round(drawn.meters_per_concentrator_lowest), round(drawn.meters_per_concentrator_highest)
    highest = min(max(1, highest), METERS_ALIKE_MAX)
    while meters > 0:
        sigma = drawn.meters_per_concentrator_sigma
        size = round(chance.lognormvariate(log(max(1.0, drawn.meters_per_concentrator_median)), sigma))
        if lowest <= size <= highest or size >= meters:
            size = min(size, meters, highest)
            yield size
            meters -= size


def _ways(drawn: Distributions, chance: Random, exchange_ms: Mapping[str, float]) -> Iterator[str]:
    """From the head-end to the concentrator, and from there to its meters."""
    link = "transparent" if chance.random() < drawn.transparent_concentrators else "delegated"
    lot = chance.random()
    line = "hybrid" if lot < drawn.hybrid_lines else "rf" if lot < drawn.hybrid_lines + drawn.rf_lines else "plc"
    median = exchange_ms[line] * chance.lognormvariate(0.0, drawn.line_spread)
    yield f'link = "{link}"\nline = "{line}"\nline_delay_ms = {round(median)}\nnetwork = "{_network(drawn, chance)}"'


def _meters(drawn: Distributions, chance: Random, *, size: int, first: int) -> Iterator[str]:
    odd = [text for text in (_odd(drawn, chance) for _ in range(size)) if text]
    if size > len(odd):
        yield f"meters = {size - len(odd)}\nfirst_meter = {first}"
    for offset, text in enumerate(odd, size - len(odd)):
        yield f'\n  [[concentrator.meter]]\n  number = "{first + offset}"\n{text}'


def _odd(drawn: Distributions, chance: Random) -> str:
    """What makes a meter unlike the others; empty when it is like them."""
    kinds = (
        (drawn.not_commissioned, "  commissioned = false"),
        (drawn.permanent_failure, "  silent = true"),
        (drawn.not_in_table, "  in_table = false"),
        (drawn.protected, "  protected = true"),
        (drawn.three_phase, "  phases = 3\n  max_power_w = 27000\n  contracted_power_w = 15000"),
    )
    lot = chance.random()
    for share, text in kinds:
        if lot < share:
            return text
        lot -= share
    return ""
