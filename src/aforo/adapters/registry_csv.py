"""Meters and concentrators as rows of text, from a CSV file or from JSON, into what the registry keeps.

All errors are found in one reading, and no error repeats what a cell holds: a row that has slipped by one column would
show a key.
"""

import csv
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, NamedTuple, TypeVar

from aforo.adapters import registry_cells as cell
from aforo.adapters.registry_cells import InvalidCell
from aforo.domain.devices import Address, Concentrator, DeviceSecurity, Framing, Link, Meter
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber
from aforo.domain.meter_models import GENERIC
from aforo.engine.ports import KeyVault

ROWS_MAX = 100_000
ERRORS_MAX = 200
"""Told at once; a file with more has one mistake many times."""

CONCENTRATOR_COLUMNS = (
    *("concentrator", "host", "port", "client_sap", "server_sap"),
    *("system_title", "encryption_key", "authentication_key", "time_zone"),
)
METER_COLUMNS = (
    *("meter_number", "usage_point", "link", "concentrator", "host", "port", "model", "client_sap", "server_sap"),
    *("system_title", "encryption_key", "authentication_key", "commissioned", "max_power_w"),
)
METER_OPTIONS = ("contracted_power_w", "time_zone", "protected", "framing", "physical_device")
"""May be left out of a file; then every meter has the default."""

DEFAULT_ZONE = "America/Santiago"
_COLUMN = re.compile(r"[a-z]+(?:_[a-z]+)*", re.ASCII)

T = TypeVar("T")
D = TypeVar("D", Meter, Concentrator)
Row = Mapping[str, str]


class RowError(NamedTuple):
    """line: of the file, or the row's place in JSON, from 1.   column: empty when it is about the whole line."""

    line: int
    column: str
    es: str
    en: str

    def reason(self, language: str) -> str:
        return self.en if language == "en" else self.es


class InvalidRows(Exception):
    """Nothing is taken over. errors: in the order of the lines; total: also those beyond ERRORS_MAX."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = tuple(errors[:ERRORS_MAX])
        self.total = len(errors)


@dataclass(frozen=True, slots=True)
class Rows:
    """cells: by column.   lines: where each row stands, for messages."""

    cells: Sequence[Row]
    lines: Sequence[int]


def read_csv(text: str, columns: Sequence[str], options: Sequence[str] = ()) -> Rows:
    """Comma or semicolon, with or without a byte-order mark. Raises InvalidRows."""
    text = text.removeprefix("\ufeff")
    heading = text.partition("\n")[0]
    reader = csv.reader(StringIO(text, newline=""), delimiter=";" if ";" in heading and "," not in heading else ",")
    cells: list[Row] = []
    lines: list[int] = []
    errors: list[RowError] = []
    try:
        names = [name.strip() for name in next(reader, [])]
        _check_heading(names, columns, options)
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(names):
                errors.append(_wrong_width(reader.line_num, len(values), len(names)))
            cells.append(dict(zip(names, values, strict=False)))
            lines.append(reader.line_num)
            if len(cells) > ROWS_MAX:
                raise InvalidRows([_too_many(reader.line_num)])
    except csv.Error:
        errors.append(RowError(reader.line_num, "", "La línea no es CSV válido.", "The line is no valid CSV."))
    if errors:
        raise InvalidRows(errors)
    return Rows(cells, lines)


def _check_heading(names: Sequence[str], columns: Sequence[str], options: Sequence[str]) -> None:
    known = ", ".join((*columns, *options))
    errors = [
        RowError(1, name, "Falta esta columna.", "This column is missing.") for name in columns if name not in names
    ]
    for place, name in enumerate(names, 1):
        shown = name if _COLUMN.fullmatch(name) else f"#{place}"
        if name not in (*columns, *options):
            errors.append(
                RowError(1, shown, f"Columna desconocida; son: {known}.", f"Unknown column; they are: {known}.")
            )
        elif name in names[: place - 1]:
            errors.append(RowError(1, shown, "Esta columna está repetida.", "This column is there twice."))
    if errors:
        raise InvalidRows(errors)


def _wrong_width(line: int, cells: int, columns: int) -> RowError:
    return RowError(
        line, "", f"La línea tiene {cells} celdas; deben ser {columns}.", f"The line has {cells} cells, not {columns}."
    )


def _too_many(line: int) -> RowError:
    return RowError(
        line, "", f"Más de {ROWS_MAX} filas; divida el archivo.", f"More than {ROWS_MAX} rows; split the file."
    )


def read_json(document: Any, columns: Sequence[str], options: Sequence[str] = ()) -> Rows:
    """A list of objects with the CSV's columns; what is left out or null is empty. Raises InvalidRows."""
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise InvalidRows([RowError(0, "", "Se espera una lista de objetos.", "A list of objects is expected.")])
    if len(document) > ROWS_MAX:
        raise InvalidRows([_too_many(ROWS_MAX + 1)])
    known = (*columns, *options)
    errors: list[RowError] = []
    cells: list[Row] = []
    for place, row in enumerate(document, 1):
        if any(name not in known for name in row):
            names = ", ".join(known)
            errors.append(
                RowError(place, "", f"Hay un nombre que no es de: {names}.", f"A name is not one of: {names}.")
            )
        cells.append({name: _text_of(value) for name, value in row.items()})
    if errors:
        raise InvalidRows(errors)
    return Rows(cells, range(1, len(cells) + 1))


def _text_of(value: Any) -> str:
    """What is neither a text, a number nor a truth becomes a text that no column accepts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else "\0"


class _Reader:
    """One row's cells; what is wrong goes to the list of errors."""

    def __init__(self, row: Row, line: int, errors: list[RowError]) -> None:
        self._row = row
        self._line = line
        self._errors = errors

    def given(self, column: str) -> bool:
        return bool(self._row.get(column, "").strip())

    def required(self, column: str, read: Callable[[str], T], otherwise: T) -> T:
        """otherwise: stands in after an error, so that the rest of the row is read too."""
        if not self.given(column):
            self.wrong(column, InvalidCell("No puede estar vacía.", "It must not be empty."))
            return otherwise
        return self.optional(column, read, otherwise)

    def optional(self, column: str, read: Callable[[str], T], default: T) -> T:
        text = self._row.get(column, "").strip()
        if not text:
            return default
        try:
            return read(text)
        except InvalidCell as wrong:
            self.wrong(column, wrong)
            return default

    def wrong(self, column: str, wrong: InvalidCell) -> None:
        self._errors.append(RowError(self._line, column, wrong.es, wrong.en))


def meters_of(rows: Rows, vault: KeyVault, *, models: Collection[str]) -> list[Meter]:
    """Keys are wrapped here. Raises InvalidRows."""

    def read(reader: _Reader) -> Meter:
        return _meter(reader, vault, models)

    return _devices(rows, read, "meter_number")


def concentrators_of(rows: Rows, vault: KeyVault) -> list[Concentrator]:
    """Keys are wrapped here. Raises InvalidRows."""
    return _devices(rows, lambda reader: _concentrator(reader, vault), "concentrator")


def _devices(rows: Rows, read: Callable[[_Reader], D], column: str) -> list[D]:
    errors: list[RowError] = []
    first: dict[str, int] = {}
    devices: list[D] = []
    for row, line in zip(rows.cells, rows.lines, strict=True):
        reader = _Reader(row, line, errors)
        device = read(reader)
        devices.append(device)
        before = first.setdefault(device.number, line)
        if before != line and device.number:
            reader.wrong(column, InvalidCell("Ya está más arriba.", "It already stands further up."))
    if errors:
        raise InvalidRows(errors)
    return devices


def _concentrator(reader: _Reader, vault: KeyVault) -> Concentrator:
    return Concentrator(
        number=ConcentratorNumber(reader.required("concentrator", cell.number, "")),
        address=_address(reader, required=True),
        security=_security(reader, vault),
        time_zone=reader.optional("time_zone", cell.zone, DEFAULT_ZONE),
    )


def _meter(reader: _Reader, vault: KeyVault, models: Collection[str]) -> Meter:
    number = MeterNumber(reader.required("meter_number", cell.number, ""))
    link = reader.required("link", cell.link, Link.DELEGATED)
    concentrator = reader.optional("concentrator", cell.number, "")
    if link is Link.DIRECT and reader.given("concentrator"):
        reader.wrong(
            "concentrator",
            InvalidCell("Un medidor directo no tiene concentrador.", "A direct meter has no concentrator."),
        )
    highest = reader.required("max_power_w", cell.watts, 1)
    return Meter(
        number=number,
        usage_point=reader.optional("usage_point", cell.usage_point, ""),
        link=link,
        concentrator=ConcentratorNumber(concentrator) if concentrator else None,
        address=_meter_address(reader, link),
        model=reader.optional("model", lambda text: cell.model(text, models), GENERIC),
        security=_security(reader, vault),
        commissioned=reader.required("commissioned", cell.truth, False),
        max_power_w=highest,
        contracted_power_w=reader.optional("contracted_power_w", cell.watts, highest),
        time_zone=reader.optional("time_zone", cell.zone, DEFAULT_ZONE),
        protected=reader.optional("protected", cell.truth, False),
    )


def _meter_address(reader: _Reader, link: Link) -> Address | None:
    """A delegated meter may have one, though nobody uses it; a transparent one always has its access points."""
    if link is Link.DIRECT:
        return _address(reader, required=True)
    address = _address(reader, required=False)
    return address if link is Link.TRANSPARENT or address.host else None


def _address(reader: _Reader, *, required: bool) -> Address:
    ask = reader.required if required else reader.optional
    address = Address(
        ask("host", cell.host, ""),
        ask("port", cell.port, 0),
        reader.optional("client_sap", cell.sap, 1),
        reader.optional("server_sap", cell.sap, 1),
        reader.optional("framing", cell.framing, Framing.WRAPPER),
        reader.optional("physical_device", cell.physical_device, None),
    )
    if address.framing is Framing.HDLC:
        _check_stations(reader, address)
    elif address.physical_device is not None:
        reader.wrong("physical_device", InvalidCell("Es solo para framing hdlc.", "It is for framing hdlc only."))
    return address


def _check_stations(reader: _Reader, address: Address) -> None:
    """HDLC addresses are shorter than service access points."""
    server_max = cell.UPPER_ALONE_MAX if address.physical_device is None else cell.UPPER_MAX
    stations = (
        ("client_sap", address.client_sap, cell.UPPER_ALONE_MAX),
        ("server_sap", address.server_sap, server_max),
    )
    for column, sap, highest in stations:
        if sap > highest:
            reader.wrong(column, InvalidCell(f"En hdlc, a lo más {highest}.", f"In hdlc at most {highest}."))


def _security(reader: _Reader, vault: KeyVault) -> DeviceSecurity:
    pair = ("encryption_key", "authentication_key")
    encryption, authentication = (
        reader.optional(column, lambda text: vault.wrap(cell.key(text)), b"") for column in pair
    )
    for column, other in (pair, pair[::-1]):
        if reader.given(other) and not reader.given(column):
            reader.wrong(column, InvalidCell(f"Falta, y {other} está dada.", f"It is missing, and {other} is given."))
    return DeviceSecurity(reader.optional("system_title", cell.title, b""), encryption, authentication)
