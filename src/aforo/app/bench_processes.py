"""The head-end of a bench as a process of its own: started, told of a town, and its CPU and memory looked at."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from aforo.adapters.operator_documents import PREFIX
from aforo.adapters.postgres.embedded.address import SocketFolder
from aforo.adapters.postgres.long_history import lengthen
from aforo.dlms.keys import Key
from aforo.simulator.town import Town
from aforo.simulator.town_rows import ConcentratorRow, MeterRow

TOKEN = "bench-token-of-no-secrecy"  # noqa: S105 (of a system that lives for a minute on loopback)
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """cpu_s: user and system.   memory_mib: resident now."""

    cpu_s: float
    memory_mib: float


def usage_of_children(process: int) -> Usage:
    """Of all that the process has started, and what that has started: the database's server and its backends."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                parents[int(folder.name)] = int(
                    (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
                )
    family, found = {process}, True
    while found:
        more = {child for child, parent in parents.items() if parent in family} - family
        family |= more
        found = bool(more)
    usages = []
    for member in family - {process}:
        with suppress(OSError):  # it has ended meanwhile
            usages.append(usage_of(member))
    return Usage(sum(usage.cpu_s for usage in usages), sum(usage.memory_mib for usage in usages))


def usage_of(process: int) -> Usage:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1])
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, pages * _PAGE_KIB / 1024)


@contextmanager
def headend_in(folder: Path, **settings: str) -> Iterator[tuple[int, str]]:
    """`aforo up`; see part_in."""
    with part_in("up", folder, **settings) as part:
        yield part


@contextmanager
def part_in(name: str, folder: Path, **settings: str) -> Iterator[tuple[int, str]]:
    """Its process and address. settings: of its environment. Ended with SIGTERM."""
    command = [sys.executable, "-m", "aforo", name, "--data", str(folder), "--port", "0", "--json"]
    environment = {**os.environ, "AFORO_TOKEN": TOKEN, **settings}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:  # noqa: S603 (ourselves)
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield process.pid, told["url"]
        finally:
            process.terminate()


async def lengthen_database(folder: Path, copies: int) -> int:
    """Of the head-end that runs on the folder: every ended order copied so often; how many orders there are then."""
    with SocketFolder(folder / "postgres" / "cluster") as socket:
        connection = await asyncpg.connect(**socket.connect_arguments())
        try:
            return await lengthen(connection, copies)
        finally:
            await connection.close()


def register_town(url: str, town: Town, ports: dict[str, int]) -> None:
    rows = town.registry()
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{url}{PREFIX}", headers=headers, timeout=60, trust_env=False) as client:
        concentrators = [_concentrator_row(row, ports[row.number]) for row in rows.concentrators]
        client.post("/concentrators", json=concentrators).raise_for_status()
        client.post("/meters", json=[_meter_row(row, ports) for row in rows.meters]).raise_for_status()


def _concentrator_row(row: ConcentratorRow, port: int) -> dict[str, Any]:
    return {
        "concentrator": row.number,
        "host": row.host,
        "port": port,
        "system_title": row.system_title.hex(),
        "encryption_key": _hex(row.encryption_key),
        "authentication_key": _hex(row.authentication_key),
        "time_zone": row.time_zone,
    }


def _meter_row(row: MeterRow, ports: dict[str, int]) -> dict[str, Any]:
    return {
        "meter_number": row.number,
        "usage_point": row.usage_point,
        "link": row.link,
        "concentrator": row.concentrator,
        **_address(row, ports),
        "model": row.model,
        "commissioned": row.commissioned,
        "max_power_w": row.max_power_w,
    }


def _address(row: MeterRow, ports: dict[str, int]) -> dict[str, Any]:
    """And the keys, of a meter that the head-end speaks to itself."""
    if row.link == "delegated":
        return {}
    own = {"host": row.host, "port": ports[row.number]} if row.number in ports else {}
    return {
        **own,
        "client_sap": row.client_sap,
        "server_sap": row.server_sap,
        "system_title": row.system_title.hex(),
        "encryption_key": _hex(row.encryption_key),
        "authentication_key": _hex(row.authentication_key),
    }


def _hex(key: Key | None) -> str:
    return "" if key is None else key.octets.hex()
