"""XML from anyone, read with bounds: no DTD, no entities, nothing fetched, a highest size, depth and count of elements.

Two parsers look at it. The first (expat) stops at a DOCTYPE before a single entity is declared; only what it lets pass
is built into a tree by the second (libxml2, which nests 256 levels at most), and then counted.
"""

import re
from typing import cast
from xml.parsers import expat

from lxml import etree

from aforo.cim.refusal import Refusal, UnreadableMessage

SIZE_MAX = 256 * 1024
DEPTH_MAX = 32
ELEMENTS_MAX = 5000

Element = etree._Element  # noqa: SLF001 -- the stubs give its type no public name


_count = etree.XPath("count(//*)")
_is_too_deep = etree.XPath("boolean(" + "/*" * (DEPTH_MAX + 1) + ")")
_NAMESPACE = re.compile(r"\{[^}]*\}")
_TOO_DEEP_FOR_LIBXML2 = "Excessive depth"


def parse(octets: bytes, *, size_max: int = SIZE_MAX) -> Element:
    """The root element; comments and processing instructions are gone. Raises UnreadableMessage (code 1.8)."""
    if len(octets) > size_max:
        raise too_large(size_max)
    _scan(octets)
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if _TOO_DEEP_FOR_LIBXML2 in str(error):
            raise _too_deep() from None
        raise _not_xml(str(error)) from None
    _check_bounds(root)
    assert root.getroottree().docinfo.internalDTD is None, "the scan lets no DOCTYPE pass"
    return root


def too_large(size_max: int) -> UnreadableMessage:
    return _unreadable(
        f"El mensaje supera los {size_max} octetos permitidos.", f"The message is larger than {size_max} octets."
    )


def _scan(octets: bytes) -> None:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(octets, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _not_xml(str(error)) from None


def _check_bounds(root: Element) -> None:
    if _is_too_deep(root):
        raise _too_deep()
    if cast("float", _count(root)) > ELEMENTS_MAX:
        raise _unreadable(
            f"El mensaje tiene más de {ELEMENTS_MAX} elementos.", f"The message has over {ELEMENTS_MAX} elements."
        )


def _too_deep() -> UnreadableMessage:
    return _unreadable(
        f"El mensaje anida más de {DEPTH_MAX} niveles.", f"The message nests deeper than {DEPTH_MAX} levels."
    )


def _refuse_doctype(*_: object) -> None:
    raise _unreadable("No se acepta un DOCTYPE (DTD) en el mensaje.", "A DOCTYPE (DTD) is not accepted in a message.")


def _not_xml(details: str) -> UnreadableMessage:
    return _unreadable("El mensaje no es XML bien formado.", "The message is not well-formed XML.", details[:200])


def _unreadable(es: str, en: str, details: str = "") -> UnreadableMessage:
    return UnreadableMessage(Refusal(code="1.8", es=es, en=en, details=details))


def text_of(parent: Element | None, tag: str) -> str:
    """The text of a child, with its white space collapsed (xs:token); empty when there is no such child or no text."""
    child = None if parent is None else parent.find(tag)
    return "" if child is None else token_of(child)


def texts_of(parent: Element | None) -> dict[str, str]:
    """The text of each child, as `text_of` finds it."""
    return {} if parent is None else {str(child.tag): token_of(child) for child in reversed(parent)}


def token_of(element: Element) -> str:
    return " ".join((element.text or "").split())


def local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def path_of(element: Element) -> str:
    """Where it stands, from the message's own element, such as `/CreateEndDeviceControls/Request/Option[2]/value`."""
    tree = element.getroottree()
    below_root = _NAMESPACE.sub("", tree.getelementpath(element))
    steps = [local_name(tree.getroot()), *([] if below_root == "." else below_root.split("/"))]
    bodies = [place for place, step in enumerate(steps, 1) if step.partition("[")[0] == "Body"]
    return "/" + "/".join(steps[bodies[-1] :] if bodies else steps)
