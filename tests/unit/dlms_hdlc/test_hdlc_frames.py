"""Frames octet by octet: check sequences, addresses, control fields, and everything that is no frame."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.hdlc import Address, Frame, FrameReject, RejectReason, frames
from aforo.dlms.hdlc.addresses import take_address
from aforo.dlms.hdlc.checksum import checksum
from aforo.dlms.hdlc.control import Control, Kind, decode_control, decode_frame_reject, encode_control

SET_3300 = bytes.fromhex("e6e600c101c100470000110000ff04000600000ce4")
AARQ = bytes.fromhex("e6e600601da109060760857405080101be10040e01000000065f1f040000301dffff")
UA_PARAMETERS = bytes.fromhex("8180140502008006020080070400000001080400000001")

BY_GURUX = "frames made by gurux-dlms"
BY_KMETHY = "Examples for DLMS/COSEM information exchange, G. Kmethy, DLMS User Association"
VECTORS = [
    (BY_GURUX, "7ea0070321930f017e", Frame(Address(1), Address(16), 0x93)),
    (BY_GURUX, "7ea0080203039305777e", Frame(Address(1, 1), Address(1), 0x93)),
    (BY_GURUX, "7ea00a000200030393a0627e", Frame(Address(1, 1, 4), Address(1), 0x93)),
    (
        BY_GURUX,
        "7ea01e030332cd9fe6e600c101c100470000110000ff04000600000ce43d4f7e",
        Frame(Address(1), Address(1), 0x32, SET_3300),
    ),
    (BY_KMETHY, "7ea00a00020023219318717e", Frame(Address(1, 17, 4), Address(16), 0x93)),
    (
        BY_KMETHY,
        "7ea023210002002373f6c58180140502008006020080070400000001080400000001ce6a7e",
        Frame(Address(16), Address(1, 17, 4), 0x73, UA_PARAMETERS),
    ),
    (
        BY_KMETHY,
        "7ea02e0002002321107ecbe6e600601da109060760857405080101be10040e01000000065f1f040000301dffffd4c57e",
        Frame(Address(1, 17, 4), Address(16), 0x10, AARQ),
    ),
]


def addresses(width: int) -> st.SearchStrategy[Address]:
    part = st.integers(0, 0x3FFF if width == 4 else 0x7F)
    return st.builds(Address, part, st.none() if width == 1 else part, st.just(width))


any_address = st.sampled_from((1, 2, 4)).flatmap(addresses)
any_frame = st.builds(
    Frame, any_address, any_address, st.integers(0, 255), st.binary(max_size=2030), is_segmented=st.booleans()
)


def refused(octets: bytes) -> ErrorCode:
    with pytest.raises(RemoteProtocolError) as caught:
        frames.decode(octets)
    return caught.value.code


def resealed(body: bytes) -> bytes:
    """The same body with a check sequence that fits."""
    return body[:-2] + checksum(body[:-2])


def sealed(fields: str) -> bytes:
    """These octets behind a format field with the right length, before an FCS that fits."""
    middle = bytes.fromhex(fields)
    return resealed((0xA000 | len(middle) + 4).to_bytes(2, "big") + middle + bytes(2))


@pytest.mark.parametrize(("source", "octets", "frame"), VECTORS)
def test_a_known_frame_is_written_and_read_octet_by_octet(source: str, octets: str, frame: Frame) -> None:
    assert frames.encode(frame).hex() == octets, source
    assert frames.decode(bytes.fromhex(octets)[1:-1]) == frame, source


def test_the_check_sequence_is_crc_16_x_25() -> None:
    """Check value 0x906E of the catalogue of parametrised CRC algorithms, CRC-16/IBM-SDLC (alias X-25)."""
    assert checksum(b"123456789") == (0x906E).to_bytes(2, "little")
    assert checksum(b"") == b"\x00\x00"


@given(st.binary(max_size=300))
def test_the_check_sequence_is_the_one_that_the_polynomial_says(octets: bytes) -> None:
    """Bit by bit, as ISO/IEC 13239 defines it: x^16 + x^12 + x^5 + 1, lowest bit first."""
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    assert checksum(octets) == (register ^ 0xFFFF).to_bytes(2, "little")


@given(any_frame)
def test_what_is_written_is_read(frame: Frame) -> None:
    octets = frames.encode(frame)
    assert octets[0] == octets[-1] == frames.FLAG
    assert frames.decode(octets[1:-1]) == frame


@given(any_frame, st.data())
def test_one_wrong_bit_never_passes(frame: Frame, data: st.DataObject) -> None:
    """A CRC of 16 bits finds every single error. In the address it may shift the fields, and is found all the same."""
    body = bytearray(frames.encode(frame)[1:-1])
    at = data.draw(st.integers(0, len(body) * 8 - 1))
    body[at // 8] ^= 1 << at % 8
    assert refused(bytes(body)) in (ErrorCode.BAD_CHECKSUM, ErrorCode.MALFORMED)


def test_a_frame_says_whether_more_of_the_apdu_follows() -> None:
    """The segmentation bit, 0x08 of the first octet."""
    segment = Frame(Address(1), Address(16), 0x10, b"\x01", is_segmented=True)
    assert frames.encode(segment)[1] == 0xA8
    assert frames.decode(frames.encode(segment)[1:-1]).is_segmented


def test_a_frame_holds_what_eleven_bits_of_length_allow() -> None:
    longest = Frame(Address(1), Address(16), 0x10, bytes(0x7FF - 9))
    assert frames.decode(frames.encode(longest)[1:-1]) == longest
    with pytest.raises(LocalProtocolError):
        frames.encode(Frame(Address(1), Address(16), 0x10, bytes(0x7FF - 8)))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "nothing"),
        (bytes.fromhex("a007032193"), "shorter than the shortest frame"),
        (resealed(bytes.fromhex("b0070321930f01")), "not format type 3"),
        (resealed(bytes.fromhex("a0080321930f01")), "says another length"),
        (sealed("0204072193"), "an address of three octets"),
        (sealed("020406082193"), "an address that does not end in four octets"),
        (sealed("03022021"), "no control field"),
        (sealed("03219300"), "one octet between control and FCS"),
        (sealed("0321930000"), "an HCS without information"),
    ],
)
def test_what_is_no_frame_is_malformed(body: bytes, why: str) -> None:
    assert refused(body) is ErrorCode.MALFORMED, why


def test_the_header_has_a_check_sequence_of_its_own() -> None:
    body = bytearray(frames.encode(Frame(Address(1), Address(16), 0x10, SET_3300))[1:-1])
    body[5] ^= 1
    assert refused(resealed(bytes(body))) is ErrorCode.BAD_CHECKSUM


@pytest.mark.parametrize(
    ("address", "octets"),
    [
        (Address(16), "21"),
        (Address(0x7F), "ff"),
        (Address(1, 17), "0223"),
        (Address(0x7F, 0x7F), "feff"),
        (Address(1, 0x80), "00020201"),
        (Address(0x3FFF, 0x3FFF), "fefefeff"),
        (Address(1, 17, 4), "00020023"),
    ],
)
def test_an_address_takes_one_two_or_four_octets(address: Address, octets: str) -> None:
    assert address.encode().hex() == octets
    assert take_address(bytes.fromhex(octets) + b"\x00", 0) == (address, len(octets) // 2)


@pytest.mark.parametrize(
    "wrong", [(0x80, None, 1), (1, 0x80, 2), (1, 0x4000, 4), (1, None, 2), (1, 1, 1), (1, 1, 3), (-1, None, 1)]
)
def test_an_address_that_does_not_fit_is_our_own_mistake(wrong: Any) -> None:
    with pytest.raises(LocalProtocolError):
        Address(*wrong)


def test_a_station_knows_its_address_in_whatever_width_it_is_written() -> None:
    station = Address(1, 17)
    assert all(written.means(station) for written in (Address(1), Address(1, 17), Address(1, 17, 4)))
    assert not any(written.means(station) for written in (Address(2), Address(1, 18), Address(2, 17, 4)))
    assert all(Address(*all_bits).is_all_stations for all_bits in ((0x7F,), (0x7F, 0x7F), (0x3FFF, 0x3FFF)))
    assert not Address(0x7F, 17).is_all_stations


CONTROLS = {
    0x00: Control(Kind.I),
    0x32: Control(Kind.I, is_final=True, send=1, receive=1),
    0xFE: Control(Kind.I, is_final=True, send=7, receive=7),
    0x11: Control(Kind.RR, is_final=True),
    0xB1: Control(Kind.RR, is_final=True, receive=5),
    0x25: Control(Kind.RNR, receive=1),
    0x39: Control(Kind.REJ, is_final=True, receive=1),
    0x93: Control(Kind.SNRM, is_final=True),
    0x53: Control(Kind.DISC, is_final=True),
    0x73: Control(Kind.UA, is_final=True),
    0x1F: Control(Kind.DM, is_final=True),
    0x97: Control(Kind.FRMR, is_final=True),
    0x03: Control(Kind.UI),
    0x13: Control(Kind.UI, is_final=True),
}
"""IEC 62056-46, commands and responses."""


@pytest.mark.parametrize(("octet", "control"), CONTROLS.items())
def test_a_control_field_says_kind_turn_and_numbers(octet: int, control: Control) -> None:
    assert decode_control(octet) == control
    written = encode_control(control.kind, is_final=control.is_final, send=control.send, receive=control.receive)
    assert written == octet


def test_every_control_field_is_read_and_written_back_or_refused() -> None:
    """Of 256: 128 of I, 3 x 16 supervisory, 6 x 2 unnumbered. SABM, XID, SREJ and the like are not spoken."""
    spoken = [octet for octet in range(256) if is_spoken(octet)]
    assert len(spoken) == 128 + 3 * 16 + 6 * 2
    for octet in spoken:
        control = decode_control(octet)
        written = encode_control(control.kind, is_final=control.is_final, send=control.send, receive=control.receive)
        assert written == octet


def is_spoken(octet: int) -> bool:
    try:
        decode_control(octet)
    except RemoteProtocolError as error:
        return (error.code, error.wire) != (ErrorCode.UNSUPPORTED, octet)
    return True


def test_a_frame_reject_says_what_was_rejected_and_why() -> None:
    """ISO/IEC 13239: control field, then V(S) and V(R) in bits 2 to 4 and 6 to 8, then bits W, X, Y and Z."""
    reject = FrameReject(0x32, send=3, receive=5, reason=RejectReason.INVALID_RECEIVE_NUMBER)
    assert reject.encode().hex() == "32a608"
    assert decode_frame_reject(reject.encode()) == reject
    with pytest.raises(RemoteProtocolError):
        decode_frame_reject(b"\x32\xa6")
