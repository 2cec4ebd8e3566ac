"""Orders as a commercial system writes them, for the tests of the CIM messages, the steps and the door."""

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import xmlschema
from lxml import etree

from aforo.cim import schemas
from aforo.cim.control_requests import ControlRequest
from aforo.cim.end_device_controls import Item, read_create
from aforo.cim.soap import open_envelope

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MONDAY_ORDER = """<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
  <soap:Body>
    <m:CreateEndDeviceControls xmlns:m="http://iec.ch/TC57/2011/EndDeviceControlsMessage"
        xmlns="http://iec.ch/TC57/2011/schema/message">
      <m:Header>
        <Verb>create</Verb>
        <Noun>EndDeviceControls</Noun>
        <Timestamp>2026-11-25T12:00:00Z</Timestamp>
        <Source>commercial</Source>
        <AsyncReplyFlag>true</AsyncReplyFlag>
        <ReplyAddress>http://127.0.0.1:8099/replies</ReplyAddress>
        <MessageID>1001</MessageID>
        <CorrelationID>7001</CorrelationID>
      </m:Header>
      <m:Request><Option><name>priority</name><value>high</value></Option></m:Request>
      <m:Payload>
        <e:EndDeviceControls xmlns:e="http://iec.ch/TC57/2011/EndDeviceControls#">
          <e:EndDeviceControl>
            <e:issuerTrackingID>OS-1</e:issuerTrackingID>
            <e:reason>deuda</e:reason>
            <e:EndDeviceControlType ref="3.15.139.13"/>
            <e:EndDevices><e:Names><e:name>M-1</e:name></e:Names></e:EndDevices>
            <a:PowerLimit xmlns:a="urn:aforo:cim:1"><a:value>2.5</a:value><a:multiplier>k</a:multiplier>
              <a:unit>W</a:unit></a:PowerLimit>
          </e:EndDeviceControl>
        </e:EndDeviceControls>
      </m:Payload>
    </m:CreateEndDeviceControls>
  </soap:Body>
</soap:Envelope>"""
"""A golden order: the names and namespaces of 2011, own prefixes, the limit as a PowerLimit of 2.5 kW."""

QUESTION = """<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<m:GetEndDeviceControls xmlns:m="http://iec.ch/TC57/2011/EndDeviceControlsMessage"
    xmlns="http://iec.ch/TC57/2011/schema/message">
  <m:Header><Verb>get</Verb><Noun>EndDeviceControls</Noun><Source>commercial</Source><MessageID>1002</MessageID></m:Header>
  <m:Request><ID idType="issuerTrackingID">OS-1</ID></m:Request>
</m:GetEndDeviceControls></soap:Body></soap:Envelope>"""

CONTROL_AT = "/CreateEndDeviceControls/Payload/EndDeviceControls/EndDeviceControl"
LIMIT = """<a:PowerLimit xmlns:a="urn:aforo:cim:1"><a:value>2.5</a:value><a:multiplier>k</a:multiplier>
              <a:unit>W</a:unit></a:PowerLimit>"""
OPTION = "<Option><name>priority</name><value>high</value></Option>"


def changed(*replacements: tuple[str, str], text: str = MONDAY_ORDER) -> bytes:
    """The golden order with texts replaced; each must occur."""
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def only(items: tuple[Item, ...]) -> ControlRequest:
    """The one order of a message that has one."""
    (item,) = items
    assert isinstance(item, ControlRequest)
    return item


def asked(*replacements: tuple[str, str], language: str = "es") -> ControlRequest:
    return only(read_create(open_envelope(changed(*replacements)).message, language=language))


@cache
def independent_schema(top: str) -> xmlschema.XMLSchema:
    """One of our XSDs as another library than libxml2 reads it."""
    with tempfile.TemporaryDirectory() as folder:
        for name in schemas.NAMES:
            (Path(folder) / name).write_bytes(schemas.document(name))
        return xmlschema.XMLSchema(str(Path(folder) / top))


def check_independently(envelope: bytes) -> None:
    """What stands in the body complies with the XSDs, in the eyes of a validator that is not libxml2."""
    body = etree.fromstring(envelope).find("{*}Body")
    assert body is not None
    message = body[0]
    independent_schema("EndDeviceControlsMessage.xsd").validate(etree.tostring(message).decode())
