"""A device behind a mobile network: delayed, held back by cuts, and its connections lost by modem and SIM faults."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from aforo.dlms.errors import RemoteProtocolError, malformed
from aforo.simulator.media import NETWORKS, NetworkPlan
from aforo.simulator.network import MobileNetwork, NetworkedDevice
from aforo.simulator.outages import Outage

NOON = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MS, SECOND, HOUR = timedelta(milliseconds=1), timedelta(seconds=1), timedelta(hours=1)
SLOW = NetworkPlan(name="slow", round_trip_ms=1_000)


@dataclass
class Echo:
    """Says everything back at once."""

    said: bytearray = field(default_factory=bytearray)
    heard: list[tuple[datetime, bytes]] = field(default_factory=list)

    def connected(self) -> "Echo":
        return self

    def next_deadline(self) -> datetime | None:
        return None

    def advance(self, now: datetime) -> None:
        """It has nothing to do by itself."""

    def receive(self, octets: bytes, now: datetime) -> None:
        if octets == b"garbage":
            raise malformed("garbage")
        self.heard.append((now, octets))
        self.said += octets

    def outgoing(self) -> bytes:
        octets = bytes(self.said)
        self.said.clear()
        return octets

    def closed(self) -> None:
        """Nothing to let go."""


class Site:
    """A networked echo and a clock that goes from deadline to deadline. outages: instead of the seed's."""

    def __init__(self, plan: NetworkPlan = SLOW, outages: tuple[Outage, ...] = ()) -> None:
        self.network = MobileNetwork(plan, "1")
        if outages:
            self.network._outages = _Given(outages)  # type: ignore[assignment]
        self.echo = Echo()
        self.device = NetworkedDevice(self.echo, self.network)
        self.connection = self.device.connected()
        self.now = NOON
        self.told: list[tuple[timedelta, bytes]] = []

    def say(self, octets: bytes) -> None:
        self.connection.receive(octets, self.now)

    def until(self, end: datetime) -> None:
        while (due := self.device.next_deadline()) is not None and due <= end:
            self.now = due
            self.device.advance(due)
            octets = self.connection.outgoing()
            if octets:
                self.told.append((self.now - NOON, octets))
        self.now = end


class _Given:
    def __init__(self, outages: tuple[Outage, ...]) -> None:
        self._outages = outages

    def at(self, now: datetime) -> Outage | None:
        return next((one for one in self._outages if one.begin <= now < one.end), None)

    def begun(self, after: datetime, now: datetime) -> list[Outage]:
        return [one for one in self._outages if after < one.begin <= now]


def test_what_is_said_arrives_after_half_the_round_trip_and_the_answer_after_the_other_half() -> None:
    site = Site()

    site.say(b"hello")
    site.until(NOON + HOUR)

    assert site.echo.heard == [(NOON + 500 * MS, b"hello")]
    assert site.told == [(SECOND, b"hello")]


def test_octets_never_overtake_each_other() -> None:
    site = Site(replace(SLOW, round_trip_ms=100, jitter_ms=5_000))
    for number in range(50):
        site.say(bytes([number]))
        site.until(site.now + 10 * MS)

    site.until(NOON + HOUR)

    assert b"".join(octets for _, octets in site.told) == bytes(range(50))


def test_what_a_cut_holds_back_arrives_when_it_is_over() -> None:
    site = Site(outages=(Outage(NOON, NOON + 90 * SECOND, "cut"),))

    site.say(b"he")
    site.say(b"llo")
    site.until(NOON + HOUR)

    assert [octets for _, octets in site.echo.heard] == [b"he", b"llo"]
    assert site.told[-1][0] == 91 * SECOND


@pytest.mark.parametrize("cause", ["modem fault", "SIM fault"])
def test_a_modem_that_was_away_knows_nothing_of_the_connections_before(cause: str) -> None:
    site = Site(outages=(Outage(NOON + 10 * SECOND, NOON + 20 * SECOND, cause),))
    site.say(b"before")
    site.until(NOON + 5 * SECOND)
    site.until(NOON + 30 * SECOND)

    with pytest.raises(RemoteProtocolError):
        site.say(b"after")

    new = site.device.connected()
    new.receive(b"anew", site.now)
    site.until(NOON + HOUR)
    assert [octets for _, octets in site.echo.heard] == [b"before", b"anew"]


def test_what_is_under_way_to_a_modem_that_is_down_is_gone() -> None:
    site = Site(outages=(Outage(NOON + 100 * MS, NOON + HOUR, "SIM fault"),))

    site.say(b"hello")
    site.until(NOON + 2 * HOUR)

    assert (site.echo.heard, site.told) == ([], [])


def test_a_connection_that_the_device_has_closed_says_so_at_the_next_octets() -> None:
    site = Site()
    site.say(b"garbage")
    site.until(NOON + SECOND)

    with pytest.raises(RemoteProtocolError):
        site.say(b"more")


def test_a_connection_that_has_ended_is_forgotten() -> None:
    site = Site()
    site.say(b"hello")

    site.connection.closed()

    assert site.device.next_deadline() is None


@pytest.mark.parametrize(("name", "least", "most"), [("lte", 0.0001, 0.01), ("gprs", 0.001, 0.02)])
def test_a_shipped_network_is_away_for_a_small_share_of_the_time(name: str, least: float, most: float) -> None:
    networks = [MobileNetwork(NETWORKS[name], str(seed)) for seed in range(200)]
    asked = [network.outage(NOON + 7 * day * HOUR) for network in networks for day in range(40)]
    away = [outage for outage in asked if outage is not None]

    assert least < len(away) / len(asked) < most
    assert {outage.cause for outage in away} <= {"cut", "modem fault", "SIM fault"}
