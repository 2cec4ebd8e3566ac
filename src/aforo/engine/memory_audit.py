"""The in-memory twin of the audit trail's port; see `aforo.engine.memory`."""

from datetime import datetime

from aforo.domain.audit import GENESIS, ChainedFact, Head, Seal, digest_of, linked, seal_over
from aforo.domain.identifiers import OrderId
from aforo.engine.memory import MemoryOrderStore


class MemoryAuditStore:
    """See `aforo.engine.ports.AuditStore`. A seal continues the chain from the last; what is asked for is worked out
    from what the orders' facts are now.
    """

    def __init__(self, orders: MemoryOrderStore) -> None:
        self._facts_of = orders.facts_of
        self._seals: list[Seal] = []
        self._sealed: dict[OrderId, Head] = {}

    async def seal(self, now: datetime, limit: int) -> Seal | None:
        grown = sorted(one for one, facts in self._facts_of.items() if len(facts) > self.sealed_length(one))[:limit]
        if not grown:
            return None
        heads = [self._head(one) for one in grown]
        self._seals.append(seal_over(heads, previous=self._seals[-1] if self._seals else None, at=now))
        self._sealed.update({head.order_id: head for head in heads})
        return self._seals[-1]

    def sealed_length(self, order_id: OrderId) -> int:
        head = self._sealed.get(order_id)
        return 0 if head is None else head.length

    def _head(self, order_id: OrderId) -> Head:
        facts, known = self._facts_of[order_id], self._sealed.get(order_id)
        link = GENESIS if known is None else known.link
        for fact in facts[self.sealed_length(order_id) :]:
            link = linked(link, digest_of(order_id, fact))
        return Head(order_id, len(facts), link)

    async def chained_facts(self, after: tuple[OrderId, int], limit: int) -> list[ChainedFact]:
        every = [one for order_id in sorted(self._facts_of) for one in await self.chain(order_id)]
        return [one for one in every if (one.order_id, one.place) > after][:limit]

    async def chain(self, order_id: OrderId) -> list[ChainedFact]:
        link, chain = GENESIS, []
        for place, fact in enumerate(self._facts_of.get(order_id, []), 1):
            link = linked(link, digest_of(order_id, fact))
            chain.append(ChainedFact(order_id, place, fact, link))
        return chain

    async def seals(self, after: int, limit: int) -> list[Seal]:
        return self._seals[after : after + limit]

    async def seal_of(self, order_id: OrderId) -> Seal | None:
        covering = (seal for seal in reversed(self._seals) if any(head.order_id == order_id for head in seal.heads))
        return next(covering, None)
