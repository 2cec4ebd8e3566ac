"""HDLC frames in words (IEC 62056-46), and the APDU inside them, also where it went in several frames."""

from collections.abc import Iterator

from aforo.dlms.errors import malformed
from aforo.dlms.hdlc.addresses import Address, take_address
from aforo.dlms.hdlc.checksum import CHECKSUM_OCTETS, checksum
from aforo.dlms.hdlc.control import MODULO, SUPERVISORY, Control, Kind, decode_control, decode_frame_reject
from aforo.dlms.hdlc.frames import FLAG, FORMAT_OCTETS, body_length
from aforo.dlms.hdlc.negotiation import decode_parameters
from aforo.dlms.printer_acse import UA_NAMES
from aforo.dlms.printer_tree import NOT_SHOWN, Inside, Node, Reader, counted

LAST_SEGMENT = "last segment"
"""Label of a node whose children count in the octets of all segments."""

_SEGMENTED = 0x08
_SENDERS = {b"\xe6\xe6\x00": "command", b"\xe6\xe7\x00": "response"}
_LLC_OCTETS = 3


class HdlcFrames:
    """Reads frame after frame. Segments of one sender are kept, and their APDU is shown with the last of them.

    After a gap in their numbers, or a broken frame, what is left of them is no APDU, and has no LLC header either.
    """

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._segments: dict[Address, tuple[int, bytes]] = {}

    def read(self, reader: Reader) -> Iterator[Node]:
        while reader.left:
            yield self._frame(reader)

    def _frame(self, reader: Reader) -> Node:
        """With its flags; one that closes a frame may open the next one too. What is no frame may hold a password."""
        start, is_secret, reader.is_secret = reader.at, reader.is_secret, True
        while reader.left and reader.peek() == FLAG:
            reader.octet()
        begin = reader.at
        length = body_length(reader.take(FORMAT_OCTETS), 0)
        there = min(length - FORMAT_OCTETS, reader.left)
        is_closed = reader.raw[reader.at + there : reader.end][:1] == bytes((FLAG,))
        inner = reader.part(there + is_closed)
        words = counted(length) + (
            "" if there == length - FORMAT_OCTETS else f", of which {there + FORMAT_OCTETS} there"
        )
        node = inner.whole("HDLC frame", words, start=start, children=self._parts(inner, begin, begin + length))
        reader.is_secret = is_secret
        return node

    def _parts(self, reader: Reader, begin: int, end: int) -> Iterator[Node]:
        """begin, end: of what stands between the flags."""
        yield _address(reader, "destination")[1]
        source, node = _address(reader, "source")
        yield node
        start = reader.at
        control = decode_control(reader.octet())
        is_segment = bool(reader.raw[begin] & _SEGMENTED)
        yield reader.leaf("control", _control_words(control, is_segment=is_segment), start=start)
        if reader.at < end - CHECKSUM_OCTETS:
            yield _check(reader, "header check sequence", begin)
            inner = reader.part(min(max(0, end - CHECKSUM_OCTETS - reader.at), reader.left))
            start, count = inner.at, counted(inner.left)
            if _is_whole(reader, begin, end):
                inner.is_secret = UA_NAMES in inner.raw
                parts = self._information(inner, control, source, is_segment=is_segment)
                yield inner.whole("information", count, start=start, children=parts)
            else:
                self._segments.clear()
                yield reader.hidden("information", f"{count} of a frame that is not whole", start=start)
        yield _check(reader, "frame check sequence", begin)
        start = reader.at
        if reader.left:
            reader.octet()
            yield reader.leaf("flag", "", start=start)

    def _information(self, reader: Reader, control: Control, source: Address, *, is_segment: bool) -> Iterator[Node]:
        start, octets, kind = reader.at, reader.raw[reader.at : reader.end], control.kind
        if kind in (Kind.SNRM, Kind.UA):
            agreed = decode_parameters(octets)
            reader.take(len(octets))
            words = f"at most {agreed.information_max_transmit} octets and {agreed.window_transmit} frames out"
            words += f", {agreed.information_max_receive} octets and {agreed.window_receive} frames in"
            yield reader.leaf("parameters", words, start=start)
        elif kind is Kind.FRMR:
            rejected = decode_frame_reject(octets)
            reader.take(len(octets))
            yield reader.leaf("rejected", f"control {rejected.control:02X}: {rejected.reason!r}", start=start)
        elif kind not in (Kind.I, Kind.UI):
            raise malformed(f"information in a frame of kind {kind.name}")
        elif is_segment or source in self._segments:
            yield self._segment(reader, control.send, source, is_last=not is_segment)
        else:
            yield from self._apdu(reader)

    def _segment(self, reader: Reader, number: int, source: Address, *, is_last: bool) -> Node:
        start = reader.at
        octets = reader.take(reader.left)
        expected, before = self._segments.pop(source, (number, b""))
        joined = before + octets if number == expected else octets
        if not is_last:
            self._segments[source] = ((number + 1) % MODULO, joined)
            return reader.hidden("segment", counted(len(octets)), start=start)
        whole = Reader(joined, reader.clues, is_secret=reader.is_secret or UA_NAMES in joined, depth=reader.depth)
        words = f"{counted(len(octets))}, {NOT_SHOWN}; with those before it {counted(len(joined))}"
        children = whole.whole("", "", start=0, children=self._apdu(whole)).children
        return Node(LAST_SEGMENT, words, start, reader.at, b"", children)

    def _apdu(self, reader: Reader) -> Iterator[Node]:
        start = reader.at
        sender = _SENDERS.get(reader.take(_LLC_OCTETS))
        if sender is None:
            reader.is_secret = True
            raise malformed("no LLC header")
        yield reader.leaf("LLC header", sender, start=start)
        yield self._inside(reader)


def _address(reader: Reader, label: str) -> tuple[Address, Node]:
    start = reader.at
    address, end = take_address(reader.raw[: reader.end], start)
    reader.take(end - start)
    return address, reader.leaf(label, str(address), start=start)


def _control_words(control: Control, *, is_segment: bool) -> str:
    words = [control.kind.name]
    if control.kind is Kind.I:
        words.append(f"number {control.send}")
    if control.kind is Kind.I or control.kind in SUPERVISORY:
        words.append(f"expects {control.receive}")
    words += ["poll/final"] * control.is_final + ["more segments follow"] * is_segment
    return ", ".join(words)


def _is_whole(reader: Reader, begin: int, end: int) -> bool:
    """Of a broken one nobody can say where in it a password has come to lie."""
    body = reader.raw[begin : min(end, reader.end)]
    return len(body) == end - begin and body[-CHECKSUM_OCTETS:] == checksum(body[:-CHECKSUM_OCTETS])


def _check(reader: Reader, label: str, begin: int) -> Node:
    """Of all octets since begin."""
    start, expected = reader.at, checksum(reader.raw[begin : reader.at])
    words = "fits" if reader.take(CHECKSUM_OCTETS) == expected else f"does not fit, {expected.hex()} would"
    return reader.leaf(label, words, start=start)
