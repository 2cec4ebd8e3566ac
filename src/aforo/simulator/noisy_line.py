"""A line between a concentrator and a meter on which a share of the exchanges is lost, one way or the other."""

from datetime import datetime
from random import Random

from aforo.simulator.concentrator_settings import MeterPort


class NoisyLine:
    """See `MeterPort`. loss_permille: of a thousand exchanges so many are lost, the request as often as the answer."""

    __slots__ = ("_chance", "_line", "_loss_permille")

    def __init__(self, line: MeterPort, loss_permille: int, chance: Random) -> None:
        self._line = line
        self._loss_permille = loss_permille
        self._chance = chance

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        """A lost answer is to something that the meter has done."""
        is_lost = self._chance.randrange(1000) < self._loss_permille
        if is_lost and self._chance.random() < 0.5:
            return None
        answer = self._line.respond(client_sap, server_sap, apdu, now)
        return None if is_lost else answer
