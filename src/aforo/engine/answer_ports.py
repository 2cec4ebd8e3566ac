"""How results and answers leave: the result queue, and the commercial system's own door."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from aforo.domain.delivery import ResultMessage


class Publisher(Protocol):
    """The result queue, step 8."""

    async def publish(self, messages: Sequence[ResultMessage]) -> Sequence[str]:
        """The ids that the queue has confirmed; the others are to be published again."""
        ...


class ResultQueue(Publisher, Protocol):
    """A queue outside, between head-end and integration; others may listen to it too.

    name: for the facts.
    """

    name: str

    async def consume(self, take: Callable[[Sequence[ResultMessage]], Awaitable[None]]) -> None:
        """Integration's end of it, until cancelled. take: what it took is durable when it returns."""
        ...

    async def close(self) -> None: ...


class LegacyDoor(Protocol):
    """The commercial system's own door, step 9."""

    async def post(
        self, address: str, body: bytes, headers: Mapping[str, str] | None = None, *, traceparent: str = ""
    ) -> str:
        """headers: of a webhook, which any good status acknowledges; None for a SOAP envelope.   traceparent: of the
        trace that the answer belongs to; empty for none.

        An empty text when it acknowledged; else why not, in a sentence. Never raises for what the peer does."""
        ...
