"""Facts as spans, read back by the protocol's own definition (opentelemetry-proto)."""

import base64
from datetime import timedelta

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from aforo.adapters.otlp_spans import fact_span, order_span, request_document, trace_id
from aforo.domain.causes import Cause
from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact
from aforo.domain.order_states import OrderState
from cases import WEDNESDAY, an_order

LATER = WEDNESDAY + timedelta(seconds=12, microseconds=345_678)
TRACE = trace_id("41464F0000000001", OrderId(7))


def a_fact(**payload: object) -> Fact:
    return Fact(5, LATER, "concentrator:C-1", "M-1", "MeterCommanded", payload)


def read(*spans: dict[str, object]) -> list[Span]:
    """OTLP's JSON writes identifiers in hexadecimal digits, where protobuf's own would have base64."""
    turned = [
        {name: base64.b64encode(bytes.fromhex(str(value))).decode() if name.endswith("Id") else value
         for name, value in span.items()}
        for span in spans
    ]  # fmt: skip
    request = ParseDict(request_document(turned, {"service.name": "aforo"}), ExportTraceServiceRequest())
    (resource,) = request.resource_spans
    assert resource.resource.attributes[0].value.string_value == "aforo"
    return list(resource.scope_spans[0].spans)


def test_a_fact_lasts_from_the_one_before_and_belongs_to_its_order() -> None:
    verified = an_order(OrderState.VERIFIED, ended_at=LATER)
    fact, whole = read(fact_span(TRACE, a_fact(), WEDNESDAY), order_span(TRACE, verified))

    assert (fact.name, whole.name) == ("MeterCommanded", "order LIMIT")
    assert fact.trace_id == whole.trace_id == bytes.fromhex(TRACE)
    assert (fact.parent_span_id, whole.parent_span_id) == (whole.span_id, b"")
    assert len(fact.span_id) == 8 and fact.span_id != whole.span_id  # noqa: PT018
    assert fact.end_time_unix_nano - fact.start_time_unix_nano == 12_345_678_000
    assert whole.status.code == Status.STATUS_CODE_UNSET


def test_two_facts_of_one_name_and_moment_are_two_spans() -> None:
    """As those of one commit may be."""
    first, second = read(fact_span(TRACE, a_fact(attempt=1), LATER), fact_span(TRACE, a_fact(attempt=2), LATER))

    assert first.span_id != second.span_id


def test_what_is_told_of_a_fact_has_its_type_and_no_frames() -> None:
    payload = {"watts": 2500, "read_back": True, "took_s": 0.5, "frames": ["c4…"], "nothing": None, "list": [1]}
    (span,) = read(fact_span(TRACE, a_fact(**payload), LATER))
    told = {each.key: each.value for each in span.attributes}

    assert told["aforo.watts"].int_value == 2500
    assert told["aforo.read_back"].bool_value is True
    assert told["aforo.took_s"].double_value == 0.5
    assert told["aforo.list"].string_value == "[1]"
    assert not {"aforo.frames", "aforo.nothing"} & set(told)
    assert told["aforo.step"].int_value == 5


def test_an_order_that_did_not_come_right_is_an_error_with_its_cause() -> None:
    failed = an_order(OrderState.FAILED, cause=Cause.METER_REFUSED, detail="write denied", ended_at=LATER)
    (span,) = read(order_span(TRACE, failed))

    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "write denied")
    assert {each.key: each.value.string_value for each in span.attributes}["aforo.cause"] == "METER_REFUSED"


def test_every_process_makes_the_same_trace_of_an_order_and_another_installation_another() -> None:
    assert trace_id("41464F0000000001", OrderId(7)) == TRACE
    assert len({TRACE, trace_id("41464F0000000001", OrderId(8)), trace_id("41464F0000000002", OrderId(7))}) == 3
