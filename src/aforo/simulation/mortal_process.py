"""A process that can be killed between any two of its steps: its tasks stop, its connections fall."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol

_OWNER: ContextVar["MortalProcess | None"] = ContextVar("owner", default=None)


class Descriptor(Protocol):
    """What the operating system closes when a process ends: one connection."""

    def process_died(self) -> None: ...


class MortalProcess:
    """Whatever is started in it belongs to it. on_point: asked at every point where it may die; True: it dies there."""

    def __init__(self, name: str, on_point: Callable[[str], bool]) -> None:
        self.name = name
        self.is_alive = True
        self._on_point = on_point
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._open: dict[Descriptor, None] = {}

    def start(self, main: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        context = copy_context()
        context.run(_OWNER.set, self)
        return asyncio.get_running_loop().create_task(main, name=name, context=context)

    def kill(self) -> None:
        self.is_alive = False
        for descriptor in list(self._open):
            descriptor.process_died()
        self._open.clear()
        for task in list(self._tasks):
            task.cancel()

    def reach(self, point: str) -> None:
        """Raises CancelledError when it is dead, or dies here."""
        if self.is_alive and self._on_point(point):
            self.kill()
        if not self.is_alive:
            raise asyncio.CancelledError(f"{self.name} is dead")

    def own(self, task: "asyncio.Task[Any]") -> None:
        if not self.is_alive:
            asyncio.get_running_loop().call_soon(task.cancel)
            return
        self._tasks[task] = None
        task.add_done_callback(lambda ended: self._tasks.pop(ended, None))

    def open(self, descriptor: Descriptor) -> None:
        self._open[descriptor] = None

    def close(self, descriptor: Descriptor) -> None:
        self._open.pop(descriptor, None)


def owner() -> MortalProcess | None:
    """Whose code runs now; None: the world's own."""
    return _OWNER.get()


def owner_in(context: Context) -> MortalProcess | None:
    return context.get(_OWNER)


def note_task(task: "asyncio.Task[Any]", context: Context | None) -> None:
    """For the loop: every new task belongs to the process in whose context it runs, which is its maker's or given."""
    process = _OWNER.get() if context is None else context.get(_OWNER)
    if process is not None:
        process.own(task)
