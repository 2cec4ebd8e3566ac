"""aforo audit: is the trail of every order as it was written?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from aforo.adapters.audit_documents import chained_of, receipt_of, seal_of
from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, Url
from aforo.app.console_output import FAILED, CommandFailed, WrongUsage, say, say_json, say_table
from aforo.domain.audit import ChainedFact, Finding, Receipt, Seal, is_proved
from aforo.domain.audit import verify as findings_of

commands = typer.Typer(no_args_is_help=True, help="The audit trail: export it, and verify it, here or elsewhere.")

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
    if file is not None:
        seals, facts = _from_file(file)
    else:
        with OperatorClient(locate(data, url)) as client:
            seals = [seal_of(one) for one in _seal_pages(client)]
            facts = [chained_of(one) for one in _fact_pages(client)]
    findings = list(findings_of(facts, seals))
    if receipt is not None:
        findings += _of_receipt(_receipt(receipt), facts, seals)
    orders = len({fact.order_id for fact in facts})
    if as_json:
        told = [{"order_id": one.order_id, "finding": one.words} for one in findings]
        say_json({"orders": orders, "facts": len(facts), "seals": len(seals), "findings": told})
    else:
        if findings:
            say_table(("order id", "finding"), ((one.order_id or "", one.words) for one in findings))
        say(f"{orders} orders, {len(facts)} facts, {len(seals)} seals: {len(findings)} findings")
    return FAILED if findings else 0


def _of_receipt(receipt: Receipt, facts: list[ChainedFact], seals: list[Seal]) -> Iterator[Finding]:
    if not is_proved(receipt):
        yield Finding(receipt.order_id, "the receipt does not prove itself")
        return
    if not any(seal.hash == receipt.seal_hash for seal in seals):
        yield Finding(0, f"seal {receipt.seal_number} is not the one of the receipt")
    kept = [one.fact for one in facts if one.order_id == receipt.order_id][: len(receipt.facts)]
    if kept != list(receipt.facts):
        yield Finding(receipt.order_id, "its facts are not those of the receipt")


def _receipt(file: Path) -> Receipt:
    try:
        return receipt_of(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as wrong:
        raise WrongUsage(f"{file} is no receipt: {wrong}") from None


def _from_file(file: Path) -> tuple[list[Seal], list[ChainedFact]]:
    seals, facts = [], []
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                document = json.loads(line)
                if "seal" in document:
                    seals.append(seal_of(document["seal"]))
                else:
                    facts.append(chained_of(document["fact"]))
    except OSError as wrong:
        raise CommandFailed(f"{file}: {wrong.strerror}") from None
    except (ValueError, KeyError, TypeError) as wrong:
        raise WrongUsage(f"{file} is no export of the audit trail: {wrong}") from None
    return seals, facts


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
