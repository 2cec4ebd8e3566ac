"""Who is told of what the engine does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact
from aforo.engine.ports import StoreUnavailable
from aforo.flow.decision import Decision


class Observer(Protocol):
    """Told of everything once it is durable; it decides nothing."""

    def decided(self, decision: Decision) -> None:
        """About an order, with its facts."""
        ...

    def written(self, facts: Sequence[tuple[OrderId, Fact]]) -> None:
        """Facts of deliveries, each with its order."""
        ...


class Nobody:
    """An Observer that looks away."""

    def decided(self, decision: Decision) -> None: ...

    def written(self, facts: Sequence[tuple[OrderId, Fact]]) -> None: ...


class Everybody:
    """An Observer made of several."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def decided(self, decision: Decision) -> None:
        for observer in self._observers:
            observer.decided(decision)

    def written(self, facts: Sequence[tuple[OrderId, Fact]]) -> None:
        for observer in self._observers:
            observer.written(facts)


@contextmanager
def telling_of_doubt(tell: Callable[[], object]) -> Iterator[None]:
    """Around a commit: when its confirmation is lost it may have been made all the same, and nobody would ever tell
    those who wait for what is in it. They look, and find it or do not.
    """
    try:
        yield
    except StoreUnavailable:
        tell()
        raise


@dataclass(frozen=True, slots=True)
class Listeners:
    """report: of what went wrong and is tried again.   on_facts: called after facts were written."""

    report: Callable[[str, BaseException], None]
    on_facts: Callable[[], None]
    observer: Observer = field(default_factory=Nobody)

    def wrote(self, facts: Sequence[tuple[OrderId, Fact]]) -> None:
        self.on_facts()
        self.observer.written(facts)
