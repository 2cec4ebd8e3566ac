"""COSEM data in words: type and value, dates and names recognised inside octet-strings."""

from collections.abc import Iterable, Iterator

from aforo.dlms import data, obis
from aforo.dlms.errors import ErrorCode, RemoteProtocolError
from aforo.dlms.printer_tree import Node, Reader, counted

TYPES = {
    data.NULL: "null-data", data.ARRAY: "array", data.STRUCTURE: "structure", data.BOOLEAN: "boolean",
    data.BIT_STRING: "bit-string", data.DOUBLE_LONG: "double-long", data.DOUBLE_LONG_UNSIGNED: "double-long-unsigned",
    data.OCTET_STRING: "octet-string", data.VISIBLE_STRING: "visible-string", data.UTF8_STRING: "utf8-string",
    data.BCD: "bcd", data.INTEGER: "integer", data.LONG: "long", data.UNSIGNED: "unsigned",
    data.LONG_UNSIGNED: "long-unsigned", data.COMPACT_ARRAY: "compact-array", data.LONG64: "long64",
    data.LONG64_UNSIGNED: "long64-unsigned", data.ENUM: "enum", data.FLOAT32: "float32", data.FLOAT64: "float64",
    data.DATE_TIME: "date-time", data.DATE: "date", data.TIME: "time", data.DONT_CARE: "don't-care",
}  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ANY = 0xFF
_ANY_YEAR, _ANY_DEVIATION = 0xFFFF, -0x8000
_DEVIATION_MIN_MAX = 840
_LAST_DAYS = {0xFD: "second last day", 0xFE: "last day"}
_STATUS = ((0x01, "invalid"), (0x02, "doubtful"), (0x04, "different clock base"), (0x08, "invalid clock status"))
_DAYLIGHT_SAVING = (0x80, "daylight saving")


def values(reader: Reader, labels: Iterable[str]) -> Iterator[Node]:
    """One value for each label."""
    return (value(reader, label) for label in labels)


def value(reader: Reader, label: str, depth: int = 0) -> Node:
    """One value, tag included. Raises RemoteProtocolError: MALFORMED, UNSUPPORTED, TOO_DEEP."""
    start = reader.at
    tag = reader.octet()
    name = TYPES.get(tag)
    if name is None:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"data type {tag}")
    if tag == data.COMPACT_ARRAY:
        return _compact_array(reader, label, start=start)
    if tag not in (data.ARRAY, data.STRUCTURE):
        words = _scalar(tag, reader)
        return reader.leaf(label, f"{name} {words}".rstrip(), start=start)
    if depth == data.DEPTH_MAX:
        raise RemoteProtocolError(ErrorCode.TOO_DEEP, f"more than {data.DEPTH_MAX} levels of structures")
    count = reader.count()
    elements = (value(reader, str(index), depth + 1) for index in range(1, count + 1))
    return reader.branch(label, f"{name} of {count}", start=start, children=elements)


def _compact_array(reader: Reader, label: str, *, start: int) -> Node:
    """Decoded as a whole first, which bounds how many nodes there will be."""
    elements, _ = data.decode_from(reader.raw[: reader.end], start)
    assert isinstance(elements, tuple)
    return reader.branch(label, f"compact-array of {len(elements)}", start=start, children=_described(reader))


def _described(reader: Reader) -> Iterator[Node]:
    start = reader.at
    description, end = data.take_description(reader.raw, start)
    reader.take(end - start)
    yield reader.leaf("type description", _description_words(description), start=start)
    start = reader.at
    count = reader.length()
    yield reader.leaf("length", counted(count), start=start)
    contents, index = reader.part(count), 0
    while contents.left:
        index += 1
        yield _element(contents, str(index), description)


def _element(reader: Reader, label: str, description: data.TypeDescription) -> Node:
    start, tag = reader.at, description.tag
    if tag not in (data.ARRAY, data.STRUCTURE):
        words = _scalar(tag, reader)
        return reader.leaf(label, f"{TYPES[tag]} {words}".rstrip(), start=start)
    members = description.members * (description.elements if tag == data.ARRAY else 1)
    children = (_element(reader, str(index), member) for index, member in enumerate(members, 1))
    return reader.branch(label, f"{TYPES[tag]} of {len(members)}", start=start, children=children)


def _description_words(description: data.TypeDescription) -> str:
    name, members = TYPES[description.tag], ", ".join(map(_description_words, description.members))
    if description.tag == data.ARRAY:
        return f"{name} of {description.elements} ({members})"
    return f"{name} of ({members})" if description.tag == data.STRUCTURE else name


def date_time_words(octets: bytes) -> str | None:
    """Of 12 octets (IEC 62056-6-2, clause 4.1.6.1), `*` for what is left open; None when they are no date-time."""
    date, time = _date_words(octets[:5]), _time_words(octets[5:9])
    deviation = int.from_bytes(octets[9:11], "big", signed=True)
    if date is None or time is None or (deviation != _ANY_DEVIATION and abs(deviation) > _DEVIATION_MIN_MAX):
        return None
    zone = "no deviation" if deviation == _ANY_DEVIATION else f"UTC{_offset(-deviation)}"
    flags = [] if octets[11] == _ANY else [words for bit, words in (*_STATUS, _DAYLIGHT_SAVING) if octets[11] & bit]
    return ", ".join((f"{date} {time}", zone, *flags))


def text_words(octets: bytes, encoding: str = "ascii") -> str | None:
    """In quotes; None when it would not be seen, or could move the cursor of a terminal."""
    try:
        text = octets.decode(encoding)
    except UnicodeDecodeError:
        return None
    return f'"{text}"' if text and text.isprintable() else None


def _scalar(tag: int, reader: Reader) -> str:
    match tag:
        case data.NULL | data.DONT_CARE:
            return ""
        case data.BOOLEAN:
            return "true" if reader.octet() else "false"
        case data.OCTET_STRING:
            return _octet_string(reader.string())
        case data.VISIBLE_STRING | data.UTF8_STRING:
            octets = reader.string()
            encoding = "ascii" if tag == data.VISIBLE_STRING else "utf-8"
            return text_words(octets, encoding) or f"{counted(len(octets))}: {octets.hex()}"
        case data.BIT_STRING:
            return _bits(reader)
        case data.DATE_TIME:
            octets = reader.take(12)
            return date_time_words(octets) or f"{octets.hex()}, which is none"
        case data.DATE:
            octets = reader.take(5)
            return _date_words(octets) or f"{octets.hex()}, which is none"
        case data.TIME:
            octets = reader.take(4)
            return _time_words(octets) or f"{octets.hex()}, which is none"
    return _number(tag, reader)


def _number(tag: int, reader: Reader) -> str:
    number, end = data.take_content(tag, reader.raw, reader.at)
    reader.take(end - reader.at)
    return str(number)


def _octet_string(octets: bytes) -> str:
    meaning = text_words(octets)
    if len(octets) == 12:
        meaning = date_time_words(octets) or meaning
    elif len(octets) == 6 and octets[5] == _ANY:
        meaning = obis.show(octets)
    hexadecimal = f": {octets.hex()}" if octets else ""
    return f"{counted(len(octets))}{hexadecimal}{f' = {meaning}' if meaning else ''}"


def _bits(reader: Reader) -> str:
    count = reader.length()
    octets = reader.take((count + 7) // 8)
    return "".join(f"{octet:08b}" for octet in octets)[:count]


def _date_words(octets: bytes) -> str | None:
    year, month, day, weekday = int.from_bytes(octets[:2], "big"), *octets[2:5]
    known = (
        (year == _ANY_YEAR or 1 < year < 9999)
        and (1 <= month <= 12 or month >= 0xFD)
        and (1 <= day <= 31 or day >= 0xFD)
        and (1 <= weekday <= 7 or weekday == _ANY)
    )
    if not known:
        return None
    months = {0xFD: "daylight saving ends", 0xFE: "daylight saving begins", _ANY: "**"}
    words = f"{'****' if year == _ANY_YEAR else f'{year:04}'}-{months.get(month, f'{month:02}')}"
    words += f"-{'**' if day == _ANY else _LAST_DAYS.get(day, f'{day:02}')}"
    return words if weekday == _ANY else f"{words} {_WEEKDAYS[weekday - 1]}"


def _time_words(octets: bytes) -> str | None:
    parts = list(zip(octets, (23, 59, 59, 99), strict=True))
    if any(part > most and part != _ANY for part, most in parts):
        return None
    hour, minute, second, hundredths = ("**" if part == _ANY else f"{part:02}" for part, _ in parts)
    return f"{hour}:{minute}:{second}" + ("" if hundredths == "**" else f".{hundredths}")


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
