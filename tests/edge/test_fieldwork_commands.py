"""aforo fieldwork over the operator's door: out as a list, back as a fact, and never as a proof."""

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest

from aforo.app.main import main
from aforo.domain.causes import Cause
from aforo.domain.identifiers import MeterNumber, OrderNumber
from aforo.domain.order_states import OrderState
from aforo.flow.decision import Decision
from cases import a_request, an_order
from edge.test_operator_api_commands import Running, data

__all__ = ["data"]

ENDS = {
    "OS-1": (OrderState.FAILED, Cause.METER_UNREACHABLE),
    "OS-2": (OrderState.FAILED, Cause.WRONG_KEY),
    "OS-3": (OrderState.UNCONFIRMED, Cause.OUTCOME_UNKNOWN),
    "OS-4": (OrderState.VERIFIED, None),
}


@pytest.fixture
def system(data: Path) -> Running:
    running = Running.latest
    assert running is not None
    for number, (state, cause) in ENDS.items():
        asyncio.run(_keep(running, number, state, cause))
    return running


async def _keep(running: Running, number: str, state: OrderState, cause: Cause | None) -> None:
    orders = running.ports.orders
    request = a_request(number=OrderNumber(number), meter=MeterNumber(number))
    order = an_order(state, request=request, id=await orders.new_order_id(), cause=cause)
    await orders.receive(Decision(order, ()), None)


def exported(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    assert main(["fieldwork", "export"]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_only_what_a_visit_can_settle_goes_out(system: Running, capsys: pytest.CaptureFixture[str]) -> None:
    rows = exported(capsys)

    assert [(row["order"], row["cause"], row["limit_w"]) for row in rows] == [
        ("OS-1", "METER_UNREACHABLE", "2500"),
        ("OS-3", "OUTCOME_UNKNOWN", "2500"),
    ]
    assert {row["reference"] + row["result"] for row in rows} == {""}


def test_a_report_is_on_record_once_and_changes_no_state(
    system: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = exported(capsys)
    rows[0].update({"reference": "WO-7", "result": "done", "by": "crew 3", "note": "ñandú"})
    with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)

    assert main(["fieldwork", "import", str(tmp_path / "list.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"taken": 1, "refused": []}
    assert [row["order"] for row in exported(capsys)] == ["OS-3"]

    assert main(["order", "show", "OS-1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["state"] == "FAILED"
    (told,) = [step for step in shown["steps"] if step.get("name") == "FieldWorkReported"]
    assert told["en"] == "Crew 3 reports of the field work WO-7: done. ñandú"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("OS-4,WO,done,crew,", "is not one for the field: it is VERIFIED"),
        ("OS-2,WO,done,crew,", "is not one for the field: it is FAILED"),
        ("OS-9,WO,done,crew,", "There is no order OS-9"),
        ("OS-1,WO,perhaps,crew,", "Invalid parameter: result: Input should be 'done' or 'not done'"),
        ("OS-1,WO,done,,", "Invalid parameter: by: "),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_and_the_others_are(
    row: str, why: str, system: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.csv").write_text(f"order,reference,result,by,note\n{row}\nOS-3,WO-8,not done,crew,locked\n")

    assert main(["fieldwork", "import", str(tmp_path / "list.csv")]) == 1

    told = capsys.readouterr()
    assert "list.csv:2: " in told.err
    assert why in told.err
    assert "1 reports taken, 1 refused" in told.out


def test_a_file_without_the_columns_is_a_wrong_argument(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.csv").write_text("order\nOS-1\n")

    assert main(["fieldwork", "import", str(tmp_path / "list.csv"), "--url", "http://127.0.0.1:9"]) == 2
    assert "lacks the columns by, note, reference, result" in capsys.readouterr().err
