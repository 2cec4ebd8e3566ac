"""A meter's load profile and event log, as its model says they lie."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aforo import dlms
from aforo.dlms import data
from aforo.dlms.cosem.profile_generic import CaptureObject, between
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.obis import obis
from aforo.dlms.profile_rows import decode_moments, decode_rows
from aforo.domain.causes import Cause
from aforo.domain.meter_models import LogLayout
from aforo.flow.device_client import DeviceLost

_CLOCK = CaptureObject(8, obis("0-0:1.0.0.255"), 2)
_BUFFER = 2


@dataclass(frozen=True, slots=True)
class LogsWanted:
    """profile: how far back, from the meter's own time; None: not wanted."""

    profile: timedelta | None = None
    events: bool = False


@dataclass(frozen=True, slots=True)
class LogRow:
    """at: None when the meter told no moment.   values: by OBIS code, as the meter tells them, without a scale."""

    at: datetime | None
    values: dict[str, data.Value]


def read_log(
    layout: LogLayout, since: tuple[datetime, datetime] | None
) -> Generator[dlms.GetRequest, Any, list[LogRow]]:
    """since: from when to when, both by the meter's clock; None for all of it. Raises DeviceLost."""
    selection = None if since is None else between(_CLOCK, *since)
    response = yield dlms.GetRequest(7, obis(layout.code), _BUFFER, selection)
    if not isinstance(response, dlms.GetResponse) or response.data is None:
        result = getattr(response, "result", None)
        why = "another service answered" if result is None else result.name.lower().replace("_", "-")
        raise DeviceLost(Cause.METER_REFUSED, f"reading {layout.code}: {why}")
    try:
        rows = decode_rows(response.data)
        return list(_rows(layout, rows))
    except RemoteProtocolError as wrong:
        raise DeviceLost(Cause.PROTOCOL_FAULT, f"reading {layout.code}: {wrong}") from wrong


def _rows(layout: LogLayout, rows: tuple[data.Value, ...]) -> Iterator[LogRow]:
    columns = len(layout.columns)
    tables = [row for row in rows if isinstance(row, tuple) and len(row) == columns]
    if len(tables) < len(rows):
        raise DeviceLost(Cause.PROTOCOL_FAULT, f"the rows of {layout.code} do not have the model's {columns} columns")
    moments = decode_moments([row[0] for row in tables])
    for at, row in zip(moments, tables, strict=True):
        yield LogRow(at, dict(zip(layout.columns[1:], row[1:], strict=True)))
