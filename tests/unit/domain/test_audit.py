"""The audit trail: whatever was done to what is sealed is found, and a receipt proves itself."""

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aforo.domain.audit import (
    GENESIS,
    ChainedFact,
    Finding,
    Head,
    Seal,
    digest_of,
    is_proved,
    link_of,
    linked,
    merkle_path,
    merkle_root,
    receipt_of,
    root_by_path,
    seal_over,
    verify,
)
from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact
from cases import WEDNESDAY


def a_fact(place: int, **payload: object) -> Fact:
    return Fact(
        1, WEDNESDAY + timedelta(seconds=place), "Legacy", "Integration", f"Fact{place}", {"n": place, **payload}
    )


def a_chain(order_id: int, facts: int) -> list[ChainedFact]:
    return chained(order_id, [a_fact(place) for place in range(1, facts + 1)])


def chained(order_id: int, facts: list[Fact]) -> list[ChainedFact]:
    links = [link_of(order_id, facts[:place]) for place in range(1, len(facts) + 1)]
    return [ChainedFact(OrderId(order_id), place + 1, fact, links[place]) for place, fact in enumerate(facts)]


def head(chain: list[ChainedFact]) -> Head:
    return Head(chain[-1].order_id, len(chain), chain[-1].link)


CHAINS = [a_chain(order_id, facts) for order_id, facts in ((1, 3), (2, 1), (5, 4))]
FIRST = seal_over([head(CHAINS[0][:2]), head(CHAINS[1])], previous=None, at=WEDNESDAY)
SECOND = seal_over([head(CHAINS[0]), head(CHAINS[2])], previous=FIRST, at=WEDNESDAY + timedelta(seconds=1))
FACTS = [fact for chain in CHAINS for fact in chain]


def found(facts: list[ChainedFact], seals: list[Seal] | None = None) -> list[int]:
    return [finding.order_id for finding in verify(facts, [FIRST, SECOND] if seals is None else seals)]


def test_what_nobody_touched_has_no_finding() -> None:
    assert found(FACTS) == []


def test_a_chain_that_has_grown_since_the_last_seal_is_in_order() -> None:
    assert found([*CHAINS[0], *a_chain(2, 3), *CHAINS[2]]) == []


@pytest.mark.parametrize("place", range(len(FACTS)))
@pytest.mark.parametrize(
    "changes",
    [{"step": 9}, {"at": WEDNESDAY}, {"sender": "X"}, {"receiver": "X"}, {"name": "X"}, {"payload": {"n": 7}}],
)
def test_any_changed_fact_is_found(place: int, changes: dict[str, object]) -> None:
    changed = replace(FACTS[place], fact=replace(FACTS[place].fact, **changes))

    assert FACTS[place].order_id in found([*FACTS[:place], changed, *FACTS[place + 1 :]])


@pytest.mark.parametrize("place", range(len(FACTS)))
def test_any_missing_fact_is_found(place: int) -> None:
    assert FACTS[place].order_id in found(FACTS[:place] + FACTS[place + 1 :])


def test_facts_in_another_order_are_found() -> None:
    assert found([FACTS[1], FACTS[0], *FACTS[2:]])[0] == 1


def test_a_chain_made_anew_from_other_facts_is_found_by_the_seal() -> None:
    """Whoever can write the table can make a chain that is right in itself."""
    forged = chained(5, [replace(one.fact, payload={"n": 0}) for one in CHAINS[2]])

    assert list(verify([*CHAINS[0], *CHAINS[1], *forged], [FIRST, SECOND])) == [
        Finding(5, "its first 4 facts are not those that were sealed")
    ]


def test_a_deleted_order_is_found() -> None:
    assert list(verify([*CHAINS[0], *CHAINS[2]], [FIRST, SECOND])) == [
        Finding(2, "1 facts were sealed, and none is left")
    ]


@pytest.mark.parametrize(
    "seals",
    [
        [SECOND],
        [SECOND, FIRST],
        [replace(FIRST, at=WEDNESDAY + timedelta(seconds=9)), SECOND],
        [replace(FIRST, root=GENESIS), SECOND],
        [replace(FIRST, heads=FIRST.heads[:1]), SECOND],
        [replace(FIRST, heads=()), SECOND],
        [FIRST, replace(SECOND, previous=GENESIS)],
        [FIRST, replace(SECOND, hash=GENESIS)],
    ],
)
def test_seals_that_were_touched_are_found(seals: list[Seal]) -> None:
    assert 0 in found(FACTS, seals)


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_every_leaf_has_a_path_to_the_root_and_no_other_leaf_takes_it(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = merkle_path(leaves, index)

    assert root_by_path(leaves[index], index, len(leaves), path) == merkle_root(leaves)
    assert root_by_path(leaves[index] + b"x", index, len(leaves), path) != merkle_root(leaves)
    assert root_by_path(leaves[index], index, len(leaves), (*path, GENESIS)) is None


def test_a_receipt_proves_itself_and_nothing_else() -> None:
    receipt = receipt_of(CHAINS[2], SECOND)

    assert is_proved(receipt)
    assert not is_proved(replace(receipt, facts=receipt.facts[:-1]))
    assert not is_proved(replace(receipt, order_id=OrderId(6)))
    assert not is_proved(replace(receipt, path=()))
    assert not is_proved(replace(receipt, seal_hash=GENESIS))


def test_the_digest_is_of_the_moment_whatever_its_zone_and_of_the_payload_whatever_its_order() -> None:
    fact = a_fact(1, a=1, b="ñ")
    same = replace(fact, at=fact.at.astimezone(), payload=dict(reversed(fact.payload.items())))

    assert digest_of(1, fact) == digest_of(1, same)
    assert digest_of(1, fact) != digest_of(2, fact)
    assert linked(GENESIS, digest_of(1, fact)) == link_of(1, [fact])


payloads = st.dictionaries(
    st.text(st.characters()),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
        lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(st.characters()), part, max_size=3),
        max_leaves=5,
    ),
)


@given(payloads, st.text(st.characters()))
def test_a_digest_is_that_of_the_fact_as_json_whatever_it_holds(payload: dict[str, object], sender: str) -> None:
    """The octets are a promise: a trail of years ago is read with the code of today."""
    fact = Fact(4, WEDNESDAY, sender, "CT-1", "OrderDispatched", payload)
    document = {"order_id": 7, "step": 4, "at": "2026-11-25T15:00:00.000000+00:00", "from": sender, "to": "CT-1"}
    document |= {"name": "OrderDispatched", "payload": payload}
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert digest_of(7, fact) == sha256(written.encode("utf-8", "surrogatepass")).digest()
