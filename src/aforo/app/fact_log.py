"""Facts as a log: one JSON object a line on standard error, with what a log shipper asks for."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact
from aforo.flow.decision import Decision

_as_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str).encode


class FactLog:
    """An Observer. Frames are left out: they are long, and stand with the order."""

    def decided(self, decision: Decision) -> None:
        for fact in decision.facts:
            self._write(fact, {"order": decision.order.number, "source": decision.order.request.source})

    def written(self, facts: Sequence[tuple[OrderId, Fact]]) -> None:
        for order_id, fact in facts:
            self._write(fact, {"order_id": order_id})

    def _write(self, fact: Fact, more: dict[str, Any]) -> None:
        payload = {name: value for name, value in fact.payload.items() if name != "frames" and value is not None}
        line = {"at": fact.at.isoformat(), "fact": fact.name, "step": fact.step, **more, **payload}
        sys.stderr.write(f"{_as_json(line)}\n")
