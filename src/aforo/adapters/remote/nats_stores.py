"""The stores over NATS: one process that reaches the database serves them, others call them as if they were here.

A call is one request and its answer, never repeated by itself: where no answer comes, it is not known whether it was
carried out, as with a database whose connection is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self, cast

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from aforo.adapters.remote.calls import PORTS, Envelope, NotOurs, RemoteMistake, StoreDesk, calls, outcome_of
from aforo.engine.ports import AuditStore, DeliveryStore, DeviceRegistry, OrderStore, SessionLedger, StoreUnavailable
from aforo.engine.status import StatusStore

SUBJECT, QUEUE = "aforo.stores", "aforo-stores"
ANSWER_WAIT_S = 30.0
"""Longer than a database takes that is only slow."""

CONNECT_WAIT_S = 5.0
AT_A_TIME_MAX = 500
"""Calls that one process serves: as many as share one statement."""


class RemoteStores:
    """The ports, each call of which goes to whoever serves them. Use `open`. All raise StoreUnavailable."""

    def __init__(self, client: Client, envelope: Envelope) -> None:
        self._client = client
        self._envelope = envelope
        self.orders = cast("OrderStore", _Port("orders", self._ask))
        self.deliveries = cast("DeliveryStore", _Port("deliveries", self._ask))
        self.audit = cast("AuditStore", _Port("audit", self._ask))
        self.registry = cast("DeviceRegistry", _Port("registry", self._ask))
        self.ledger = cast("SessionLedger", _Port("ledger", self._ask))
        self.status = cast("StatusStore", _Port("status", self._ask))

    @classmethod
    async def open(cls, url: str, secret: bytes) -> Self:
        """secret: that which those who serve have, too. Raises StoreUnavailable."""
        return cls(await _connected(url), Envelope(secret))

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, document: dict[str, Any]) -> Any:
        if not self._client.is_connected:  # else it would be carried out whenever the connection is back
            raise StoreUnavailable("the broker cannot be reached")
        message = self._envelope.seal(document)
        if len(message) > self._client.max_payload:
            raise RemoteMistake(f"a call of {len(message)} octets, and the broker takes {self._client.max_payload}")
        try:
            answer = await self._client.request(SUBJECT, message, timeout=ANSWER_WAIT_S)
            return self._envelope.open(answer.data, about=message)
        except (NatsError, OSError, TimeoutError) as away:
            raise StoreUnavailable(f"nobody answers for the stores: {str(away) or type(away).__name__}") from away
        except NotOurs as stranger:
            raise StoreUnavailable(f"who answers for the stores has not our key: {stranger}") from stranger


class _Port:
    def __init__(self, name: str, ask: Callable[[dict[str, Any]], Awaitable[Any]]) -> None:
        self._name = name
        self._ask = ask

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = calls().get((self._name, name))
        if call is None:
            raise AttributeError(f"{PORTS[self._name].__name__} has no call {name}")

        async def asked(*arguments: Any, **options: Any) -> Any:
            return outcome_of(call, await self._ask(call.ask(*arguments, **options)))

        self.__dict__[name] = asked
        return asked


class StoreService:
    """Serves until it is closed. Of several that serve, each call goes to one. report: told of strangers' messages."""

    def __init__(self, client: Client, desk: StoreDesk, report: Callable[[str, BaseException], None]) -> None:
        self._client = client
        self._desk = desk
        self._report = report
        self._room = asyncio.Semaphore(AT_A_TIME_MAX)
        self._subscription: Subscription | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, url: str, secret: bytes, stores: Any, report: Callable[[str, BaseException], None]) -> Self:
        """stores: see StoreDesk. Raises StoreUnavailable."""
        service = cls(await _connected(url), StoreDesk(stores, Envelope(secret)), report)
        service._subscription = await service._client.subscribe(SUBJECT, queue=QUEUE, cb=service._take)
        return service

    async def close(self) -> None:
        """What is under way is answered first; what comes then goes to another process that serves."""
        if self._subscription is not None and self._client.is_connected:
            await self._subscription.unsubscribe()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._client.close()

    async def _take(self, message: Msg) -> None:
        """While there is no room, the next ones wait at the broker."""
        await self._room.acquire()
        task = asyncio.get_running_loop().create_task(self._answer(message))
        self._under_way.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._room.release()

    async def _answer(self, message: Msg) -> None:
        try:
            await message.respond(await self._desk.answer(message.data, most=self._client.max_payload))
        except NotOurs as stranger:
            self._report("stores", stranger)
        except (NatsError, OSError) as away:
            self._report("stores", away)  # whoever has asked hears nothing


async def _connected(url: str) -> Client:
    """It connects again by itself, for as long as it takes; but the first time somebody waits for it."""
    try:
        async with asyncio.timeout(CONNECT_WAIT_S):
            return await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=1, error_cb=_ignored)
    except (NatsError, OSError, TimeoutError) as away:
        raise StoreUnavailable(f"the broker cannot be reached: {str(away) or type(away).__name__}") from away


async def _ignored(_: Exception) -> None:
    """Told by the calls that fail of it."""
