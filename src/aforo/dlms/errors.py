"""What can go wrong: our own mistake, or theirs. Nothing else leaves this package."""

from enum import Enum


class ErrorCode(Enum):
    """Why the peer's bytes were refused; the name is stable and may be shown to users."""

    MALFORMED = "the bytes do not follow the grammar"
    TOO_LONG = "longer than the stated bound"
    TOO_DEEP = "nested deeper than the stated bound"
    UNSUPPORTED = "a form this core does not speak"
    UNEXPECTED_APDU = "a legal message at the wrong moment"
    WRONG_TAG = "the authentication tag does not fit: a wrong key, or a forged message"
    REPLAY = "an invocation counter that was already used"
    NOT_CIPHERED = "plain text where protection was agreed"
    AUTHENTICATION_FAILED = "the peer did not prove that it holds the key"
    WRONG_PEER = "another system title than the one expected"
    PEER_ABORT = "the peer ended the exchange"
    BAD_CHECKSUM = "a frame's check sequence does not fit"


class ProtocolError(Exception):
    """Root of the two errors of this package."""


class LocalProtocolError(ProtocolError):
    """Our own mistake: a value that cannot be encoded, an event sent in the wrong state."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol, or refused it.

    code: why.   wire: the octet seen on the wire, or the one to answer with; None where the standard has none.
    """

    def __init__(self, code: ErrorCode, detail: str, *, wire: int | None = None) -> None:
        super().__init__(f"{detail} ({code.name})")
        self.code = code
        self.detail = detail
        self.wire = wire


def malformed(detail: str) -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.MALFORMED, detail)
