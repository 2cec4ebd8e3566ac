"""GET, SET and ACTION in every form of theirs, in words (IEC 62056-5-3, COSEMpdu)."""

from collections.abc import Callable, Generator, Iterator

from aforo.dlms.printer_data import value
from aforo.dlms.printer_fields import (
    Grammar,
    block_number,
    data_block,
    data_result,
    given_data,
    invoke_id,
    last_block,
    listed,
    listed_data_result,
    object_attribute,
    object_member,
    octets_field,
    result_field,
    withheld,
)
from aforo.dlms.printer_tree import Node, Reader
from aforo.dlms.printer_words import METHOD, RESULTS, named


def _get_normal(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield from object_attribute(reader)


def _set_normal(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    is_secret = yield from object_attribute(reader)
    yield given_data(reader, is_secret=is_secret)


def _set_first_block(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    is_secret = yield from object_attribute(reader)
    yield from data_block(reader, is_secret=is_secret)


def _action_normal(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    is_secret = yield from object_member(reader, METHOD)
    start = reader.at
    is_there = reader.octet()
    yield reader.leaf("parameters", "follow" if is_there else "none", start=start)
    if is_there:
        yield given_data(reader, is_secret=is_secret)


def _action_first_block(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    is_secret = yield from object_member(reader, METHOD)
    yield from data_block(reader, is_secret=is_secret)


def _next_block(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield block_number(reader)


def _later_block(reader: Reader) -> Iterator[Node]:
    """Whose block it is was said in the first one, so a secret's is not known here: none is shown."""
    yield invoke_id(reader)
    yield from data_block(reader, is_secret=True)


def _get_list(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield from _objects(reader, object_attribute)


def _objects(reader: Reader, grammar: Callable[[Reader], Generator[Node, None, bool]]) -> Generator[Node, None, bool]:
    """Whether one of them is given a secret."""
    secrets: list[bool] = []

    def noted() -> Iterator[Node]:
        secrets.append((yield from grammar(reader)))

    yield listed(reader, "objects", lambda at, label: at.branch(label, "", start=at.at, children=noted()))
    return any(secrets)


def _set_list(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    is_secret = yield from _objects(reader, object_attribute)
    yield withheld(reader) if is_secret else listed(reader, "data", value)


def _action_list(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    is_secret = yield from _objects(reader, lambda at: object_member(at, METHOD))
    yield withheld(reader) if is_secret else listed(reader, "parameters", value)


def _get_response(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield from data_result(reader)


def _get_response_block(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield from last_block(reader)
    start = reader.at
    choice = reader.octet()
    if choice == 0:
        yield reader.leaf("result", "data", start=start)
        yield octets_field(reader, "block", is_secret=reader.is_secret)
    else:
        result = reader.octet()
        yield reader.leaf("result", f"refused: {named(result, RESULTS)}", start=start)


def _get_response_list(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield listed(reader, "results", listed_data_result)


def _set_response(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield result_field(reader)


def _set_response_last_block(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield result_field(reader)
    yield block_number(reader)


def _set_response_list(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield listed(reader, "results", result_field)


def _set_response_list_block(reader: Reader) -> Iterator[Node]:
    yield from _set_response_list(reader)
    yield block_number(reader)


def _returned(reader: Reader) -> Iterator[Node]:
    yield result_field(reader)
    start = reader.at
    is_there = reader.octet()
    yield reader.leaf("return parameters", "follow" if is_there else "none", start=start)
    if is_there:
        yield from data_result(reader)


def _action_response(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield from _returned(reader)


def _action_response_block(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield from data_block(reader)


def _action_response_list(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    yield listed(reader, "results", lambda at, label: at.branch(label, "", start=at.at, children=_returned(at)))


def _set_list_first_block(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    is_secret = yield from _objects(reader, object_attribute)
    yield from data_block(reader, is_secret=is_secret)


def _action_list_first_block(reader: Reader) -> Iterator[Node]:
    yield invoke_id(reader)
    is_secret = yield from _objects(reader, lambda at: object_member(at, METHOD))
    yield from data_block(reader, is_secret=is_secret)


FORMS: dict[int, dict[int, tuple[str, Grammar]]] = {
    0xC0: {
        1: ("normal", _get_normal),
        2: ("next", _next_block),
        3: ("with-list", _get_list),
    },
    0xC1: {
        1: ("normal", _set_normal),
        2: ("with-first-datablock", _set_first_block),
        3: ("with-datablock", _later_block),
        4: ("with-list", _set_list),
        5: ("with-list-and-first-datablock", _set_list_first_block),
    },
    0xC3: {
        1: ("normal", _action_normal),
        2: ("next-pblock", _next_block),
        3: ("with-list", _action_list),
        4: ("with-first-pblock", _action_first_block),
        5: ("with-list-and-first-pblock", _action_list_first_block),
        6: ("with-pblock", _later_block),
    },
    0xC4: {
        1: ("normal", _get_response),
        2: ("with-datablock", _get_response_block),
        3: ("with-list", _get_response_list),
    },
    0xC5: {
        1: ("normal", _set_response),
        2: ("datablock", _next_block),
        3: ("last-datablock", _set_response_last_block),
        4: ("last-datablock-with-list", _set_response_list_block),
        5: ("with-list", _set_response_list),
    },
    0xC7: {
        1: ("normal", _action_response),
        2: ("with-pblock", _action_response_block),
        3: ("with-list", _action_response_list),
        4: ("next-pblock", _next_block),
    },
}
"""By the service's tag, then by the number of its form: the form's name, and how it is read."""
