"""Clock and Entropy: the machine's own and their twins."""

import uuid
from datetime import UTC, timedelta, timezone

import pytest

from aforo.adapters.system_clock import SystemClock
from aforo.adapters.system_entropy import SystemEntropy
from aforo.engine.memory import MemoryClock, MemoryEntropy
from aforo.engine.ports import Clock, Entropy
from cases import WEDNESDAY

SANTIAGO = timezone(-timedelta(hours=3))


@pytest.mark.parametrize("clock", [SystemClock(), MemoryClock(WEDNESDAY.astimezone(SANTIAGO))])
def test_a_clock_tells_utc_and_never_goes_back(clock: Clock) -> None:
    first, second = clock.now(), clock.now()

    assert first.tzinfo is UTC
    assert first <= second


def test_the_twin_s_clock_stands_until_it_is_moved() -> None:
    clock = MemoryClock(WEDNESDAY)

    clock.advance(timedelta(seconds=20))

    assert clock.now() == clock.now() == WEDNESDAY + timedelta(seconds=20)


@pytest.mark.parametrize("entropy", [SystemEntropy(), MemoryEntropy()])
def test_entropy_gives_as_many_octets_as_asked_and_others_each_time(entropy: Entropy) -> None:
    drawn = [entropy.octets(count) for count in (0, 1, 16, 16, 16, 300)]

    assert [len(octets) for octets in drawn] == [0, 1, 16, 16, 16, 300]
    assert len(set(drawn[2:])) == 4


@pytest.mark.parametrize("entropy", [SystemEntropy(), MemoryEntropy()])
def test_a_uuid_is_of_version_4_and_another_each_time(entropy: Entropy) -> None:
    texts = [entropy.uuid() for _ in range(50)]

    assert {(uuid.UUID(text).version, uuid.UUID(text).variant) for text in texts} == {(4, uuid.RFC_4122)}
    assert [str(uuid.UUID(text)) for text in texts] == texts
    assert len(set(texts)) == 50


def test_the_twin_s_entropy_repeats_itself_for_the_same_seed_alone() -> None:
    assert MemoryEntropy(b"1").octets(16) == MemoryEntropy(b"1").octets(16) != MemoryEntropy(b"2").octets(16)
