"""The wrapper's frames in a stream of octets, and the gateway prefix in front of an APDU."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, LocalProtocolError, RemoteProtocolError, gateway, wrapper
from aforo.dlms.wrapper import WrapperFrame, WrapperReader

SET_3300 = bytes.fromhex("c101c100470000110000ff04000600000ce4")

frames = st.lists(
    st.builds(WrapperFrame, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(min_size=1, max_size=300)),
    max_size=5,
)


def on_the_wire(sent: list[WrapperFrame]) -> bytes:
    return b"".join(wrapper.encode(frame.source, frame.destination, frame.apdu) for frame in sent)


def test_the_header_is_version_source_destination_length() -> None:
    """IEC 62056-47: four numbers of 16 bits; the length is without the header."""
    assert wrapper.encode(1, 16, SET_3300)[:8].hex() == "0001000100100012"


@given(frames, st.lists(st.integers(0, 2000), max_size=8))
def test_frames_come_out_whole_however_the_stream_is_cut(sent: list[WrapperFrame], cuts: list[int]) -> None:
    stream = on_the_wire(sent)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    reader = WrapperReader()
    received = [frame for a, b in pairwise(edges) for frame in reader.feed(stream[a:b])]
    assert received == sent


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("0002000100010005", ErrorCode.MALFORMED),
        ("0001000100010000", ErrorCode.MALFORMED),
        ("0001000100010101", ErrorCode.TOO_LONG),
    ],
)
def test_a_stream_that_cannot_be_followed_is_refused_at_the_header(header: str, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        WrapperReader(apdu_max=256).feed(bytes.fromhex(header))
    assert refused.value.code is code


def test_a_datagram_is_exactly_one_frame() -> None:
    datagram = wrapper.encode(16, 1, SET_3300)

    assert wrapper.decode(datagram) == WrapperFrame(16, 1, SET_3300)
    for wrong in (datagram[:-1], datagram + b"\x00", datagram[:7], b"", b"\x00\x02" + datagram[2:], datagram * 2):
        with pytest.raises(RemoteProtocolError) as refused:
            wrapper.decode(wrong)
        assert refused.value.code is ErrorCode.MALFORMED
    with pytest.raises(RemoteProtocolError) as refused:
        wrapper.decode(datagram, apdu_max=len(SET_3300) - 1)
    assert refused.value.code is ErrorCode.TOO_LONG


@given(st.binary(max_size=40))
def test_no_datagram_gives_anything_but_a_frame_or_a_protocol_error(datagram: bytes) -> None:
    try:
        frame = wrapper.decode(datagram)
    except RemoteProtocolError:
        return
    assert wrapper.encode(frame.source, frame.destination, frame.apdu) == datagram


def test_an_apdu_longer_than_a_frame_never_goes_out() -> None:
    with pytest.raises(LocalProtocolError):
        wrapper.encode(1, 1, bytes(0x10000))


def test_the_prefix_stands_in_front_of_the_apdu_and_comes_off_again() -> None:
    """Address: the meter number in ASCII, its length in one octet."""
    routed = gateway.add_request(b"000000001", SET_3300)
    assert routed.hex() == "e60009303030303030303031" + SET_3300.hex()
    assert gateway.take(routed) == (gateway.Gateway(False, 0, b"000000001"), SET_3300)
    answer = gateway.add_response(b"000000001", b"\xc5\x01\xc1\x00", network=2)
    assert gateway.take(answer) == (gateway.Gateway(True, 2, b"000000001"), b"\xc5\x01\xc1\x00")


def test_an_apdu_without_prefix_is_left_as_it_is() -> None:
    assert gateway.take(SET_3300) == (None, SET_3300)
    assert gateway.take(b"") == (None, b"")


@pytest.mark.parametrize(
    "wire", ["e6", "e600", "e60000c1", "e60003414243", "e70005414243", "e60041" + "41" * 65 + "c1"]
)
def test_a_prefix_that_is_cut_short_empty_or_too_long_is_refused(wire: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        gateway.take(bytes.fromhex(wire))
    assert refused.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("address", [b"", bytes(65)])
def test_an_address_that_no_prefix_holds_is_refused(address: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        gateway.add_request(address, SET_3300)
