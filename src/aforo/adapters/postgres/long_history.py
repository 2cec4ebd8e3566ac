"""A long history made of a short one, for measurements: ended orders copied, with all that belongs to them.

The copies have lower numbers than the orders that there are: they are older. Never for a database in use: the copies'
chains are not true, and `aforo audit verify` says so.
"""

from dataclasses import dataclass

import asyncpg

SAME_METER_EVERY = 50
"""Of so many copies of an order one is of its own meter; the others' meters are of the history alone."""

_MARK = "'-' || $2::bigint || '-' || c.copy"
"""Behind a name of the original's: of this call, and of this copy."""


@dataclass(frozen=True, slots=True)
class _Table:
    """changed: expressions for columns that a copy does not have as they are.   given: by the table itself.
    among: which rows are copied.
    """

    name: str
    changed: dict[str, str]
    given: str = ""
    among: str = "EXISTS (SELECT 1 FROM orders e WHERE e.id = o.order_id AND e.ended_at IS NOT NULL)"


_OWNER = {"order_id": "o.order_id - c.copy * $2::bigint"}
_TABLES = (
    _Table("facts", _OWNER, given="serial"),
    _Table("chains", {**_OWNER, "sealed": "o.length", "is_sealed": "true"}),
    _Table("results", {**_OWNER, "id": f"o.id || {_MARK}"}, given="serial"),
    _Table("inbox", {**_OWNER, "id": f"o.id || {_MARK}"}),
    _Table(
        "orders",
        {
            "id": "o.id - c.copy * $2::bigint",
            "number": f"o.number || {_MARK}",
            "message_id": f"o.message_id || {_MARK}",
            "meter": f"o.meter || CASE WHEN c.copy % {SAME_METER_EVERY} = 0 THEN '' ELSE {_MARK} END",
        },
        among="o.ended_at IS NOT NULL",
    ),
)
"""Orders last: until then those that there are are the originals."""


async def lengthen(connection: "asyncpg.Connection[asyncpg.Record]", copies: int) -> int:
    """Copies of every order that has ended, so many each; how many orders there are then. For superusers only."""
    span: int = await connection.fetchval("SELECT max(id) - min(id) + 1 FROM orders")
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # no chaining, no references looked up
        for table in _TABLES:
            await connection.execute(await _copying(connection, table), copies, span)
    await connection.execute("VACUUM ANALYZE")
    count: int = await connection.fetchval("SELECT count(*) FROM orders")
    return count


async def _copying(connection: "asyncpg.Connection[asyncpg.Record]", table: _Table) -> str:
    """The statement. $1: copies.   $2: by how much the number of each is lower than that of the one before."""
    found = await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND table_schema = current_schema()",
        table.name,
    )
    columns = [row[0] for row in found if row[0] != table.given]
    values = ", ".join(table.changed.get(column, f"o.{column}") for column in columns)
    copies = "generate_series(1, $1::bigint) AS c(copy)"
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608 (names of our own tables and columns)
        f"SELECT {values} FROM {table.name} o, {copies} WHERE {table.among}"
    )
