"""An event loop whose time is a number: it jumps to the next deadline whenever everybody waits.

The same tasks in the same order at every run: what asyncio leaves to addresses (sets of tasks, timers of one deadline)
goes by serial numbers here. No sockets and no threads.
"""

import asyncio
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from heapq import heappop, heappush
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
    """As asyncio's own, made and cancelled in fewer steps: a run makes some ten thousand."""

    __slots__ = ()

    def __init__(  # no super().__init__(): this is the whole of it
        self, callback: Callable[..., object], args: Any, loop: "VirtualLoop", context: Context | None
    ) -> None:
        self._callback: Any = callback
        self._args: Any = args
        self._loop: Any = loop
        self._context: Any = copy_context() if context is None else context
        self._cancelled = False
        self._repr = self._source_traceback = None

    @property
    def context(self) -> Context:
        made: Context = self._context
        return made

    def cancel(self) -> None:
        self._cancelled = True
        self._callback = self._args = None


class _Timer(_Handle, asyncio.TimerHandle):
    __slots__ = ()

    def __init__(
        self, when: float, callback: Callable[..., object], args: Any, loop: "VirtualLoop", context: Context | None
    ) -> None:
        super().__init__(callback, args, loop, context)
        self._when = when
        self._scheduled = True

    __hash__ = asyncio.Handle.__hash__
    __eq__ = asyncio.Handle.__eq__


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
        self._handles: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Timer]] = []
        self.set_task_factory(_make_task)
        self.frozen: dict[object, list[_Handle]] = {}
        self.owner_of: Callable[[Context], object] = lambda _: None

    def freeze(self, process: object) -> None:
        """Nothing of it runs until it is thawed. process: as owner_of tells it of a context."""
        self.frozen[process] = []

    def thaw(self, process: object) -> None:
        """What should have run meanwhile runs now."""
        self._handles.extend(self.frozen.pop(process, ()))

    def time(self) -> float:
        return self._now

    def next_serial(self) -> int:
        self._serials += 1
        return self._serials

    def call_soon(  # type: ignore[override]  # arguments of whatever kind
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._handles.append(handle)
        return handle

    def call_later(  # type: ignore[override]  # the same
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # the same
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Of those with one deadline the one that was set first goes first."""
        timer = _Timer(when, callback, args, self, context)
        heappush(self._timers, (when, self.next_serial(), timer))
        return timer

    def _run_once(self) -> None:
        """What `run_forever` does again and again: time passes when nobody can go on, then all go on that can.

        Raises NothingWillHappen.
        """
        handles, timers = self._handles, self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not handles and not self._stopping:  # type: ignore[attr-defined]  # BaseEventLoop has it
            if not timers:
                raise NothingWillHappen("everybody waits, and no timer is set")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            handles.append(heappop(timers)[2])
        for _ in range(len(handles)):
            self._run(handles.popleft())

    def _run(self, handle: _Handle) -> None:
        """Unless it was cancelled. While its process is frozen it waits with it."""
        if handle.cancelled():
            return
        held = self.frozen.get(self.owner_of(handle.context)) if self.frozen else None
        if held is None:
            handle._run()  # noqa: SLF001 (as BaseEventLoop does)
        else:
            held.append(handle)

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

    def _write_to_self(self) -> None:
        """Nobody waits in a selector."""


def _make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any
) -> "asyncio.Task[T]":
    assert isinstance(loop, VirtualLoop)
    task = _SerialTask(loop.next_serial(), coroutine, loop=loop, **options)
    loop.told(task, options.get("context"))
    return task
