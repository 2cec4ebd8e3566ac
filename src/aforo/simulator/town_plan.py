"""What a town is made of. `docs/reference/town-file.md` has every key."""

from dataclasses import dataclass

from aforo.domain.quantities import HIGHEST_WATTS
from aforo.simulator.media import LINES, NETWORKS, LinePlan, NetworkPlan
from aforo.simulator.meter_settings import THRESHOLD_REGISTERS_MAX

FRAMINGS = ("wrapper", "udp", "hdlc")
LINKS = ("delegated", "transparent")
NUMBER_OCTETS_MAX = 64
METERS_ALIKE_MAX = 10_000
BOUNDS = {
    "answer_wait_s": (1, 3_600),
    "attach_s": (0, 3_600),
    "away_min": (0.1, 1_440),
    "away_sigma": (0, 3),
    "clock_ahead_s": (-86_400, 86_400),
    "clock_drift_ppm": (-10_000, 10_000),
    "contracted_power_w": (1, HIGHEST_WATTS),
    "control_mode": (0, 6),
    "cut_s": (1, 86_400),
    "cuts_per_day": (0, 1_000),
    "dead_days": (0, 1),
    "dip_depth": (0, 1),
    "dip_hours": (0.1, 24),
    "dips_per_day": (0, 100),
    "electric_heating": (0, 1),
    "exchange_ms": (0, 60_000),
    "exchange_sigma": (0, 3),
    "first_meter": (1, 10**15),
    "flats": (0, 1),
    "handover_s": (0, 86_400),
    "heard_alpha": (0.01, 1_000),
    "heard_beta": (0.01, 1_000),
    "jitter_ms": (0, 60_000),
    "latitude": (-90, 90),
    "limit_w": (1, HIGHEST_WATTS),
    "line_delay_ms": (0, 60_000),
    "line_loss_permille": (0, 1_000),
    "line_spread_percent": (0, 300),
    "load_w": (0, HIGHEST_WATTS),
    "longitude": (-180, 180),
    "loss": (0, 1),
    "max_power_w": (1, HIGHEST_WATTS),
    "meters": (0, METERS_ALIKE_MAX),
    "min_over_threshold_s": (0, 0xFFFF_FFFF),
    "modem_fault_min": (0.1, 1_440),
    "modem_faults_per_day": (0, 100),
    "moved_per_month": (0, 1),
    "noise_percent": (0, 10_000),
    "phases": (1, 3),
    "physical_device": (1, 0x3FFD),
    "port": (0, 32_767),
    "reattach_s": (0, 86_400),
    "repeaters": (0, 1),
    "round_trip_ms": (0, 60_000),
    "scaler": (-3, 6),
    "sim_fault_h": (0.1, 120),
    "sim_faults_per_day": (0, 10),
    "solar": (0, 1),
    "spread": (0, 3),
    "threshold_registers": (0, THRESHOLD_REGISTERS_MAX),
    "whole_days": (0, 1),
}
"""Lowest and highest value of a key that a file gives, in whichever table. Ports above are the system's to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterPlan:
    """load_w: what the household draws, steadily but for small changes; None means a household's day.

    in_table: false leaves the meter out of its concentrator's internal table.   silent: it answers nobody.
    swallows_answer: the answer to the first SET is lost.   port: of a direct meter; 0 lets the system choose.
    framing: of a direct meter, wrapper, udp or hdlc.   physical_device: HDLC lower address; None answers to any.
    network: of a direct meter, a kind of network, behind which it stands; empty: none.
    household: a key of `aforo.simulator.households.HOUSEHOLDS`; empty: as the town's shares have it.   phases: 1 or 3.
    clock_ahead_s: at first.   clock_drift_ppm: None is drawn from the town's.
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
    network: str = ""
    household: str = ""
    phases: int = 1
    clock_ahead_s: int = 0
    clock_drift_ppm: float | None = None
    threshold_registers: int = 0
    limiter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentratorPlan:
    """meters: so many that are alike, numbered on from first_meter; `meter` tables add single ones.

    line: a kind of line, shipped or of this file; empty: a wire.   line_delay_ms: of an exchange with a meter, from its
    beginning to the answer; the median, when line_spread_percent, a hundred times the sigma of a lognormal
    distribution, is not 0.   line_loss_permille: exchanges lost.   All three: None is what its line says.
    network: a kind of network, behind which it stands; empty: none.
    answer_wait_s: until silence is certain.   port: 0 lets the system choose.
    """

    number: str
    link: str = "delegated"
    port: int = 0
    line: str = ""
    line_delay_ms: int | None = None
    line_spread_percent: int | None = None
    line_loss_permille: int | None = None
    network: str = ""
    answer_wait_s: int = 10
    meters: int = 0
    first_meter: int = 0
    meter: tuple[MeterPlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TownPlan:
    """seed: of every key, title, load and chance in it.   line, network: kinds of its own, beside those shipped.

    moved_per_month: share of the meters behind concentrators that come to another in 30 days.
    latitude, longitude: in degrees, for its sun and its seasons.   flats, electric_heating, solar: share of meters
    whose household is of that kind where they name none; the others are houses, of three phases workshops.
    clock_drift_ppm: standard deviation of how much faster meters' clocks run.
    """

    name: str
    seed: int = 1
    host: str = "127.0.0.1"
    time_zone: str = "America/Santiago"
    latitude: float = -33.45
    longitude: float = -70.67
    flats: float = 0.0
    electric_heating: float = 0.0
    solar: float = 0.0
    clock_drift_ppm: float = 0.0
    moved_per_month: float = 0.0
    line: tuple[LinePlan, ...] = ()
    network: tuple[NetworkPlan, ...] = ()
    concentrator: tuple[ConcentratorPlan, ...] = ()
    meter: tuple[MeterPlan, ...] = ()

    @property
    def lines(self) -> dict[str, LinePlan]:
        """Every kind of line, by name."""
        return {**LINES, **{one.name: one for one in self.line}}

    @property
    def networks(self) -> dict[str, NetworkPlan]:
        """The same of networks."""
        return {**NETWORKS, **{one.name: one for one in self.network}}


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
