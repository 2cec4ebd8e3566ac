"""The audit trail: every order's facts as a hash chain, and seals over the heads of all chains as one more chain.

Whoever holds a seal's hash, or a receipt with one in it, can tell later that nothing sealed by then was changed, left
out, put in or moved. What is younger than the last seal is not covered yet. All hashes are SHA-256 (FIPS 180-4).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec.json
from msgspec import Struct

from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact

_as_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_as_plain_json = msgspec.json.Encoder(order="sorted").encode
_PLAIN = {str, int, bool, type(None)}
"""Of these both write the same octets, of other numbers they do not."""

GENESIS = bytes(32)
"""What stands before the first fact of an order, and before the first seal."""


class ChainedFact(Struct, frozen=True):
    """A fact as it is kept. place: 1 for an order's first.   link: of the chain up to and with it."""

    order_id: OrderId
    place: int
    fact: Fact
    link: bytes


class Head(Struct, frozen=True):
    """An order's chain as it stood: so many facts, and the link of the last."""

    order_id: OrderId
    length: int
    link: bytes

    @property
    def octets(self) -> bytes:
        return self.order_id.to_bytes(8, "big") + self.length.to_bytes(4, "big") + self.link


class Seal(Struct, frozen=True):
    """heads: of every chain that has grown since the seal before, by order id.   root: of the Merkle tree over them."""

    number: int
    at: datetime
    previous: bytes
    root: bytes
    hash: bytes
    heads: tuple[Head, ...]


class Finding(Struct, frozen=True):
    """What is wrong. order_id: 0 for a fault of the seals themselves."""

    order_id: int
    words: str


class Receipt(Struct, frozen=True, kw_only=True):
    """One order's facts, and the proof that a seal covers them. path: sibling hashes from the leaf up.

    index, count: of the leaf among the seal's heads.
    """

    order_id: OrderId
    facts: tuple[Fact, ...]
    seal_number: int
    sealed_at: datetime
    previous: bytes
    seal_hash: bytes
    index: int
    count: int
    path: tuple[bytes, ...]


def digest_of(order_id: int, fact: Fact) -> bytes:
    """Of the fact as JSON: keys in order, no spaces, UTF-8, its moment in UTC."""
    document = {
        "order_id": order_id,
        "step": fact.step,
        "at": fact.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "from": fact.sender,
        "to": fact.receiver,
        "name": fact.name,
        "payload": fact.payload,
    }
    return sha256(_octets_of(document)).digest()


def _octets_of(document: Mapping[str, Any]) -> bytes:
    """As `json` writes it, seven times faster where the payload is plain."""
    if all(type(name) is str and type(part) in _PLAIN for name, part in document["payload"].items()):
        with suppress(UnicodeEncodeError):  # half of a surrogate pair
            return _as_plain_json(document)
    return _as_json(document).encode("utf-8", "surrogatepass")


def linked(previous: bytes, digest: bytes) -> bytes:
    return sha256(previous + digest).digest()


def link_of(order_id: int, facts: Iterable[Fact]) -> bytes:
    """Of a whole chain."""
    link = GENESIS
    for fact in facts:
        link = linked(link, digest_of(order_id, fact))
    return link


def seal_over(heads: Sequence[Head], *, previous: Seal | None, at: datetime) -> Seal:
    """heads: at least one, by order id."""
    assert heads, "a seal has something to seal"
    number = 1 if previous is None else previous.number + 1
    before = GENESIS if previous is None else previous.hash
    root = merkle_root([head.octets for head in heads])
    return Seal(number, at, before, root, _seal_hash(number, at, before, root), tuple(heads))


def _seal_hash(number: int, at: datetime, previous: bytes, root: bytes) -> bytes:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds").encode()
    return sha256(number.to_bytes(8, "big") + moment + previous + root).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Leaves and nodes are told apart by a first octet (RFC 9162, 2.1); an odd one goes up as it is."""
    return _levels(leaves)[-1][0]


def merkle_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The siblings from the leaf up; where there is none, none is told."""
    path = []
    for level in _levels(leaves)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
    return tuple(path)


def root_by_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """None: the path is of another length than that leaf's."""
    found, siblings = _leaf(leaf), iter(path)
    while count > 1:
        if index ^ 1 < count:
            sibling = next(siblings, None)
            if sibling is None:
                return None
            found = _node(sibling, found) if index % 2 else _node(found, sibling)
        index, count = index // 2, (count + 1) // 2
    return found if next(siblings, None) is None else None


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    levels = [[_leaf(leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [below[at : at + 2] for at in range(0, len(below), 2)]
        levels.append([_node(*pair) if len(pair) == 2 else pair[0] for pair in pairs])
    return levels


def _leaf(octets: bytes) -> bytes:
    return sha256(b"\x00" + octets).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def receipt_of(facts: Sequence[ChainedFact], seal: Seal) -> Receipt:
    """facts: of one order, from the first; seal: the latest that covers it."""
    order_id = facts[0].order_id
    index = next(place for place, head in enumerate(seal.heads) if head.order_id == order_id)
    head = seal.heads[index]
    return Receipt(
        order_id=order_id,
        facts=tuple(one.fact for one in facts[: head.length]),
        seal_number=seal.number,
        sealed_at=seal.at,
        previous=seal.previous,
        seal_hash=seal.hash,
        index=index,
        count=len(seal.heads),
        path=merkle_path([each.octets for each in seal.heads], index),
    )


def is_proved(receipt: Receipt) -> bool:
    """The receipt is whole in itself: its facts lead to its seal."""
    head = Head(receipt.order_id, len(receipt.facts), link_of(receipt.order_id, receipt.facts))
    root = root_by_path(head.octets, receipt.index, receipt.count, receipt.path)
    if root is None:
        return False
    return _seal_hash(receipt.seal_number, receipt.sealed_at, receipt.previous, root) == receipt.seal_hash


class TrailCheck:
    """Every seal, by number from the first; then every fact, by order id and place; then the end.

    Each call yields what is wrong. Of the facts none is kept, and of the seals what they say of each order's chain.
    """

    def __init__(self) -> None:
        self.orders = self.facts = self.seals = 0
        self.last_seal: Seal | None = None
        self._sealed: dict[int, dict[int, bytes]] = {}
        self._order_id: int | None = None
        self._links: list[bytes] = []

    def seal(self, seal: Seal) -> Iterator[Finding]:
        self.seals += 1
        before = self.last_seal
        number, previous = (0, GENESIS) if before is None else (before.number, before.hash)
        if seal.number != number + 1 or seal.previous != previous:
            yield Finding(0, f"seal {seal.number} does not follow seal {number}")
        is_root = bool(seal.heads) and merkle_root([head.octets for head in seal.heads]) == seal.root
        if not is_root or _seal_hash(seal.number, seal.at, seal.previous, seal.root) != seal.hash:
            yield Finding(0, f"seal {seal.number} is not the one that was set")
        for head in seal.heads:
            self._sealed.setdefault(head.order_id, {})[head.length] = head.link
        self.last_seal = seal

    def fact(self, one: ChainedFact) -> Iterator[Finding]:
        self.facts += 1
        if one.order_id != self._order_id:
            yield from self._end_of_chain()
            self.orders += 1
            self._order_id, self._links = one.order_id, [GENESIS]
        link = linked(self._links[-1], digest_of(one.order_id, one.fact))
        fault = _fault(one, len(self._links), link)
        if fault:
            yield Finding(one.order_id, fault)
        self._links.append(link)

    def end(self) -> Iterator[Finding]:
        yield from self._end_of_chain()
        for order_id, lengths in self._sealed.items():
            yield Finding(order_id, f"{max(lengths)} facts were sealed, and none is left")

    def _end_of_chain(self) -> Iterator[Finding]:
        order_id, links = self._order_id, self._links
        if order_id is None:
            return
        for length, link in self._sealed.pop(order_id, {}).items():
            if length >= len(links):
                yield Finding(order_id, f"{length} facts were sealed, and {len(links) - 1} are left")
            elif links[length] != link:
                yield Finding(order_id, f"its first {length} facts are not those that were sealed")


def verify(facts: Iterable[ChainedFact], seals: Iterable[Seal]) -> Iterator[Finding]:
    """All at once; see TrailCheck for the order in which they come."""
    check = TrailCheck()
    for seal in seals:
        yield from check.seal(seal)
    for one in facts:
        yield from check.fact(one)
    yield from check.end()


def _fault(one: ChainedFact, place: int, link: bytes) -> str:
    """place, link: what they should be."""
    if one.place != place:
        return f"fact {one.place} stands where fact {place} should"
    if one.link != link:
        return f"fact {place} ({one.fact.name}) is not the one that was written"
    return ""
