"""The media of a town as data: lines between a concentrator and its meters, and networks to concentrators and meters.

Every figure can be changed by a town file; `KEYS` tells what it means and where it comes from.
"""

from dataclasses import dataclass, replace

HOURS = 24
ALWAYS_ALIKE = (100,) * HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """How a concentrator and its meters hear each other; KEYS tells what each means. Shares are of one."""

    name: str
    exchange_ms: int = 0
    exchange_sigma: float = 0.0
    loss: float = 0.0
    noise_percent: tuple[int, ...] = ALWAYS_ALIKE
    repeaters: tuple[float, ...] = (1.0,)
    reattach_s: int = 180
    dead_days: float = 0.0
    whole_days: float = 1.0
    heard_alpha: float = 4.34
    heard_beta: float = 0.458
    away_min: float = 15.0
    away_sigma: float = 1.38
    dips_per_day: float = 0.0
    dip_hours: tuple[float, ...] = (3.0, 5.0)
    dip_depth: tuple[float, ...] = (0.10, 0.28)
    other: str = ""
    handover_s: int = 120

    @property
    def is_always_heard(self) -> bool:
        """Then only the noise keeps meters from being heard."""
        return self.whole_days >= 1.0 and not self.dead_days and not self.dips_per_day


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """How a concentrator, or a point-to-point meter, is reached over a mobile network; KEYS tells what each means."""

    name: str
    round_trip_ms: int = 0
    jitter_ms: int = 0
    cuts_per_day: float = 0.0
    cut_s: int = 90
    modem_faults_per_day: float = 0.0
    modem_fault_min: float = 20.0
    sim_faults_per_day: float = 0.0
    sim_fault_h: float = 30.0
    attach_s: int = 12
    spread: float = 0.6


_EVENING_NOISE = (*(60,) * 6, 90, 120, *(100,) * 9, 130, 180, 240, 260, 240, 180, 100)

_PLC = LinePlan(
    name="plc",
    exchange_ms=800,
    exchange_sigma=0.5,
    loss=0.002,
    noise_percent=_EVENING_NOISE,
    repeaters=(0.55, 0.3, 0.12, 0.03),
    dead_days=0.011,
    whole_days=0.47,
    dips_per_day=0.5,
)
_RF = LinePlan(
    name="rf",
    exchange_ms=350,
    exchange_sigma=0.6,
    loss=0.004,
    repeaters=(0.4, 0.35, 0.2, 0.05),
    reattach_s=60,
    dead_days=0.011,
    whole_days=0.6,
)
LINES: dict[str, LinePlan] = {one.name: one for one in (_PLC, _RF, replace(_PLC, name="hybrid", other="rf"))}
NETWORKS: dict[str, NetworkPlan] = {
    one.name: one
    for one in (
        NetworkPlan(
            name="lte",
            round_trip_ms=60,
            jitter_ms=60,
            cuts_per_day=0.3,
            modem_faults_per_day=0.01,
            sim_faults_per_day=0.0003,
            attach_s=6,
        ),
        NetworkPlan(
            name="gprs",
            round_trip_ms=650,
            jitter_ms=500,
            cuts_per_day=1.5,
            modem_faults_per_day=0.03,
            sim_faults_per_day=0.0003,
            attach_s=20,
        ),
    )
}

_OURS = "estimate"
KEYS: dict[str, tuple[str, str]] = {
    "exchange_ms": (
        "median, in milliseconds, of an exchange without a repeater; each repeater takes as long again",
        "plc: one GET through a PRIME concentrator, four measured, below 1 s; rf: estimate",
    ),
    "exchange_sigma": ("of the same lognormal distribution", _OURS),
    "loss": ("share of exchanges lost, over each stretch of the way", "estimate: after the line's own repetition"),
    "noise_percent": (
        "what the loss is multiplied by in each hour of the local day",
        "estimate: the evening's appliances",
    ),
    "repeaters": ("share of meters behind none, one, two … other meters", _OURS),
    "reattach_s": ("how long a meter whose repeater is away takes to find another", _OURS),
    "dead_days": (
        "share of a meter's days on which it is not heard at all",
        "117 meters of a PRIME concentrator, one day: 0.017, of which 0.006 are permanent failures",
    ),
    "whole_days": ("share of its days on which it is always heard", "plc: the same day; rf: estimate"),
    "heard_alpha": (
        "beta distribution of the share of any other day",
        "fitted to the same day (Kolmogorov-Smirnov p = 0.11)",
    ),
    "heard_beta": ("of the same distribution", "the same fit"),
    "away_min": ("median, in minutes, of one absence", "the same day: median 15, mean 39"),
    "away_sigma": ("of the lognormal distribution with that median and mean", "the same day"),
    "dips_per_day": (
        "how often a part of the line is not heard",
        "two in one day on one line; a fleet's rate: estimate",
    ),
    "dip_hours": ("the shortest and the longest of those, in hours", "those two"),
    "dip_depth": ("the least and the largest share of meters", "those two: 94 to 67 % and 94 to 82 % heard"),
    "other": (
        "a second medium; the same meter is away from each by itself",
        "G3-PLC hybrid profile: the better of both",
    ),
    "handover_s": ("how long a meter must have been away to be heard over the other", _OURS),
    "round_trip_ms": (
        "the shortest time to the device and back, in milliseconds",
        "estimate: 90 (LTE), 900 (GPRS) in the middle",
    ),
    "jitter_ms": ("that much longer at most, evenly drawn", "estimate: 60 (LTE), 500 (GPRS)"),
    "cuts_per_day": ("of the carrier; what is under way arrives afterwards", _OURS),
    "cut_s": ("median of a cut, in seconds", _OURS),
    "modem_faults_per_day": ("the modem hangs until its watchdog; its connections are lost", _OURS),
    "modem_fault_min": ("median of that, in minutes", _OURS),
    "sim_faults_per_day": ("of its SIM card, until a crew has been there", _OURS),
    "sim_fault_h": ("median of that, in hours", "estimate: to the next working day"),
    "attach_s": ("median, in seconds, until the modem is registered again after any of them", _OURS),
    "spread": ("sigma of the lognormal distribution of all those durations", _OURS),
}
"""By key: what it says, and where the shipped values come from. An estimate is ours: nothing published was found."""
