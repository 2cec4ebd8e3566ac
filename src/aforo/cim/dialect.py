"""Dialects: how one system or another writes what our own contract says. Each is a file of `aforo.cim.dialects`.

A dialect is a table: by which root element, verb and noun it is known, which of its elements is which of ours, and how
its answers are named. No dialect has code.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lxml import etree

from aforo.cim.message import read_header
from aforo.cim.namespaces import MESSAGE
from aforo.cim.xml_reading import Element

_FOLDER = files("aforo.cim") / "dialects"
OPERATIONS = ("create", "change", "cancel", "get")
LEAVES = ("number", "reason", "command", "type", "mrid", "name", "place", "value", "multiplier", "unit")
"""What a control of ours is made of, in the order of its schema."""


class BadDialect(ValueError):
    """A dialect's file says something that cannot be. The text names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Command:
    """A text that orders something. power: it has a group of this name, the limit.   type: EndDeviceControlType."""

    pattern: re.Pattern[str]
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestForm:
    """One kind of request. root, verb, noun: by which it is known.   becomes: which operation of ours it is.

    each: where each order lies; None when its payload is ours under another root.   control: an XPath from there, or a
    fixed text, by leaf.   ignored: XPaths of what may be there and changes nothing.   required: texts of which one must
    stand there, if anything does, by XPath from the message.
    """

    root: str
    verb: str
    noun: str
    becomes: str
    each: etree.XPath | None = None
    control: Mapping[str, etree.XPath | str] = field(default_factory=dict)
    ignored: tuple[etree.XPath, ...] = ()
    required: tuple[tuple[etree.XPath, frozenset[str]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerForm:
    """root: of an answer; what lies in it directly has the same namespace.   noun: empty leaves ours.

    payload: `ours`, `none`, or `readings`.   has_code: the first reply code stands in Reply/ReplyCode as well.
    readings: ReadingType by element of the readback.   readings_in: namespace of the profile of MeterReadings.
    """

    root: str
    noun: str = ""
    payload: str = "none"
    has_code: bool = False
    is_upper: bool = False
    readings: Mapping[str, str] = field(default_factory=dict)
    readings_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """is_detected: used for a message of its form even when its sender has no dialect set.

    envelope: namespace of what lies in Header, Request and Reply.   schema: an XSD of ours that its requests comply
    with before anything else is looked at; empty for a dialect without.   codes: EndDeviceControlType of ours
    by that of the sender.   commands: tried in their order.   path: of the service that describes it.
    """

    name: str
    es: str
    en: str
    is_detected: bool
    envelope: str
    schema: str
    path: str
    requests: tuple[RequestForm, ...]
    answer: AnswerForm
    codes: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    prefixes: Mapping[str, str] = field(default_factory=dict)

    def form_of(self, message: Element) -> RequestForm | None:
        """None: the message is not of this dialect."""
        forms = [form for form in self.requests if form.root == message.tag]
        if len(forms) <= 1 and not (forms and forms[0].root.endswith("}RequestMessage")):
            return forms[0] if forms else None
        header = read_header(message, self.envelope)
        told = (header.verb.lower(), header.noun)
        return next((form for form in forms if (form.verb, form.noun) == told), None)


class Dialects:
    """Those that are known, by name."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self.by_name = {dialect.name: dialect for dialect in dialects}
        self._detected = [dialect for dialect in self.by_name.values() if dialect.is_detected]

    def find(self, message: Element, name: str = "") -> tuple[Dialect, RequestForm] | None:
        """name: of its sender's dialect, which goes before those that are detected; empty for none."""
        preferred = self.by_name.get(name)
        for dialect in ([preferred] if preferred else []) + self._detected:
            form = dialect.form_of(message)
            if form is not None:
                return dialect, form
        return None


@cache
def shipped() -> Dialects:
    found = sorted(file.name for file in _FOLDER.iterdir() if file.name.endswith(".toml"))
    return Dialects(_parsed((_FOLDER / name).read_bytes(), name) for name in found)


def with_folder(folder: Path | None) -> Dialects:
    """The shipped ones and those of a folder, which may replace them. Raises BadDialect."""
    if folder is None:
        return shipped()
    own = [_parsed(file.read_bytes(), file.name) for file in sorted(folder.glob("*.toml"))]
    return Dialects([*shipped().by_name.values(), *own])


def sample_request(name: str) -> str:
    """A shipped dialect's order as a template, `$number`, `$meter`, `$watts`, … to be filled in."""
    return (_FOLDER / f"{name}.request.xml").read_text(encoding="utf-8")


def _parsed(octets: bytes, file: str) -> Dialect:
    try:
        return _dialect(file.removesuffix(".toml"), tomllib.loads(octets.decode("utf-8")))
    except (ValueError, KeyError, TypeError, re.error, etree.XPathSyntaxError) as wrong:
        what = f"{wrong.args[0]!r} is missing" if isinstance(wrong, KeyError) else str(wrong)
        raise BadDialect(f"dialect {file}: {what}") from wrong


def _dialect(name: str, table: dict[str, Any]) -> Dialect:
    prefixes = table["namespaces"]
    answer = table["answer"]
    return Dialect(
        name=name,
        es=table["es"],
        en=table["en"],
        is_detected=table.get("detected", False),
        envelope=table.get("envelope", MESSAGE),
        schema=table.get("schema", ""),
        path=table.get("path", ""),
        requests=tuple(_request(form, prefixes) for form in table["request"]),
        answer=AnswerForm(**{**answer, "root": _tag(answer["root"], prefixes)}),
        codes=table.get("codes", {}),
        commands=tuple(Command(re.compile(c["pattern"]), c["type"]) for c in table.get("command", ())),
        prefixes=prefixes,
    )


def _request(form: dict[str, Any], prefixes: dict[str, str]) -> RequestForm:
    def compiled(path: str) -> etree.XPath:
        return etree.XPath(path, namespaces=prefixes)

    if form["becomes"] not in OPERATIONS:
        raise ValueError(f"becomes is one of {', '.join(OPERATIONS)}")
    unknown = set(form.get("control", {})) - set(LEAVES)
    if unknown:
        raise ValueError(f"control has {', '.join(LEAVES)}, and no {', '.join(sorted(unknown))}")
    return RequestForm(
        root=_tag(form["root"], prefixes),
        verb=form["verb"],
        noun=form["noun"],
        becomes=form["becomes"],
        each=compiled(form["each"]) if "each" in form else None,
        control={
            leaf: text[1:] if text.startswith("=") else compiled(text) for leaf, text in form.get("control", {}).items()
        },
        ignored=tuple(compiled(path) for path in form.get("ignored", ())),
        required=tuple((compiled(path), frozenset(texts)) for path, texts in form.get("required", {}).items()),
    )


def _tag(name: str, prefixes: dict[str, str]) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{prefixes[prefix]}}}{local}"
