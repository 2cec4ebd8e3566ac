"""Takes results from RabbitMQ as they come, once for each id: `python consume_results.py amqp://guest:guest@127.0.0.1`.

A queue of its own is bound to the exchange, so that nothing is taken from aforo's integration. Delivery is at least
once: whoever acts on a result keeps the ids that it has acted on, here in a file, before it acknowledges.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aio_pika

EXCHANGE, QUEUE = "aforo.results", "example.consumer"


class Seen:
    """The ids that were acted on, also before this run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ids = set(file.read_text(encoding="utf-8").split()) if file.exists() else set[str]()

    def has(self, result_id: str) -> bool:
        return result_id in self._ids

    def add(self, result_id: str) -> None:
        self._ids.add(result_id)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{result_id}\n")


async def main(url: str, seen: Seen) -> None:
    async with await aio_pika.connect_robust(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=50)
        queue = await channel.declare_queue(QUEUE, durable=True)
        await queue.bind(EXCHANGE, routing_key="result.#")  # or result.SOURCE.* for one commercial system
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process(requeue=True):
                    event = json.loads(message.body)
                    if not seen.has(event["id"]):
                        act_on(event)
                        seen.add(event["id"])


def act_on(event: dict[str, Any]) -> None:
    data = event["data"]
    print(event["time"], event["subject"], data["state"], data["cause"] or "", flush=True)  # noqa: T201 (it is all it does)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Seen(Path("seen-results.txt"))))
