"""OrderStore on PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from msgspec.structs import replace

from aforo.adapters.postgres.group_commit import Connection, GroupCommit, GroupRead
from aforo.adapters.postgres.named_sql import load_sql
from aforo.adapters.postgres.outage import tells_outages
from aforo.adapters.postgres.rows import fact_of, fact_row, order_of, standing_of, whole_of
from aforo.adapters.postgres.storable import storable_text
from aforo.domain.delivery import ResultMessage
from aforo.domain.identifiers import MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import AGED_AFTER, Fact, Order
from aforo.domain.order_filter import EVERY_ORDER, OrderFilter
from aforo.engine.ports import CORRELATED_MAX, StaleOrder
from aforo.flow.decision import Decision

SQL = load_sql("orders.sql")
FACTS_PER_TABLE = 1_000_000
"""Orders whose facts lie in one table; the database's own function has the same number."""

_Item = tuple[Decision, ResultMessage | None]
_Asked = tuple[str, datetime, int, str]
"""Of what is due: lane, now, limit, and the sources that were served."""

_BETWEEN = "\x1f"
"""Between those sources, in one text: PostgreSQL has no array of lists of different lengths."""

_Receipt = tuple[Decision, ResultMessage | None, Sequence[Decision]]


class PostgresOrderStore:
    """See `aforo.engine.ports.OrderStore`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._receipts: GroupCommit[_Receipt, Order] = GroupCommit(pool, _receive, is_several=True)
        self._commits: GroupCommit[_Item, Order] = GroupCommit(pool, _commit, key=lambda item: item[0].order.id)
        self._orders: GroupRead[OrderId, Order | None] = GroupRead(pool, SQL["orders"], lambda ids: [ids], _by_id)
        self._unsent: GroupRead[Order, list[Order]] = GroupRead(pool, SQL["older_unsent"], _asked_older, _older)
        self._due: GroupRead[_Asked, list[Order]] = GroupRead(pool, SQL["due"], _asked_due, _due)
        self._overtaken: GroupRead[OrderId, OrderNumber | None] = GroupRead(
            pool, SQL["overtaken"], lambda ids: [ids], _overtaken
        )
        self._in_flight: GroupRead[str, list[Order]] = GroupRead(
            pool, SQL["in_flight"], lambda lanes: [lanes], _of_lanes
        )
        self._resumptions: GroupCommit[tuple[str, datetime], int] = GroupCommit(
            pool, _resume, key=lambda asked: asked[0]
        )
        self._messages: GroupRead[tuple[str, str], list[OrderNumber]] = GroupRead(
            pool, SQL["numbers_of_messages"], _asked_messages, _numbers
        )
        self._limits: GroupRead[MeterNumber, int | None] = GroupRead(
            pool, SQL["known_limits"], lambda meters: [[storable_text(meter) for meter in meters]], _limits
        )
        self._ids: GroupCommit[None, OrderId] = GroupCommit(pool, self._new_ids)
        self._room = 0

    @tells_outages
    async def new_order_id(self) -> OrderId:
        """None is kept for later: of two orders the later one has the higher id, whichever processes took them in."""
        return await self._ids.submit(None)

    async def _new_ids(self, connection: Connection, asked: Sequence[None]) -> Sequence[OrderId | Exception]:
        rows = await connection.fetch(SQL["order_ids"], len(asked))
        ids = sorted(row[0] for row in rows)
        if ids[-1] >= self._room:
            await connection.execute(SQL["make_room_for_facts"], ids[-1])
            self._room = (ids[-1] // FACTS_PER_TABLE + 1) * FACTS_PER_TABLE
        return [OrderId(one) for one in ids]

    @tells_outages
    async def receive(
        self, decision: Decision, result: ResultMessage | None, companions: Sequence[Decision] = ()
    ) -> Order:
        return await self._receipts.submit((decision, result, companions))

    @tells_outages
    async def commit(self, decision: Decision, result: ResultMessage | None = None) -> Order:
        try:
            return await self._commits.submit((decision, result))
        except asyncpg.UniqueViolationError as refused:
            if refused.constraint_name != "orders_one_out_per_meter":
                raise
            raise StaleOrder(f"another order of meter {decision.order.request.meter} is out") from refused

    @tells_outages
    async def order(self, order_id: OrderId) -> Order | None:
        return await self._orders.submit(order_id)

    @tells_outages
    async def find(self, source: Source, number: OrderNumber) -> Order | None:
        return _one(await self._pool.fetchrow(SQL["find"], storable_text(source), storable_text(number)))

    @tells_outages
    async def find_number(self, number: OrderNumber) -> list[Order]:
        return [order_of(row) for row in await self._pool.fetch(SQL["find_number"], storable_text(number))]

    @tells_outages
    async def numbers_of_message(self, source: Source, message_id: str) -> list[OrderNumber]:
        return await self._messages.submit((storable_text(source), storable_text(message_id)))

    @tells_outages
    async def find_correlated(self, source: Source, correlation_id: str) -> list[Order]:
        asked = (storable_text(source), storable_text(correlation_id), CORRELATED_MAX)
        return [order_of(row) for row in await self._pool.fetch(SQL["find_correlated"], *asked)]

    @tells_outages
    async def latest(
        self, limit: int, *, before: OrderId | None = None, sought: OrderFilter = EVERY_ORDER
    ) -> list[Order]:
        state, cause = (None if each is None else each.value for each in (sought.state, sought.cause))
        meter = None if sought.meter is None else storable_text(sought.meter)
        source = None if sought.source is None else storable_text(sought.source)
        rows = await self._pool.fetch(SQL["latest"], limit, before, state, cause, meter, sought.since, source)
        return [order_of(row) for row in rows]

    @tells_outages
    async def facts(self, order_id: OrderId) -> list[Fact]:
        return [fact_of(row) for row in await self._pool.fetch(SQL["facts"], order_id)]

    @tells_outages
    async def due(self, lane: str, now: datetime, limit: int, served: Sequence[Source] = ()) -> list[Order]:
        return await self._due.submit((lane, now, limit, _BETWEEN.join(served)))

    @tells_outages
    async def overtaken(self, orders: Sequence[Order]) -> dict[OrderId, OrderNumber]:
        found = await asyncio.gather(*(self._overtaken.submit(order.id) for order in orders))
        return {order.id: number for order, number in zip(orders, found, strict=True) if number is not None}

    @tells_outages
    async def older_unsent(self, order: Order) -> list[Order]:
        return await self._unsent.submit(order)

    @tells_outages
    async def known_limit(self, meter: MeterNumber) -> int | None:
        return await self._limits.submit(meter)

    @tells_outages
    async def resume(self, lane: str, now: datetime) -> int:
        return await self._resumptions.submit((lane, now))

    @tells_outages
    async def lanes_due(self, now: datetime) -> list[str]:
        return [row[0] for row in await self._pool.fetch(SQL["lanes_due"], now)]

    @tells_outages
    async def next_due(self, after: datetime) -> datetime | None:
        moment: datetime | None = await self._pool.fetchval(SQL["next_due"], after)
        return moment

    @tells_outages
    async def alarms_due(self, now: datetime, limit: int) -> list[Order]:
        return [order_of(row) for row in await self._pool.fetch(SQL["alarms_due"], now, limit)]

    @tells_outages
    async def next_alarm(self, after: datetime) -> datetime | None:
        moment: datetime | None = await self._pool.fetchval(SQL["next_alarm"], after)
        return moment

    @tells_outages
    async def in_flight(self, lane: str) -> list[Order]:
        return await self._in_flight.submit(lane)

    @tells_outages
    async def lanes_in_flight(self) -> list[str]:
        return [row[0] for row in await self._pool.fetch(SQL["lanes_in_flight"])]

    @tells_outages
    async def counts(self) -> Mapping[str, int]:
        return {row["state"]: row["orders"] for row in await self._pool.fetch(SQL["counts"])}


async def _receive(connection: Connection, receipts: Sequence[_Receipt]) -> Sequence[Order | Exception]:
    orders = [decision.order for decision, _, _ in receipts]
    inserted = await _insert(connection, [(decision, result) for decision, result, _ in receipts])
    companions = [(one, None) for decision, _, ones in receipts if decision.order.id in inserted for one in ones]
    if companions and len(await _insert(connection, companions)) < len(companions):
        raise AssertionError("the number of a companion is nobody else's")
    known = await _known(connection, [order for order in orders if order.id not in inserted])
    return [replace(order, version=1) if order.id in inserted else known[_name(order)] for order in orders]


async def _insert(connection: Connection, items: Sequence[_Item]) -> set[OrderId]:
    wholes = [whole_of(decision.order) for decision, _ in items]
    return {row["id"] for row in await connection.fetch(SQL["receive"], wholes, *_told(items))}


async def _known(connection: Connection, orders: Sequence[Order]) -> dict[tuple[str, str], Order]:
    if not orders:
        return {}
    sources, numbers = zip(*(_name(order) for order in orders), strict=True)
    found = [order_of(row) for row in await connection.fetch(SQL["known"], sources, numbers)]
    return {_name(order): order for order in found}


def _name(order: Order) -> tuple[str, str]:
    """As it is stored."""
    return storable_text(order.request.source), storable_text(order.request.number)


async def _commit(connection: Connection, items: Sequence[_Item]) -> Sequence[Order | Exception]:
    standings = [standing_of(decision.order) for decision, _ in items]
    rows = await connection.fetch(SQL["commit"], standings, *_told(items))
    changed = {row["id"] for row in rows}
    return [
        replace(decision.order, version=decision.order.version + 1)
        if decision.order.id in changed
        else StaleOrder(f"order {decision.order.number} is no longer of version {decision.order.version}")
        for decision, _ in items
    ]


def _told(items: Sequence[_Item]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Facts and results of a batch."""
    facts = [fact_row(decision.order.id, fact) for decision, _ in items for fact in decision.facts]
    results = [
        {"id": result.id, "order_id": result.order_id, "body": result.body} for _, result in items if result is not None
    ]
    return facts, results


def _asked_due(asked: Sequence[_Asked]) -> tuple[list[str], list[datetime], list[int], list[datetime], list[str]]:
    lanes, moments, limits, served = (list(each) for each in zip(*asked, strict=True))
    return lanes, moments, limits, [moment - AGED_AFTER for moment in moments], served


def _due(asked: Sequence[_Asked], rows: Sequence[asyncpg.Record]) -> list[list[Order]]:
    found: list[list[Order]] = [[] for _ in asked]
    for row in rows:
        found[row["place"] - 1].append(order_of(row))
    return found


def _overtaken(ids: Sequence[OrderId], rows: Sequence[asyncpg.Record]) -> list[OrderNumber | None]:
    found = {row["id"]: OrderNumber(row["number"]) for row in rows}
    return [found.get(order_id) for order_id in ids]


def _asked_messages(asked: Sequence[tuple[str, str]]) -> tuple[list[str], list[str], int]:
    sources, message_ids = (list(each) for each in zip(*asked, strict=True))
    return sources, message_ids, CORRELATED_MAX


def _numbers(asked: Sequence[tuple[str, str]], rows: Sequence[asyncpg.Record]) -> list[list[OrderNumber]]:
    found: list[list[OrderNumber]] = [[] for _ in asked]
    for row in rows:
        found[row["place"] - 1].append(OrderNumber(row["number"]))
    return found


def _limits(meters: Sequence[MeterNumber], rows: Sequence[asyncpg.Record]) -> list[int | None]:
    found = {row["meter"]: row["limit_w"] for row in rows}
    return [found.get(storable_text(meter)) for meter in meters]


def _of_lanes(lanes: Sequence[str], rows: Sequence[asyncpg.Record]) -> list[list[Order]]:
    found: dict[str, list[Order]] = {lane: [] for lane in lanes}
    for row in rows:
        found[row["lane"]].append(order_of(row))
    return [found[lane] for lane in lanes]


async def _resume(connection: Connection, asked: Sequence[tuple[str, datetime]]) -> Sequence[int | Exception]:
    lanes, moments = zip(*asked, strict=True)
    rows = await connection.fetch(SQL["resume"], lanes, moments)
    found = Counter(row["lane"] for row in rows)
    return [found[lane] for lane in lanes]


def _by_id(ids: Sequence[OrderId], rows: Sequence[asyncpg.Record]) -> list[Order | None]:
    found = {row["id"]: order_of(row) for row in rows}
    return [found.get(order_id) for order_id in ids]


def _asked_older(orders: Sequence[Order]) -> tuple[list[str], list[int], list[str]]:
    """Meters, ids, and what each order sets."""
    meters = [storable_text(order.request.meter) for order in orders]
    sets = ["" if order.kind.sets is None else order.kind.sets.value for order in orders]
    return meters, [order.id for order in orders], sets


def _older(orders: Sequence[Order], rows: Sequence[asyncpg.Record]) -> list[list[Order]]:
    found: dict[int, list[Order]] = {order.id: [] for order in orders}
    for row in rows:
        found[row["later"]].append(order_of(row))
    return [found[order.id] for order in orders]


def _one(row: asyncpg.Record | None) -> Order | None:
    return None if row is None else order_of(row)
