"""The table of an order's life, whole: every state by every state."""

from itertools import product

import pytest

from aforo.domain.order_states import EDGES, ENDS, ForbiddenTransition, OrderState, check_transition


def test_every_state_has_its_row() -> None:
    assert set(EDGES) == set(OrderState)


@pytest.mark.parametrize(("before", "after"), list(product(OrderState, OrderState)))
def test_only_the_tables_edges_can_be_walked(before: OrderState, after: OrderState) -> None:
    waits = before not in ENDS or before is OrderState.UNCONFIRMED
    is_allowed = after in EDGES[before] or (before is after and waits)

    if is_allowed:
        check_transition(before, after)
        assert is_allowed
    else:
        with pytest.raises(ForbiddenTransition):
            check_transition(before, after)


def test_the_only_edges_out_of_an_end_lead_from_unconfirmed_to_what_is_true() -> None:
    out_of_ends = {(end, after) for end in ENDS for after in EDGES[end]}

    assert out_of_ends == {
        (OrderState.UNCONFIRMED, OrderState.VERIFIED),
        (OrderState.UNCONFIRMED, OrderState.FAILED),
    }


def test_every_state_is_reached_and_every_open_one_can_end() -> None:
    reached, frontier = {OrderState.RECEIVED}, [OrderState.RECEIVED]
    while frontier:
        for after in EDGES[frontier.pop()]:
            if after not in reached:
                reached.add(after)
                frontier.append(after)

    assert reached == set(OrderState)
    assert all(EDGES[state] for state in OrderState if state not in ENDS)


def test_nothing_fails_for_silence_without_a_reading() -> None:
    """From a state in which the command may have left, silence leads to reconciling, and from there to UNCONFIRMED."""
    assert OrderState.UNCONFIRMED in EDGES[OrderState.RECONCILING]
    assert OrderState.UNCONFIRMED not in EDGES[OrderState.DISPATCHED]
    assert OrderState.RECONCILING in EDGES[OrderState.DISPATCHED]
    assert OrderState.RECONCILING in EDGES[OrderState.IN_PROGRESS]
