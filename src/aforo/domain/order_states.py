"""The life of an order as one table. Every change of state goes through it; the drawing in the docs is made from it."""

from enum import Enum


class OrderState(Enum):
    """Where an order stands. RECONCILING: the command may have left; only reads follow."""

    RECEIVED = "received"
    HELD = "held"
    VALIDATED = "validated"
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    RECONCILING = "reconciling"
    VERIFIED = "VERIFIED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    UNCONFIRMED = "UNCONFIRMED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    SUPERSEDED = "SUPERSEDED"

    @property
    def is_end(self) -> bool:
        return self in ENDS

    @property
    def may_have_left(self) -> bool:
        """A command of this order may be on its way to the meter."""
        return self in IN_FLIGHT

    @property
    def is_only_read(self) -> bool:
        """What the meter did is not known: from here on it is asked, never commanded."""
        return self in (S.RECONCILING, S.UNCONFIRMED)


S = OrderState
ENDS = frozenset({S.VERIFIED, S.REFUSED, S.FAILED, S.UNCONFIRMED, S.EXPIRED, S.CANCELLED, S.SUPERSEDED})
UNSENT = frozenset({S.RECEIVED, S.HELD, S.VALIDATED})
NEVER_CARRIED_OUT = ENDS - {S.VERIFIED, S.UNCONFIRMED}
IN_FLIGHT = frozenset({S.DISPATCHED, S.IN_PROGRESS, S.RECONCILING})

EDGES: dict[OrderState, dict[OrderState, str]] = {
    S.RECEIVED: {
        S.VALIDATED: "every precondition known at the desk holds",
        S.HELD: "restrictive, and outside the service window or to be approved",
        S.REFUSED: "a precondition fails for good",
        S.EXPIRED: "not-after has passed",
        S.CANCELLED: "cancelled by its source",
        S.SUPERSEDED: "a later order for the meter was received",
    },
    S.HELD: {
        S.VALIDATED: "the service window opens, or it is approved",
        S.REFUSED: "a precondition fails for good",
        S.EXPIRED: "not-after has passed",
        S.CANCELLED: "cancelled by its source",
        S.SUPERSEDED: "a later order for the meter was received",
    },
    S.VALIDATED: {
        S.DISPATCHED: "handed to the concentrator, or to the line of a direct meter",
        S.HELD: "the service window closed before it could be sent",
        S.FAILED: "the retry plan is exhausted without anything sent",
        S.REFUSED: "the registry changed: a precondition fails for good",
        S.EXPIRED: "not-after has passed",
        S.CANCELLED: "cancelled by its source",
        S.SUPERSEDED: "a later order for the meter was received",
    },
    S.DISPATCHED: {
        S.IN_PROGRESS: "the meter's turn has begun",
        S.VALIDATED: "withdrawn, or ended before the command left; to be tried again",
        S.RECONCILING: "the link was lost, or no result came in time",
        S.VERIFIED: "read back from the meter, equal",
        S.FAILED: "the meter or the concentrator refused it for good",
        S.EXPIRED: "the concentrator saw not-after pass before it began",
    },
    S.IN_PROGRESS: {
        S.VALIDATED: "ended before the command left; to be tried again",
        S.RECONCILING: "silence after the command may have left",
        S.VERIFIED: "read back from the meter, equal",
        S.FAILED: "the meter refused it for good",
        S.EXPIRED: "not-after passed before the command left",
    },
    S.RECONCILING: {
        S.VERIFIED: "the reading shows the limit",
        S.VALIDATED: "the reading shows another limit, or the concentrator had never begun; to be sent again",
        S.FAILED: "the reading shows another limit, or it never began, and the plan is exhausted; or refused for good",
        S.EXPIRED: "the concentrator tells that not-after passed before it began",
        S.UNCONFIRMED: "reading was not possible either",
    },
    S.UNCONFIRMED: {
        S.VERIFIED: "a later reading, or the command's late result, shows the limit; sent as a correction",
        S.FAILED: "a later reading shows another limit, or the command's late result a refusal; sent as a correction",
    },
    S.VERIFIED: {},
    S.REFUSED: {},
    S.FAILED: {},
    S.EXPIRED: {},
    S.CANCELLED: {},
    S.SUPERSEDED: {},
}


class ForbiddenTransition(Exception):
    """Our own mistake: a step asked for an edge that the table does not have."""


def check_transition(before: OrderState, after: OrderState) -> None:
    """Raises ForbiddenTransition. Staying is allowed where there is something to wait for: in every state but the ends,
    and in UNCONFIRMED, whose truth is still sought.
    """
    if before is after and (EDGES[before] or not before.is_end):
        return
    if after not in EDGES[before]:
        raise ForbiddenTransition(f"no edge from {before.value} to {after.value}")
