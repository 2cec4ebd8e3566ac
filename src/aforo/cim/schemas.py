"""Our XSDs and the WSDL: what we validate against is what we publish."""

import re
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from lxml import etree

from aforo.cim.refusal import CimError, Refusal
from aforo.cim.xml_reading import Element, local_name, path_of

_FOLDER = files("aforo.cim") / "xsd"
_TOP = "EndDeviceControlsMessage.xsd"
_WSDL = "ExecuteEndDeviceControls.wsdl"
NAMES = frozenset({"Message.xsd", "EndDeviceControls.xsd", "PowerLimit.xsd", _TOP})
_LOCATION = re.compile(rb'schemaLocation="(\w+\.xsd)"')
_STEP = re.compile(r"(?:([^:]+):)?([^:\[]+)(?:\[(\d+)\])?")
_ADDRESS = b"http://localhost/soap/EndDeviceControls"


@cache
def _schema() -> etree.XMLSchema:
    with as_file(_FOLDER) as folder:
        return etree.XMLSchema(etree.parse(str(folder / _TOP)))


def check_against_schema(message: Element) -> None:
    """Raises CimError 1.8 with the path of the first element at fault."""
    schema = _schema()
    if schema.validate(message):
        return
    log: Any = schema.error_log  # a sequence, which the stubs do not say
    first = log[0]
    raise CimError(
        Refusal(
            code="1.8",
            es="El mensaje no cumple el esquema.",
            en="The message does not comply with the schema.",
            xpath=path_of(_found(message, first.path)),
            details=first.message[:300],
        )
    )


def _found(message: Element, path: str) -> Element:
    """The element of libxml2's path, such as `/m:Message/*[2]/edc:Name`; `*` stands for one in a default namespace."""
    node = message
    for step in path.split("/")[2:]:
        written = _STEP.fullmatch(step)
        if written is None:
            break
        prefix, name, number = written.groups()
        twins = [child for child in node if name == "*" or (child.prefix == prefix and local_name(child) == name)]
        place = int(number or 1)
        if place > len(twins):
            break
        node = twins[place - 1]
    return node


@cache
def published(name: str) -> bytes:
    """An XSD of NAMES as the door serves it: its imports are relative to the door's own address."""
    return _LOCATION.sub(rb'schemaLocation="?xsd=\1"', (_FOLDER / name).read_bytes())


@cache
def _published_wsdl() -> bytes:
    return published(_WSDL)


def published_wsdl(address: str) -> bytes:
    """The WSDL with the address at which the door was asked for it. The address is plain: scheme, host, port, path."""
    return _published_wsdl().replace(_ADDRESS, address.encode("ascii"))
