"""Invocation counters: the half of a GCM nonce that must never repeat."""

from aforo.dlms.errors import LocalProtocolError

COUNTER_MAX = 0xFFFF_FFFF


class CountersExhausted(LocalProtocolError):
    """The reserved range is used up: the caller reserves the next one, durably, before it goes on."""


class CounterRange:
    """Values that the caller reserved durably before any of them was used.

    first and last are both included. A range is handed out once; what a crash leaves unused is lost, never reused.
    """

    __slots__ = ("_last", "_next")

    def __init__(self, first: int, last: int) -> None:
        if not 0 <= first <= last <= COUNTER_MAX:
            raise LocalProtocolError(f"no such range of invocation counters: {first} to {last}")
        self._next = first
        self._last = last

    @property
    def remaining(self) -> int:
        return self._last - self._next + 1

    @property
    def next(self) -> int:
        """The value that the next `take` would give."""
        return self._next

    def extend(self, later: "CounterRange") -> None:
        """Go on with a range reserved later. What was left of this one is dropped, never used."""
        if later.next < self._next:
            raise LocalProtocolError("a later range of invocation counters begins higher")
        self._next, self._last = later.next, later.next + later.remaining - 1

    def take(self) -> int:
        if self._next > self._last:
            raise CountersExhausted("the reserved invocation counters are used up")
        value = self._next
        self._next = value + 1
        return value

    def __repr__(self) -> str:
        return f"CounterRange(next={self._next}, last={self._last})"
