"""The audit trail of the stores: every fact that is kept, by whatever call, is chained, sealed and found changed."""

import asyncio
from datetime import timedelta

import pytest

from aforo.adapters.postgres.database import Database
from aforo.domain.audit import Finding, digest_of, is_proved, receipt_of, verify
from aforo.domain.delivery import Delivery, DeliveryState
from aforo.domain.identifiers import OrderId
from aforo.domain.order_states import OrderState
from aforo.engine.ports import AuditStore
from aforo.flow.decision import Decision
from cases import WEDNESDAY
from contract.conftest import Stores
from decisions import a_fact, a_result, standing, stored

FIRST_OF_ALL = (OrderId(0), 0)


@pytest.fixture
def audit(stores: Stores) -> AuditStore:
    return stores.audit


async def findings(audit: AuditStore) -> list[Finding]:
    return list(verify(await audit.chained_facts(FIRST_OF_ALL, 1000), await audit.seals(0, 100)))


async def test_every_fact_is_chained_and_sealed(stores: Stores, audit: AuditStore) -> None:
    order = await stored(stores.orders, "OS-1")
    assert await audit.seal(WEDNESDAY, 100) is not None
    assert await audit.seal(WEDNESDAY, 100) is None

    ended = standing(order, OrderState.CANCELLED)
    result = a_result(ended)
    ended = await stores.orders.commit(Decision(ended, (a_fact("OrderCancelled", text="ñ\0\ud800"),), result=1), result)
    await stores.deliveries.mark_published({result.id: (order.id, a_fact("ResultPublished", step=8))})
    other = await stored(stores.orders, "OS-2", meter="M-2")
    second = await audit.seal(WEDNESDAY + timedelta(seconds=1), 100)

    assert second is not None
    assert [head.order_id for head in second.heads] == [order.id, other.id]
    assert [one.fact for one in await audit.chain(order.id)] == await stores.orders.facts(order.id)
    assert await findings(audit) == []
    assert await audit.seal_of(order.id) == second
    assert is_proved(receipt_of(await audit.chain(order.id), second))


async def test_more_chains_than_fit_one_seal_take_several(stores: Stores, audit: AuditStore) -> None:
    for number in range(5):
        await stored(stores.orders, f"OS-{number}", meter=f"M-{number}")

    seals = [await audit.seal(WEDNESDAY, 2) for _ in range(4)]

    assert [seal and len(seal.heads) for seal in seals] == [2, 2, 1, None]
    assert await findings(audit) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE facts SET payload = '{\"x\": 1}' WHERE place = 1", "fact 1 (OrderReceived) is not"),
        ("UPDATE facts SET at = at + interval '1 second'", "is not the one that was written"),
        ("DELETE FROM facts WHERE place = 1", "fact 2 stands where fact 1 should"),
        ("DELETE FROM facts", "facts were sealed, and none is left"),
        ("UPDATE facts SET place = 4 - place", "is not the one that was written"),
        ("UPDATE facts SET place = NULL WHERE place = 2", "stands where"),
        ("UPDATE sealed_heads SET length = 1", "seal 1 is not the one that was set"),
        ("DELETE FROM sealed_heads; DELETE FROM seals WHERE number = 1", "seal 2 does not follow seal 0"),
    ],
)
async def test_what_is_done_to_the_tables_is_found(database: Database, change: str, words: str) -> None:
    for seconds in range(2):
        order = await stored(database.orders, f"OS-{seconds}", meter=f"M-{seconds}")
        await database.orders.commit(Decision(standing(order, OrderState.CANCELLED), (a_fact(), a_fact()), result=0))
        await database.audit.seal(WEDNESDAY + timedelta(seconds=seconds), 100)
    assert await findings(database.audit) == []

    async with database._pool.acquire() as connection:
        await connection.execute(f"SET session_replication_role = replica; {change}; RESET session_replication_role")

    assert any(words in finding.words for finding in await findings(database.audit)), await findings(database.audit)


async def test_a_fact_put_beside_the_chain_is_found(database: Database) -> None:
    await stored(database.orders, "OS-1")
    await database._pool.execute(
        "INSERT INTO facts (order_id, step, at, sender, receiver, name, payload) "
        "SELECT order_id, step, at, sender, receiver, 'Forged', payload FROM facts"
    )

    assert "fact 0 stands where fact 1 should" in [one.words for one in await findings(database.audit)]


async def test_facts_from_before_the_trail_stand_outside_and_are_no_finding(
    database: Database,
) -> None:
    """As after an upgrade: an order with facts of older code, which goes on."""
    order = await stored(database.orders, "OS-1")
    async with database._pool.acquire() as connection:
        await connection.execute(
            """
            SET session_replication_role = replica;
            UPDATE facts SET digest = NULL, place = NULL, link = NULL;
            DELETE FROM chains;
            UPDATE audit_start SET serial = (SELECT max(serial) FROM facts), order_id = (SELECT max(id) FROM orders);
            RESET session_replication_role
            """
        )
    await database.orders.commit(Decision(standing(order, OrderState.CANCELLED), (a_fact("OrderCancelled"),), result=0))
    assert await database.audit.seal(WEDNESDAY, 10) is not None

    assert await findings(database.audit) == []
    assert [one.fact.name for one in await database.audit.chain(order.id)] == ["OrderCancelled"]


async def test_facts_told_by_several_at_the_same_time_are_one_chain(both_stores: tuple[Stores, Stores]) -> None:
    first, second = both_stores
    order = await stored(first.orders, "OS-1")
    results = [a_result(order, number) for number in range(1, 17)]
    await first.deliveries.put_in_inbox(results, WEDNESDAY)
    held = [Delivery(message=result, state=DeliveryState.PUBLISHED, next_at=WEDNESDAY) for result in results]

    await asyncio.gather(
        first.orders.commit(Decision(standing(order, OrderState.CANCELLED), (a_fact(), a_fact("OrderCancelled")))),
        *(
            stores.deliveries.close_delivery(delivery, a_fact("ResultAnswered", step=9, place=place))
            for place, delivery in enumerate(held)
            for stores in both_stores
        ),
    )

    assert await second.audit.seal(WEDNESDAY, 100) is not None
    assert await findings(second.audit) == []
    chain = await first.audit.chain(order.id)
    assert [one.place for one in chain] == list(range(1, 1 + 1 + 2 + 32))
    assert [one.fact for one in chain] == await second.orders.facts(order.id)


async def test_a_fact_that_an_older_process_tells_goes_on_with_the_chain(database: Database) -> None:
    """It leaves place and link to the database."""
    order = await stored(database.orders, "OS-1")
    fact = a_fact("OrderWarned")
    await database._pool.execute(
        "INSERT INTO facts (order_id, step, at, sender, receiver, name, payload, digest) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        *(order.id, fact.step, fact.at, fact.sender, fact.receiver, fact.name, fact.payload),
        digest_of(order.id, fact),
    )
    await database.orders.commit(Decision(standing(order, OrderState.CANCELLED), (a_fact("OrderCancelled"),), result=0))

    assert await findings(database.audit) == []
    names = [one.fact.name for one in await database.audit.chain(order.id)]
    assert names == ["OrderReceived", "OrderWarned", "OrderCancelled"]
