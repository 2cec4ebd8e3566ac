"""No statement that runs for an order, a session or a scrape reads a whole table that grows with what is stored."""

import re
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres.migrations import migrate
from aforo.adapters.postgres.named_sql import load_sql
from postgres_server import Schema

FILES = ("orders", "deliveries", "registry", "audit", "ledger", "leases", "status")
GROWING = {"orders", "facts", "chains", "results", "inbox", "seals", "sealed_heads", "meters", "meter_links"}
WHOLE = {
    "counts": "tells of all orders ever, and is asked by tests alone",
    "analyze": "no query",
    "incoming_meters": "no query",
}
INCOMING = load_sql("registry.sql")["incoming_meters"]


@pytest.fixture(scope="session")
def database_schema() -> Schema:
    return migrate


STATEMENTS = {
    f"{file}.{name}": text for file in FILES for name, text in load_sql(f"{file}.sql").items() if name not in WHOLE
}


def given_to(statement: str) -> str:
    """Of a prepared statement: nothing for each of its parameters."""
    last = max((int(number) for number in re.findall(r"\$(\d+)", statement)), default=0)
    return f"({', '.join(['NULL'] * last)})" if last else ""


@pytest.mark.parametrize("name", STATEMENTS)
async def test_what_is_asked_finds_its_rows_by_an_index(fresh_database: dict[str, Any], name: str) -> None:
    """Sequential scans are forbidden to the planner: one that is left has no index that could serve."""
    statement = STATEMENTS[name]
    connection = await asyncpg.connect(**fresh_database, statement_cache_size=0)
    try:
        await connection.execute(f"SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; {INCOMING}")
        await connection.execute(f"PREPARE asked AS {statement}")
        plan = [str(row[0]) for row in await connection.fetch(f"EXPLAIN EXECUTE asked{given_to(statement)}")]
    finally:
        await connection.close()

    scanned = {found[1] for line in plan if (found := re.search(r"Seq Scan on (\w+)", line))}
    assert scanned & GROWING == set(), f"{name}: {plan}"


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if "chained AS" in text])
async def test_facts_find_the_heads_of_their_chains_at_once(fresh_database: dict[str, Any], name: str) -> None:
    """In a batch of hundreds, to look through all heads for each fact would take most of the time."""
    connection = await asyncpg.connect(**fresh_database, statement_cache_size=0)
    try:
        await connection.execute(f"PREPARE asked AS {STATEMENTS[name]}")
        rows = await connection.fetch(f"EXPLAIN EXECUTE asked{given_to(STATEMENTS[name])}")
    finally:
        await connection.close()

    assert any("Full Join" in row[0] for row in rows), rows
