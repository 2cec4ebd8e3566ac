"""aforo decode: what DLMS/COSEM octets say."""

import importlib
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aforo.app.commands.key_options import keys_of, title_of
from aforo.app.commands.options import AsJson
from aforo.app.console_output import WrongUsage, say_json

if TYPE_CHECKING:
    from aforo.dlms.printer import Node

OCTETS_MAX = 131_072
"""One frame of the wrapper has 65543 at most; a tree of so many takes a second or two."""

_BETWEEN = re.compile(r"[\s:,]+|\b0[xX]")
_NO_DIGIT = re.compile(r"[^0-9a-fA-F]")
_CHARACTERS_MAX = 6 * OCTETS_MAX


def decode(
    octets: Annotated[
        list[str],
        typer.Argument(
            metavar="HEX",
            help="Octets in hex; spaces, colons, commas, 0x and line ends do not matter. - reads standard input.",
        ),
    ],
    key: Annotated[
        str | None,
        typer.Option(
            metavar="EK", envvar="AFORO_DECODE_KEY", help="Encryption key in hex. Better in AFORO_DECODE_KEY."
        ),
    ] = None,
    authentication_key: Annotated[
        str | None,
        typer.Option(
            metavar="AK",
            envvar="AFORO_DECODE_AUTHENTICATION_KEY",
            help="Authentication key in hex. Better in AFORO_DECODE_AUTHENTICATION_KEY.",
        ),
    ] = None,
    title: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEX", help="System title of whoever ciphered, when the octets do not tell it. Repeatable."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Tell in words what DLMS/COSEM octets say, ciphered ones too when the keys are given.

    Wrapper or HDLC frames, the gateway prefix, or an APDU alone. Needs no running system.
    Passwords and keys are never shown.
    """
    keys = keys_of(key, authentication_key)
    titles = [title_of(text) for text in title or ()]
    given = _octets(_text(octets))
    printer = importlib.import_module("aforo.dlms.printer")  # a tenth of a second that no other command has to wait
    tree = printer.describe(given, keys, titles)
    if as_json:
        say_json(_document(tree))
    else:
        sys.stdout.writelines(f"{line.rstrip()}\n" for line in printer.lines(tree))
    return 0


def _text(words: list[str]) -> str:
    if words != ["-"]:
        return " ".join(words)
    try:
        return sys.stdin.read(_CHARACTERS_MAX + 1)
    except UnicodeDecodeError:
        raise WrongUsage("standard input is not text; give the octets in hexadecimal digits") from None


def _octets(text: str) -> bytes:
    digits = _BETWEEN.sub("", text)
    wrong = _NO_DIGIT.search(digits)
    if wrong is not None:
        raise WrongUsage(f"{wrong.group()!r} is no hexadecimal digit")
    if len(text) > _CHARACTERS_MAX or len(digits) > 2 * OCTETS_MAX:
        raise WrongUsage(f"more than {OCTETS_MAX} octets; give fewer frames at a time")
    if not digits:
        raise WrongUsage("there are no octets to decode")
    if len(digits) % 2:
        raise WrongUsage(f"{len(digits)} hexadecimal digits are not whole octets")
    return bytes.fromhex(digits)


def _document(node: "Node") -> dict[str, Any]:
    """octets: its own without its children's; empty where they are withheld."""
    return {
        "label": node.label,
        "value": node.value,
        "from": node.start,
        "to": node.end,
        "octets": node.octets.hex(),
        "children": [_document(child) for child in node.children],
    }
