"""A-XDR lengths (IEC 61334-6): one octet below 128, else the count of octets that follow, with the top bit set."""

from aforo.dlms.errors import LocalProtocolError, malformed

_LENGTH_OCTETS_MAX = 4


def take_length(raw: bytes, at: int) -> tuple[int, int]:
    """The length and the offset behind it. Raises RemoteProtocolError (MALFORMED)."""
    if at >= len(raw):
        raise malformed("a length is missing")
    first = raw[at]
    at += 1
    if first < 0x80:
        return first, at
    octets = first & 0x7F
    if not 1 <= octets <= _LENGTH_OCTETS_MAX or at + octets > len(raw):
        raise malformed("a length is cut short")
    return int.from_bytes(raw[at : at + octets], "big"), at + octets


def put_length(count: int) -> bytes:
    if count < 0x80:
        return bytes((count,))
    octets = (count.bit_length() + 7) // 8
    if octets > _LENGTH_OCTETS_MAX:
        raise LocalProtocolError(f"{count} octets are more than any message holds")
    return bytes((0x80 | octets,)) + count.to_bytes(octets, "big")


def take_octets(raw: bytes, at: int) -> tuple[bytes, int]:
    """An octet-string with its length in front. Raises RemoteProtocolError (MALFORMED)."""
    count, at = take_length(raw, at)
    end = at + count
    if end > len(raw):
        raise malformed(f"{count} octets announced, {len(raw) - at} there")
    return raw[at:end], end


def put_octets(octets: bytes) -> bytes:
    return put_length(len(octets)) + octets
