"""ACCESS in words: requests of several kinds in one APDU, and their answers (IEC 62056-5-3, COSEMpdu)."""

from collections.abc import Generator, Iterator

from aforo.dlms.errors import malformed
from aforo.dlms.printer_data import value, values
from aforo.dlms.printer_fields import listed, moment, number_field, object_member, result_field, withheld
from aforo.dlms.printer_tree import Node, Reader
from aforo.dlms.printer_words import ATTRIBUTE, METHOD, SELECTORS, long_priority_words, named
from aforo.dlms.xdlms.access import ACTION, GET, GET_SELECTED, SET, SET_SELECTED

_CHOICES = {GET: "get", SET: "set", ACTION: "action", GET_SELECTED: "get", SET_SELECTED: "set"}


def access_request(reader: Reader) -> Iterator[Node]:
    yield from _head(reader)
    is_secret = yield from _specifications(reader)
    yield withheld(reader) if is_secret else listed(reader, "data", value)


def access_response(reader: Reader) -> Iterator[Node]:
    yield from _head(reader)
    start = reader.at
    is_there = reader.octet()
    yield reader.leaf("specifications", "follow" if is_there else "not repeated", start=start)
    is_secret = (yield from _specifications(reader)) if is_there else False
    yield withheld(reader) if is_secret else listed(reader, "data", value)
    if not is_secret:
        yield listed(reader, "results", _result)


def _head(reader: Reader) -> Iterator[Node]:
    yield number_field(reader, "long-invoke-id-and-priority", 4, long_priority_words)
    yield moment(reader)


def _specifications(reader: Reader) -> Generator[Node, None, bool]:
    """Whether one of them is given a secret."""
    secrets: list[bool] = []

    def one(at: Reader, label: str) -> Node:
        start = at.at
        choice = at.octet()
        if choice not in _CHOICES:
            raise malformed(f"an access of kind {choice}")
        return at.branch(label, _CHOICES[choice], start=start, children=_target(at, choice, secrets))

    yield listed(reader, "objects", one)
    return any(secrets)


def _target(reader: Reader, choice: int, secrets: list[bool]) -> Iterator[Node]:
    secrets.append((yield from object_member(reader, METHOD if choice == ACTION else ATTRIBUTE)))
    if choice in (GET_SELECTED, SET_SELECTED):
        start = reader.at
        words = f"by {named(reader.octet(), SELECTORS)}"
        yield reader.branch("selective access", words, start=start, children=values(reader, ["parameters"]))


def _result(reader: Reader, label: str) -> Node:
    start = reader.at
    choice = reader.octet()
    return reader.branch(label, named(choice, _CHOICES), start=start, children=map(result_field, (reader,)))
