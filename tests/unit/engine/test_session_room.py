"""Idle sessions are kept for the next order, but never in the way of another lane."""

import asyncio

from aforo.engine.session_room import SessionRoom


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_is_idle_for_longest_is_sent_away_when_a_place_is_wanted() -> None:
    room, left = SessionRoom(2), list[str]()

    async def idle(name: str) -> None:
        wake = asyncio.Event()
        async with room:
            with room.idle(wake):
                await wake.wait()
            assert room.is_wanted
            left.append(name)

    first, second = asyncio.create_task(idle("first")), asyncio.create_task(idle("second"))
    await _turns()
    async with room:
        assert left == ["first"]
        assert not room.is_wanted
    await first
    assert not second.done()
    second.cancel()


async def test_who_becomes_idle_while_others_wait_is_told_so() -> None:
    room = SessionRoom(1)
    async with room:
        waiting = asyncio.create_task(room.__aenter__())
        await _turns()
        assert room.is_wanted
    await waiting
    assert not room.is_wanted


async def test_a_wait_for_a_place_that_is_given_up_wants_nothing() -> None:
    room = SessionRoom(1)
    async with room:
        waiting = asyncio.create_task(room.__aenter__())
        await _turns()
        waiting.cancel()
        await _turns()
        assert not room.is_wanted
