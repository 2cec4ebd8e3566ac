"""A database that is away, told apart from one that refuses."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import asyncpg

from aforo.engine.ports import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)


def unavailable(outage: BaseException) -> StoreUnavailable:
    away = StoreUnavailable(f"the database cannot be reached: {outage or type(outage).__name__}")
    away.__cause__ = outage
    return away


def tells_outages(call: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The call raises StoreUnavailable for every way in which a database can be away."""

    @wraps(call)
    async def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await call(*args, **kwargs)
        except OUTAGES as outage:
            raise unavailable(outage) from outage

    return told
