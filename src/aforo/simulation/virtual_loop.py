"""An event loop whose time is a number: it jumps to the next deadline whenever everybody waits.

The same tasks in the same order at every run: what asyncio leaves to addresses (sets of tasks, timers of one deadline)
goes by serial numbers here. No sockets and no threads.
"""

import asyncio
from asyncio import base_events
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Network(Protocol):
    """Where the loop's connections lead."""

    async def connect(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]: ...

    async def bind(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.DatagramTransport, asyncio.BaseProtocol]: ...


class NothingWillHappen(Exception):
    """Everybody waits, and no timer is set: nobody will ever go on."""


class _SerialTask(asyncio.Task[T]):
    """Hashes by its number, so that a set of tasks is iterated in the same order at every run."""

    def __init__(
        self, serial: int, coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any
    ) -> None:
        self._serial = serial
        super().__init__(coroutine, name=options.pop("name", None) or f"task {serial}", **options)

    def __hash__(self) -> int:
        return self._serial

    __eq__ = object.__eq__


class _Handle(asyncio.Handle):
    """Does not run while the process of its context is frozen."""

    def _run(self) -> None:
        if not _is_held(self, self._loop, self._context):  # type: ignore[attr-defined]  # as asyncio keeps them
            super()._run()


class _Timer(asyncio.TimerHandle):
    """Of those with one deadline the one that was set first goes first. While its process is frozen it does not run."""

    def __init__(self, serial: int, when: float, callback: Callable[..., object], *rest: Any) -> None:
        super().__init__(when, callback, *rest)
        self.place = (when, serial)

    def _run(self) -> None:
        if not _is_held(self, self._loop, self._context):  # type: ignore[attr-defined]  # as asyncio keeps them
            super()._run()

    def __lt__(self, other: "_Timer") -> bool:  # type: ignore[override]  # there are no others in its heap
        return self.place < other.place

    __hash__ = asyncio.TimerHandle.__hash__
    __eq__ = asyncio.TimerHandle.__eq__


class VirtualLoop(base_events.BaseEventLoop):
    """Begins at 0 s. on_task: told of every task before it runs, and of the context that it was given."""

    def __init__(
        self, on_task: Callable[[asyncio.Task[Any], Context | None], None], network: Network | None = None
    ) -> None:
        super().__init__()
        self._network = network
        self._now = 0.0
        self._serials = 0
        self._on_task = on_task
        self._selector = _JumpingSelector(self)
        self._clock_resolution = 1e-9
        self.set_task_factory(_make_task)
        self.frozen: dict[object, list[asyncio.Handle]] = {}
        self.owner_of: Callable[[Context], object] = lambda _: None

    def freeze(self, process: object) -> None:
        """Nothing of it runs until it is thawed. process: as owner_of tells it of a context."""
        self.frozen[process] = []

    def thaw(self, process: object) -> None:
        """What should have run meanwhile runs now."""
        self._ready.extend(self.frozen.pop(process, ()))  # type: ignore[attr-defined]  # BaseEventLoop has it

    def _call_soon(self, callback: Callable[..., object], args: Any, context: Context | None) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]  # the same
        return handle

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        self._now += seconds

    def next_serial(self) -> int:
        self._serials += 1
        return self._serials

    def call_at(  # type: ignore[override]  # arguments of whatever kind
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _Timer(self.next_serial(), when, callback, args, self, context)
        base_events.heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]  # noqa: SLF001 (as BaseEventLoop.call_at does)
        return timer

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        assert self._network is not None, "there is a network to connect over"
        return await self._network.connect(protocol_factory, host, port)

    async def create_datagram_endpoint(  # type: ignore[override]  # those of its arguments that are used here
        self, protocol_factory: Any, **options: Any
    ) -> Any:
        assert self._network is not None, "there is a network to send over"
        return await self._network.bind(protocol_factory, *options["remote_addr"])

    def told(self, task: "asyncio.Task[Any]", context: Context | None) -> None:
        self._on_task(task, context)

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none: nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody waits in a selector."""


def _is_held(handle: asyncio.Handle, loop: VirtualLoop, context: Context) -> bool:
    """Then it waits with its process."""
    held = loop.frozen.get(loop.owner_of(context)) if loop.frozen else None
    if held is None:
        return False
    held.append(handle)
    return True


class _JumpingSelector:
    """What BaseEventLoop asks how long to wait: the time is simply past then."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        """Raises NothingWillHappen."""
        if timeout is None:
            raise NothingWillHappen("everybody waits, and no timer is set")
        if timeout > 0:
            self._loop.jump(timeout)
        return []


def _make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any
) -> "asyncio.Task[T]":
    assert isinstance(loop, VirtualLoop)
    task = _SerialTask(loop.next_serial(), coroutine, loop=loop, **options)
    loop.told(task, options.get("context"))
    return task
