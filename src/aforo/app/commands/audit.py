"""aforo audit: is the trail of every order as it was written?"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from aforo.adapters.audit_documents import chained_of, receipt_of, seal_of
from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, Url
from aforo.app.console_output import FAILED, CommandFailed, WrongUsage, say, say_json, say_table
from aforo.domain.audit import ChainedFact, Finding, Receipt, Seal, TrailCheck, is_proved
from aforo.domain.order import Fact

commands = typer.Typer(no_args_is_help=True, help="The audit trail: export it, and verify it, here or elsewhere.")

T = TypeVar("T")
_PAGE = 1_000
_SEALS_PAGE = 100


@commands.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: one JSON document a line.")],
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Write every seal and every fact to a file that `aforo audit verify FILE` can check without this system."""
    with OperatorClient(locate(data, url)) as client, file.open("w", encoding="utf-8") as out:
        seals = _write(out, "seal", _seal_pages(client))
        facts = _write(out, "fact", _fact_pages(client))
    if as_json:
        say_json({"file": str(file), "seals": seals, "facts": facts})
    else:
        say(f"{seals} seals and {facts} facts in {file}")
    return 0


@commands.command()
def verify(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="An export; else the running system.")] = None,
    receipt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="One kept elsewhere: its seal must be there."),
    ] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Find every fact that was changed, left out, put in or moved, and every order that was deleted.

    What is younger than the last seal, a second at most, is not covered. Whoever can write the whole database can
    make a trail that is right in itself: a receipt, or an export, kept elsewhere finds that too. Exit code 1 with
    findings.
    """
    check, kept = TrailCheck(), _Kept(_receipt(receipt)) if receipt is not None else None
    if file is not None:
        findings = list(_findings(check, kept, _lines(file, "seal", seal_of), _lines(file, "fact", chained_of)))
    else:
        with OperatorClient(locate(data, url)) as client:
            seals, facts = map(seal_of, _seal_pages(client)), map(chained_of, _fact_pages(client))
            findings = list(_findings(check, kept, seals, facts))
    if as_json:
        told = [{"order_id": one.order_id, "finding": one.words} for one in findings]
        say_json({"orders": check.orders, "facts": check.facts, "seals": check.seals, "findings": told})
    else:
        if findings:
            say_table(("order id", "finding"), ((one.order_id or "", one.words) for one in findings))
        say(f"{check.orders} orders, {check.facts} facts, {check.seals} seals: {len(findings)} findings")
    return FAILED if findings else 0


class _Kept:
    """A receipt that was kept elsewhere, and what of the trail it speaks of."""

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt
        self._has_seal = False
        self._facts: list[Fact] = []

    def seal(self, seal: Seal) -> None:
        self._has_seal = self._has_seal or seal.hash == self._receipt.seal_hash

    def fact(self, one: ChainedFact) -> None:
        if one.order_id == self._receipt.order_id and len(self._facts) < len(self._receipt.facts):
            self._facts.append(one.fact)

    def findings(self) -> Iterator[Finding]:
        receipt = self._receipt
        if not is_proved(receipt):
            yield Finding(receipt.order_id, "the receipt does not prove itself")
            return
        if not self._has_seal:
            yield Finding(0, f"seal {receipt.seal_number} is not the one of the receipt")
        if self._facts != list(receipt.facts):
            yield Finding(receipt.order_id, "its facts are not those of the receipt")


def _findings(
    check: TrailCheck, kept: _Kept | None, seals: Iterable[Seal], facts: Iterable[ChainedFact]
) -> Iterator[Finding]:
    """One after the other: a trail may be longer than the memory."""
    for seal in seals:
        yield from check.seal(seal)
        if kept is not None:
            kept.seal(seal)
    for one in facts:
        yield from check.fact(one)
        if kept is not None:
            kept.fact(one)
    yield from check.end()
    if kept is not None:
        yield from kept.findings()


def _receipt(file: Path) -> Receipt:
    try:
        return receipt_of(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as wrong:
        raise WrongUsage(f"{file} is no receipt: {wrong}") from None


def _lines(file: Path, name: str, made: Callable[[Any], T]) -> Iterator[T]:
    """Those of one name, in their order."""
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                document = json.loads(line)
                is_known = document.keys() & {"seal", "fact"}
                content = document.get(name) if is_known else document[name]
                if content is not None:
                    yield made(content)
    except OSError as wrong:
        raise CommandFailed(f"{file}: {wrong.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise WrongUsage(f"{file} is no export of the audit trail: {wrong}") from None


def _write(out: Any, name: str, documents: Iterator[dict[str, Any]]) -> int:
    count = 0
    for document in documents:
        out.write(json.dumps({name: document}, ensure_ascii=False) + "\n")
        count += 1
    return count


def _seal_pages(client: OperatorClient) -> Iterator[dict[str, Any]]:
    after = 0
    while page := client.get("audit", "seals", after=after, limit=_SEALS_PAGE)["seals"]:
        yield from page
        after = page[-1]["number"]


def _fact_pages(client: OperatorClient) -> Iterator[dict[str, Any]]:
    order, place = 0, 0
    while page := client.get("audit", "facts", after_order=order, after_place=place, limit=_PAGE)["facts"]:
        yield from page
        order, place = page[-1]["order_id"], page[-1]["place"]
