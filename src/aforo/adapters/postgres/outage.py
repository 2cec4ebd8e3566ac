"""A database that is away, told apart from one that refuses."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import asyncpg

from aforo.engine.ports import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

_OUTAGES = (
    OSError,
    asyncpg.InterfaceError,  # the connection or the pool is closed
    asyncpg.InternalClientError,  # the server has taken its leave, and the end of the connection is still to come
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.InsufficientResourcesError,  # class 53: no disk, no memory, no connection left
    asyncpg.OperatorInterventionError,  # class 57: shutting down, starting up, cancelled
    asyncpg.ReadOnlySQLTransactionError,  # a standby, for as long as nobody promotes it
)


def is_outage(error: BaseException) -> bool:
    """A ValueError of asyncpg's is an argument that it cannot encode: our own mistake, which no wait mends."""
    return isinstance(error, _OUTAGES) and not isinstance(error, ValueError)


def unavailable(outage: BaseException) -> StoreUnavailable:
    away = StoreUnavailable(f"the database cannot be reached: {str(outage) or type(outage).__name__}")
    away.__cause__ = outage
    return away


def tells_outages(call: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The call raises StoreUnavailable for every way in which a database can be away."""

    @wraps(call)
    async def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await call(*args, **kwargs)
        except _OUTAGES as error:
            if is_outage(error):
                raise unavailable(error) from error
            raise

    return told
