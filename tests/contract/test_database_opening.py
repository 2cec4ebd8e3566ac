"""Opening the database: a server that is not there is told as an outage, in words; one that refuses is not."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aforo.adapters.listening import listen_on
from aforo.adapters.postgres.database import Database
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber
from aforo.engine.ports import StoreUnavailable
from contract.conftest import Stores

PASSWORD = "correct horse battery staple"


def a_closed_port() -> int:
    """Nobody listens there: it was free a moment ago."""
    with listen_on("127.0.0.1", 0) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize("place", ["port", "folder"])
async def test_a_server_that_is_not_there_is_told_as_an_outage_without_the_password(tmp_path: Path, place: str) -> None:
    host, port = ("127.0.0.1", a_closed_port()) if place == "port" else (str(tmp_path), 5432)

    with pytest.raises(StoreUnavailable, match=r"the database cannot be reached: .") as told:
        await Database.open(host=host, port=port, user="aforo", password=PASSWORD, database="aforo", ssl=False)

    assert PASSWORD not in str(told.value)
    assert isinstance(told.value.__cause__, OSError)


async def test_a_database_that_does_not_exist_is_a_refusal_and_no_outage(fresh_database: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.InvalidCatalogNameError, match="nowhere"):
        await Database.open(**{**fresh_database, "database": "nowhere"})


@pytest.mark.parametrize("after", ["M\0", "M\ud800"])
async def test_a_list_goes_on_after_a_number_that_no_database_can_hold(stores: Stores, after: str) -> None:
    assert await stores.registry.list_meters(10, after=MeterNumber(after)) == []
    assert await stores.registry.list_concentrators(10, after=ConcentratorNumber(after)) == []
