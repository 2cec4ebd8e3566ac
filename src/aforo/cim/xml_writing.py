"""XML built element by element, in the order in which the standard wants it."""

import re

from lxml import etree

from aforo.cim.namespaces import MESSAGE, OURS, PROFILE, TYPED
from aforo.cim.xml_reading import Element, parse

PREFIXES = {"m": TYPED, "msg": MESSAGE, "edc": PROFILE, "a": OURS}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def root(tag: str) -> Element:
    return etree.Element(tag, nsmap=PREFIXES)


def add(parent: Element, tag: str, text: str | None = None) -> Element:
    child = etree.SubElement(parent, tag)
    if text is not None:
        child.text = writable(text)
    return child


def add_if(parent: Element, tag: str, text: str) -> None:
    """Nothing is added for an empty text: an optional element without content says nothing."""
    if text:
        add(parent, tag, text)


def writable(text: str) -> str:
    """XML 1.0 has no way to write a control character; texts of devices may hold them."""
    return text if text.isprintable() else _NOT_XML.sub("\ufffd", text)


def octets_of(element: Element) -> bytes:
    return etree.tostring(element, encoding="UTF-8", xml_declaration=True)


def pretty(octets: bytes) -> str:
    """For people to read: an element a line, indented. Raises UnreadableMessage."""
    element = parse(octets)
    etree.indent(element)
    return etree.tostring(element, encoding="unicode")
