"""DeviceRegistry on PostgreSQL."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from aforo.adapters.postgres.group_commit import Connection, GroupCommit, GroupRead
from aforo.adapters.postgres.named_sql import load_sql
from aforo.adapters.postgres.outage import tells_outages
from aforo.adapters.postgres.storable import storable_text
from aforo.domain.devices import Address, Concentrator, DeviceSecurity, Framing, Link, Meter
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber
from aforo.engine.ports import UnknownConcentrator

SQL = load_sql("registry.sql")
ANALYZED_FROM = 500
"""Meters in one import after which the database looks at the tables at once: its own look comes up to a minute later,
and until then it takes them for empty and reads them whole."""


class PostgresDeviceRegistry:
    """See `aforo.engine.ports.DeviceRegistry`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._meters: GroupRead[MeterNumber, Meter | None] = GroupRead(
            pool, SQL["meters"], lambda numbers: [[storable_text(number) for number in numbers]], _by_number
        )

        self._concentrators: GroupRead[ConcentratorNumber, Concentrator | None] = GroupRead(
            pool, SQL["concentrators"], lambda numbers: [[storable_text(number) for number in numbers]], _concentrators
        )
        self._hearings: GroupCommit[tuple[ConcentratorNumber, datetime], None] = GroupCommit(
            pool, _note_heard, key=lambda heard: heard[0]
        )

    @tells_outages
    async def meters(self, numbers: Iterable[MeterNumber]) -> dict[MeterNumber, Meter]:
        found = await asyncio.gather(*(self._meters.submit(number) for number in set(numbers)))
        return {meter.number: meter for meter in found if meter is not None}

    @tells_outages
    async def meters_at(self, usage_point: str) -> list[MeterNumber]:
        return [MeterNumber(row[0]) for row in await self._pool.fetch(SQL["meters_at"], storable_text(usage_point))]

    @tells_outages
    async def concentrator(self, number: ConcentratorNumber) -> Concentrator | None:
        return await self._concentrators.submit(number)

    @tells_outages
    async def list_meters(self, limit: int, *, after: MeterNumber | None = None) -> list[Meter]:
        return [_meter(row) for row in await self._pool.fetch(SQL["list_meters"], limit, _place(after))]

    @tells_outages
    async def list_concentrators(self, limit: int, *, after: ConcentratorNumber | None = None) -> list[Concentrator]:
        rows = await self._pool.fetch(SQL["list_concentrators"], limit, _place(after))
        return [_concentrator(row) for row in rows]

    @tells_outages
    async def note_heard(self, number: ConcentratorNumber, at: datetime) -> None:
        await self._hearings.submit((number, at))

    @tells_outages
    async def last_heard(self, number: ConcentratorNumber) -> datetime | None:
        heard: datetime | None = await self._pool.fetchval(SQL["last_heard"], storable_text(number))
        return heard

    @tells_outages
    async def put_concentrators(self, concentrators: Sequence[Concentrator], now: datetime) -> None:
        rows = [
            {"number": one.number, **_address(one.address), **_security(one.security), "time_zone": one.time_zone}
            for one in concentrators
        ]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["forget_concentrator_counters"], rows)
            await connection.execute(SQL["put_concentrators"], rows, now)

    @tells_outages
    async def put_meters(self, meters: Sequence[Meter], now: datetime) -> None:
        rows = map(_meter_row, meters)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["incoming_meters"])
            await connection.copy_records_to_table("incoming_meters", records=rows)
            unknown = await connection.fetchval(SQL["unknown_concentrator"])
            if unknown is not None:
                raise UnknownConcentrator(f"concentrator {unknown} is not registered")
            await connection.execute(SQL["forget_meter_counters"])
            await connection.execute(SQL["put_meters"], now)
            await connection.execute(SQL["close_links"], now)
            await connection.execute(SQL["open_links"], now)
        if len(meters) >= ANALYZED_FROM:
            await self._pool.execute(SQL["analyze"])


def _concentrators(numbers: Sequence[ConcentratorNumber], rows: Sequence[asyncpg.Record]) -> list[Concentrator | None]:
    found = {row["number"]: _concentrator(row) for row in rows}
    return [found.get(storable_text(number)) for number in numbers]


async def _note_heard(
    connection: Connection, heard: Sequence[tuple[ConcentratorNumber, datetime]]
) -> Sequence[Exception | None]:
    numbers, moments = zip(*heard, strict=True)
    await connection.execute(SQL["note_heard"], [storable_text(number) for number in numbers], moments)
    return [None] * len(heard)


def _by_number(numbers: Sequence[MeterNumber], rows: Sequence[asyncpg.Record]) -> list[Meter | None]:
    found = {row["number"]: _meter(row) for row in rows}
    return [found.get(storable_text(number)) for number in numbers]


def _place(after: str | None) -> str | None:
    """Where a list goes on, from a number that anybody may have written."""
    return None if after is None else storable_text(after)


def _meter_row(meter: Meter) -> tuple[Any, ...]:
    """In the order of incoming_meters."""
    address, security = meter.address, meter.security
    place = (None, None, None, None, Framing.WRAPPER.value, None) if address is None else _address(address).values()
    return (
        storable_text(meter.number),
        storable_text(meter.usage_point),
        meter.link.value,
        None if meter.concentrator is None else storable_text(meter.concentrator),
        *place,
        storable_text(meter.model),
        security.system_title,
        security.encryption_key,
        security.authentication_key,
        meter.commissioned,
        meter.max_power_w,
        meter.contracted_power_w,
        storable_text(meter.time_zone),
        meter.protected,
    )


def _address(address: Address) -> dict[str, Any]:
    return {
        "host": storable_text(address.host),
        "port": address.port,
        "client_sap": address.client_sap,
        "server_sap": address.server_sap,
        "framing": address.framing.value,
        "physical_device": address.physical_device,
    }


def _security(security: DeviceSecurity) -> dict[str, str]:
    return {
        "system_title": security.system_title.hex(),
        "encryption_key": security.encryption_key.hex(),
        "authentication_key": security.authentication_key.hex(),
    }


def _address_of(row: asyncpg.Record) -> Address:
    return Address(
        row["host"],
        row["port"],
        row["client_sap"],
        row["server_sap"],
        Framing(row["framing"]),
        row["physical_device"],
    )


def _security_of(row: asyncpg.Record) -> DeviceSecurity:
    return DeviceSecurity(row["system_title"], row["encryption_key"], row["authentication_key"])


def _concentrator(row: asyncpg.Record) -> Concentrator:
    return Concentrator(
        number=ConcentratorNumber(row["number"]),
        address=_address_of(row),
        security=_security_of(row),
        time_zone=row["time_zone"],
    )


def _meter(row: asyncpg.Record) -> Meter:
    concentrator = row["concentrator"]
    return Meter(
        number=MeterNumber(row["number"]),
        usage_point=row["usage_point"],
        link=Link(row["link"]),
        concentrator=None if concentrator is None else ConcentratorNumber(concentrator),
        address=None if row["host"] is None else _address_of(row),
        model=row["model"],
        security=_security_of(row),
        commissioned=row["commissioned"],
        max_power_w=row["max_power_w"],
        contracted_power_w=row["contracted_power_w"],
        time_zone=row["time_zone"],
        protected=row["protected"],
    )
