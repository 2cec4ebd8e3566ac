"""Class 70: the table of control modes as a whole, and what the two remote methods answer."""

from itertools import product

import pytest

from aforo.dlms import data
from aforo.dlms.cosem.disconnect_control import CONTROL_MODES, ControlState, Switching, switched
from aforo.dlms.server import AccessRefused
from unit.dlms_cosem.cosem_objects import Device

OUT, ON, READY = ControlState.DISCONNECTED, ControlState.CONNECTED, ControlState.READY_FOR_RECONNECTION
REMOTE_DISCONNECT, REMOTE_RECONNECT = 1, 2

ALLOWED = {
    (1, Switching.REMOTE_RECONNECT, OUT): READY,
    (1, Switching.MANUAL_DISCONNECT, ON): READY,
    (2, Switching.REMOTE_RECONNECT, OUT): ON,
    (2, Switching.MANUAL_DISCONNECT, ON): READY,
    (3, Switching.REMOTE_RECONNECT, OUT): READY,
    (4, Switching.REMOTE_RECONNECT, OUT): ON,
    (5, Switching.REMOTE_RECONNECT, OUT): READY,
    (5, Switching.MANUAL_DISCONNECT, ON): READY,
    (5, Switching.LOCAL_RECONNECT, READY): ON,
    (6, Switching.REMOTE_RECONNECT, OUT): READY,
    (6, Switching.LOCAL_RECONNECT, READY): ON,
}
"""What differs between the modes; `IN_ALL` holds in every mode but 0."""

IN_ALL = {
    (Switching.REMOTE_DISCONNECT, ON): OUT,
    (Switching.REMOTE_DISCONNECT, READY): OUT,
    (Switching.MANUAL_RECONNECT, READY): ON,
    (Switching.LOCAL_DISCONNECT, ON): READY,
}


@pytest.mark.parametrize("mode", range(7))
def test_a_mode_allows_its_transitions_and_no_other(mode: int) -> None:
    """Blue Book, class 70: 7 modes, 6 ways to switch, 3 states."""
    expected = {(mode, who, before): after for (who, before), after in IN_ALL.items()} if mode else {}
    expected |= {edge: after for edge, after in ALLOWED.items() if edge[0] == mode}

    every = {(mode, who, before): switched(mode, before, who) for who, before in product(Switching, ControlState)}

    assert {edge: after for edge, after in every.items() if after is not None} == expected


def test_there_are_seven_modes() -> None:
    assert list(CONTROL_MODES) == list(range(7))
    assert switched(7, ON, Switching.REMOTE_DISCONNECT) is None


@pytest.mark.parametrize(
    ("mode", "before", "method", "after"),
    [
        (1, ON, REMOTE_DISCONNECT, OUT),
        (1, READY, REMOTE_DISCONNECT, OUT),
        (1, OUT, REMOTE_DISCONNECT, OUT),
        (1, OUT, REMOTE_RECONNECT, READY),
        (1, READY, REMOTE_RECONNECT, READY),
        (1, ON, REMOTE_RECONNECT, ON),
        (2, OUT, REMOTE_RECONNECT, ON),
        (2, ON, REMOTE_RECONNECT, ON),
        (0, ON, REMOTE_RECONNECT, ON),
    ],
)
def test_a_remote_method_succeeds_when_its_end_is_reached(
    mode: int, before: ControlState, method: int, after: ControlState
) -> None:
    device = Device(mode=mode, breaker=before)

    device.the_switch().invoke(method, data.i8(0))

    assert device.breaker is after


@pytest.mark.parametrize(
    ("mode", "before", "method"),
    [(0, ON, REMOTE_DISCONNECT), (2, READY, REMOTE_RECONNECT), (4, READY, REMOTE_RECONNECT)],
)
def test_a_remote_method_that_cannot_move_the_switch_says_so(mode: int, before: ControlState, method: int) -> None:
    """In modes 2 and 4, what the limiter opened waits for the customer's hand."""
    device = Device(mode=mode, breaker=before)

    with pytest.raises(AccessRefused, match="OTHER_REASON"):
        device.the_switch().invoke(method, data.i8(0))

    assert device.breaker is before


def test_the_parameter_is_the_integer_zero() -> None:
    device = Device()

    with pytest.raises(AccessRefused, match="TYPE_UNMATCHED"):
        device.the_switch().invoke(REMOTE_DISCONNECT, data.i8(1))

    assert device.breaker is ON


@pytest.mark.parametrize(("state", "is_on"), [(OUT, False), (ON, True), (READY, False)])
def test_output_state_is_true_only_while_connected(state: ControlState, is_on: bool) -> None:
    switch = Device(mode=3, breaker=state).the_switch()

    assert [data.decode(switch.read(index, None)) for index in (2, 3, 4)] == [is_on, state, 3]
