"""A town built from its plan: every device, its keys, and what the head-end is told about it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from aforo.dlms.hdlc import Address
from aforo.dlms.keys import Key, Keys, SystemTitle
from aforo.domain.meter_models import GENERIC, MeterModel
from aforo.simulator.concentrator import Concentrator
from aforo.simulator.concentrator_settings import (
    ConcentratorMemory,
    ConcentratorSettings,
    MeterAccess,
    MeterPort,
)
from aforo.simulator.device_endpoint import DeviceEndpoint
from aforo.simulator.household_load import HouseholdLoad, Load, UnsteadyLoad
from aforo.simulator.households import HOUSEHOLDS
from aforo.simulator.limiter_behaviour import BEHAVIOURS
from aforo.simulator.line_ways import LineWays
from aforo.simulator.media import LinePlan
from aforo.simulator.media_line import MediaLine
from aforo.simulator.meter import Meter
from aforo.simulator.meter_endpoint import (
    DatagramMeterConnection,
    HdlcMeterConnection,
    MeterConnection,
    MeterEndpoint,
)
from aforo.simulator.meter_objects import MANAGEMENT_DEVICE
from aforo.simulator.meter_settings import MeterMemory, MeterSettings
from aforo.simulator.network import MobileNetwork, NetworkedDevice
from aforo.simulator.sunshine import Place
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan, meters_of
from aforo.simulator.town_rows import AccessRow, ConcentratorRow, MeterRow, RegistryRows

_WOBBLE = 30
"""A planned load moves by a thirtieth up and down."""


@dataclass(frozen=True, slots=True)
class ListeningDevice:
    """kind: "concentrator" or "meter".   port: of TCP or UDP; 0 lets the system choose."""

    kind: str
    number: str
    host: str
    port: int
    endpoint: DeviceEndpoint
    takes_datagrams: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TownMedia:
    """What lies between the devices of a town. line_of: every way to a meter, from its concentrator or from outside.

    exchange_time: of an exchange over a concentrator's line; None is what the town file says.
    not_heard: told of every exchange for which a meter is away, and why.   probe_every: see `ConcentratorSettings`.
    """

    line_of: Callable[[Meter], MeterPort] = Meter.line
    exchange_time: Callable[[Random], timedelta] | None = None
    not_heard: Callable[[str, str], None] | None = None
    probe_every: timedelta = timedelta(seconds=30)


class Town:
    """meters, concentrators: by number.   ways: of every concentrator's line, by its number.

    models: those that its concentrators know; None, the generic one.
    """

    def __init__(
        self, plan: TownPlan, models: Mapping[str, MeterModel] | None = None, media: TownMedia | None = None
    ) -> None:
        self.plan = plan
        self._models = models or {GENERIC: MeterModel(name=GENERIC, title="Generic class 71 meter")}
        self._media = media or TownMedia()
        self._plans = {one.number: one for one in plan.concentrator}
        self._behind = {one.number: {meter.number: meter for meter in meters_of(one)} for one in plan.concentrator}
        self._starts: dict[str, int] = {}
        self._zone = ZoneInfo(plan.time_zone)
        self._place = Place(plan.latitude, plan.longitude)
        self.ways = {one.number: self._ways_of(one) for one in plan.concentrator}
        self.meters: dict[str, Meter] = {}
        self.concentrators: dict[str, Concentrator] = {}
        for one in plan.concentrator:
            self.meters.update({meter.number: self._meter(meter) for meter in meters_of(one)})
            self.concentrators[one.number] = self._concentrator(one, ConcentratorMemory())
        self.meters.update({meter.number: self._meter(meter) for meter in plan.meter})

    def restart(self, number: str) -> Concentrator:
        """A concentrator anew, with nothing but what its memory kept."""
        memory = self.concentrators[number].memory
        self.concentrators[number] = self._concentrator(self._plans[number], memory)
        return self.concentrators[number]

    def move(self, meter: str, to: str) -> None:
        """To the line of another concentrator, which finds it there; the one before has lost it."""
        before = next(number for number, meters in self._behind.items() if meter in meters)
        access = self._access_at(self._plans[to], meter)
        self._behind[to][meter] = self._behind[before].pop(meter)
        self.concentrators[before].lose_meter(meter)
        line = self._line(self._plans[to], meter, self.concentrators[to].chance)
        self.concentrators[to].find_meter(meter, line, access)

    @property
    def endpoints(self) -> list[ListeningDevice]:
        host = self.plan.host
        concentrators = [
            ListeningDevice("concentrator", one.number, host, one.port, self.behind(one.network, one.number))
            for one in self.plan.concentrator
        ]
        meters = [
            ListeningDevice("meter", one.number, host, one.port, self._endpoint(one), one.framing == "udp")
            for one in self.plan.meter
        ]
        return concentrators + meters

    def behind(self, network: str, concentrator: str) -> DeviceEndpoint:
        """The concentrator as it now is, as it is heard over that kind of network; empty: directly."""
        return self._networked(self.concentrators[concentrator], network, concentrator)

    def registry(self) -> RegistryRows:
        """Delegated meters' keys are the concentrator's affair, so the head-end is not given them."""
        meters = [
            self._meter_row(meter, link=one.link, concentrator=one.number)
            for one in self.plan.concentrator
            for meter in meters_of(one)
        ]
        meters += [self._meter_row(meter, link="direct", concentrator="") for meter in self.plan.meter]
        return RegistryRows(tuple(self._concentrator_row(one) for one in self.plan.concentrator), tuple(meters))

    def access(self) -> Iterator[AccessRow]:
        """Of every meter, whatever the head-end knows of it."""
        for one in self.plan.concentrator:
            for sap, meter in self.concentrators[one.number].logical_devices.items():
                yield self._access(meter, ("concentrator", one.number), one.port, server_sap=sap)
        for plan in self.plan.meter:
            yield self._access(plan.number, ("meter", plan.number), plan.port, framing=plan.framing)

    def _access(
        self, meter: str, listens: tuple[str, str], port: int, *, server_sap: int = 1, framing: str = "wrapper"
    ) -> AccessRow:
        return AccessRow(
            meter=meter,
            listens=listens,
            host=self.plan.host,
            port=port,
            client_sap=1,
            server_sap=server_sap,
            framing=framing,
            system_title=self._title(meter).octets,
            keys=self._keys(meter),
        )

    def _meter(self, plan: MeterPlan) -> Meter:
        settings = MeterSettings(
            number=plan.number,
            title=self._title(plan.number),
            keys=self._keys(plan.number),
            scaler=plan.scaler,
            max_power_w=plan.max_power_w,
            limit_w=plan.limit_w,
            min_over_threshold_s=plan.min_over_threshold_s,
            control_mode=plan.control_mode,
            threshold_registers=plan.threshold_registers,
            behaviour=BEHAVIOURS.get(plan.limiter),
            phases=plan.phases,
            clock_offset=timedelta(seconds=plan.clock_ahead_s),
            clock_drift_ppm=self._drift_of(plan),
            seed=self.plan.seed,
        )
        meter = Meter(settings, MeterMemory(), self._load(plan))
        meter.faults.silent = plan.silent
        meter.faults.swallow_answer_to_next_command = plan.swallows_answer
        return meter

    def _load(self, plan: MeterPlan) -> Load:
        seed = int.from_bytes(self._secret("load", plan.number)[:4], "big")
        if plan.load_w is None:
            return HouseholdLoad(seed, HOUSEHOLDS[plan.household or self._household_of(plan)], self._zone, self._place)
        return UnsteadyLoad(plan.load_w, max(1, plan.load_w // _WOBBLE), seed)

    def _household_of(self, plan: MeterPlan) -> str:
        """Drawn by the town's shares."""
        if plan.phases > 1:
            return "workshop"
        lot = int.from_bytes(self._secret("household", plan.number)[:4], "big") / (1 << 32)
        shares = (
            ("flat", self.plan.flats),
            ("electric-heating", self.plan.electric_heating),
            ("solar", self.plan.solar),
        )
        for kind, share in shares:
            if lot < share:
                return kind
            lot -= share
        return "house"

    def _drift_of(self, plan: MeterPlan) -> float:
        if plan.clock_drift_ppm is not None:
            return plan.clock_drift_ppm
        if not self.plan.clock_drift_ppm:
            return 0.0
        chance = Random(f"{self.plan.seed} drift {plan.number}")  # noqa: S311 (a simulation's, to be repeated)
        return chance.gauss(0.0, self.plan.clock_drift_ppm)

    def _endpoint(self, plan: MeterPlan) -> DeviceEndpoint:
        return self._networked(self._meter_endpoint(plan), plan.network, plan.number)

    def _meter_endpoint(self, plan: MeterPlan) -> MeterEndpoint:
        meter, line_of = self.meters[plan.number], self._media.line_of
        if plan.framing == "hdlc":
            station = Address(MANAGEMENT_DEVICE, plan.physical_device)
            return MeterEndpoint(meter, lambda line, _: HdlcMeterConnection(line, station), line_of=line_of)
        connect = DatagramMeterConnection if plan.framing == "udp" else MeterConnection
        return MeterEndpoint(meter, connect, line_of=line_of)

    def _concentrator(self, plan: ConcentratorPlan, memory: ConcentratorMemory) -> Concentrator:
        access = {
            meter.number: self._access_at(plan, meter.number)
            for meter in self._behind[plan.number].values()
            if meter.in_table
        }
        settings = ConcentratorSettings(
            name=plan.number[:16],
            title=self._title(plan.number),
            keys=self._keys(plan.number),
            access=access,
            models=self._models,
            answer_wait=timedelta(seconds=plan.answer_wait_s),
            line_delay=timedelta(seconds=self.ways[plan.number].always_s or 0.0),
            exchange_time=self._exchange_time(plan),
            probe_every=self._media.probe_every,
        )
        start = self._starts[plan.number] = self._starts.get(plan.number, 0) + 1
        chance = Random(f"{self.plan.seed} {plan.number} {start}")  # noqa: S311 (a simulation's, to be repeated)
        lines = {meter: self._line(plan, meter, chance) for meter in self._behind[plan.number]}
        return Concentrator(settings, lines, memory, chance=chance)

    def _access_at(self, plan: ConcentratorPlan, meter: str) -> MeterAccess:
        keys = self._keys(meter) if plan.link == "delegated" else None
        return MeterAccess(keys=keys, title=self._title(meter))

    def _line(self, plan: ConcentratorPlan, meter: str, chance: Random) -> MeterPort:
        line, ways = self._media.line_of(self.meters[meter]), self.ways[plan.number]
        return line if ways.is_perfect else MediaLine(line, meter, ways, chance, self._media.not_heard)

    def _ways_of(self, plan: ConcentratorPlan) -> LineWays:
        """What the concentrator's own table says counts before what its kind of line says."""
        kinds, said = self.plan.lines, dict[str, Any]()
        if plan.line_delay_ms is not None:
            said["exchange_ms"] = plan.line_delay_ms
        if plan.line_spread_percent is not None:
            said["exchange_sigma"] = plan.line_spread_percent / 100
        if plan.line_loss_permille is not None:
            said["loss"] = plan.line_loss_permille / 1000
        line = replace(kinds[plan.line] if plan.line else LinePlan(name="wire"), **said)
        other = kinds[line.other] if line.other else None
        meters = list(self._behind[plan.number])
        return LineWays(line, other, meters, seed=f"{self.plan.seed} {plan.number}", zone=self._zone)

    def _exchange_time(self, plan: ConcentratorPlan) -> Callable[[Random, str, datetime], timedelta] | None:
        """Never so long that it would count as silence. None: always alike."""
        given, ways, most_s = self._media.exchange_time, self.ways[plan.number], 0.9 * plan.answer_wait_s
        if given is not None:
            return lambda chance, *_: given(chance)
        if ways.always_s is not None:
            return None
        return lambda chance, meter, now: timedelta(seconds=min(most_s, ways.exchange_s(meter, now, chance)))

    def _networked(self, endpoint: DeviceEndpoint, network: str, number: str) -> DeviceEndpoint:
        if not network:
            return endpoint
        plan = self.plan.networks[network]
        return NetworkedDevice(endpoint, MobileNetwork(plan, f"{self.plan.seed} {number}"))

    def _concentrator_row(self, plan: ConcentratorPlan) -> ConcentratorRow:
        keys = self._keys(plan.number)
        return ConcentratorRow(
            number=plan.number,
            host=self.plan.host,
            port=plan.port,
            client_sap=1,
            server_sap=1,
            system_title=self._title(plan.number).octets,
            encryption_key=keys.encryption,
            authentication_key=keys.authentication,
            time_zone=self.plan.time_zone,
        )

    def _meter_row(self, plan: MeterPlan, *, link: str, concentrator: str) -> MeterRow:
        keys = None if link == "delegated" else self._keys(plan.number)
        return MeterRow(
            number=plan.number,
            usage_point=plan.usage_point or f"UP-{plan.number}",
            link=link,
            concentrator=concentrator,
            host=self.plan.host if link == "direct" else "",
            port=plan.port,
            client_sap=1,
            server_sap=1,
            model=plan.model,
            system_title=b"" if keys is None else self._title(plan.number).octets,
            encryption_key=None if keys is None else keys.encryption,
            authentication_key=None if keys is None else keys.authentication,
            commissioned=plan.commissioned,
            max_power_w=plan.max_power_w,
            contracted_power_w=plan.contracted_power_w or plan.max_power_w,
            time_zone=self.plan.time_zone,
            protected=plan.protected,
            framing=plan.framing,
            physical_device=plan.physical_device,
        )

    def _keys(self, number: str) -> Keys:
        return Keys(Key(self._secret("encryption", number)[:16]), Key(self._secret("authentication", number)[:16]))

    def _title(self, number: str) -> SystemTitle:
        return SystemTitle(b"SIM" + self._secret("title", number)[:5])

    def _secret(self, purpose: str, number: str) -> bytes:
        """The same in every run of a seed: a town's keys protect nothing but the town."""
        return sha256(f"{self.plan.seed} {purpose} {number}".encode()).digest()
