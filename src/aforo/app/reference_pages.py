"""Pages of docs/reference that are made from the code they describe; `make docs` writes, a test compares."""

import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import typer.main
from pydantic_core import PydanticUndefined

from aforo.app.asyncapi_page import asyncapi
from aforo.app.caller_pages import callers
from aforo.app.dialect_pages import dialects
from aforo.app.main import app
from aforo.app.media_page import media
from aforo.app.message_pages import messages
from aforo.app.settings import Settings
from aforo.dlms import association_states
from aforo.dlms.hdlc import link_states
from aforo.domain.causes import CAUSES
from aforo.domain.delivery import DELIVERY_EDGES
from aforo.domain.order_states import EDGES, ENDS
from aforo.simulation.invariants import INVARIANTS
from aforo.simulation.planted_faults import PLANTED
from aforo.simulation.scenarios import SCENARIOS

S = TypeVar("S", bound=StrEnum)
M = TypeVar("M", bound=StrEnum)

_MADE = "<!-- Made from the code by `make docs`. -->\n"


def commands() -> str:
    lines = [
        "# Commands",
        _MADE,
        "Every command takes `--help`, and `--json` prints one JSON document and nothing else. They find the running",
        "system by `--data` (or `AFORO_DATA`) and `--url` (or `AFORO_URL`); on one machine neither is needed.",
        "Exit codes: 0 done, 1 not done, 2 a wrong argument; with `limit --wait` also 3, unconfirmed or still open.",
    ]
    for name, command in _leaves(typer.main.get_command(app), "aforo"):
        lines += ["", f"## {name}", "", *_paragraphs(command.help or ""), *_parameters(command)]
    return "\n".join(lines) + "\n"


def configuration() -> str:
    lines = [
        "# Configuration",
        _MADE,
        "Environment variables, read at the start of `aforo up` and `aforo demo`.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `AFORO_{name.upper()}` | {_default(field)} | {field.description} |")
    lines += [
        "| `AFORO_POSTGRES_BIN` |  | Folder with the `initdb` and `postgres` to use for the embedded server. |",
        "| `AFORO_DATA`, `AFORO_URL` |  | Defaults of `--data` and `--url` for every command. |",
        "| `AFORO_CA` |  | Who has issued the system's certificate, in PEM, for commands that call it over HTTPS. |",
        "| `AFORO_LANGUAGE` | by locale | `es` or `en`, for what commands say. |",
    ]
    return "\n".join(lines) + "\n"


def order_states() -> str:
    lines = ["# The life of an order", _MADE, "States in capitals are ends.", "", "```mermaid", "stateDiagram-v2"]
    lines += ["    [*] --> received"]
    lines += [f"    {before.value} --> {after.value}" for before, edges in EDGES.items() for after in edges]
    lines += [f"    {end.value} --> [*]" for end in sorted(ENDS, key=lambda end: end.value) if not EDGES[end]]
    lines += ["```", "", "| from | to | when |", "|---|---|---|"]
    lines += [f"| {a.value} | {b.value} | {why} |" for a, edges in EDGES.items() for b, why in edges.items()]
    lines += ["", "## The delivery of its result", "", "| from | to | when |", "|---|---|---|"]
    lines += [f"| {a.value} | {b.value} | {why} |" for a, edges in DELIVERY_EDGES.items() for b, why in edges.items()]
    return "\n".join(lines) + "\n"


def causes() -> str:
    lines = [
        "# Causes",
        _MADE,
        "Why an order did not end as wished. Reply: IEC 61968-9, Reply/Error/code. Retry: never, once, by the plan, or",
        "when what was away is back, until the order's deadline. Rest: at least so long before the next try.",
        "Who acts: where it is the field crew, the answer suggests field work.",
        "",
        "| code | layer | reply | retry | rest, min | who acts | Spanish | English |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for cause, facts in CAUSES.items():
        cells = (
            cause.value,
            facts.layer.value,
            facts.reply,
            facts.retry.value,
            str(facts.rest_min or ""),
            facts.actor.value,
            facts.es,
            facts.en,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def dlms_states() -> str:
    """Of the association and of the HDLC link: the same tables that both roles check every message against."""
    lines = ["# The states of a DLMS association and of an HDLC link", _MADE]
    lines += ["Seen from neither end: what one sends the other receives. Everything else is refused.", ""]
    lines += [
        "A server takes AARQ and RLRQ in every state, and a new request in place of what was under way in blocks.",
        "An abort leads to idle from anywhere.",
        "",
    ]
    lines += ["## Association", "", *_drawn(association_states.TABLE, association_states.State.IDLE)]
    lines += ["", "## HDLC link", "", *_drawn(link_states.TABLE, link_states.State.DISCONNECTED)]
    return "\n".join(lines) + "\n"


def simulation() -> str:
    lines = ["# The simulator", _MADE]
    lines += [
        "`aforo sim run` runs the production code of integration, head-end, concentrators and meters in one thread,",
        "in virtual time, with real bytes on every hop, and whatever its seed makes go wrong. The store is the",
        "in-memory twin that passes the same contract tests as PostgreSQL. The same seed gives the same trace, byte",
        "for byte; a seed that violates an invariant is shrunk and printed with the command that replays it.",
    ]
    lines += ["", "## Scenarios", "", "| name | | orders | faults, on average |", "|---|---|---|---|"]
    for one in SCENARIOS.values():
        faults = ", ".join(f"{mean:g} {kind}" for kind, mean in one.faults.items())
        lines.append(f"| {one.name} | {one.title} | {one.orders} | {faults} |")
    lines += ["", "## What must hold", "", "| invariant | |", "|---|---|"]
    lines += [f"| {one.__name__} | {_flat(one.__doc__)} |" for one in INVARIANTS]
    lines += ["| NothingBreaks | No loop, session or callback ends with an error of ours. |"]
    lines += ["", "## Mistakes it must find", ""]
    lines += ["`aforo sim faults` puts each into the code, one at a time.", ""]
    lines += ["| planted | what is done wrong | scenario | within seeds |", "|---|---|---|---|"]
    lines += [f"| {name} | {one.words} | {one.scenario} | {one.within_seeds} |" for name, one in PLANTED.items()]
    return "\n".join(lines) + "\n"


def _flat(text: str | None) -> str:
    return " ".join((text or "").split())


def _drawn(table: Mapping[tuple[S, M], S], begin: S) -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {begin.value}"]
    lines += [f"    {before.value} --> {after.value}: {move.value}" for (before, move), after in table.items()]
    lines += ["```", "", "| state | message | state afterwards |", "|---|---|---|"]
    return lines + [f"| {before.value} | {move.value} | {after.value} |" for (before, move), after in table.items()]


PAGES: dict[str, Callable[[], str]] = {
    "dialects.md": lambda: dialects(_MADE),
    "commands.md": commands,
    "configuration.md": configuration,
    "callers.md": lambda: callers(_MADE),
    "messages.md": lambda: messages(_MADE),
    "results.asyncapi.json": asyncapi,
    "order-states.md": order_states,
    "causes.md": causes,
    "dlms-states.md": dlms_states,
    "simulation.md": simulation,
    "town-media.md": lambda: media(_MADE),
}


def write(folder: Path) -> None:
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if not children:
        yield name, command
        return
    for child, inner in children.items():
        yield from _leaves(inner, f"{name} {child}")


def _paragraphs(text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in text.replace("\b", "").split("\n\n") if paragraph.strip()]


def _parameters(command: Any) -> list[str]:
    rows = [
        f"| {_written(parameter)} | {' '.join((getattr(parameter, 'help', '') or '').split())} |"
        for parameter in command.params
        if parameter.name != "help"
    ]
    return ["", "| argument | meaning |", "|---|---|", *rows] if rows else []


def _written(parameter: Any) -> str:
    metavar = parameter.metavar or parameter.name.upper()
    if parameter.param_type_name == "argument":
        return f"`{metavar}`"
    takes = "" if parameter.is_flag else f" {metavar}"
    return f"`{max(parameter.opts, key=len)}{takes}`"


def _default(field: Any) -> str:
    value = field.default
    if value is PydanticUndefined or value is None or not str(value) or value == ():
        return ""
    shown = getattr(value, "get_secret_value", lambda: value)()
    return f"`{shown}`" if shown != "" else ""


if __name__ == "__main__":
    write(Path(sys.argv[1]))
