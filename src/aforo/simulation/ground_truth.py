"""What really happened, as seen from outside of the system: what every meter held, what was sent, who was told what."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct

from aforo.cim.control_response import ControlResponse
from aforo.domain.identifiers import MeterNumber
from aforo.domain.order import Order
from aforo.simulation.watched_line import Holding

SENDS_KEPT = 256
"""Of each device: enough to find when what a meter has just heard was sent."""


class Told(Struct, frozen=True):
    """One answer as the commercial system took it."""

    at: datetime
    number: str
    message_id: str
    response: ControlResponse
    octets: bytes


@dataclass(slots=True)
class GroundTruth:
    """holdings: by meter, the oldest first, beginning with what it left the factory with.   states: of every order.

    accepted: numbers whose acceptance the commercial system has heard.   told: by number.   epochs: of each lane's
    latest session.
    """

    holdings: dict[str, list[Holding]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    accepted: dict[str, datetime] = field(default_factory=dict)
    told: dict[str, list[Told]] = field(default_factory=dict)
    sent: dict[str, deque[tuple[datetime, bytes]]] = field(default_factory=dict)
    by_watts: dict[int, str] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)

    def note_sent(self, device: str, at: datetime, octets: bytes) -> None:
        self.sent.setdefault(device, deque(maxlen=SENDS_KEPT)).append((at, octets))

    def sent_at(self, device: str, apdu: bytes) -> datetime | None:
        """When what ends in the same authentication tag left the head-end."""
        tag = apdu[-12:]
        return next((at for at, octets in reversed(self.sent.get(device, ())) if tag in octets), None)

    def order_of(self, holding: Holding) -> Order | None:
        """Whose limit the meter has just taken; None for one that no order of this run has set."""
        if not holding.is_limit:
            return None
        number = self.by_watts.get(holding.watts)
        return None if number is None else self.orders.get(number)

    def held_between(self, meter: MeterNumber, begin: datetime, end: datetime) -> Iterator[Holding]:
        """Everything that the meter held at some moment of that time."""
        holdings = self.holdings[meter]
        for place, holding in enumerate(holdings):
            until = holdings[place + 1].at if place + 1 < len(holdings) else None
            if holding.at <= end and (until is None or until >= begin):
                yield holding
