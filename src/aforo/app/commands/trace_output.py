"""An order on the console: its nine steps, what became of it, and how the commercial system is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aforo.adapters.operator_documents import fact_of
from aforo.app.console_output import language, say, say_pairs, say_table
from aforo.flow.trace import TraceLine, in_words, nine_steps

NOT_HAPPENED = {"es": "no ocurrió", "en": "did not happen"}
NOT_YET = {"es": "aún no", "en": "not yet"}
_STYLES = {"VERIFIED": "green", "UNCONFIRMED": "yellow"}


def steps_of(facts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For programs: every line of the trace; `happened` tells whether it has more than step, from and to."""
    return [_step(line) for line in nine_steps(fact_of(fact) for fact in facts)]


def _step(line: TraceLine) -> dict[str, Any]:
    ends = {"step": line.step, "happened": line.fact is not None, "from": line.sender, "to": line.receiver}
    fact = line.fact
    if fact is None:
        return ends
    words = {tongue: in_words(fact, tongue) for tongue in ("es", "en")}
    return {**ends, "at": fact.at.isoformat(), "name": fact.name, "payload": fact.payload, **words}


def say_steps(facts: Sequence[Mapping[str, Any]], *, ended: bool) -> None:
    """Times are those of this machine's zone.   ended: whether what has not happened may still happen."""
    missing = (NOT_HAPPENED if ended else NOT_YET)[language()]
    say_table(
        ("step", "time", "from", "to", "what"),
        (
            (step["step"], _clock(step), step["from"], step["to"], step.get(language(), missing))
            for step in steps_of(facts)
        ),
    )


def say_fact(fact: Mapping[str, Any]) -> None:
    """One line, as it happens."""
    ends = f"{fact['from']} → {fact['to']}"
    say(f"{fact['step']}  {_clock(fact)}  {ends:<28}  {fact[language()]}")


def say_visit(visit: Mapping[str, Any]) -> None:
    """Every frame under a line that says whose it is; what was heard has its time."""
    say(f"visit {visit['attempt']}, ended {_clock(visit)}")
    for frame in visit["frames"]:
        heard = _clock({"at": frame["heard_at"]})
        say(f"{frame['from']}{f' {heard}' if heard else ''}: {frame['octets']}")
        for line in frame["words"][1:]:
            say(f"  {line}")


def _clock(step: Mapping[str, Any]) -> str:
    return datetime.fromisoformat(step["at"]).astimezone().strftime("%H:%M:%S.%f")[:-3] if step.get("at") else ""


def say_outcome(order: Mapping[str, Any]) -> None:
    """State, cause, evidence, delivery."""
    cause = order["cause"]
    say(f"{order['number']}: {order['state']}", style=_STYLES.get(order["state"], "red" if order["ended"] else ""))
    evidence = order["evidence"] or {}
    say_pairs(
        [
            ("cause", cause and f"{cause['code']}: {cause[language()]}"),
            ("detail", order["detail"]),
            ("next attempt", order["next_at"]),
            ("meter", order["meter"]),
            ("ordered", None if order["limit_w"] is None else f"{order['limit_w']} W"),
            ("read back", _watts(evidence, "threshold_w")),
            ("active now", _watts(evidence, "active_w")),
            ("before", _watts(evidence, "before_w")),
            ("breaker", evidence.get("breaker")),
            ("breaker before", evidence.get("breaker_before")),
            ("read at", evidence.get("read_at")),
            ("demand", _watts(evidence, "demand_w")),
            ("proof", order.get("rung")),
            ("gives again", order.get("retry_of")),
            ("attempts", order["attempts"]),
            ("received", order["received_at"]),
            ("ended", order["ended_at"]),
            *(("delivery", _delivery(one)) for one in order["deliveries"]),
        ]
    )


def _watts(evidence: Mapping[str, Any], name: str) -> str | None:
    return None if evidence.get(name) is None else f"{evidence[name]} W"


def _delivery(delivery: Mapping[str, Any]) -> str:
    again = f", again at {delivery['next_at']}" if delivery["next_at"] else ""
    return f"result {delivery['result']}: {delivery['state']}, attempts {delivery['attempts']}{again}"
