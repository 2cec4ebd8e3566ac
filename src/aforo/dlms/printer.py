"""Any DLMS/COSEM octets as a tree of words, for people: what is known is named, what is not is shown with the reason.

Frames of the TCP wrapper or of HDLC (several in a row), the gateway prefix, association control, services, protection.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from aforo.dlms import gateway, printer_acse, printer_protection, printer_services, wrapper
from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.hdlc.frames import FLAG
from aforo.dlms.keys import Keys, SystemTitle
from aforo.dlms.printer_acse import UA_NAMES, association_control
from aforo.dlms.printer_data import text_words
from aforo.dlms.printer_fields import number_field
from aforo.dlms.printer_hdlc import HdlcFrames
from aforo.dlms.printer_protection import protected
from aforo.dlms.printer_services import service
from aforo.dlms.printer_tree import Clues, Node, Reader, counted

__all__ = ["Node", "describe", "describe_each", "lines"]

_OCTETS_SHOWN = 12
_INDENT = "  "


def describe(octets: bytes, keys: Keys | None = None, titles: Sequence[SystemTitle] = ()) -> Node:
    """Never raises for any octets. Shows no password, challenge or key: only how long it is.

    keys: global keys, of any suite.   titles: of those who may have ciphered; what an AARQ or AARE in the same octets
    tells is known too. Octets with an AARQ or AARE anywhere lose sight of what cannot be followed: it may be a
    password that slipped out of its place.
    """
    return describe_each([octets], keys, titles)[0]


def _described(reader: Reader) -> Node:
    return reader.whole("input", counted(reader.left), start=0, children=_messages(reader))


def describe_each(apdus: Iterable[bytes], keys: Keys | None = None, titles: Sequence[SystemTitle] = ()) -> list[Node]:
    """The same for what was said one after the other: a title told in one opens those behind it."""
    clues = Clues(keys, titles)
    return [_described(Reader(octets, clues, is_secret=UA_NAMES in octets)) for octets in apdus]


def lines(tree: Node) -> Iterator[str]:
    """The octets of a node's own in a column, cut where they are many, then its words, indented."""
    return _lines(tree, 0)


def _lines(node: Node, depth: int) -> Iterator[str]:
    shown = node.octets.hex()
    if len(node.octets) > _OCTETS_SHOWN:
        shown = f"{shown[: 2 * _OCTETS_SHOWN - 3]}..."
    words = f"{node.label}: {node.value}" if node.value else node.label
    yield f"{shown:<{2 * _OCTETS_SHOWN}}  {_INDENT * depth}{words}"
    for child in node.children:
        yield from _lines(child, depth + 1)


def _messages(reader: Reader) -> Iterator[Node]:
    first = reader.peek()
    if first == FLAG:
        yield from HdlcFrames(_apdu).read(reader)
        return
    if first != 0:
        yield _apdu(reader)
        return
    while reader.left:
        yield _frame(reader)


def _frame(reader: Reader) -> Node:
    start = reader.at
    version, source, destination, length = (reader.number(2) for _ in range(4))
    if version != wrapper.VERSION:
        raise malformed(f"wrapper version {version}, not {wrapper.VERSION}")
    words = f"from {source} to {destination}, {counted(length)}"
    if length > reader.left:
        words += f", of which {reader.left} there"
    inner = reader.part(min(length, reader.left))
    return inner.around("wrapper frame", words, start=start, inside=_apdu)


def _apdu(reader: Reader) -> Node:
    """One APDU that fills the reader."""
    reader.deeper()
    tag = reader.peek()
    read = _READERS.get(tag)
    if read is None:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"no APDU begins with {tag:02X}")
    return read(reader)


def _gateway(reader: Reader) -> Node:
    start = reader.at
    label = "gateway request" if reader.octet() == gateway.REQUEST else "gateway response"
    return reader.whole(label, "", start=start, children=_behind_gateway(reader))


def _behind_gateway(reader: Reader) -> Iterator[Node]:
    yield number_field(reader, "network", 1)
    start = reader.at
    address = reader.take(reader.octet())
    yield reader.leaf("device address", text_words(address) or address.hex() or "none", start=start)
    yield _apdu(reader)


_READERS: dict[int, Callable[[Reader], Node]] = {
    **dict.fromkeys((gateway.REQUEST, gateway.RESPONSE), _gateway),
    **dict.fromkeys(printer_services.NAMES, service),
    **dict.fromkeys(printer_acse.NAMES, partial(association_control, inside=_apdu)),
    **dict.fromkeys(printer_protection.NAMES, partial(protected, inside=_apdu)),
}
"""By the tag that an APDU begins with."""
