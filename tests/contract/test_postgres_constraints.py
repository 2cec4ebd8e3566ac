"""Every CHECK of the schema by its name, with a row that it alone refuses: whoever writes, a wrong state cannot be."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres.database import Database
from aforo.domain.delivery import ResultMessage
from cases import WEDNESDAY, a_meter
from contract.test_device_registry import with_concentrators
from decisions import stored

VIOLATIONS = {
    "concentrators_number_check": "UPDATE concentrators SET number = ''",
    "concentrators_port_check": "UPDATE concentrators SET port = 65536",
    "concentrators_framing_check": "UPDATE concentrators SET framing = 'radio'",
    "concentrators_physical_device_check": "UPDATE concentrators SET physical_device = 0",
    "concentrators_client_sap_check": "UPDATE concentrators SET client_sap = -1",
    "concentrators_server_sap_check": "UPDATE concentrators SET server_sap = 65536",
    "concentrators_system_title_check": "UPDATE concentrators SET system_title = '1234567'",
    "meters_number_check": "UPDATE meters SET number = ''",
    "meters_link_check": "UPDATE meters SET link = 'radio'",
    "meters_framing_check": "UPDATE meters SET framing = 'radio'",
    "meters_physical_device_check": "UPDATE meters SET physical_device = 16382",
    "meters_port_check": "UPDATE meters SET host = 'h', port = 65536, client_sap = 1, server_sap = 1",
    "meters_client_sap_check": "UPDATE meters SET host = 'h', port = 1, client_sap = -1, server_sap = 1",
    "meters_server_sap_check": "UPDATE meters SET host = 'h', port = 1, client_sap = 1, server_sap = 65536",
    "meters_system_title_check": "UPDATE meters SET system_title = '123456789'",
    "meters_max_power_w_check": "UPDATE meters SET max_power_w = 0",
    "meters_contracted_power_w_check": "UPDATE meters SET contracted_power_w = 0",
    "meters_check": "UPDATE meters SET host = 'h'",
    "meter_links_check": "UPDATE meter_links SET valid_to = valid_from - interval '1 second'",
    "orders_version_check": "UPDATE orders SET version = 0",
    "orders_source_check": "UPDATE orders SET source = ''",
    "orders_number_check": "UPDATE orders SET number = ''",
    "orders_meter_check": "UPDATE orders SET meter = ''",
    "orders_restored_w_check": "UPDATE orders SET restored_w = 0",
    "orders_retry_of_check": "UPDATE orders SET retry_of = ''",
    "orders_limit_w_check": "UPDATE orders SET limit_w = 10000001",
    "orders_state_check": "UPDATE orders SET state = 'lost'",
    "orders_attempts_check": "UPDATE orders SET attempts = -1",
    "orders_limit_is_told": "UPDATE orders SET limit_w = NULL",
    "orders_check1": "UPDATE orders SET state = 'FAILED', next_at = NULL",
    "orders_ended_waits_for_nothing": "UPDATE orders SET state = 'FAILED', ended_at = now()",
    "orders_check3": "UPDATE orders SET next_at = NULL",
    "orders_check4": "UPDATE orders SET state = 'VERIFIED', next_at = NULL, ended_at = now()",
    "facts_step_check": "INSERT INTO facts (order_id, step, at, sender, receiver, name, payload) "
    "SELECT id, 10, now(), '', '', '', '{}' FROM orders",
    "inbox_state_check": "UPDATE inbox SET state = 'outbox', next_at = NULL",
    "inbox_check": "UPDATE inbox SET next_at = NULL",
    "invocation_counters_next_check": "UPDATE invocation_counters SET next = 4294967297",
    "facts_digest_check": "INSERT INTO facts (order_id, step, at, sender, receiver, name, payload, digest) "
    "SELECT id, 1, now(), '', '', '', '{}', 'x' FROM orders",
    "chains_length_check": "UPDATE chains SET length = 0",
    "chains_head_check": "UPDATE chains SET head = 'x'",
    "chains_check": "UPDATE chains SET sealed = length + 1",
    "lane_epochs_epoch_check": "UPDATE lane_epochs SET epoch = 0",
}
"""orders_check1 to orders_check4, in the order of the migration: end and time, end and waiting, waiting and time,
proof."""


@pytest.fixture
async def filled(database: Database, fresh_database: dict[str, Any]) -> AsyncIterator[Any]:
    """A row in every table that has a CHECK; each of them is one that the schema allows."""
    await with_concentrators(database.registry, "C-1")
    await database.registry.put_meters([a_meter()], WEDNESDAY)
    order = await stored(database.orders)
    await database.deliveries.put_in_inbox([ResultMessage("1-1", order.id, {})], WEDNESDAY)
    await database.ledger.raise_counter("meter:M-1", 0, 1)
    await database.ledger.open_epoch("meter:M-1")
    connection = await asyncpg.connect(**fresh_database)
    yield connection
    await connection.close()


@pytest.mark.parametrize("constraint", VIOLATIONS)
async def test_a_row_that_breaks_one_rule_is_refused_by_that_rule(filled: Any, constraint: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await filled.execute(VIOLATIONS[constraint])

    assert refused.value.constraint_name == constraint


async def test_every_check_of_the_schema_has_its_violation_here(filled: Any) -> None:
    rows = await filled.fetch(
        "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )

    assert {row["conname"] for row in rows} == set(VIOLATIONS)


async def test_the_index_of_what_is_out_refuses_a_second_order_of_a_meter(database: Database, filled: Any) -> None:
    await stored(database.orders, "OS-2")

    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await filled.execute("UPDATE orders SET state = 'dispatched', next_at = NULL WHERE meter = 'M-1'")

    assert refused.value.constraint_name == "orders_one_out_per_meter"
