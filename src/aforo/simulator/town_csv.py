"""A town as the CSV files of `aforo meter import` and `aforo concentrator import`, for a head-end elsewhere.

An import refuses port 0: the rows name where each device listens. The texts hold keys.
"""

import csv
from collections.abc import Iterable, Mapping
from io import StringIO

from aforo.dlms.keys import Key
from aforo.simulator.town_rows import AccessRow, ConcentratorRow, MeterRow, RegistryRows


def concentrator_csv(rows: RegistryRows) -> str:
    return _csv(map(_concentrator_cells, rows.concentrators))


def meter_csv(rows: RegistryRows) -> str:
    """What a link does not use is empty: a delegated meter has no address and no keys here."""
    return _csv(map(_meter_cells, rows.meters))


def access_csv(rows: Iterable[AccessRow]) -> str:
    """Every meter, for whoever reads it by another way than the head-end's."""
    return _csv(map(_access_cells, rows))


def _access_cells(row: AccessRow) -> Mapping[str, object]:
    return {
        "meter_number": row.meter,
        "host": row.host,
        "port": row.port,
        "client_sap": row.client_sap,
        "server_sap": row.server_sap,
        "framing": row.framing,
        "system_title": row.system_title.hex(),
        "encryption_key": row.keys.encryption.octets.hex(),
        "authentication_key": row.keys.authentication.octets.hex(),
    }


def _concentrator_cells(row: ConcentratorRow) -> Mapping[str, object]:
    return {
        "concentrator": row.number,
        "host": row.host,
        "port": row.port,
        "client_sap": row.client_sap,
        "server_sap": row.server_sap,
        **_security_cells(row),
        "time_zone": row.time_zone,
    }


def _meter_cells(row: MeterRow) -> Mapping[str, object]:
    return {
        "meter_number": row.number,
        "usage_point": row.usage_point,
        "link": row.link,
        "concentrator": row.concentrator,
        "host": row.host,
        "port": row.port if row.link == "direct" else "",
        "model": row.model,
        "client_sap": row.client_sap,
        "server_sap": row.server_sap,
        **_security_cells(row),
        "commissioned": _truth(row.commissioned),
        "max_power_w": row.max_power_w,
        "contracted_power_w": row.contracted_power_w,
        "time_zone": row.time_zone,
        "protected": _truth(row.protected),
        "framing": row.framing,
        "physical_device": row.physical_device or "",
    }


def _security_cells(row: ConcentratorRow | MeterRow) -> Mapping[str, object]:
    return {
        "system_title": row.system_title.hex(),
        "encryption_key": _hex(row.encryption_key),
        "authentication_key": _hex(row.authentication_key),
    }


def _hex(key: Key | None) -> str:
    return "" if key is None else key.octets.hex()


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _csv(rows: Iterable[Mapping[str, object]]) -> str:
    """Empty when there is no row."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for place, row in enumerate(rows):
        if place == 0:
            writer.writerow(row)
        writer.writerow(row.values())
    return text.getvalue()
