"""What comes from a line, whatever its framing: an APDU, from whom and for whom."""

from contextlib import suppress
from dataclasses import dataclass

from aforo.dlms import gateway

FRAMES_WAITING_MAX = 1024
"""APDUs received and not yet taken; a peer that floods us beyond this loses its connection."""


@dataclass(frozen=True, slots=True)
class DlmsFrame:
    """See `aforo.engine.ports.Frame`."""

    client_sap: int
    server_sap: int
    meter: str
    apdu: bytes


def dlms_frame(client_sap: int, server_sap: int, octets: bytes) -> DlmsFrame:
    """Of what a server sent: with or without the prefix of a gateway."""
    prefix, apdu = gateway.take(octets)
    meter = ""
    if prefix is not None:
        with suppress(UnicodeDecodeError):  # then it is nobody we asked, and the frame is dropped for that
            meter = prefix.address.decode("ascii")
        meter = meter or "?"
    return DlmsFrame(client_sap, server_sap, meter, apdu)
