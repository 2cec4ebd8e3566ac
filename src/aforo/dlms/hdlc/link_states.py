"""The states of one link, the same for the client (primary station) and the server (secondary station)."""

from enum import StrEnum

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError


class State(StrEnum):
    """DISCONNECTED: normal disconnected mode.   CONNECTING: SNRM sent, or received and not yet answered.

    CONNECTED: normal response mode.   DISCONNECTING: DISC sent, or received and not yet answered.
    FAILED: the numbers of the two ends no longer agree; only SNRM or DISC lead out.
    """

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTING = "disconnecting"
    FAILED = "failed"


class Move(StrEnum):
    """What passes between the two ends, seen from neither; and silence, which is all that one of them hears."""

    SNRM = "SNRM"
    UA = "UA"
    DISC = "DISC"
    DM = "DM"
    FRMR = "FRMR"
    INFORMATION = "I"
    SUPERVISORY = "RR, RNR or REJ"
    UNNUMBERED = "UI"
    SILENCE = "silence"


S, M = State, Move
TABLE: dict[tuple[State, Move], State] = {
    **{(state, M.SNRM): S.CONNECTING for state in S if state is not S.DISCONNECTING},
    **{(state, M.DISC): S.DISCONNECTING for state in S},
    **{(state, M.UNNUMBERED): state for state in S},
    (S.CONNECTING, M.UA): S.CONNECTED,
    (S.CONNECTING, M.DM): S.DISCONNECTED,
    (S.CONNECTING, M.SILENCE): S.DISCONNECTED,
    (S.CONNECTED, M.INFORMATION): S.CONNECTED,
    (S.CONNECTED, M.SUPERVISORY): S.CONNECTED,
    (S.CONNECTED, M.FRMR): S.FAILED,
    (S.CONNECTED, M.DM): S.DISCONNECTED,
    (S.CONNECTED, M.SILENCE): S.DISCONNECTED,
    (S.DISCONNECTING, M.UA): S.DISCONNECTED,
    (S.DISCONNECTING, M.DM): S.DISCONNECTED,
    (S.DISCONNECTING, M.SILENCE): S.DISCONNECTED,
    (S.DISCONNECTED, M.DM): S.DISCONNECTED,
    (S.FAILED, M.DM): S.DISCONNECTED,
    (S.FAILED, M.FRMR): S.FAILED,
    (S.FAILED, M.SILENCE): S.DISCONNECTED,
}
"""SNRM again, in CONNECTED too, starts the link anew: nothing that was under way survives it."""


def sent(state: State, move: Move) -> State:
    """Raises LocalProtocolError: it was ours to know better."""
    try:
        return TABLE[state, move]
    except KeyError:
        raise LocalProtocolError(f"{move.value} cannot be sent while {state.value}") from None


def received(state: State, move: Move) -> State:
    """Raises RemoteProtocolError (UNEXPECTED_APDU)."""
    try:
        return TABLE[state, move]
    except KeyError:
        raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"{move.value} while {state.value}") from None
