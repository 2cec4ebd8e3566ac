"""Answers: what is written is valid, in the standard's order, and read back the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aforo.cim import client, soap
from aforo.cim.control_response import (
    AnsweredControl,
    ControlResponse,
    Readback,
    read_response,
    refused,
    response_envelope,
)
from aforo.cim.message import Header, Reply, ReplyError, Result, message_id, timestamp
from aforo.cim.namespaces import SOAP11, SOAP12
from aforo.cim.refusal import Refusal, UnreadableMessage
from aforo.cim.schemas import check_against_schema
from aforo.cim.soap import SoapFault
from aforo.cim.xml_writing import pretty
from unit.cim.cim_situations import NOW, asked, check_independently

HEADER = Header(
    verb="reply",
    noun="EndDeviceControls",
    timestamp=timestamp(NOW),
    source="aforo",
    message_id=message_id("x"),
    correlation_id="7001",
)
READBACK = Readback(
    before=Decimal(9900),
    threshold=Decimal("2500.5"),
    active=Decimal(2500),
    breaker="connected",
    read_at="2026-11-25T12:00:00+00:00",
)
CONTROL = AnsweredControl(
    number="OS-1", meter="M-1", control_type="3.15.139.13", reason="deuda", watts=Decimal(2500), readback=READBACK
)
VERIFIED = ControlResponse(
    HEADER, Reply(Result.OK, (ReplyError("0.0", "INFORM", "Hecho", "VERIFIED"),), "OS-1"), (CONTROL,)
)

GOLDEN = """<m:EndDeviceControlsResponseMessage xmlns:m="http://iec.ch/TC57/2011/EndDeviceControlsMessage" \
xmlns:msg="http://iec.ch/TC57/2011/schema/message" xmlns:edc="http://iec.ch/TC57/2011/EndDeviceControls#" \
xmlns:a="urn:aforo:cim:1">\
<m:Header><msg:Verb>reply</msg:Verb><msg:Noun>EndDeviceControls</msg:Noun>\
<msg:Timestamp>2026-11-25T12:00:00.000Z</msg:Timestamp><msg:Source>aforo</msg:Source>\
<msg:MessageID>2d711642-b726-8044-a162-7ca9fbac32f5</msg:MessageID><msg:CorrelationID>7001</msg:CorrelationID></m:Header>\
<m:Reply><msg:Result>OK</msg:Result><msg:Error><msg:code>0.0</msg:code><msg:level>INFORM</msg:level>\
<msg:reason>Hecho</msg:reason><msg:details>VERIFIED</msg:details></msg:Error>\
<msg:ID idType="issuerTrackingID" kind="name" objectType="EndDeviceControl">OS-1</msg:ID></m:Reply>\
<m:Payload><edc:EndDeviceControls><edc:EndDeviceControl><edc:issuerTrackingID>OS-1</edc:issuerTrackingID>\
<edc:reason>deuda</edc:reason><edc:EndDeviceControlType ref="3.15.139.13"/>\
<edc:EndDevices><edc:mRID>M-1</edc:mRID><edc:Names><edc:name>M-1</edc:name></edc:Names></edc:EndDevices>\
<a:PowerLimit><a:value>2500</a:value><a:multiplier>none</a:multiplier><a:unit>W</a:unit></a:PowerLimit>\
<a:Readback><a:before>9900</a:before><a:threshold>2500.5</a:threshold><a:activeThreshold>2500</a:activeThreshold>\
<a:unit>W</a:unit><a:breaker>connected</a:breaker><a:readAt>2026-11-25T12:00:00+00:00</a:readAt></a:Readback>\
</edc:EndDeviceControl></edc:EndDeviceControls></m:Payload></m:EndDeviceControlsResponseMessage>"""


def test_the_final_answer_has_every_part_in_its_place() -> None:
    message = soap.open_envelope(response_envelope(VERIFIED)).message
    alone = etree.fromstring(etree.tostring(message))
    etree.cleanup_namespaces(alone, keep_ns_prefixes=["m", "msg", "edc", "a"])

    assert etree.tostring(alone, method="c14n2") == etree.tostring(etree.fromstring(GOLDEN), method="c14n2")


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
def test_an_answer_is_read_back_the_same_and_complies_with_the_schema(version: str) -> None:
    envelope = response_envelope(VERIFIED, version)

    assert client.read_answer(envelope) == VERIFIED
    check_against_schema(soap.open_envelope(envelope).message)
    check_independently(envelope)


def test_an_answer_from_a_queue_is_read_without_an_envelope() -> None:
    assert read_response(GOLDEN.encode()).reply == VERIFIED.reply


@given(st.text(max_size=60))
def test_any_text_of_a_device_can_be_told_and_nothing_of_it_becomes_markup(text: str) -> None:
    reply = Reply(Result.FAILED, (ReplyError("5.3", "FATAL", "Falló", text),), "OS-1")
    envelope = response_envelope(ControlResponse(HEADER, reply, (CONTROL,)))

    check_against_schema(soap.open_envelope(envelope).message)
    assert read_response(envelope).error.code == "5.3"


def test_a_refusal_speaks_the_callers_language_and_carries_code_path_and_correlation() -> None:
    request = asked()
    refusal = Refusal(code="2.4", es="No existe.", en="It does not exist.", xpath="/a/b", details="seen")

    response = refused(refusal, request.header, language="en", now=NOW)

    assert response.reply.result is Result.FAILED
    assert response.error == ReplyError("2.4", "FATAL", "It does not exist.", "seen", "/a/b")
    assert response.header.correlation_id == "7001"
    assert refused(refusal, request.header, language="es", now=NOW).error.reason == "No existe."
    check_independently(response_envelope(response))


def test_a_message_without_correlation_id_is_answered_under_its_message_id() -> None:
    assert Header(verb="create", noun="x", message_id="1001").answer_correlation == "1001"


def test_the_acknowledgement_of_an_answer_is_valid_and_answers_it() -> None:
    envelope = client.acknowledgement_envelope(HEADER, source="commercial", now=NOW)

    acknowledgement = read_response(envelope)

    assert acknowledgement.reply.result is Result.OK
    assert acknowledgement.header.correlation_id == "7001"
    check_independently(envelope)


@pytest.mark.parametrize(
    "octets",
    [
        b"<html/>",
        GOLDEN.replace(">OK<", ">Ok<").encode(),
        GOLDEN.replace(">2500.5<", ">much<").encode(),
    ],
)
def test_what_is_no_answer_is_told_so(octets: bytes) -> None:
    with pytest.raises(UnreadableMessage, match="no CIM response"):
        read_response(octets)


def test_a_fault_is_no_answer() -> None:
    refusal = Refusal(code="5.1", es="Error.", en="Error.")

    with pytest.raises(SoapFault, match="Server"):
        read_response(soap.fault(soap.Blame.SERVER, refusal, language="es"))


def test_a_message_id_is_a_uuid_that_its_names_decide() -> None:
    assert message_id("a", "b") == message_id("a", "b")
    assert len({message_id("a", "b"), message_id("ab"), message_id("a\0b", "")}) == 3
    assert message_id("a")[14] == "8", "RFC 9562: the version"
    assert message_id("a")[19] == "a", "RFC 9562: the variant"


def test_for_people_an_envelope_has_a_line_for_every_element() -> None:
    lines = pretty(response_envelope(VERIFIED)).splitlines()

    assert "        <msg:Verb>reply</msg:Verb>" in lines
    assert len(lines) > 30
