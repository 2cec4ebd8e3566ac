"""The states of one association, the same for both roles: what may be sent and received in each.

StrEnum, because its hash is the text's own: a look-up in the table takes 0.07 us, of a plain Enum 0.22 us.
"""

from enum import StrEnum

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError


class State(StrEnum):
    """IDLE: no association.   ASKED: AARQ sent, or received and not yet answered.   PROVING: HLS passes 3 and 4.

    READY: associated, nothing outstanding.   BUSY: one request outstanding, or under way in blocks.
    RELEASING: RLRQ sent.
    """

    IDLE = "idle"
    ASKED = "asked"
    PROVING = "proving"
    READY = "ready"
    BUSY = "busy"
    RELEASING = "releasing"


class Move(StrEnum):
    """What passes between the two ends, seen from neither."""

    AARQ = "AARQ"
    AARE = "AARE"
    CHALLENGE = "AARE that asks for a proof"
    PROOF = "reply_to_HLS_authentication"
    PROVED = "its response"
    REQUEST = "a request"
    BLOCK = "a block, or the word for the next one"
    RESPONSE = "a response"
    NOTIFICATION = "a notification"
    CONFIRM = "a data-notification-confirm"
    RLRQ = "RLRQ"
    RLRE = "RLRE"


S, M = State, Move
TABLE: dict[tuple[State, Move], State] = {
    (S.IDLE, M.AARQ): S.ASKED,
    (S.ASKED, M.AARE): S.READY,
    (S.ASKED, M.CHALLENGE): S.PROVING,
    (S.PROVING, M.PROOF): S.PROVING,
    (S.PROVING, M.PROVED): S.READY,
    (S.READY, M.REQUEST): S.BUSY,
    (S.BUSY, M.BLOCK): S.BUSY,
    (S.BUSY, M.RESPONSE): S.READY,
    (S.READY, M.NOTIFICATION): S.READY,
    (S.BUSY, M.NOTIFICATION): S.BUSY,
    (S.RELEASING, M.NOTIFICATION): S.RELEASING,
    (S.READY, M.CONFIRM): S.READY,
    (S.BUSY, M.CONFIRM): S.BUSY,
    (S.RELEASING, M.CONFIRM): S.RELEASING,
    (S.READY, M.RLRQ): S.RELEASING,
    (S.RELEASING, M.RLRE): S.IDLE,
}
"""A server takes AARQ and RLRQ in every state, and a new REQUEST in place of what was under way in blocks. An abort, at
either end, leads to IDLE from anywhere.
"""


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
