"""The system under violence: one integration, two head-ends, one database behind gates, a town, and who orders."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import httpx

from aforo.adapters.meter_model_files import load_models
from aforo.cim.message import Result
from aforo.cim.refusal import UnreadableMessage
from aforo.cim.soap import SoapFault
from aforo.dlms import data
from aforo.dlms.events import Request, Response, SetRequest
from aforo.dlms.server import Server
from aforo.simulator.order_ledger import OrderLedger
from aforo.simulator.town import Town
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from chaos.database import ChaosDatabase
from chaos.gate import Gate
from edge.live_system import Legacy, LiveSystem, Scene, hosted, listening_legacy

CONCENTRATORS, METERS_EACH, DIRECT = 8, 12, 6
PLAN = TownPlan(
    name="a town in a storm",
    concentrator=tuple(
        ConcentratorPlan(
            number=f"C-{place}",
            link="transparent" if place == 0 else "delegated",
            meter=tuple(MeterPlan(number=f"{place}{meter:02}", limit_w=9000) for meter in range(METERS_EACH)),
        )
        for place in range(CONCENTRATORS)
    ),
    meter=tuple(MeterPlan(number=f"9{meter:02}", limit_w=9000) for meter in range(DIRECT)),
)
METERS = tuple(f"{place}{meter:02}" for place in range(CONCENTRATORS) for meter in range(METERS_EACH)) + tuple(
    f"9{meter:02}" for meter in range(DIRECT)
)
LEAST_WATTS, MOST_WATTS = 1000, 8999
_TESTS = Path(__file__).parents[1]
_THRESHOLD = (71, 4)
"""Class and attribute of a limiter's threshold (IEC 62056-6-2)."""

_ACCEPTED = ("0.3", "6.2")


@dataclass
class ChaosSystem:
    """commands: SET requests of a limit that reached any meter, by the amount, which no two orders share.

    stale_sessions: how often a concentrator refused a session because a later one had been opened.
    """

    chance: random.Random
    database: ChaosDatabase
    gates: list[Gate]
    clocks: list[Path]
    integration: LiveSystem
    headends: list[LiveSystem]
    legacy: Legacy
    town: Town
    ports: dict[str, int]
    commands: Counter[int] = field(default_factory=Counter)
    stale_sessions: int = 0
    served_again_after_s: list[float] = field(default_factory=list)
    accepted: dict[str, int] = field(default_factory=dict)
    _numbers: int = 0

    @property
    def processes(self) -> list[LiveSystem]:
        return [self.integration, *self.headends]

    def any_headend(self) -> LiveSystem:
        return self.headends[self.chance.randrange(len(self.headends))]

    async def order(self, meter: str) -> str:
        """Given again and again under one number until it is accepted."""
        self._numbers += 1
        number, watts = f"CH-{self._numbers}", LEAST_WATTS + self._numbers
        assert watts <= MOST_WATTS, "no two orders have one amount"
        while True:
            scene = Scene(self.integration, self.legacy, self.town, self.ports)
            try:
                code = await scene.send(meter, watts, number=number)
            except (httpx.HTTPError, SoapFault, UnreadableMessage):
                # It is down, or its database is, or another process has its port by now: the order is given again.
                code = ""
            if code in _ACCEPTED:
                self.accepted[number] = watts
                return number
            await asyncio.sleep(0.1)

    async def time_to_serve_all(self) -> float:
        """Until an order to a meter behind each concentrator, and to a direct one, has been answered."""
        begun = time.monotonic()
        places = [f"{place}00" for place in range(CONCENTRATORS)] + ["900"]
        numbers = await asyncio.gather(*(self.order(meter) for meter in places))
        await self.answered(set(numbers), within_s=60)
        return time.monotonic() - begun

    async def answered(self, numbers: set[str], *, within_s: float) -> set[str]:
        """Those of them that are not, by then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while numbers - set(self.legacy.by_order()):
                    self.legacy.came.clear()
                    await self.legacy.came.wait()
        return numbers - set(self.legacy.by_order())

    def repeated(self) -> list[str]:
        """Orders whose command reached their meter more than once."""
        return [number for number, watts in self.accepted.items() if self.commands[watts] > 1]

    def answered_twice(self) -> list[str]:
        """Orders with two answers of which the first was final, or with two bodies under one message id."""
        found = []
        for number, answers in self.legacy.by_order().items():
            first = answers[0][1].reply.result
            identifiers = dict.fromkeys(message_id for message_id, _ in answers)
            bodies = {message_id: str(answer) for message_id, answer in answers}
            is_one = all(bodies[message_id] == str(answer) for message_id, answer in answers)
            if not is_one or len(identifiers) > 2 or (len(identifiers) == 2 and first is not Result.PARTIAL):
                found.append(number)
        return found

    def corrected(self) -> int:
        return sum(len({message_id for message_id, _ in answers}) == 2 for answers in self.legacy.by_order().values())


@asynccontextmanager
async def chaos_system(seed: int, folder: Path) -> AsyncIterator[ChaosSystem]:
    async with AsyncExitStack() as stack:
        database = ChaosDatabase()
        stack.callback(database.close)
        legacy = await stack.enter_async_context(listening_legacy())
        town = Town(PLAN, load_models())
        ports = await stack.enter_async_context(hosted(town))
        gates, clocks, processes = [], [], []
        for place, command in enumerate(("integration", "headend", "headend")):
            gate = Gate(database.socket_folder)
            await gate.open()
            stack.push_async_callback(gate.close)
            clock = folder / f"clock-{place}"
            clock.write_text("0", encoding="ascii")
            process = LiveSystem(
                folder / str(place),
                command,
                module=("chaos.worker", str(clock)),
                AFORO_DATABASE_URL=gate.url(database.name, database.user),
                AFORO_KEK=bytes(range(32)).hex(),
                PYTHONPATH=os.pathsep.join((str(_TESTS), str(_TESTS.parent / "src"))),
            )
            stack.push_async_callback(asyncio.to_thread, process.stop)
            await process.start()
            gates.append(gate)
            clocks.append(clock)
            processes.append(process)
        await processes[0].register(town, ports)
        system = ChaosSystem(
            random.Random(seed), database, gates, clocks, processes[0], processes[1:], legacy, town, ports
        )
        stack.enter_context(_watched(system))
        yield system


@contextmanager
def _watched(system: ChaosSystem) -> Iterator[None]:
    """The devices live in this process: what reaches them passes here."""
    answer, open_session = Server.answer, OrderLedger.open_session

    def watched_answer(server: Server, request: Request) -> Response:
        if isinstance(request, SetRequest) and (request.class_id, request.attribute) == _THRESHOLD:
            amount = data.decode(request.data)
            assert isinstance(amount, int)
            system.commands[amount] += 1
        return answer(server, request)

    def watched_session(ledger: OrderLedger, epoch: int) -> bool:
        is_taken = open_session(ledger, epoch)
        system.stale_sessions += not is_taken
        return is_taken

    with (
        patch.object(Server, "answer", watched_answer),
        patch.object(OrderLedger, "open_session", watched_session),
    ):
        yield
