"""Which lanes have a session, and when the next one is due. One session per lane; a lane that failed rests first."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from aforo.domain.identifiers import ConcentratorNumber
from aforo.engine.board_link import BoardCalls
from aforo.engine.board_session import BoardSession
from aforo.engine.headend_ports import HeadEndPorts
from aforo.engine.leases import HeldElsewhere, LeaseKeeper
from aforo.engine.meter_session import MeterSession
from aforo.engine.ports import LeaseLost, StoreUnavailable
from aforo.engine.session_room import SessionRoom

REST_S = (1, 2, 5, 10, 30, 60)
"""Before a lane whose session failed gets another: longer each time, so that a dead device costs next to nothing."""

STORE_REST_S = 1.0

ELSEWHERE_S = 2.0
"""Before a lane that another process has is asked for again."""

SLEEP_MAX = timedelta(minutes=10)
"""With nothing due: every order that comes into being wakes us, so this is only against a lost wake-up."""

T = TypeVar("T")


class Dispatcher:
    """Runs until cancelled; then every session ends, and what was out is found again at the next start.

    report: told of what went wrong in a session, once it has ended.   on_held_elsewhere: told of a lane of which
    another process has the session.
    """

    def __init__(
        self,
        ports: HeadEndPorts,
        report: Callable[[str, BaseException], None],
        *,
        leases: LeaseKeeper,
        on_held_elsewhere: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ports = ports
        self._report = report
        self._leases = leases
        self._on_held_elsewhere = on_held_elsewhere
        self._sessions: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._failures: dict[str, int] = {}
        self._resting: dict[str, asyncio.TimerHandle] = {}
        self._broken: set[str] = set()
        self._room = SessionRoom(ports.settings.sessions_max)
        self._look = asyncio.Event()

    def wake(self, lane: str, due: datetime) -> None:
        """An order of this lane waits, and is due then."""
        if due > self._ports.clock.now():
            self._look.set()
        else:
            self._start(lane)

    async def drain(self, most: timedelta) -> None:
        """Hand nothing out any more; what is out may come to its end until then."""
        self._room.close()
        if self._sessions:
            await asyncio.wait(self._sessions.values(), timeout=most.total_seconds())

    def nudge(self, lane: str) -> None:
        """Another process has an order for a lane whose session is here."""
        if lane in self._wakes:
            self._wakes[lane].set()

    def look(self, lanes: Sequence[str] = ()) -> None:
        """For what is due; and these lanes get a session here if nobody else has one."""
        for lane in lanes:
            self._start(lane)
        self._look.set()

    async def run(self) -> None:
        try:
            for lane in await self._patiently(self._ports.book.store.lanes_in_flight):
                self._start(lane)
            while True:
                self._look.clear()
                now = self._ports.clock.now()
                for lane in await self._lanes_due(now):
                    self._start(lane)
                await self._sleep_from(now)
        finally:
            await self._end_sessions()

    async def _lanes_due(self, now: datetime) -> list[str]:
        return await self._patiently(lambda: self._ports.book.store.lanes_due(now))

    async def _sleep_from(self, now: datetime) -> None:
        """Until the earliest order after this moment is due. What was due before has its session, or its rest."""
        due = await self._patiently(lambda: self._ports.book.store.next_due(now))
        wait = SLEEP_MAX if due is None else min(due - self._ports.clock.now(), SLEEP_MAX)
        try:
            async with asyncio.timeout(max(0.0, wait.total_seconds())):
                await self._look.wait()
        except TimeoutError:
            return

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """While the database is away there is nothing to do but wait for it."""
        while True:
            try:
                return await ask()
            except StoreUnavailable as away:
                self._report("dispatcher", away)
                await asyncio.sleep(STORE_REST_S)

    def _start(self, lane: str) -> None:
        """Or wake the session that it has."""
        if lane in self._wakes:
            self._wakes[lane].set()
        elif lane not in self._resting and not self._room.is_closed:
            wake = self._wakes[lane] = asyncio.Event()
            self._sessions[lane] = asyncio.get_running_loop().create_task(self._session(lane, wake), name=lane)

    async def _session(self, lane: str, wake: asyncio.Event) -> None:
        is_fine = is_elsewhere = False
        try:
            async with self._room, self._leases.held(lane):
                is_fine = await self._run_session(lane, wake)
        except HeldElsewhere:
            is_elsewhere = True
        except LeaseLost as lost:
            self._report(lane, lost)
        except Exception as wrong:  # noqa: BLE001 (one lane's error must not stop the others; it is reported)
            self._report(lane, wrong)
            self._broken.add(lane)
        finally:
            del self._sessions[lane], self._wakes[lane]
        if is_elsewhere:
            self._on_held_elsewhere(lane)
            self._rest_for(lane, ELSEWHERE_S)
        elif is_fine:
            self._failures.pop(lane, None)
            self._look.set()  # an order may have come after the session looked for the last time
        else:
            self._rest(lane)

    async def _run_session(self, lane: str, wake: asyncio.Event) -> bool:
        kind, _, number = lane.partition(":")
        if kind == "meter":
            await MeterSession(lane, ports=self._ports, relay=None, room=self._room).run()
            return True
        concentrator = await self._ports.registry.concentrator(ConcentratorNumber(number))
        assert concentrator is not None, f"lane {lane} leads to a concentrator that is not registered"
        if kind == "relay":
            await MeterSession(lane, ports=self._ports, relay=concentrator.address, room=self._room).run()
            return True
        calls = BoardCalls(wake, self._room)
        return await BoardSession(lane, ports=self._ports, concentrator=concentrator, calls=calls).run()

    def _rest(self, lane: str) -> None:
        failures = self._failures.get(lane, 0)
        self._failures[lane] = failures + 1
        self._rest_for(lane, REST_S[min(failures, len(REST_S) - 1)])

    def _rest_for(self, lane: str, rest_s: float) -> None:
        self._resting[lane] = asyncio.get_running_loop().call_later(rest_s, self._rested, lane)

    def _rested(self, lane: str) -> None:
        """A session that broke has left what was out as it was: not due, so that only a new session finds it."""
        del self._resting[lane]
        if lane in self._broken:
            self._broken.discard(lane)
            self._start(lane)
        self._look.set()

    async def _end_sessions(self) -> None:
        sessions = list(self._sessions.values())
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        for rest in self._resting.values():
            rest.cancel()
        self._resting.clear()
