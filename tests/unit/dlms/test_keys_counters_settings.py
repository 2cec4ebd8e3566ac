"""What an end is told before it speaks: secrets that do not show, counters used once, settings that fit together."""

import pickle
from typing import Any

import pytest

from aforo.dlms import (
    ClientSettings,
    CounterRange,
    CountersExhausted,
    Key,
    LocalProtocolError,
    Mechanism,
    Secret,
    SystemTitle,
)
from unit.dlms.associations import CLIENT, KEYS


def test_a_secret_shows_nothing_but_its_length() -> None:
    for shown in (repr(Key(b"sixteen octets!!")), str(Secret(b"12345678")), f"{KEYS}"):
        assert "hidden" in shown
        assert "sixteen" not in shown
        assert "1234" not in shown


def test_a_secret_is_compared_by_its_octets_and_never_pickled() -> None:
    assert Secret(b"12345678") == Secret(b"12345678")
    assert len({Secret(b"12345678"), Secret(b"12345678"), Secret(b"87654321")}) == 2
    with pytest.raises(LocalProtocolError):
        pickle.dumps(Secret(b"12345678"))


@pytest.mark.parametrize("octets", [0, 15, 17, 24])
def test_a_key_of_another_length_is_refused(octets: int) -> None:
    with pytest.raises(LocalProtocolError):
        Key(bytes(octets))


def test_a_key_that_is_not_hexadecimal_is_refused_without_being_repeated() -> None:
    with pytest.raises(LocalProtocolError) as refused:
        Key.from_hex("00112233445566778899aabbccddeefg")
    assert "0011" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_system_title_is_eight_octets_shown_in_hexadecimal() -> None:
    assert str(SystemTitle.from_hex("4845530000000001")) == "4845530000000001"
    for wrong in ("484553", "zz45530000000001"):
        with pytest.raises(LocalProtocolError):
            SystemTitle.from_hex(wrong)


def test_a_range_of_counters_hands_out_each_of_its_values_once() -> None:
    counters = CounterRange(7, 9)
    assert (counters.remaining, [counters.take() for _ in range(3)], counters.remaining) == (3, [7, 8, 9], 0)
    with pytest.raises(CountersExhausted):
        counters.take()


def test_a_later_range_takes_the_place_of_what_is_left_and_an_earlier_one_never() -> None:
    counters = CounterRange(7, 9)
    counters.take()
    with pytest.raises(LocalProtocolError):
        counters.extend(CounterRange(7, 20))
    counters.extend(CounterRange(100, 101))
    assert [counters.take(), counters.take()] == [100, 101]
    assert repr(counters) == "CounterRange(next=102, last=101)"


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (6, 5), (0, 0x1_0000_0000)])
def test_a_range_that_no_counter_has_is_refused(first: int, last: int) -> None:
    with pytest.raises(LocalProtocolError):
        CounterRange(first, last)


@pytest.mark.parametrize(
    "settings",
    [
        {"keys": KEYS, "title": CLIENT},
        {"keys": KEYS, "counters": CounterRange(1, 2)},
        {"mechanism": Mechanism.HLS_GMAC, "challenge": bytes(8)},
        {"mechanism": Mechanism.HLS_SHA256, "challenge": bytes(7)},
        {"mechanism": Mechanism.HLS_SHA256, "challenge": bytes(65)},
        {"mechanism": Mechanism.LLS},
    ],
    ids=["no counters", "no title", "no keys", "short challenge", "long challenge", "no password"],
)
def test_settings_that_lack_what_they_need_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        ClientSettings(**settings)
