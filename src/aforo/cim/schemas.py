"""Our XSDs and WSDLs: what we validate against is what we publish.

A typed noun's messages and its service are made from one template each, so that all nouns are described alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from lxml import etree

from aforo.cim.refusal import CimError, Refusal
from aforo.cim.xml_reading import Element, local_name, path_of

_FOLDER = files("aforo.cim") / "xsd"
_LOCATION = re.compile(rb'schemaLocation="([\w-]+\.xsd)"')
_STEP = re.compile(r"(?:([^:]+):)?([^:\[]+)(?:\[(\d+)\])?")
_IEC = "http://iec.ch/TC57"


_CONTROLS = f"{_IEC}/2011/EndDeviceControlsMessage"
_CONTROLS_XSD = "EndDeviceControlsMessage.xsd"
_DRAFT, _DRAFT_XSD = "http://www.iec.ch/TC57/2008/schema/message", "Draft2009Message.xsd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One WSDL. path: behind /soap/.   message, profile: namespaces.   schema: of the profile.   answer: to requests.

    top: the XSD of its messages.   requests: root elements, by operation.   is_typed: its messages are made of the
    template of typed messages.
    """

    path: str
    noun: str
    message: str
    schema: str
    top: str
    requests: Mapping[str, str]
    answer: str
    profile: str = ""
    is_typed: bool = False


def _typed(noun: str, verbs: tuple[str, ...], *, year: str = "") -> Service:
    return Service(
        path=f"{year}/{noun}".lstrip("/"),
        noun=noun,
        message=f"{_IEC}/{year or '2011'}/{noun}Message",
        profile=f"{_IEC}/2011/{noun}#",
        schema=f"{noun}.xsd",
        top=f"{noun}Message{year}.xsd",
        requests={f"{verb}{noun}": f"{verb}{noun}" for verb in verbs},
        answer=f"{noun}ResponseMessage",
        is_typed=True,
    )


def _generic(path: str, message: str, schema: str) -> Service:
    """Every request has the same root."""
    return Service(
        path=path,
        noun="Request",
        message=message,
        schema=schema,
        top=schema,
        requests={"Request": "RequestMessage"},
        answer="ResponseMessage",
    )


_CONTROL_VERBS = ("Create", "Change", "Cancel", "Get")
SERVICES: Mapping[str, Service] = {
    service.path: service
    for service in (
        _typed("EndDeviceControls", _CONTROL_VERBS),
        _typed("EndDeviceControls", _CONTROL_VERBS, year="2017"),
        _typed("MeterConfig", ("Change",)),
        _typed("UsagePointConfig", ("Change",)),
        _typed("MeterReadings", ("Get",)),
        _typed("EndDeviceEvents", ("Get",)),
        _typed("MasterDataLinkageConfig", ("Create", "Delete")),
        _generic("Request", f"{_IEC}/2011/schema/message", "Message.xsd"),
        _generic("draft-2009", _DRAFT, _DRAFT_XSD),
        Service(
            path="name-value",
            noun="EndDeviceControls",
            message="urn:aforo:cim:name-value:1",
            schema="NameValueMessage.xsd",
            top="NameValueMessage.xsd",
            requests={"CreateEndDeviceControls": "CreateEndDeviceControls"},
            answer="EndDeviceControlsResponseMessage",
        ),
    )
}
"""By path."""

_TYPED = {service.top: service for service in SERVICES.values() if service.is_typed}
_IMPORTED = {"PowerLimit.xsd", "GetMeterReadings.xsd", "Draft2009.xsd"}
NAMES = frozenset(_IMPORTED | {s.schema for s in SERVICES.values()} | {s.top for s in SERVICES.values()})
"""Of every XSD."""


@cache
def document(name: str) -> bytes:
    """An XSD of NAMES; what it imports lies beside it."""
    service = _TYPED.get(name)
    if name == _DRAFT_XSD:
        return _draft((_FOLDER / "Message.xsd").read_text(encoding="utf-8"))
    if service is None:
        return (_FOLDER / name).read_bytes()
    kind = f"{service.noun}RequestMessageType"
    elements = "\n".join(f'  <xs:element name="{name}" type="{kind}"/>' for name in service.requests.values())
    return _filled(
        "TypedMessage.xsd.in",
        message=service.message,
        profile=service.profile,
        schema=service.schema,
        noun=service.noun,
        elements=elements,
        imports=_IMPORT_READINGS if service.noun == "MeterReadings" else "",
    )


def _draft(message: str) -> bytes:
    """The messages of the drafts: in their own namespace, with the reply code in an element of its own as well."""
    reply = '<xs:complexType name="ReplyType">\n    <xs:sequence>\n'
    code = '      <xs:element name="ReplyCode" type="xs:token" minOccurs="0"/>\n'
    described, profile = "  </xs:annotation>\n\n", f"{_IEC}/2009/EndDeviceControls#"
    imported = f'  </xs:annotation>\n  <xs:import namespace="{profile}" schemaLocation="Draft2009.xsd"/>\n\n'
    changes = (
        (f"{_IEC}/2011/schema/message", _DRAFT),
        ("IEC 61968-100 (2013)", "IEC 61968-100 (drafts of 2008)"),
        (described, imported),
        (reply, reply + code),
    )
    for old, new in changes:
        assert old in message, f"Message.xsd no longer has {old!r}"
        message = message.replace(old, new)
    return message.encode()


class _Beside(etree.Resolver):
    """Imports are looked up among our own documents, and nowhere else."""

    # The stubs have neither the context that lxml gives, nor that what it is to be resolved in has no address.
    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # noqa: ARG002
        return self.resolve_string(document(system_url.rpartition("/")[2]), context)  # type: ignore[call-arg]


@cache
def _schema(name: str) -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Beside())
    return etree.XMLSchema(etree.fromstring(document(name), parser, base_url=name))


def check_against_schema(message: Element, name: str = _CONTROLS_XSD) -> None:
    """name: of the XSD. Raises CimError 1.8 with the path of the first element at fault."""
    schema = _schema(name)
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
    return _LOCATION.sub(rb'schemaLocation="?xsd=\1"', document(name))


@cache
def _published_wsdl(path: str) -> bytes:
    service = SERVICES[path]
    requests = service.requests
    wsdl = _filled(
        "Service.wsdl.in",
        service=f"Execute{service.noun}",
        target=f"{_IEC}/2011/Execute{service.noun}",
        message=service.message,
        schema=service.top,
        noun=service.noun,
        faults=_CONTROLS,
        imports="" if service.message == _CONTROLS else _IMPORT.substitute(namespace=_CONTROLS, schema=_CONTROLS_XSD),
        answer=service.answer,
        messages="\n".join(_WSDL_MESSAGE.substitute(operation=o, element=e) for o, e in requests.items()),
        operations="\n".join(_WSDL_OPERATION.substitute(operation=o) for o in requests),
        bindings="\n".join(_WSDL_BINDING.substitute(operation=o, noun=service.noun) for o in requests),
    )
    return _LOCATION.sub(rb'schemaLocation="?xsd=\1"', wsdl)


def published_wsdl(path: str, address: str) -> bytes:
    """The WSDL of a service with the address at which the door was asked for it.

    The address is plain: scheme, host, port, path.
    """
    here = f"http://localhost/soap/{SERVICES[path].noun}".encode("ascii")
    return _published_wsdl(path).replace(here, address.encode("ascii"))


def _filled(name: str, **words: str) -> bytes:
    return Template((_FOLDER / name).read_text(encoding="utf-8")).substitute(words).encode()


_IMPORT = Template("""
      <xs:import namespace="$namespace" schemaLocation="$schema"/>""")
_IMPORT_READINGS = f"""
  <xs:import namespace="{_IEC}/2011/GetMeterReadings#" schemaLocation="GetMeterReadings.xsd"/>"""
_WSDL_MESSAGE = Template(
    """  <wsdl:message name="${operation}Request">
    <wsdl:part name="${operation}Request" element="m:$element"/>
  </wsdl:message>"""
)
_WSDL_OPERATION = Template(
    """    <wsdl:operation name="$operation">
      <wsdl:input message="tns:${operation}Request"/>
      <wsdl:output message="tns:ResponseMessage"/>
      <wsdl:fault name="FaultMessage" message="tns:FaultMessage"/>
    </wsdl:operation>"""
)
_WSDL_BINDING = Template(
    """    <wsdl:operation name="$operation">
      <soap:operation soapAction="http://iec.ch/TC57/2011/$noun/$operation" style="document"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output>
      <wsdl:fault name="FaultMessage"><soap:fault name="FaultMessage" use="literal"/></wsdl:fault>
    </wsdl:operation>"""
)
