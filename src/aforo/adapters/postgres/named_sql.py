"""SQL by name: files of statements, each below a line `-- name: …`; `-- part: …` stands for a text of facts.sql."""

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_PART = re.compile(r"^-- part: (\w+)$", re.MULTILINE)
_PARTS = "facts.sql"


def load_sql(file: str) -> dict[str, str]:
    """The statements of a file of this package, by name."""
    parts = _named(_PARTS)
    return {name: _PART.sub(lambda part: parts[part[1]], body) for name, body in _named(file).items()}


@cache
def _named(file: str) -> dict[str, str]:
    text = (resources.files("aforo.adapters.postgres") / file).read_text(encoding="utf-8")
    _, *named = _NAME.split(text)
    return {name: body.strip() for name, body in zip(named[::2], named[1::2], strict=True)}
