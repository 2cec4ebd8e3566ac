"""aforo audit and aforo order receipt over the operator's door: what was kept elsewhere finds what was changed here."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aforo.app.main import main
from aforo.domain.identifiers import MeterNumber, OrderNumber
from aforo.domain.order import Fact
from aforo.engine.memory import MemoryOrderStore
from aforo.engine.memory_audit import MemoryAuditStore
from aforo.flow.decision import Decision
from cases import WEDNESDAY, a_request, an_order
from edge.test_operator_api_commands import Running, data

__all__ = ["data"]


@pytest.fixture
def system(data: Path) -> Running:
    """With two orders of three facts, the first of them sealed."""
    running = Running.latest
    assert running is not None
    for number in ("OS-1", "OS-2"):
        asyncio.run(_keep(running, number))
        if number == "OS-1":
            assert asyncio.run(running.ports.audit.seal(WEDNESDAY, 10)) is not None
    return running


async def _keep(running: Running, number: str) -> None:
    orders = running.ports.orders
    order = an_order(
        request=a_request(number=OrderNumber(number), meter=MeterNumber(number)), id=await orders.new_order_id()
    )
    facts = tuple(Fact(1, WEDNESDAY, "Legacy", "Integration", name, {"why": "ñ"}) for name in ("A", "B", "C"))
    await orders.receive(Decision(order, facts), None)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_trail_that_nobody_touched_verifies_here_and_from_an_export(
    system: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", "--json"]) == 0
    assert told(capsys) == {"orders": 2, "facts": 6, "seals": 1, "findings": []}

    assert main(["audit", "export", str(tmp_path / "trail.jsonl"), "--json"]) == 0
    capsys.readouterr()
    assert main(["audit", "verify", str(tmp_path / "trail.jsonl"), "--json"]) == 0
    assert told(capsys) == {"orders": 2, "facts": 6, "seals": 1, "findings": []}


def test_an_export_with_one_changed_letter_does_not_verify(
    system: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trail = tmp_path / "trail.jsonl"
    main(["audit", "export", str(trail), "--json"])
    trail.write_text(trail.read_text(encoding="utf-8").replace("ñ", "n", 1), encoding="utf-8")
    capsys.readouterr()

    assert main(["audit", "verify", str(trail)]) == 1
    assert "fact 1 (A) is not the one that was written" in capsys.readouterr().out


def test_a_receipt_kept_elsewhere_finds_a_trail_that_was_made_anew(
    system: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["order", "receipt", "OS-1"]) == 0
    (tmp_path / "receipt.json").write_text(capsys.readouterr().out, encoding="utf-8")
    arguments = ["audit", "verify", "--receipt", str(tmp_path / "receipt.json"), "--json"]
    assert main(arguments) == 0
    capsys.readouterr()

    orders, audit = system.ports.orders, system.ports.audit
    assert isinstance(orders, MemoryOrderStore)
    assert isinstance(audit, MemoryAuditStore)
    facts = orders.facts_of
    (first, *_) = facts
    facts[first][0] = replace(facts[first][0], payload={"why": "other"})
    audit._seals.clear()
    audit._sealed.clear()
    asyncio.run(system.ports.audit.seal(WEDNESDAY, 10))

    assert main(["audit", "verify", "--json"]) == 0, "it is right in itself"
    capsys.readouterr()
    assert main(arguments) == 1
    findings = [one["finding"] for one in told(capsys)["findings"]]
    assert findings == ["seal 1 is not the one of the receipt", "its facts are not those of the receipt"]


def test_a_receipt_that_was_changed_does_not_prove_itself(
    system: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["order", "receipt", "OS-1"])
    receipt = json.loads(capsys.readouterr().out)
    receipt["facts"][0]["payload"] = {"why": "other"}
    (tmp_path / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")

    assert main(["audit", "verify", "--receipt", str(tmp_path / "receipt.json")]) == 1
    assert "does not prove itself" in capsys.readouterr().out


def test_what_is_not_sealed_yet_has_no_receipt(system: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["order", "receipt", "OS-2"]) == 1
    assert "not sealed yet" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{}", "no json", '{"fact": {}}'])
def test_a_file_that_is_no_export_is_a_wrong_argument(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_text(text)

    assert main(["audit", "verify", str(tmp_path / "x")]) == 2
    assert "is no export of the audit trail" in capsys.readouterr().err
