"""The audit trail as JSON, both ways: what is exported can be verified without the system that wrote it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aforo.adapters.operator_documents import bare_fact_document, fact_of
from aforo.domain.audit import ChainedFact, Head, Receipt, Seal
from aforo.domain.identifiers import OrderId


def chained_document(one: ChainedFact) -> dict[str, Any]:
    return {"order_id": one.order_id, "place": one.place, "link": one.link.hex(), **bare_fact_document(one.fact)}


def chained_of(document: Mapping[str, Any]) -> ChainedFact:
    link = bytes.fromhex(document["link"])
    return ChainedFact(OrderId(document["order_id"]), document["place"], fact_of(document), link)


def seal_document(seal: Seal) -> dict[str, Any]:
    """heads: order id, length, link of each."""
    return {
        "number": seal.number,
        "at": seal.at.isoformat(),
        "previous": seal.previous.hex(),
        "root": seal.root.hex(),
        "hash": seal.hash.hex(),
        "heads": [[head.order_id, head.length, head.link.hex()] for head in seal.heads],
    }


def seal_of(document: Mapping[str, Any]) -> Seal:
    return Seal(
        number=document["number"],
        at=datetime.fromisoformat(document["at"]),
        previous=bytes.fromhex(document["previous"]),
        root=bytes.fromhex(document["root"]),
        hash=bytes.fromhex(document["hash"]),
        heads=tuple(Head(OrderId(order), length, bytes.fromhex(link)) for order, length, link in document["heads"]),
    )


def receipt_document(receipt: Receipt, number: str, source: str) -> dict[str, Any]:
    """number, source: of the order, for people."""
    return {
        "order": number,
        "source": source,
        "order_id": receipt.order_id,
        "facts": [bare_fact_document(fact) for fact in receipt.facts],
        "seal": {
            "number": receipt.seal_number,
            "at": receipt.sealed_at.isoformat(),
            "previous": receipt.previous.hex(),
            "hash": receipt.seal_hash.hex(),
            "index": receipt.index,
            "count": receipt.count,
            "path": [sibling.hex() for sibling in receipt.path],
        },
    }


def receipt_of(document: Mapping[str, Any]) -> Receipt:
    seal = document["seal"]
    return Receipt(
        order_id=OrderId(document["order_id"]),
        facts=tuple(fact_of(fact) for fact in document["facts"]),
        seal_number=seal["number"],
        sealed_at=datetime.fromisoformat(seal["at"]),
        previous=bytes.fromhex(seal["previous"]),
        seal_hash=bytes.fromhex(seal["hash"]),
        index=seal["index"],
        count=seal["count"],
        path=tuple(bytes.fromhex(sibling) for sibling in seal["path"]),
    )
