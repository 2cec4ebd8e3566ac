"""Parts that several xDLMS services share, in words: numbers, objects, results, blocks (IEC 62056-5-3, COSEMpdu)."""

from collections.abc import Callable, Generator, Iterator
from typing import TypeAlias

from aforo.dlms import dates, obis
from aforo.dlms.errors import malformed
from aforo.dlms.printer_data import date_time_words, value, values
from aforo.dlms.printer_tree import Node, Reader, counted
from aforo.dlms.printer_words import (
    ATTRIBUTE,
    RESULTS,
    SECRET_MEMBERS,
    SELECTORS,
    class_words,
    member_words,
    named,
    priority_words,
)

Grammar: TypeAlias = Callable[[Reader], Iterator[Node]]
"""Yields the nodes of what it reads, in the order of the wire; RemoteProtocolError where that cannot be followed."""


def number_field(reader: Reader, label: str, octets: int, words: Callable[[int], str] = str) -> Node:
    start = reader.at
    number = reader.number(octets)
    return reader.leaf(label, words(number), start=start)


def invoke_id(reader: Reader) -> Node:
    return number_field(reader, "invoke-id-and-priority", 1, priority_words)


def moment(reader: Reader) -> Node:
    start = reader.at
    octets = reader.string()
    words = date_time_words(octets) if len(octets) == dates.OCTETS else None
    return reader.leaf("date-time", words or octets.hex() or "none", start=start)


def object_member(reader: Reader, kind: str) -> Generator[Node, None, bool]:
    """Class, logical name, attribute or method; whether what it is given is a secret."""
    start = reader.at
    class_id = reader.number(2)
    yield reader.leaf("class", class_words(class_id), start=start)
    start = reader.at
    name = reader.take(6)
    yield reader.leaf("logical name", obis.show(name), start=start)
    start = reader.at
    index = reader.octet()
    yield reader.leaf(kind, member_words(class_id, kind, index), start=start)
    is_secret = (class_id, kind, index) in SECRET_MEMBERS
    reader.is_secret = reader.is_secret or is_secret
    return is_secret


def selective_access(reader: Reader) -> Node:
    start = reader.at
    if not reader.octet():
        return reader.leaf("selective access", "none", start=start)
    selector = reader.octet()
    words = f"by {named(selector, SELECTORS)}"
    return reader.branch("selective access", words, start=start, children=values(reader, ["parameters"]))


def object_attribute(reader: Reader) -> Generator[Node, None, bool]:
    is_secret = yield from object_member(reader, ATTRIBUTE)
    yield selective_access(reader)
    return is_secret


def given_data(reader: Reader, *, is_secret: bool) -> Node:
    return withheld(reader) if is_secret else value(reader, "data")


def withheld(reader: Reader) -> Node:
    start = reader.at
    octets = reader.take(reader.left)
    return reader.hidden("data", counted(len(octets)), start=start)


def listed(reader: Reader, label: str, one: Callable[[Reader, str], Node]) -> Node:
    start = reader.at
    count = reader.count()
    items = (one(reader, str(index)) for index in range(1, count + 1))
    return reader.branch(label, str(count), start=start, children=items)


def result_field(reader: Reader, label: str = "result") -> Node:
    return number_field(reader, label, 1, lambda number: named(number, RESULTS))


def data_result(reader: Reader) -> Iterator[Node]:
    """Get-Data-Result: data, or why there is none."""
    start = reader.at
    choice = reader.octet()
    if choice > 1:
        raise malformed(f"choice {choice}, which is neither data (0) nor a result (1)")
    if choice == 0:
        yield reader.leaf("result", "data", start=start)
        yield value(reader, "data")
    else:
        result = reader.octet()
        yield reader.leaf("result", f"refused: {named(result, RESULTS)}", start=start)


def listed_data_result(reader: Reader, label: str) -> Node:
    return reader.branch(label, "", start=reader.at, children=data_result(reader))


def block_number(reader: Reader) -> Node:
    return number_field(reader, "block number", 4)


def octets_field(reader: Reader, label: str, *, is_secret: bool) -> Node:
    reader.is_secret = reader.is_secret or is_secret
    start = reader.at
    octets = reader.string()
    if is_secret:
        return reader.hidden(label, counted(len(octets)), start=start)
    return reader.leaf(label, f"{counted(len(octets))}: {octets.hex()}", start=start)


def last_block(reader: Reader) -> Iterator[Node]:
    yield number_field(reader, "last block", 1, lambda flag: "yes" if flag else "no")
    yield block_number(reader)


def data_block(reader: Reader, *, is_secret: bool = False) -> Iterator[Node]:
    yield from last_block(reader)
    yield octets_field(reader, "block", is_secret=is_secret)
