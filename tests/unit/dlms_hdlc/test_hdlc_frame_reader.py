"""Frames in a stream of octets: whole however it is cut, and found again behind whatever is not a frame."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, RemoteProtocolError
from aforo.dlms.hdlc import Address, Frame, FrameReader, frames
from aforo.dlms.hdlc.frame_reader import PENDING_OCTETS_MAX

FIRST = Frame(Address(1), Address(16), 0x10, b"\xe6\xe6\x00\x7e\x7e\x7e first")
SECOND = Frame(Address(1, 17, 4), Address(16), 0x93)
some_frames = st.lists(
    st.builds(
        Frame,
        st.sampled_from((Address(1), Address(1, 17), Address(1, 17, 4), Address(63, 63))),
        st.just(Address(16)),
        st.integers(0, 255),
        st.one_of(st.binary(max_size=60), st.lists(st.just(0x7E), max_size=20).map(bytes)),
    ),
    max_size=5,
)


def found(reader: FrameReader, octets: bytes) -> list[Frame | ErrorCode]:
    return [item if isinstance(item, Frame) else item.code for item in reader.feed(octets)]


@given(some_frames, st.lists(st.integers(0, 400), max_size=8), st.booleans())
def test_frames_come_out_whole_however_the_stream_is_cut(sent: list[Frame], cuts: list[int], is_shared: bool) -> None:
    """One flag may end a frame and begin the next; a flag octet inside a frame ends nothing."""
    octets = [frames.encode(frame) for frame in sent]
    stream = b"".join(each[1 if is_shared and n else 0 :] for n, each in enumerate(octets))
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    reader = FrameReader()
    assert [item for a, b in pairwise(edges) for item in reader.feed(stream[a:b])] == sent
    assert not reader.is_inside_frame


@given(st.binary(max_size=300), st.integers(1, 50))
def test_cuts_change_nothing_about_noise_either(noise: bytes, step: int) -> None:
    stream = noise + frames.encode(FIRST) + noise + frames.encode(SECOND)
    reader = FrameReader()
    piecewise = [item for at in range(0, len(stream), step) for item in found(reader, stream[at : at + step])]
    assert piecewise == found(FrameReader(), stream)


def test_a_frame_with_a_wrong_check_sequence_is_reported_and_the_next_one_read() -> None:
    broken = bytearray(frames.encode(FIRST))
    broken[-5] ^= 1
    stream = bytes(broken) + frames.encode(SECOND)
    assert found(FrameReader(), stream) == [ErrorCode.BAD_CHECKSUM, SECOND]


def test_a_wrong_length_is_seen_at_the_header_and_swallows_no_frame() -> None:
    broken = bytearray(frames.encode(FIRST))
    broken[2] ^= 0x40
    reader = FrameReader()
    assert found(reader, bytes(broken)) == [ErrorCode.BAD_CHECKSUM]
    assert found(reader, frames.encode(SECOND)) == [SECOND]


@pytest.mark.parametrize(
    "noise", [b"\x00\xff", b"\x7e\x00\x01\x7e", b"\x7e\xa0\x07\x03\x7e", frames.encode(FIRST)[3:], b"\x7e\xa0\x01"]
)
def test_noise_is_one_report_and_the_frame_behind_it_is_found(noise: bytes) -> None:
    """The frame is read as soon as it is there, though a beginning in the noise may still look like one."""
    reader = FrameReader()
    seen = found(reader, noise + frames.encode(FIRST) + frames.encode(SECOND) + frames.encode(SECOND))
    errors = [item for item in seen if not isinstance(item, Frame)]
    assert len(errors) == 1
    assert seen[-1] == SECOND


def test_flags_between_frames_are_idle_time_and_no_error() -> None:
    assert found(FrameReader(), b"\x7e" * 9 + frames.encode(SECOND) + b"\x7e" * 9) == [SECOND]


def test_an_unfinished_frame_can_be_given_up_and_what_it_hid_is_read() -> None:
    """On a serial line the octet that was lost never comes; what follows must not wait for it."""
    hidden = Frame(Address(1), Address(16), 0x11)
    head = frames.encode(FIRST)[:9]
    reader = FrameReader()
    assert found(reader, head + frames.encode(hidden)) == []
    assert reader.is_inside_frame
    recovered = reader.abandon()
    assert [type(item) for item in recovered] == [RemoteProtocolError, Frame]
    assert recovered[1] == hidden
    assert not reader.is_inside_frame
    assert reader.abandon() == []


@given(st.binary(max_size=5000), st.integers(1, 500))
def test_it_never_holds_more_than_one_frame(octets: bytes, step: int) -> None:
    reader = FrameReader()
    for at in range(0, len(octets), step):
        reader.feed(octets[at : at + step])
        assert len(reader._pending) <= PENDING_OCTETS_MAX


def test_it_holds_one_frame_of_the_longest_kind_at_most() -> None:
    longest = frames.encode(Frame(Address(1), Address(16), 0x10, bytes(0x7FF - 9)))
    reader = FrameReader()
    for octet in longest[:-1]:
        assert reader.feed(bytes((octet,))) == []
    assert len(reader._pending) == len(longest) - 1 < PENDING_OCTETS_MAX
    assert len(reader.feed(longest[-1:])) == 1


@given(some_frames, st.data())
def test_whole_frames_behind_a_broken_one_are_lost_one_at_most(sent: list[Frame], data: st.DataObject) -> None:
    """One octet changed anywhere: every frame comes out but the broken one, and one more when a flag was hit."""
    stream = bytearray(b"".join(map(frames.encode, sent)))
    if stream:
        stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    reader = FrameReader()
    arrived = [item for item in reader.feed(bytes(stream)) + reader.abandon() if isinstance(item, Frame)]
    assert len(arrived) >= len(sent) - 2
    assert all(item in sent for item in arrived)
