"""What a run comes to."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """states: how many orders ended in each.   crashes: of the head-end and of concentrators.   lasted_s: virtual."""

    seed: int
    violations: tuple[Violation, ...]
    states: dict[str, int]
    first_tries: int
    crashes: int
    points: int
    lasted_s: float
    trace: list[str]
