"""Disconnect control, class_id 70, version 0 (IEC 62056-6-2): the supply switch, and who may move it."""

from collections.abc import Callable
from enum import Enum, IntEnum

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, InterfaceObject, Method
from aforo.dlms.events import DataAccess
from aforo.dlms.server import AccessRefused

DISCONNECT_CONTROL = InterfaceClass(
    70,
    0,
    "Disconnect control",
    (
        LOGICAL_NAME,
        Attribute(2, "output_state", data.BOOLEAN),
        Attribute(3, "control_state", data.ENUM),
        Attribute(4, "control_mode", data.ENUM),
    ),
    (
        Method(1, "remote_disconnect", data.INTEGER, is_open=True),
        Method(2, "remote_reconnect", data.INTEGER, is_open=True),
    ),
)


class ControlState(IntEnum):
    DISCONNECTED = 0
    CONNECTED = 1
    READY_FOR_RECONNECTION = 2


class Switching(Enum):
    """Who asks for what. Local is the meter itself: its limiter. Manual is the customer's hand."""

    REMOTE_DISCONNECT = "remote_disconnect"
    REMOTE_RECONNECT = "remote_reconnect"
    MANUAL_DISCONNECT = "manual_disconnect"
    MANUAL_RECONNECT = "manual_reconnect"
    LOCAL_DISCONNECT = "local_disconnect"
    LOCAL_RECONNECT = "local_reconnect"


_OUT, _ON, _READY = ControlState.DISCONNECTED, ControlState.CONNECTED, ControlState.READY_FOR_RECONNECTION

TRANSITIONS: dict[str, tuple[Switching, ControlState, ControlState]] = {
    "a": (Switching.REMOTE_RECONNECT, _OUT, _ON),
    "b": (Switching.REMOTE_DISCONNECT, _ON, _OUT),
    "c": (Switching.REMOTE_DISCONNECT, _READY, _OUT),
    "d": (Switching.REMOTE_RECONNECT, _OUT, _READY),
    "e": (Switching.MANUAL_RECONNECT, _READY, _ON),
    "f": (Switching.MANUAL_DISCONNECT, _ON, _READY),
    "g": (Switching.LOCAL_DISCONNECT, _ON, _READY),
    "h": (Switching.LOCAL_RECONNECT, _READY, _ON),
}
"""Named by the letters of the state diagram of class 70: who, from, to."""

CONTROL_MODES = {0: "", 1: "bcdefg", 2: "abcefg", 3: "bcdeg", 4: "abceg", 5: "bcdefgh", 6: "bcdegh"}
"""control_mode to the transitions that it allows."""

_EDGES = {
    (mode, who, before): after
    for mode, letters in CONTROL_MODES.items()
    for who, before, after in map(TRANSITIONS.__getitem__, letters)
}


def switched(mode: int, state: ControlState, who: Switching) -> ControlState | None:
    """The state afterwards; None when the mode has no such transition from here."""
    return _EDGES.get((mode, who, state))


class DisconnectControl(InterfaceObject):
    """switch: moves the device's switch if its mode allows that, and tells whether it moved.

    output: whether current can flow; None takes it from the state.
    """

    table = DISCONNECT_CONTROL

    __slots__ = ("_mode", "_output", "_state", "_switch")

    def __init__(
        self,
        logical_name: bytes,
        mode: int,
        *,
        state: Callable[[], ControlState],
        switch: Callable[[Switching], bool],
        output: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(logical_name)
        self._mode = mode
        self._output = output or (lambda: state() is ControlState.CONNECTED)
        self._state = state
        self._switch = switch

    def _get(self, attribute: int) -> bytes:
        match attribute:
            case 2:
                return data.boolean(self._output())
            case 3:
                return data.enum(self._state())
            case 4:
                return data.enum(self._mode)
        return super()._get(attribute)

    def _invoke(self, method: int, parameter: data.Value) -> None:
        if parameter != 0:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED)
        who = Switching.REMOTE_DISCONNECT if method == 1 else Switching.REMOTE_RECONNECT
        if not self._switch(who) and not self._stands_already(who):
            raise AccessRefused(DataAccess.OTHER_REASON)

    def _stands_already(self, who: Switching) -> bool:
        """A repeated command is no error. Where remote_reconnect only arms, armed is what it asks for."""
        state = self._state()
        if who is Switching.REMOTE_DISCONNECT:
            return state is ControlState.DISCONNECTED
        arms = "d" in CONTROL_MODES[self._mode]
        return state is ControlState.CONNECTED or (arms and state is ControlState.READY_FOR_RECONNECTION)
