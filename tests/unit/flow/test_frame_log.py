"""The frames of a visit are kept in order, once, and never beyond their bound."""

from aforo.flow.frame_log import OCTETS_MAX, FrameLog
from cases import WEDNESDAY


def test_frames_are_taken_once_in_their_order() -> None:
    log = FrameLog()
    log.note(b"asked")
    log.note(b"told", WEDNESDAY)

    first, second = log.take()

    assert (first.octets, first.is_sent, second.octets, second.is_sent) == (b"asked", True, b"told", False)
    assert log.take() == ()


def test_beyond_the_bound_the_last_ones_are_kept() -> None:
    log = FrameLog()
    for number in range(100):
        log.note(bytes((number,)) * 1000)

    kept = log.take()

    assert sum(len(frame.octets) for frame in kept) <= OCTETS_MAX
    assert kept[-1].octets[0] == 99
    assert len(kept) == OCTETS_MAX // 1000
