"""SQL by name: files of statements, each below a line `-- name: …`."""

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load_sql(file: str) -> dict[str, str]:
    """The statements of a file of this package, by name."""
    text = (resources.files("aforo.adapters.postgres") / file).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
