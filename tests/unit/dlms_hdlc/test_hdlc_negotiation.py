"""What SNRM and UA carry, and what two ends make of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.hdlc import LinkParameters
from aforo.dlms.hdlc.negotiation import DEFAULTS, decode_parameters

lengths, windows = st.integers(32, 2030), st.integers(1, 7)
parameters = st.builds(
    LinkParameters,
    information_max_transmit=lengths,
    information_max_receive=lengths,
    window_transmit=windows,
    window_receive=windows,
)
GREEN_BOOK = bytes.fromhex("818012050180060180070400000001080400000001")
KMETHY = bytes.fromhex("8180140502008006020080070400000001080400000001")


def test_the_defaults_are_128_octets_and_a_window_of_one() -> None:
    """IEC 62056-46. GREEN_BOOK: the layout of its example; KMETHY: the UA of the User Association's example."""
    assert decode_parameters(b"") == decode_parameters(GREEN_BOOK) == decode_parameters(KMETHY) == DEFAULTS
    assert DEFAULTS.encode() == GREEN_BOOK


@given(parameters)
def test_what_is_proposed_is_read(proposed: LinkParameters) -> None:
    assert decode_parameters(proposed.encode()) == proposed


@given(parameters, parameters)
def test_both_ends_agree_on_the_same_each_seen_from_its_side(client: LinkParameters, server: LinkParameters) -> None:
    at_server = server.agree(decode_parameters(client.encode()))
    at_client = client.agree(decode_parameters(at_server.encode()))
    assert at_client.information_max_transmit == at_server.information_max_receive
    assert at_client.information_max_receive == at_server.information_max_transmit
    assert at_client.window_transmit == at_server.window_receive
    assert at_client.window_receive == at_server.window_transmit
    assert at_client.information_max_transmit <= min(client.information_max_transmit, server.information_max_receive)


@pytest.mark.parametrize(
    ("information", "expected"),
    [
        ("818000", DEFAULTS),
        ("81800405020400", LinkParameters(information_max_transmit=1024)),
        ("818003 070107", LinkParameters(window_transmit=7)),
        ("818007 0902ffff 080103", LinkParameters(window_receive=3)),
        ("81800405021000", LinkParameters(information_max_transmit=2030)),
        ("818003 070109", LinkParameters(window_transmit=7)),
        ("818000 f00201aa", DEFAULTS),
    ],
)
def test_what_is_missing_is_default_and_what_is_unknown_is_passed_over(
    information: str, expected: LinkParameters
) -> None:
    assert decode_parameters(bytes.fromhex(information)) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        *("00", "8080", "818100", "818001", "81800105"),
        *("8180020502", "8180020500", "8180030504ff", "818007 0505 0000000080"),
        *("818003 05011f", "818003 070100"),
    ],
)
def test_what_follows_no_grammar_is_malformed(wrong: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        decode_parameters(bytes.fromhex(wrong))
    assert refused.value.code is ErrorCode.MALFORMED


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"\x81\x80" + bytes((len(tail),)) + tail))
def test_anything_is_parameters_or_a_protocol_error(information: bytes) -> None:
    try:
        read = decode_parameters(information)
    except RemoteProtocolError:
        return
    assert decode_parameters(read.encode()) == read


@pytest.mark.parametrize(
    "wrong",
    [
        {"information_max_transmit": 31},
        {"information_max_receive": 2031},
        {"window_transmit": 0},
        {"window_receive": 8},
    ],
)
def test_parameters_outside_the_standard_are_our_own_mistake(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        LinkParameters(**wrong)
