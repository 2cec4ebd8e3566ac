"""Step 8: the result as it goes over the queue."""

import json

from aforo.domain.causes import Cause
from aforo.domain.order_states import OrderState
from aforo.flow.step8_publish_result import published, result_message
from cases import WEDNESDAY, an_order


def test_a_result_is_the_same_event_at_every_repetition() -> None:
    ended = an_order(OrderState.FAILED, cause=Cause.METER_UNREACHABLE, detail="no answer", attempts=3)

    message = result_message(ended)

    assert message == result_message(ended)
    assert json.loads(json.dumps(message.body)) == message.body
    assert (message.body["specversion"], message.body["id"], message.body["subject"]) == ("1.0", message.id, "OS-1")
    assert message.body["data"]["limit"] == 2500
    assert message.body["data"]["unit"] == "W"
    assert message.body["data"]["cause"] == "METER_UNREACHABLE"


def test_the_fact_of_step_8_names_result_and_queue() -> None:
    fact = published(result_message(an_order(OrderState.VERIFIED)), "embedded", WEDNESDAY)

    assert (fact.step, fact.name) == (8, "ResultPublished")
    assert fact.payload == {"result": "1-1", "queue": "embedded", "state": "VERIFIED", "cause": None}
