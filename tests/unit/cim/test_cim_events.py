"""GetEndDeviceEvents, read and answered, against the published schema."""

from datetime import UTC, datetime

import pytest
from lxml import etree
from msgspec.structs import replace

from aforo.cim.control_response import response_header
from aforo.cim.end_device_events import (
    SCHEMA,
    EventsRequest,
    EventsResponse,
    ToldEvent,
    found,
    read_events_request,
    write_events,
)
from aforo.cim.message import Header
from aforo.cim.refusal import CimError
from aforo.cim.xml_reading import parse
from unit.cim.cim_situations import independent_schema

QUESTION = """<m:GetEndDeviceEvents xmlns:m="http://iec.ch/TC57/2011/EndDeviceEventsMessage"
    xmlns="http://iec.ch/TC57/2011/schema/message">
  <m:Header><Verb>get</Verb><Noun>EndDeviceEvents</Noun><Source>CIS</Source><MessageID>1</MessageID></m:Header>
  <m:Request><StartTime>2026-11-25T12:00:00-03:00</StartTime><EndTime>2026-11-26T00:00:00Z</EndTime>
    <ID objectType="Meter">M-1</ID></m:Request>
</m:GetEndDeviceEvents>"""
HEADER = Header(verb="get", noun="EndDeviceEvents", source="CIS", message_id="1")


def test_a_question_is_read_whole_and_complies_with_the_schema() -> None:
    independent_schema(SCHEMA).validate(QUESTION)

    assert read_events_request(parse(QUESTION.encode()), language="en") == EventsRequest(
        header=HEADER,
        meter="M-1",
        since=datetime(2026, 11, 25, 15, tzinfo=UTC),
        until=datetime(2026, 11, 26, tzinfo=UTC),
        language="en",
    )


def test_a_question_may_leave_out_what_it_does_not_care_for() -> None:
    start, end = QUESTION.index("  <m:Request>"), QUESTION.index("</m:Request>") + len("</m:Request>")

    bare = read_events_request(parse((QUESTION[:start] + QUESTION[end:]).encode()), language="es")

    assert bare == EventsRequest(header=HEADER)


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ("<Verb>get", "<Verb>create", "2.9", "Header/Verb"),
        (">EndDeviceEvents</Noun>", ">Events</Noun>", "2.5", "Header/Noun"),
        ("<Source>CIS</Source>", "", "1.5", "Header/Source"),
        ("<MessageID>1</MessageID>", "", "1.5", "Header/MessageID"),
        ("2026-11-25T12:00:00-03:00", "yesterday", "1.8", "Request/StartTime"),
        ("2026-11-25T12:00:00-03:00", "20261-11-25T12:00:00Z", "5.2", "Request/StartTime"),
    ],
)
def test_a_question_that_cannot_be_is_refused_where_it_is_wrong(old: str, new: str, code: str, at: str) -> None:
    assert old in QUESTION
    with pytest.raises(CimError) as refused:
        read_events_request(parse(QUESTION.replace(old, new).encode()), language="es")

    assert (refused.value.refusal.code, refused.value.refusal.xpath) == (code, f"/GetEndDeviceEvents/{at}")


@pytest.mark.parametrize("count", [0, 2])
def test_an_answer_complies_with_the_schema(count: int) -> None:
    event = ToldEvent(
        code="3.15.261.24", meter="M-1", order="OS-1", at="2026-11-25T15:00:07+00:00", details=(("threshold", "2500"),)
    )
    header = response_header(HEADER, identifier="e-1", at="2026-11-26T12:00:00.000Z", noun="EndDeviceEvents")
    events = (event, replace(event, details=()))[:count]

    answer = etree.tostring(write_events(EventsResponse(header, found(count, is_english=True), events)))

    independent_schema(SCHEMA).validate(answer.decode())
    assert answer.count(b"EndDeviceEventType") == count
