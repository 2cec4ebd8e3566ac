"""Who is told of what a loop of the engine does."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listeners:
    """report: of what went wrong and is tried again.   on_facts: called after facts were written."""

    report: Callable[[str, BaseException], None]
    on_facts: Callable[[], None]
