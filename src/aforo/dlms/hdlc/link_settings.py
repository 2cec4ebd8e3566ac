"""All that one end of a link must be told."""

from dataclasses import dataclass

from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.hdlc.addresses import Address
from aforo.dlms.hdlc.negotiation import DEFAULTS, LinkParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """parameters: what we propose, or at most agree to.   apdu_max: longest APDU taken or sent, octets.

    octet_wait_s: longest silence inside a frame.
    """

    parameters: LinkParameters = DEFAULTS
    apdu_max: int = 0xFFFF
    octet_wait_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLinkSettings(LinkSettings):
    """answer_wait_s: for the end of the peer's turn, from the last frame of either; then what is missing is repeated.

    attempts_max: how often the same is sent before the link is given up as silent.
    poll_pause_s: between one "nothing yet" of the peer and the next question.
    progress_wait_s_max: how long a peer may answer without an APDU coming or going on.
    """

    client: Address
    server: Address
    answer_wait_s: float = 3.0
    attempts_max: int = 3
    poll_pause_s: float = 0.5
    progress_wait_s_max: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts_max < 1:
            raise LocalProtocolError("a link that may not send even once")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLinkSettings(LinkSettings):
    """client: None takes whichever connects first, one at a time.

    reply_wait_s: how long the turn is kept for our user's reply to an APDU before we say "nothing yet".
    inactivity_s_max: a client that says nothing for so long is gone (inactivity_time_out of the HDLC setup object).
    """

    server: Address
    client: Address | None = None
    reply_wait_s: float = 1.0
    inactivity_s_max: float = 120.0
