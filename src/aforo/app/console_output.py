"""What a command says: tables and sentences for people, one JSON document for programs, and how it ends."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

DONE = 0
FAILED = 1
WRONG_USAGE = 2
UNCONFIRMED = 3
_UNBOUNDED = 10_000
"""Columns: a table that goes to a file or a pipe is not cut to a terminal that is not there."""


class CommandFailed(Exception):
    """A command ends without what was asked. The text is one sentence that says what to do.

    lines: shown before it.   document: what a program gets beside the sentence.
    """

    def __init__(self, words: str, *, code: int = FAILED, lines: Sequence[str] = (), **document: Any) -> None:
        super().__init__(words)
        self.code = code
        self.lines = lines
        self.document = document


class WrongUsage(CommandFailed):
    """The text says what would be right."""

    def __init__(self, words: str) -> None:
        super().__init__(words, code=WRONG_USAGE)


def language() -> str:
    """`es` or `en`: AFORO_LANGUAGE, else what the terminal's locale says."""
    names = ("AFORO_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return "es" if chosen.lower().startswith("es") else "en"


def say_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))


def say(text: str, *, style: str = "") -> None:
    """One line, whatever its length. style: rich's, shown on a terminal only."""
    _console().print(text, style=style or None, markup=False, highlight=False, soft_wrap=True)


def say_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """None becomes an empty cell."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _console().print(table, markup=False, highlight=False)


def say_pairs(pairs: Iterable[tuple[str, Any]]) -> None:
    """Name and value, one pair a line; pairs without a value are left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None and value != "":
            table.add_row(name, _cell(value))
    _console().print(table, markup=False, highlight=False)


def complain(words: str) -> None:
    print(f"aforo: {' '.join(words.split())}", file=sys.stderr)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else Text(str(value))


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _UNBOUNDED)
