"""Profile generic, class_id 7, version 1 (IEC 62056-6-2): rows captured in time, read whole, by range or by entry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from aforo.dlms import data, dates
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject
from aforo.dlms.errors import LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.events import DataAccess, Selection
from aforo.dlms.server import AccessRefused

RANGE, ENTRY = 1, 2
"""Selectors of the buffer."""

PROFILE_GENERIC = InterfaceClass(
    7,
    1,
    "Profile generic",
    (
        LOGICAL_NAME,
        Attribute(2, "buffer", data.ARRAY, selectors=(RANGE, ENTRY)),
        Attribute(3, "capture_objects", data.ARRAY),
        Attribute(4, "capture_period", data.DOUBLE_LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(5, "sort_method", data.ENUM),
        Attribute(6, "sort_object", data.STRUCTURE),
        Attribute(7, "entries_in_use", data.DOUBLE_LONG_UNSIGNED),
        Attribute(8, "profile_entries", data.DOUBLE_LONG_UNSIGNED),
    ),
    (Method(1, "reset", data.INTEGER, is_open=True), Method(2, "capture", data.INTEGER, is_open=True)),
)
_BUFFER = 2


@dataclass(frozen=True, slots=True)
class CaptureObject:
    """One column: an attribute, or an element of it. data_index: 0 is all of it, else the element, from 1."""

    class_id: int
    obis: bytes
    attribute: int
    data_index: int = 0

    def encoded(self) -> bytes:
        return data.structure(
            data.u16(self.class_id), data.octets(self.obis), data.i8(self.attribute), data.u16(self.data_index)
        )


def read_capture_objects(encoded: bytes) -> tuple[CaptureObject, ...]:
    """The columns of a device's profile. Raises RemoteProtocolError (MALFORMED)."""
    columns = PROFILE_GENERIC.decode("capture_objects", encoded)
    assert isinstance(columns, tuple), "the table says array"
    return tuple(map(_capture_object, columns))


def _capture_object(value: data.Value) -> CaptureObject:
    match value:
        case (int(class_id), bytes(obis), int(attribute), int(index)) if len(obis) == 6:
            return CaptureObject(class_id, obis, attribute, index)
    raise malformed("a column is class, logical name, attribute and index")


def between(column: CaptureObject, begin: datetime, end: datetime, columns: Sequence[CaptureObject] = ()) -> Selection:
    """Rows whose column, a clock, lies in [begin, end]; both ends included. columns: those wanted, none means all.

    Raises LocalProtocolError: a moment without a zone.
    """
    moments = (data.octets(dates.encode(begin)), data.octets(dates.encode(end)))
    return Selection(RANGE, _range(column, *moments, columns))


def numbered(column: CaptureObject, first: bytes, last: bytes, columns: Sequence[CaptureObject] = ()) -> Selection:
    """Rows whose column lies in [first, last], encoded values of the column's type."""
    return Selection(RANGE, _range(column, first, last, columns))


def _range(column: CaptureObject, first: bytes, last: bytes, columns: Sequence[CaptureObject]) -> bytes:
    return data.structure(column.encoded(), first, last, data.array(*(each.encoded() for each in columns)))


def entries(first: int, last: int, *, first_column: int = 1, last_column: int = 0) -> Selection:
    """Rows first to last, from 1; 0 as the last one means all that follow, of rows and of columns.

    Raises LocalProtocolError.
    """
    if first < 1 or first_column < 1:
        raise LocalProtocolError("entries and columns are counted from 1")
    return Selection(
        ENTRY, data.structure(data.u32(first), data.u32(last), data.u16(first_column), data.u16(last_column))
    )


class ProfileGeneric(StoredObject):
    """rows: of encoded values, as many as there are columns, asked for at every read.

    values: the attributes but buffer, capture_objects and entries_in_use.
    """

    table = PROFILE_GENERIC

    __slots__ = ("_columns", "_rows")

    def __init__(
        self,
        logical_name: bytes,
        columns: Sequence[CaptureObject],
        rows: Callable[[], Sequence[Sequence[bytes]]],
        values: dict[int, bytes],
        invoked: Callable[[int, data.Value], None] | None = None,
    ) -> None:
        super().__init__(logical_name, values, invoked)
        self._columns = tuple(columns)
        self._rows = rows

    def _get(self, attribute: int) -> bytes:
        match attribute:
            case 2:
                return _table(self._rows())
            case 3:
                return data.array(*(column.encoded() for column in self._columns))
            case 7:
                return data.u32(len(self._rows()))
        return super()._get(attribute)

    def _select(self, attribute: int, selection: Selection) -> bytes:
        assert attribute == _BUFFER, "no other attribute has selectors"
        try:
            wanted = data.decode(selection.parameter)
        except RemoteProtocolError as wrong:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
        if selection.selector == ENTRY:
            return self._by_entry(wanted)
        return self._by_range(wanted)

    def _by_entry(self, wanted: data.Value) -> bytes:
        match wanted:
            case (int(first), int(last), int(first_column), int(last_column)) if first >= 1 and first_column >= 1:
                rows = self._rows()[first - 1 : last or None]
                return _table([row[first_column - 1 : last_column or None] for row in rows])
        raise AccessRefused(DataAccess.TYPE_UNMATCHED)

    def _by_range(self, wanted: data.Value) -> bytes:
        match wanted:
            case (restricting, first, last, tuple(columns)):
                try:
                    column = self._place(restricting)
                    chosen = [self._place(each) for each in columns] or list(range(len(self._columns)))
                except RemoteProtocolError as wrong:
                    raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
                low, high = _orderable(first), _orderable(last)
                rows = [row for row in self._rows() if low <= _orderable(data.decode(row[column])) <= high]
                return _table([[row[place] for place in chosen] for row in rows])
        raise AccessRefused(DataAccess.TYPE_UNMATCHED)

    def _place(self, value: data.Value) -> int:
        try:
            return self._columns.index(_capture_object(value))
        except ValueError:
            raise AccessRefused(DataAccess.SCOPE_OF_ACCESS_VIOLATED) from None


def _table(rows: Sequence[Sequence[bytes]]) -> bytes:
    return data.array(*(data.structure(*row) for row in rows))


def _orderable(value: data.Value) -> float:
    """Numbers by size, date-times by the moment. Raises AccessRefused for what has no order."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, bytes):
        try:
            moment = dates.decode(value)
        except RemoteProtocolError as wrong:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
        if moment is not None:
            return moment.timestamp()
    raise AccessRefused(DataAccess.TYPE_UNMATCHED)
