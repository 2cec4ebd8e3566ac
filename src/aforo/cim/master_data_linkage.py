"""MasterDataLinkageConfig (IEC 61968-9): a meter is linked to a usage point and a concentrator, or no longer is."""

from msgspec import Struct

from aforo.cim.message import Header, read_header
from aforo.cim.refusal import CimError, Refusal
from aforo.cim.schemas import check_against_schema
from aforo.cim.typed_reply import check_typed_header, typed_namespace
from aforo.cim.xml_reading import Element, path_of, text_of

NOUN = "MasterDataLinkageConfig"
TYPED = typed_namespace(NOUN)
PROFILE = f"http://iec.ch/TC57/2011/{NOUN}#"
LINK, UNLINK = f"{{{TYPED}}}Create{NOUN}", f"{{{TYPED}}}Delete{NOUN}"
SCHEMA = f"{NOUN}Message.xsd"
_VERBS = {LINK: "create", UNLINK: "delete"}


class LinkageRequest(Struct, frozen=True, kw_only=True):
    """links: False undoes it.   usage_point, concentrator: empty when not said, one at least is.

    meter_at, usage_point_at, concentrator_at: where they stood.
    """

    header: Header
    links: bool
    meter: str
    usage_point: str = ""
    concentrator: str = ""
    language: str = "es"
    meter_at: str = ""
    usage_point_at: str = ""
    concentrator_at: str = ""


def read_linkage(message: Element, *, language: str) -> LinkageRequest:
    """Raises CimError: 1.5, 1.7, 1.8, 2.5, 2.9, 3.1."""
    header = read_header(message)
    check_typed_header(message, header, _VERBS[str(message.tag)], NOUN)
    check_against_schema(message, SCHEMA)
    linkage = message.find(f"{{{TYPED}}}Payload/{{{PROFILE}}}{NOUN}")
    meter, meter_at = _only(message, linkage, "Meter")
    usage_point, usage_point_at = _only(message, linkage, "UsagePoint")
    concentrator, concentrator_at = _only(message, linkage, "EndDevice")
    for name, told in (("Meter", meter), ("UsagePoint", usage_point or concentrator)):
        if not told:
            at = f"{path_of(message)}/Payload/{NOUN}/{name}"
            raise CimError(Refusal(code="1.7", es=f"Falta {name}.", en=f"{name} is missing.", xpath=at))
    return LinkageRequest(
        header=header,
        links=message.tag == LINK,
        meter=meter,
        usage_point=usage_point,
        concentrator=concentrator,
        language=language,
        meter_at=meter_at,
        usage_point_at=usage_point_at,
        concentrator_at=concentrator_at,
    )


def _only(message: Element, linkage: Element | None, name: str) -> tuple[str, str]:
    """The number and where it stood; empty for none."""
    told = [] if linkage is None else linkage.findall(f"{{{PROFILE}}}{name}")
    if len(told) > 1:
        es, en = "Un mensaje enlaza un solo medidor.", "A message links one meter."
        raise CimError(Refusal(code="3.1", es=es, en=en, xpath=path_of(told[1])))
    if not told:
        return "", path_of(message)
    number = text_of(told[0], f"{{{PROFILE}}}mRID") or text_of(told[0], f"{{{PROFILE}}}Names/{{{PROFILE}}}name")
    return number, path_of(told[0])
