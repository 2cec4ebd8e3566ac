"""The AsyncAPI document (3.0) of the result queue, made from an example of the code itself."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from msgspec.structs import replace

from aforo.adapters.queues.messages import CONTENT_TYPE
from aforo.domain.identifiers import MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import Order, OrderRequest
from aforo.domain.order_kinds import LIMIT
from aforo.domain.order_states import ENDS, OrderState
from aforo.domain.quantities import PowerLimit
from aforo.flow.step8_publish_result import EVENT_TYPE, result_message

_AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
_TYPES: dict[type, str] = {str: "string", int: "integer", bool: "boolean", dict: "object", list: "array"}
_MAY_BE_NULL = {"cause": "string", "limit": "integer", "evidence": "object", "may_change_until": "string"}


def asyncapi() -> str:
    """JSON, which is YAML as well."""
    example = _example()
    data = {name: _schema(name, value) for name, value in example["data"].items()}
    data["state"] = {"type": "string", "enum": sorted(end.value for end in ENDS)}
    attributes = {name: {"type": "string"} for name in example if name != "data"}
    payload = {
        "type": "object",
        "required": [*attributes, "data"],
        "properties": {**attributes, "data": {"type": "object", "required": sorted(data), "properties": data}},
    }
    message = {
        "name": EVENT_TYPE,
        "title": "An order has ended, or its end is corrected",
        "summary": "A CloudEvent 1.0 in structured JSON. The same id at every repetition; ordered for each meter.",
        "contentType": CONTENT_TYPE,
        "payload": payload,
        "examples": [{"payload": example}],
    }
    channels = {
        "amqp": {
            "address": "result.{source}.{meter}",
            "title": "AMQP 0-9-1: routing key on the topic exchange aforo.results",
            "parameters": {"source": {}, "meter": {}},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": "aforo.results", "type": "topic"}}},
            "messages": {"result": {"$ref": "#/components/messages/result"}},
        },
        "jetstream": {
            "address": "aforo.results.{source}.{meter}",
            "title": "NATS JetStream: subject of the stream AFORO_RESULTS",
            "parameters": {"source": {}, "meter": {}},
            "messages": {"result": {"$ref": "#/components/messages/result"}},
        },
    }
    operations = {
        f"resultsOn{name.title()}": {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}
        for name in channels
    }
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "aforo: results", "version": version("aforo")},
        "channels": channels,
        "operations": operations,
        "components": {"messages": {"result": message}},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _example() -> dict[str, Any]:
    request = OrderRequest(
        source=Source("CIS"),
        number=OrderNumber("OS-1001"),
        kind=LIMIT,
        meter=MeterNumber("20300001"),
        limit=PowerLimit(2500),
    )
    order = Order(id=OrderId(1001), request=request, state=OrderState.RECEIVED, received_at=_AT)
    return result_message(replace(order, state=OrderState.VERIFIED, attempts=1, ended_at=_AT)).body


def _schema(name: str, value: Any) -> dict[str, Any]:
    if name in _MAY_BE_NULL:
        return {"type": [_MAY_BE_NULL[name], "null"]}
    return {"type": _TYPES[type(value)]}
