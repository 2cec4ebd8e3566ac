"""Values of the domain as JSON and back, by the types that the ports are declared with. Nothing is written that reading
would not give again; what a document says beyond its type is refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from aforo.dlms.counters import CounterRange
from aforo.domain.order_kinds import KINDS, OrderKind


class Form(NamedTuple):
    """How a type is written, and read. Reading raises ValueError, KeyError or TypeError for what was not written so."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(document: Any) -> Any:
        if type(document) is not kind:
            raise TypeError(f"{document!r} is no {kind.__name__}")
        return document

    return read


_PLAIN: dict[Any, Form] = {
    Any: Form(_same, _same),
    str: Form(_same, _exactly(str)),
    int: Form(int, _exactly(int)),
    bool: Form(_same, _exactly(bool)),
    NoneType: Form(_same, _exactly(NoneType)),
    bytes: Form(bytes.hex, bytes.fromhex),
    datetime: Form(datetime.isoformat, datetime.fromisoformat),
    timedelta: Form(timedelta.total_seconds, lambda seconds: timedelta(seconds=seconds)),
    OrderKind: Form(lambda kind: kind.name, lambda name: KINDS[name]),
    CounterRange: Form(
        lambda range_: [range_.next, range_.next + range_.remaining - 1], lambda ends: CounterRange(*ends)
    ),
}


@cache
def form_of(kind: Any) -> Form:
    """kind: as annotations have it. Raises TypeError for a type that no port should have."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, NewType):
        return form_of(kind.__supertype__)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Form(lambda member: member.value, kind)
    if is_dataclass(kind):
        return _of_fields(kind, [field.name for field in fields(kind)])
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _of_fields(kind, kind.__struct_fields__)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType) and NoneType in arguments and len(arguments) == 2:
        return _optional(form_of(next(one for one in arguments if one is not NoneType)))
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _of_places([form_of(one) for one in arguments])
    if origin in (list, tuple, Sequence, Iterable):
        return _of_many(form_of(arguments[0]), tuple if origin is tuple else list)
    if origin in (dict, Mapping):
        return _of_mapping(form_of(arguments[0]), form_of(arguments[1]))
    raise TypeError(f"{kind} cannot be written as a document")


def _of_fields(kind: Any, names: Iterable[str]) -> Form:
    hints = get_type_hints(kind)
    forms = {name: form_of(hints[name]) for name in names}

    def write(value: Any) -> dict[str, Any]:
        return {name: form.write(getattr(value, name)) for name, form in forms.items()}

    def read(document: Any) -> Any:
        unknown = document.keys() - forms.keys()
        if unknown:
            raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        return kind(**{name: forms[name].read(part) for name, part in document.items()})

    return Form(write, read)


def _optional(form: Form) -> Form:
    return Form(
        lambda value: None if value is None else form.write(value),
        lambda document: None if document is None else form.read(document),
    )


def _of_places(forms: Sequence[Form]) -> Form:
    return Form(
        lambda values: [form.write(value) for form, value in zip(forms, values, strict=True)],
        lambda document: tuple(form.read(part) for form, part in zip(forms, document, strict=True)),
    )


def _of_many(form: Form, kind: type) -> Form:
    read_all = _exactly(list)
    return Form(
        lambda values: [form.write(value) for value in values],
        lambda document: kind(form.read(part) for part in read_all(document)),
    )


def _of_mapping(key: Form, value: Form) -> Form:
    """As a list of pairs: keys need not be texts."""
    pair = _of_places((key, value))
    return Form(
        lambda values: [pair.write(one) for one in values.items()],
        lambda document: dict(pair.read(one) for one in document),
    )
