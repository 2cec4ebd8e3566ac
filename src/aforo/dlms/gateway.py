"""The DLMS gateway prefix: which device behind a gateway an APDU is for. Always outside the ciphering."""

from msgspec import Struct

from aforo.dlms.errors import LocalProtocolError, malformed

REQUEST, RESPONSE = 0xE6, 0xE7
ADDRESS_OCTETS_MAX = 64


class Gateway(Struct, frozen=True):
    """address: the device's own, as the gateway knows it; here the ASCII meter number.   network: 0, the only one."""

    is_response: bool
    network: int
    address: bytes


def add_request(address: bytes, apdu: bytes, *, network: int = 0) -> bytes:
    return _add(REQUEST, address, apdu, network)


def add_response(address: bytes, apdu: bytes, *, network: int = 0) -> bytes:
    return _add(RESPONSE, address, apdu, network)


def take(apdu: bytes) -> tuple[Gateway | None, bytes]:
    """The prefix, None without one, and the APDU behind it. Raises RemoteProtocolError (MALFORMED)."""
    if not apdu or apdu[0] not in (REQUEST, RESPONSE):
        return None, apdu
    if len(apdu) < 3 or not 0 < apdu[2] <= ADDRESS_OCTETS_MAX or len(apdu) <= 3 + apdu[2]:
        raise malformed("a gateway prefix that is cut short, or has no address")
    end = 3 + apdu[2]
    return Gateway(apdu[0] == RESPONSE, apdu[1], apdu[3:end]), apdu[end:]


def _add(tag: int, address: bytes, apdu: bytes, network: int) -> bytes:
    if not 0 < len(address) <= ADDRESS_OCTETS_MAX:
        raise LocalProtocolError(f"an address behind a gateway has 1 to {ADDRESS_OCTETS_MAX} octets")
    return bytes((tag, network, len(address))) + address + apdu
