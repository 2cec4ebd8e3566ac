"""What holds for every tree: each octet of the input belongs to exactly one node, or is said to be withheld."""

from collections.abc import Sequence

from aforo.dlms import Keys, SystemTitle
from aforo.dlms.printer import Node, describe, lines
from aforo.dlms.printer_hdlc import LAST_SEGMENT
from aforo.dlms.printer_tree import NOT_SHOWN


def told(octets: bytes, keys: Keys | None = None, titles: Sequence[SystemTitle] = ()) -> Node:
    """The tree, after every octet was accounted for."""
    tree = describe(octets, keys, titles)
    assert (tree.start, tree.end) == (0, len(octets))
    _account(tree, octets)
    return tree


def printed(tree: Node) -> str:
    return "\n".join(line.rstrip() for line in lines(tree))


def nodes(tree: Node, label: str) -> list[Node]:
    found = [tree] if tree.label == label else []
    return found + [each for child in tree.children for each in nodes(child, label)]


def value(tree: Node, label: str) -> str:
    """Of the one node with this label."""
    (node,) = nodes(tree, label)
    return node.value


def _account(node: Node, octets: bytes) -> None:
    at = node.start + len(node.octets)
    assert octets[node.start : at] == node.octets
    if node.label == "ciphered":
        assert at == node.end
        _account_children(node, 0, None)
    elif node.label == LAST_SEGMENT:
        assert not node.octets
        assert NOT_SHOWN in node.value
        _account_children(node, 0, None)
    elif node.children:
        assert _account_children(node, at, octets) == node.end
    elif at != node.end:
        assert not node.octets
        assert NOT_SHOWN in node.value


def _account_children(node: Node, at: int, octets: bytes | None) -> int:
    """octets: None below a ciphered node, where they are not known here; their order still is."""
    for child in node.children:
        assert child.start == at
        if octets is not None:
            _account(child, octets)
        at = child.end
    return at
