"""Everything the head-end's sessions are given: the world's ports, and what an operator may set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from aforo.dlms.keys import Keys, SystemTitle
from aforo.domain.causes import Cause
from aforo.domain.deadlines import Deadlines
from aforo.domain.devices import DeviceSecurity
from aforo.domain.meter_models import GENERIC, MeterModel
from aforo.domain.retry_plan import RetryPlan
from aforo.domain.service_calendar import ServiceCalendar
from aforo.engine.leases import LEASE
from aforo.engine.order_book import OrderBook
from aforo.engine.ports import Clock, DeviceRegistry, Entropy, KeyVault, KeyVaultMismatch, Lines, SessionLedger
from aforo.flow.device_client import DeviceLost


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEndSettings:
    """title: our own system title.   models: by name; the generic one must be among them.

    answer_wait: until a device's silence is certain; seconds of PLC lie behind a gateway (domain.md 3.4).
    window: orders handed to one concentrator and not yet answered, at most; see AdaptiveWindow.
    urgent_room: beyond it, for high priority only.
    poll_every: a concentrator with orders of ours is asked this often, should its pushes be lost.
    clock_deviation: a concentrator whose clock is further off gets no order that must not begin late.
    deadlines: by kind and priority.
    lease: what a process holds is taken by another when it has not renewed for so long.
    linger: an idle session is kept for the next order.   sessions_max: at the same time; one that is idle
    leaves when another lane waits for its place.
    """

    title: SystemTitle
    models: Mapping[str, MeterModel] = field(
        default_factory=lambda: {GENERIC: MeterModel(name=GENERIC, title="Generic class 71 meter")}
    )
    plan: RetryPlan = field(default_factory=RetryPlan)
    calendar: ServiceCalendar = field(default_factory=ServiceCalendar)
    answer_wait: timedelta = timedelta(seconds=20)
    window: int = 256
    urgent_room: int = 16
    poll_every: timedelta = timedelta(seconds=15)
    clock_deviation: timedelta = timedelta(seconds=60)
    deadlines: Deadlines = field(default_factory=Deadlines)
    lease: timedelta = LEASE
    linger: timedelta = timedelta(seconds=30)
    sessions_max: int = 5000

    def model(self, name: str) -> MeterModel | None:
        return self.models.get(name or GENERIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEndPorts:
    book: OrderBook
    registry: DeviceRegistry
    ledger: SessionLedger
    vault: KeyVault
    lines: Lines
    clock: Clock
    entropy: Entropy
    settings: HeadEndSettings

    def keys_of(self, security: DeviceSecurity) -> Keys | None:
        """None when the head-end is not given any. Raises DeviceLost when they cannot be unwrapped: never silence."""
        if not security.has_keys:
            return None
        try:
            return Keys(self.vault.unwrap(security.encryption_key), self.vault.unwrap(security.authentication_key))
        except KeyVaultMismatch as mismatch:
            detail = "the stored keys do not open under this key-encryption key"
            raise DeviceLost(Cause.WRONG_KEY, detail) from mismatch

    def title_of(self, security: DeviceSecurity) -> SystemTitle | None:
        return SystemTitle(security.system_title) if security.system_title else None

    def challenge(self) -> bytes:
        return self.entropy.octets(16)
