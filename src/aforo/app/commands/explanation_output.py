"""An order explained on the console: what its state means, its tries, whom it waits for, what would have to change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aforo.adapters.operator_documents import explanation_document
from aforo.app.console_output import language, say, say_pairs, say_table
from aforo.domain.causes import Cause
from aforo.domain.order_states import OrderState
from aforo.flow.explanation import explain
from aforo.flow.trace import Words

_NAMES = {
    "meaning": Words("significa", "means"),
    "cause": Words("causa", "cause"),
    "waits_for": Words("espera", "waits for"),
    "until": Words("hasta", "until"),
    "heard": Words("concentrador", "concentrator"),
    "again": Words("se reintenta", "tried again"),
    "remedy": Words("para pasar", "to pass"),
}
_YES, _NO = Words("sí, por sí sola", "yes, by itself"), Words("no", "no")
_TRY = Words("intento", "try")


def explanation_of(order: Mapping[str, Any]) -> dict[str, Any]:
    """For programs, from the order as the operator API shows it. Sentences in both languages."""
    state = OrderState(order["state"])
    cause = None if order["cause"] is None else Cause(order["cause"]["code"])
    told = explain(state, cause, next_at=_moment(order["next_at"]), ended_at=_moment(order["ended_at"]))
    return {
        **explanation_document(state, cause, told),
        "concentrator": order.get("concentrator"),
        "tries": [_try(fact) for fact in order["facts"] if fact["name"] == "ResultCollected"],
    }


def say_explanation(page: Mapping[str, Any]) -> None:
    tongue = language()
    words = {name: getattr(each, tongue) for name, each in _NAMES.items()}
    say_pairs(
        [
            (words["meaning"], page["meaning"][tongue]),
            (words["cause"], page["cause"] and f"{page['cause']['code']} ({page['cause']['layer']})"),
            (words["waits_for"], page["waits_for"] and page["waits_for"][tongue]),
            (words["until"], page["until"]),
            (words["heard"], _heard(page["concentrator"])),
            (words["again"], page["cause"] and getattr(_YES if page["is_tried_again"] else _NO, tongue)),
            (words["remedy"], page["remedy"] and page["remedy"][tongue]),
        ]
    )
    if page["tries"]:
        say("")
        heading = getattr(_TRY, tongue)
        columns = ("attempt", "at", "verdict", "cause", "detail")
        say_table((heading, *columns[1:]), ([each[name] for name in columns] for each in page["tries"]))


def _heard(concentrator: Mapping[str, Any] | None) -> str | None:
    if concentrator is None:
        return None
    words = Words("oído por última vez", "last heard"), Words("nunca", "never")
    last, never = (getattr(each, language()) for each in words)
    return f"{concentrator['number']}, {last}: {concentrator['last_heard'] or never}"


def _try(fact: Mapping[str, Any]) -> dict[str, Any]:
    payload = fact["payload"]
    return {"at": fact["at"], **{name: payload[name] for name in ("attempt", "verdict", "cause", "detail")}}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
