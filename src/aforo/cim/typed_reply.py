"""The answer of a noun that has no dialects: Header and Reply in its own typed message, and what a payload adds."""

from aforo.cim.message import Header, Reply, write_header, write_reply
from aforo.cim.refusal import CimError, Refusal
from aforo.cim.xml_reading import Element, local_name
from aforo.cim.xml_writing import root


def typed_namespace(noun: str) -> str:
    return f"http://iec.ch/TC57/2011/{noun}Message"


def write_typed_reply(noun: str, header: Header, reply: Reply) -> Element:
    message = root(f"{{{typed_namespace(noun)}}}{noun}ResponseMessage")
    write_header(message, typed_namespace(noun), header)
    write_reply(message, typed_namespace(noun), reply)
    return message


def check_typed_header(message: Element, header: Header, verb: str, noun: str) -> None:
    """Raises CimError: 2.9, 2.5, 1.5."""
    at = f"/{local_name(message)}/Header"
    for name, told, wanted, code in (("Verb", header.verb.lower(), verb, "2.9"), ("Noun", header.noun, noun, "2.5")):
        if told and told != wanted:
            raise CimError(
                Refusal(code=code, es=f"Debe ser {wanted}.", en=f"It must be {wanted}.", xpath=f"{at}/{name}")
            )
    for name, told in (("Source", header.source), ("MessageID", header.message_id)):
        if not told:
            raise CimError(Refusal(code="1.5", es=f"Falta {name}.", en=f"{name} is missing.", xpath=f"{at}/{name}"))
