"""What the printer builds: nodes in words, by a reader that bounds every step and loses no octet."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aforo.dlms.axdr import take_length
from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.keys import Keys, SystemTitle
from aforo.dlms.security import BROADCAST, Cipher
from aforo.dlms.suites import SUITES

NOT_SHOWN = "not shown"
APDUS_WITHIN_MAX = 4
"""APDUs within an APDU: gateway prefix, general-glo, service, and one to spare."""

_TITLES_KEPT = 4
_SUITE = 0x0F


@dataclass(frozen=True, slots=True)
class Node:
    """start, end: offsets in the input; below a `ciphered` node they count in the deciphered text,
    below a `last segment` in the APDU of all segments.

    octets: its own without its children's; none where they are withheld. In order they make up the input.
    """

    label: str
    value: str
    start: int
    end: int
    octets: bytes = b""
    children: tuple["Node", ...] = ()


class Clues:
    """What is known of a conversation while it is read: the keys, and the titles that may have ciphered."""

    def __init__(self, keys: Keys | None, titles: Sequence[SystemTitle]) -> None:
        self._keys = keys
        self._ciphers: dict[int, Cipher] = {}
        self._given = tuple(titles)
        self._met: deque[SystemTitle] = deque(maxlen=_TITLES_KEPT)

    @property
    def titles(self) -> tuple[SystemTitle, ...]:
        return (*self._given, *self._met)

    @property
    def has_keys(self) -> bool:
        return self._keys is not None

    def cipher(self, control: int) -> Cipher:
        """For content with this security control octet. Raises RemoteProtocolError (UNSUPPORTED): no key is so long."""
        assert self._keys is not None, "asked for where there are keys"
        number, is_broadcast = control & _SUITE, bool(control & BROADCAST)
        suite = SUITES.get(number)
        if suite is None or {len(key) for key in self._keys.present()} != {suite.key_octets}:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"the keys are not of suite {number}")
        form = control & (_SUITE | BROADCAST)
        if form not in self._ciphers:
            self._ciphers[form] = Cipher(self._keys, suite=number, is_broadcast=is_broadcast)
        return self._ciphers[form]

    def meet(self, title: bytes) -> None:
        """A title told in an AARQ or AARE: it may be the nonce's in what follows."""
        if len(title) == 8 and SystemTitle(title) not in self.titles:
            self._met.append(SystemTitle(title))


class Reader:
    """A stretch of octets, read from `at` up to `end`. Everything that reads raises RemoteProtocolError (MALFORMED).

    is_lost: its end was reached because something could not be followed.   is_secret: what cannot be followed may
    hold a password or a key, and is counted instead of shown.   depth: of APDUs within APDUs.
    """

    __slots__ = ("at", "clues", "depth", "end", "is_lost", "is_secret", "raw")

    def __init__(self, raw: bytes, clues: Clues, *, is_secret: bool = False, depth: int = 0) -> None:
        self.raw = raw
        self.clues = clues
        self.at = 0
        self.end = len(raw)
        self.depth = depth
        self.is_lost = False
        self.is_secret = is_secret

    @property
    def left(self) -> int:
        return self.end - self.at

    def peek(self) -> int:
        if not self.left:
            raise malformed("the octets end here")
        return self.raw[self.at]

    def octet(self) -> int:
        return self.take(1)[0]

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise malformed(f"{counted(count)} expected, {self.left} there")
        self.at += count
        return self.raw[self.at - count : self.at]

    def length(self) -> int:
        count, at = take_length(self.raw, self.at)
        if at > self.end:
            raise malformed("a length is cut short")
        self.at = at
        return count

    def count(self) -> int:
        """Of elements, each of which has one octet at least."""
        count = self.length()
        if count > self.left:
            raise malformed(f"{count} elements in {counted(self.left)}")
        return count

    def string(self) -> bytes:
        return self.take(self.length())

    def part(self, count: int) -> "Reader":
        """The next octets as a stretch of their own, in the same offsets; this reader goes on behind them."""
        start = self.at
        self.take(count)
        inner = Reader(self.raw, self.clues, is_secret=self.is_secret, depth=self.depth)
        inner.at, inner.end = start, self.at
        return inner

    def deeper(self) -> None:
        """Raises RemoteProtocolError (TOO_DEEP)."""
        self.depth += 1
        if self.depth > APDUS_WITHIN_MAX:
            raise RemoteProtocolError(ErrorCode.TOO_DEEP, f"more than {APDUS_WITHIN_MAX} APDUs within each other")

    def leaf(self, label: str, value: str, *, start: int) -> Node:
        """Of what was read since start."""
        return Node(label, value, start, self.at, self.raw[start : self.at])

    def hidden(self, label: str, value: str, *, start: int) -> Node:
        """The same, with its octets withheld."""
        return Node(label, f"{value}, {NOT_SHOWN}", start, self.at)

    def branch(self, label: str, value: str, *, start: int, children: Iterable[Node]) -> Node:
        """What was read since start is its own; the children are read now. Where they fail, the rest is one child."""
        own = self.raw[start : self.at]
        read = self._read(children)
        return Node(label, value, start, self.at, own, read)

    def whole(self, label: str, value: str, *, start: int, children: Iterable[Node]) -> Node:
        """A branch that reaches to the end of this reader."""
        node = self.branch(label, value, start=start, children=children)
        if not self.left:
            return node
        rest = self._rest(f"{counted(self.left)} too many")
        return Node(label, value, start, self.end, node.octets, (*node.children, rest))

    def around(self, label: str, value: str, *, start: int, inside: "Inside") -> Node:
        """A branch that holds one APDU, to the end of this reader."""
        return self.whole(label, value, start=start, children=map(inside, (self,)))  # lazy: its failure is the branch's

    def _read(self, children: Iterable[Node]) -> tuple[Node, ...]:
        begin, nodes = self.at, list[Node]()
        try:
            for node in children:
                nodes.append(node)
                if self.is_lost:
                    break
        except RemoteProtocolError as wrong:
            self.at = nodes[-1].end if nodes else begin
            nodes.append(self._rest(wrong.detail))
        return tuple(nodes)

    def _rest(self, reason: str) -> Node:
        start, octets = self.at, self.raw[self.at : self.end]
        self.at, self.is_lost = self.end, True
        if not octets:
            return Node("cut short", reason, start, start)
        if self.is_secret:
            words = f"{counted(len(octets))}, {NOT_SHOWN} because they may hold a secret: {reason}"
            return Node("not decoded", words, start, self.end)
        return Node("not decoded", f"{octets.hex()}: {reason}", start, self.end, octets)


Inside = Callable[[Reader], Node]
"""Reads the APDU that is inside another."""


def counted(count: int) -> str:
    """`1 octet`, `2 octets`."""
    return f"{count} octet{'' if count == 1 else 's'}"
