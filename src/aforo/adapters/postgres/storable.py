"""What PostgreSQL can hold: every text but NUL and halves of surrogate pairs.

No customer means either; a device's garbage and a careless client may send them, and an order must not hang on that.
"""

from typing import Any

from msgspec.json import Encoder

_as_json = Encoder().encode
_NUL = b"\\u0000"
"""As it is written: only then is every text looked at."""


def to_jsonb(value: Any) -> str:
    try:
        written = _as_json(value)
    except UnicodeEncodeError:  # half of a surrogate pair
        written = _NUL
    if _NUL in written:
        written = _as_json(_storable(value))
    return written.decode()


def is_kept(value: Any) -> bool:
    """True: for certain it is read back as it is written. False: perhaps it is, perhaps not."""
    match value:
        case str():
            return value.isprintable()
        case dict():
            return all(isinstance(name, str) and name.isprintable() and is_kept(part) for name, part in value.items())
        case list():
            return all(map(is_kept, value))
        case _:
            return value is None or isinstance(value, int)


def storable_text(text: str) -> str:
    """The text with U+FFFD for what cannot be held."""
    return text.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {_storable(name): _storable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(part) for part in value]
    return value
