"""General block transfer: windows, acknowledgements, and blocks that get lost within a window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.general_transfer import FRUITLESS_MAX, GeneralTransfer
from aforo.dlms.xdlms.general_blocks import GeneralBlock, decode_general_block, encode_general_block

BLOCK_MAX = 20


def _pair(window: int = 3, octets_max: int = 10_000) -> tuple[GeneralTransfer, GeneralTransfer]:
    return (
        GeneralTransfer(window=window, octets_max=octets_max, is_to_answer=False),
        GeneralTransfer(window=window, octets_max=octets_max, is_to_answer=True),
    )


def _carry(
    source: GeneralTransfer, target: GeneralTransfer, sent: list[bytes], lost: list[bool]
) -> tuple[bytes | None, list[GeneralBlock]]:
    """Windows to and fro until one message is whole. Of the blocks that end no window, those marked are lost."""
    seen: list[GeneralBlock] = []
    ends = [target, source]
    while True:
        answers: list[bytes] = []
        for raw in sent:
            block = decode_general_block(raw)
            seen.append(block)
            if block.is_streaming and lost and lost.pop():
                continue
            whole, more = ends[0].take(block)
            answers += more
            if whole is not None:
                return whole, seen
        if not answers:
            return None, seen
        sent = answers
        ends.reverse()


@given(size=st.integers(1, 400), window=st.integers(1, 8), lost=st.lists(st.booleans(), max_size=30))
def test_a_message_arrives_whole_whatever_gets_lost_inside_a_window(size: int, window: int, lost: list[bool]) -> None:
    client, server = _pair(window)
    message = bytes(each % 256 for each in range(size))
    whole, seen = _carry(client, server, client.send(message, BLOCK_MAX), lost)
    assert whole == message
    assert all(len(encode_general_block(block)) <= BLOCK_MAX for block in seen)
    answer = message[::-1]
    whole, _ = _carry(server, client, server.send(answer, BLOCK_MAX), lost)
    assert whole == answer


def test_the_first_window_is_of_one_block_and_the_next_as_large_as_the_peer_allows() -> None:
    client, server = _pair(window=3)
    (first,) = client.send(bytes(100), BLOCK_MAX)
    assert decode_general_block(first) == GeneralBlock(1, 0, bytes(10), window=3)
    _, (acknowledgement,) = server.take(decode_general_block(first))
    assert decode_general_block(acknowledgement) == GeneralBlock(1, 1, b"", window=3)
    _, window = client.take(decode_general_block(acknowledgement))
    assert [decode_general_block(each).number for each in window] == [2, 3, 4]
    assert [decode_general_block(each).is_streaming for each in window] == [True, True, False]
    assert {decode_general_block(each).acknowledged for each in window} == {1}


def test_what_was_lost_is_sent_again_and_what_came_twice_counts_once() -> None:
    client, server = _pair(window=3)
    (first,) = client.send(bytes(range(40)), BLOCK_MAX)
    _, (acknowledgement,) = server.take(decode_general_block(first))
    _, (_, third, fourth) = client.take(decode_general_block(acknowledgement))
    server.take(decode_general_block(third))
    whole, (gap,) = server.take(decode_general_block(fourth))
    assert whole is None
    assert decode_general_block(gap).acknowledged == 1
    _, again = client.take(decode_general_block(gap))
    assert [decode_general_block(each).number for each in again] == [2, 3, 4]
    server.take(decode_general_block(first))
    for each in again:
        whole, _ = server.take(decode_general_block(each))
    assert whole == bytes(range(40))


def test_blocks_that_bring_nothing_new_are_not_answered_for_ever() -> None:
    client, _ = _pair()
    client.send(bytes(100), BLOCK_MAX)
    useless = GeneralBlock(5, 0, b"x")
    for _ in range(FRUITLESS_MAX):
        client.take(useless)
    with pytest.raises(RemoteProtocolError) as refused:
        client.take(useless)
    assert refused.value.code is ErrorCode.UNEXPECTED_APDU


def test_an_acknowledgement_of_what_was_never_sent_is_refused() -> None:
    client, _ = _pair()
    with pytest.raises(RemoteProtocolError) as refused:
        client.take(GeneralBlock(1, 1, b"x"))
    assert refused.value.code is ErrorCode.UNEXPECTED_APDU


def test_a_message_beyond_the_bound_is_refused() -> None:
    _, server = _pair(octets_max=15)
    server.take(GeneralBlock(1, 0, bytes(10), is_streaming=True))
    with pytest.raises(RemoteProtocolError) as refused:
        server.take(GeneralBlock(2, 0, bytes(10), is_streaming=True))
    assert refused.value.code is ErrorCode.TOO_LONG


def test_an_unconfirmed_transfer_with_a_gap_is_told() -> None:
    sender, receiver = _pair()
    blocks = [decode_general_block(each) for each in sender.send_unconfirmed(bytes(30), BLOCK_MAX)]
    assert [block.is_streaming for block in blocks] == [True, True, False]
    assert {block.window for block in blocks} == {0}
    receiver.take(blocks[0])
    with pytest.raises(RemoteProtocolError) as refused:
        receiver.take(blocks[2])
    assert refused.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("window", [0, 64])
def test_a_window_is_of_1_to_63_blocks(window: int) -> None:
    with pytest.raises(LocalProtocolError):
        GeneralTransfer(window=window, octets_max=10, is_to_answer=True)


def test_a_peer_that_takes_less_than_a_block_is_sent_nothing() -> None:
    client, _ = _pair()
    with pytest.raises(LocalProtocolError):
        client.send(b"12", 10)
