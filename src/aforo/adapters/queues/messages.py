"""A result on an outside queue: a CloudEvent in structured JSON, and the way back. Ordered for each meter."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from aforo.domain.delivery import ResultMessage
from aforo.domain.identifiers import OrderId

CONTENT_TYPE = "application/cloudevents+json"
OCTETS_MAX = 256 * 1024


class NotAResult(ValueError):
    """What lies on the queue is not one of ours: it goes to the dead letters, and is told."""


def octets_of(message: ResultMessage) -> bytes:
    return json.dumps(message.body, ensure_ascii=False, separators=(",", ":")).encode()


def message_of(octets: bytes) -> ResultMessage:
    """Raises NotAResult."""
    if len(octets) > OCTETS_MAX:
        raise NotAResult(f"larger than {OCTETS_MAX} octets")
    try:
        body: Any = json.loads(octets)
        result_id, data = body["id"], body["data"]
        order, _, number = result_id.partition("-")
        if not (order.isdecimal() and number.isdecimal() and order.isascii() and len(order) < 19):
            raise NotAResult("its id is none of ours")
        if not isinstance(data, dict) or not isinstance(data.get("state"), str) or not isinstance(body["time"], str):
            raise NotAResult("it has no state or no time")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise wrong if isinstance(wrong, NotAResult) else NotAResult(type(wrong).__name__) from wrong
    return ResultMessage(result_id, OrderId(int(order)), body)


def meter_of(message: ResultMessage) -> str:
    return str(message.body["data"]["meter"])


async def published_in_order(
    messages: Sequence[ResultMessage], publish: Callable[[ResultMessage], Awaitable[bool]]
) -> list[str]:
    """The ids that were confirmed. Of a meter one after the other, and none after one that was not; meters at once."""
    of_meter: dict[str, list[ResultMessage]] = defaultdict(list)
    for message in messages:
        of_meter[meter_of(message)].append(message)

    async def of_one(ones: Iterable[ResultMessage]) -> list[str]:
        confirmed = []
        for message in ones:
            if not await publish(message):
                break
            confirmed.append(message.id)
        return confirmed

    found = await asyncio.gather(*(of_one(ones) for ones in of_meter.values()))
    return [result_id for ids in found for result_id in ids]
