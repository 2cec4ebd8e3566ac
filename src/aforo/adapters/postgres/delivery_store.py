"""DeliveryStore on PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from aforo.adapters.postgres.group_commit import Connection, GroupCommit
from aforo.adapters.postgres.named_sql import load_sql
from aforo.adapters.postgres.outage import tells_outages
from aforo.adapters.postgres.rows import fact_row
from aforo.domain.delivery import Delivery, DeliveryState, NumberedResult, ResultMessage
from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact

SQL = load_sql("deliveries.sql")
_Item = tuple[Delivery, Fact | None]


class PostgresDeliveryStore:
    """See `aforo.engine.ports.DeliveryStore`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._closings: GroupCommit[_Item, None] = GroupCommit(pool, _close, key=lambda item: item[0].message.id)

    @tells_outages
    async def outbox(self, limit: int) -> list[ResultMessage]:
        return [_message(row) for row in await self._pool.fetch(SQL["outbox"], limit)]

    @tells_outages
    async def mark_published(self, facts: Mapping[str, tuple[OrderId, Fact]]) -> None:
        rows = [{"id": result, **fact_row(order_id, fact)} for result, (order_id, fact) in facts.items()]
        await self._pool.execute(SQL["mark_published"], rows)

    @tells_outages
    async def results_since(self, serial: int, limit: int) -> list[NumberedResult]:
        rows = await self._pool.fetch(SQL["results_since"], serial, limit)
        return [NumberedResult(row["serial"], _message(row)) for row in rows]

    @tells_outages
    async def republish(self, first: int, last: int) -> int:
        count: int = await self._pool.fetchval(SQL["republish"], first, last)
        return count

    @tells_outages
    async def put_in_inbox(self, messages: Sequence[ResultMessage], now: datetime) -> None:
        rows = [{"id": message.id, "order_id": message.order_id, "body": message.body} for message in messages]
        await self._pool.execute(SQL["put_in_inbox"], rows, now)

    @tells_outages
    async def inbox_due(self, now: datetime, limit: int) -> list[Delivery]:
        return [_delivery(row) for row in await self._pool.fetch(SQL["inbox_due"], now, limit)]

    @tells_outages
    async def next_answer_due(self, after: datetime) -> datetime | None:
        moment: datetime | None = await self._pool.fetchval(SQL["next_answer_due"], after)
        return moment

    @tells_outages
    async def close_delivery(self, delivery: Delivery, fact: Fact | None) -> None:
        await self._closings.submit((delivery, fact))

    @tells_outages
    async def deliveries(self, order_id: OrderId) -> list[Delivery]:
        return [_delivery(row) for row in await self._pool.fetch(SQL["deliveries"], order_id)]


async def _close(connection: Connection, items: Sequence[_Item]) -> Sequence[Exception | None]:
    standings = [
        {
            "id": delivery.message.id,
            "state": delivery.state.value,
            "attempts": delivery.attempts,
            "next_at": None if delivery.next_at is None else delivery.next_at.isoformat(),
        }
        for delivery, _ in items
    ]
    facts = [fact_row(delivery.message.order_id, fact) for delivery, fact in items if fact is not None]
    await connection.execute(SQL["close_deliveries"], standings, facts)
    return [None] * len(items)


def _message(row: asyncpg.Record) -> ResultMessage:
    return ResultMessage(row["id"], OrderId(row["order_id"]), row["body"])


def _delivery(row: asyncpg.Record) -> Delivery:
    """Of the inbox, or of a result that has not reached it."""
    told = row["state"]
    if told is None:
        state = DeliveryState.OUTBOX if row["published_at"] is None else DeliveryState.PUBLISHED
    else:
        state = DeliveryState(told)
    return Delivery(message=_message(row), state=state, attempts=row["attempts"] or 0, next_at=row["next_at"])
