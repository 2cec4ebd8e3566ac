"""A line that loses, repeats, garbles and reorders: every APDU once and in order, or the link says that it failed."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.dlms.hdlc import ApduReceived, Disconnected, FrameRefused, LinkEvent, LinkFailed, LinkSilent, State
from unit.dlms_hdlc.hdlc_lines import HdlcLine, a_client, a_server, apdus, connected, kinds, small_frames

REQUESTS = [bytes((n,)) * length for n, length in enumerate((5, 100, 40, 250), 1)]
OVER = (LinkFailed, LinkSilent, Disconnected)


def answer(apdu: bytes) -> bytes:
    return b"to " + apdu + apdu


def a_line(window: int, wire: Callable[[bool, bytes], list[bytes]]) -> HdlcLine:
    parameters = small_frames(window)
    line = connected(a_client(parameters=parameters, attempts_max=5), a_server(parameters=parameters), reply=answer)
    line.wire = wire
    return line


def is_over(line: HdlcLine) -> bool:
    return any(isinstance(event, OVER) for event in line.told_client)


def exchange(line: HdlcLine, requests: list[bytes]) -> None:
    """One request after the other, each after the answer to the one before, as DLMS does it."""
    for count, request in enumerate(requests, 1):
        line.client.send_apdu(request, line.now)
        line.run_until(lambda count=count: is_over(line) or len(apdus(line.told_client)) == count)  # type: ignore[misc]  # mypy does not infer a lambda with a default
        if is_over(line):
            return


def check_once_and_in_order(line: HdlcLine, requests: list[bytes]) -> None:
    """What came is the beginning of what was sent; all of it, unless the link said that it is over."""
    at_server, at_client = apdus(since_the_link_began(line.told_server)), apdus(line.told_client)
    assert at_server == requests[: len(at_server)]
    assert at_client == [answer(apdu) for apdu in requests[: len(at_client)]]
    if not is_over(line):
        assert len(at_server) == len(at_client) == len(requests)


def since_the_link_began(told: list[LinkEvent]) -> list[LinkEvent]:
    """A server that was reset in the middle has said so, and what comes later belongs to another link."""
    ends = [n for n, event in enumerate(told) if isinstance(event, OVER)]
    return told[: ends[0]] if ends else told


class Losing:
    """Drops (or garbles, or repeats) the frame with this number, counted over both directions."""

    def __init__(self, number: int, instead: Callable[[bytes], list[bytes]]) -> None:
        self.number, self.instead, self.seen = number, instead, 0

    def __call__(self, to_server: bool, octets: bytes) -> list[bytes]:
        self.seen += 1
        return self.instead(octets) if self.seen == self.number else [octets]


def lost(octets: bytes) -> list[bytes]:
    return []


def garbled(octets: bytes) -> list[bytes]:
    return [octets[:6] + bytes((octets[6] ^ 0x10,)) + octets[7:]]


def cut_short(octets: bytes) -> list[bytes]:
    return [octets[:-3]]


def twice(octets: bytes) -> list[bytes]:
    return [octets, octets]


@pytest.mark.parametrize("window", [1, 2, 7])
@pytest.mark.parametrize("instead", [lost, garbled, cut_short, twice])
def test_any_one_accident_is_made_good(window: int, instead: Callable[[bytes], list[bytes]]) -> None:
    quiet = a_line(window, Losing(0, instead))
    exchange(quiet, REQUESTS)
    assert not is_over(quiet)
    for number in range(1, len(quiet.sent) + 1):
        line = a_line(window, Losing(number, instead))
        exchange(line, REQUESTS)
        assert not is_over(line), f"frame {number} {instead.__name__}"
        check_once_and_in_order(line, REQUESTS)


@pytest.mark.parametrize("instead", [lost, garbled, twice])
@pytest.mark.parametrize("number", [1, 2])
def test_an_accident_to_snrm_or_ua_is_made_good(number: int, instead: Callable[[bytes], list[bytes]]) -> None:
    line = HdlcLine(a_client(), a_server(), wire=Losing(number, instead), reply=answer)
    line.client.connect(line.now)
    line.run_until(lambda: line.client.state is State.CONNECTED)
    exchange(line, REQUESTS)
    assert not is_over(line)
    assert apdus(line.told_client) == [answer(apdu) for apdu in REQUESTS]


def test_a_repeated_answer_costs_no_repetition_for_ever() -> None:
    """One late frame must not double all that follows."""
    quiet, line = (a_line(1, Losing(number, twice)) for number in (0, 2))
    exchange(quiet, REQUESTS)
    exchange(line, REQUESTS)
    assert len(line.sent) <= len(quiet.sent) + 2


class Disturbed:
    """Draws what becomes of each frame. late: how many frames of its direction may overtake one.

    Numbers are counted modulo 8: an acknowledgement that comes after `late` later ones, each for a whole window, must
    not look like one for what is under way now. That holds while late x window + window <= 7.
    """

    def __init__(self, data: st.DataObject, window: int) -> None:
        self.data = data
        self.late_max = (7 - window) // window
        self.held: dict[bool, tuple[bytes, int] | None] = {True: None, False: None}
        self.accidents = 0

    def __call__(self, to_server: bool, octets: bytes) -> list[bytes]:
        fates = ["arrives"] * 6 + ["lost", "garbled", "twice"] + ["late"] * (self.late_max > 0)
        fate = self.data.draw(st.sampled_from(fates)) if self.accidents < 40 else "arrives"
        self.accidents += fate != "arrives"
        arriving = {"lost": [], "garbled": garbled(octets), "twice": [octets, octets], "late": []}.get(fate, [octets])
        held = self.held[to_server]
        if held is not None:
            frame, waits = held
            self.held[to_server] = (frame, waits - 1) if waits > 1 else None
            return arriving + ([frame] if waits <= 1 else [])
        if fate == "late":
            self.held[to_server] = (octets, self.data.draw(st.integers(1, self.late_max)))
        return arriving


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 7))
def test_whatever_the_line_does_apdus_come_once_and_in_order_or_the_link_is_over(
    data: st.DataObject, window: int
) -> None:
    line = a_line(window, Disturbed(data, window))
    exchange(line, REQUESTS)
    check_once_and_in_order(line, REQUESTS)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 7))
def test_requests_that_do_not_wait_for_answers_come_once_and_in_order_too(data: st.DataObject, window: int) -> None:
    line = a_line(window, Disturbed(data, window))
    for request in REQUESTS:
        line.client.send_apdu(request, line.now)
    line.run_until(lambda: is_over(line) or len(apdus(line.told_client)) == len(REQUESTS))
    check_once_and_in_order(line, REQUESTS)


def test_a_line_that_is_cut_ends_in_silence() -> None:
    line = a_line(1, lambda to_server, octets: [])
    exchange(line, REQUESTS)
    assert [type(event) for event in line.told_client] == [LinkSilent]
    assert kinds(line.sent) == ["I"] * 5
    assert not any(isinstance(event, ApduReceived | FrameRefused) for event in line.told_server)
