"""A CSV file into the registry of the running system, all of it or nothing."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from aforo.adapters.registry_csv import InvalidRows, Rows, read_csv
from aforo.app.commands.operator_client import OperatorClient, RowsRefused
from aforo.app.console_output import CommandFailed, WrongUsage, language, say, say_json

FILE_MAX = 48 * 1024 * 1024


def import_file(
    client: OperatorClient, file: Path, kind: str, *, columns: Sequence[str], options: Sequence[str] = ()
) -> int:
    """How many rows were taken over. kind: `meters` or `concentrators`. Raises CommandFailed naming every bad line."""
    rows = rows_of(file, columns, options)
    try:
        return int(client.post(kind, rows.cells)[kind])
    except RowsRefused as refused:
        found = [(_line(rows, wrong["row"]), wrong["column"], wrong["es"], wrong["en"]) for wrong in refused.errors]
        raise _refused(file, found, refused.total) from None


def rows_of(file: Path, columns: Sequence[str], options: Sequence[str] = ()) -> Rows:
    """Raises CommandFailed naming every bad line, WrongUsage."""
    try:
        rows = read_csv(_text_of(file), columns, options)
    except InvalidRows as invalid:
        found = [(wrong.line, wrong.column, wrong.es, wrong.en) for wrong in invalid.errors]
        raise _refused(file, found, invalid.total) from None
    if not rows.cells:
        raise CommandFailed(f"{file} has no rows below its heading")
    return rows


def say_imported(count: int, kind: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"imported": count, "kind": kind})
    else:
        say(f"{count} {kind} imported")


def _text_of(file: Path) -> str:
    try:
        if file.stat().st_size > FILE_MAX:
            raise WrongUsage(f"{file} is larger than {FILE_MAX} octets; split it")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongUsage(f"{file} is not UTF-8 text; save it as CSV UTF-8") from None


def _line(rows: Rows, row: int) -> int:
    return rows.lines[row - 1] if 1 <= row <= len(rows.lines) else 0


def _refused(file: Path, errors: Iterable[tuple[int, str, str, str]], total: int) -> CommandFailed:
    """One line each; the columns and what would be right, never what stood there."""
    listed = [{"line": line, "column": column, "es": es, "en": en} for line, column, es, en in errors]
    lines = [f"{file}:{one['line']}: {one['column'] or 'line'}: {one[language()]}" for one in listed]
    more = [f"and {total - len(listed)} more"] if total > len(listed) else []
    words = f"nothing was imported: {total} {'error' if total == 1 else 'errors'} in {file}"
    return CommandFailed(words, lines=[*lines, *more], errors=listed, total=total)
