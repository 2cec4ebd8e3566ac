"""Results since a number, for who listens by asking, and their replay to the queue."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from aforo.adapters.preferring import Prefer, wait_s
from aforo.domain.delivery import NumberedResult
from aforo.engine.ports import DeliveryStore

RESULTS_MAX = 1000
LOOK_S = 0.25
SERIAL_MAX = 2**53 - 1
"""What a number in JSON holds everywhere."""


class Replay(BaseModel):
    """since: the first serial that is published again.   until: the last; left out, all that there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Annotated[int, Field(ge=1, le=SERIAL_MAX)]
    until: Annotated[int, Field(ge=1, le=SERIAL_MAX)] | None = None


def result_routes(deliveries: DeliveryStore) -> APIRouter:
    routes = APIRouter()

    @routes.get("/results")
    async def list_results(
        since: Annotated[int, Query(ge=1, le=SERIAL_MAX, description="The first serial to be told.")] = 1,
        limit: Annotated[int, Query(ge=1, le=RESULTS_MAX)] = 100,
        prefer: Prefer = None,
    ) -> dict[str, Any]:
        """CloudEvents, the oldest first. next: what to give as `since` for what follows."""
        until = asyncio.get_running_loop().time() + wait_s(prefer)
        while not (found := await deliveries.results_since(since, limit)):
            if asyncio.get_running_loop().time() >= until:
                break
            await asyncio.sleep(LOOK_S)
        following = found[-1].serial + 1 if found else since
        return {"results": [_document(one) for one in found], "next": following}

    return routes


def replay_routes(deliveries: DeliveryStore, wake: Callable[[], None]) -> APIRouter:
    """wake: the relay has something to do."""
    routes = APIRouter()

    @routes.post("/results/replay")
    async def replay_results(asked: Replay) -> dict[str, int]:
        """Publish results to the queue again, with the ids that they had. How many there are."""
        count = await deliveries.republish(asked.since, SERIAL_MAX if asked.until is None else asked.until)
        wake()
        return {"results": count}

    return routes


def _document(one: NumberedResult) -> dict[str, Any]:
    return {"serial": one.serial, "event": one.message.body}
