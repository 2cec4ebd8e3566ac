"""Every message that is printed for integrators complies with the published schemas, in the eyes of another library."""

import pytest
from lxml import etree

from aforo.app.message_pages import sent_messages
from aforo.cim import schemas
from unit.cim.cim_situations import independent_schema

TOPS = {service.message: service.top for service in schemas.SERVICES.values()}


@pytest.mark.parametrize("name", sent_messages())
def test_a_message_that_is_sent_complies_with_its_schema(name: str) -> None:
    body = etree.fromstring(sent_messages()[name]).find("{*}Body")
    assert body is not None
    message = body[0]
    if etree.QName(message).localname == "Fault":
        message = message.find("detail")[0]  # type: ignore[index]  # a fault of ours always has one
    namespace = etree.QName(message).namespace
    assert namespace is not None

    independent_schema(TOPS[namespace]).validate(etree.tostring(message).decode())
