"""docs/reference/order-board.md, which a concentrator is made by, says what the code does."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

import pytest
from msgspec.structs import fields, replace

from aforo.dclink import board_client, codec, order_board
from aforo.dclink.messages import (
    ItemDemand,
    ItemKind,
    ItemReadback,
    ItemResult,
    ItemSupply,
    ItemVerdict,
    OrderItem,
    QueuedOrder,
    Submission,
    TableRow,
    Withdrawal,
)
from aforo.dclink.order_board import LOGICAL_NAME, Attribute, Method, Selector
from aforo.dlms import DataAccess, DataNotification, data, xdlms
from aforo.dlms.events import ActionResponse, ServiceRequest
from aforo.dlms.obis import show
from aforo.domain.causes import Cause
from aforo.domain.quantities import HIGHEST_WATTS
from aforo.simulator.concentrator_settings import ConcentratorSettings
from unit.dclink.paper_board import READBACK, a_result, an_order
from unit.simulator.driven_concentrator import CONCENTRATOR_KEYS, CONCENTRATOR_TITLE

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "order-board.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    (found,) = re.findall(rf"^##+ {re.escape(heading)}.*?$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def cells(heading: str) -> list[list[str]]:
    """The rows of the table under that heading, without its head."""
    rows = [line.strip("|").split("|") for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


def numbered(members: Iterable[IntEnum]) -> dict[int, str]:
    return {int(member): member.name.lower() for member in members}


@pytest.mark.parametrize(
    ("heading", "members"), [("Attributes", Attribute), ("Methods", Method), ("Selective access", Selector)]
)
def test_the_page_numbers_and_names_them_as_the_code_does(heading: str, members: type[IntEnum]) -> None:
    assert {int(row[0]): row[1] for row in cells(heading)} == numbered(members)


def test_the_page_has_every_answer_to_a_withdrawal() -> None:
    assert {int(row[0]): row[1].lower() for row in cells("`withdrawal`")} == numbered(Withdrawal)


def test_the_page_names_the_class_and_the_object() -> None:
    where = section("Where it is")

    assert f"class_id {order_board.CLASS_ID}, version {order_board.VERSION} " in where
    assert f"{show(LOGICAL_NAME)}, that is `{LOGICAL_NAME.hex().upper()}`" in where


# What each type is called there, and the octet that it begins with
TAGS = {
    "long64-unsigned": {data.LONG64_UNSIGNED},
    "double-long-unsigned": {data.DOUBLE_LONG_UNSIGNED},
    "unsigned": {data.UNSIGNED},
    "integer": {data.INTEGER},
    "enum": {data.ENUM},
    "boolean": {data.BOOLEAN},
    "visible-string(64)": {data.VISIBLE_STRING},
    "utf8-string(256)": {data.UTF8_STRING},
    "moment": {data.OCTET_STRING},
    "readback": {data.STRUCTURE},
    "supply": {data.STRUCTURE},
    "demand": {data.STRUCTURE},
    "raw": {data.LONG64, data.LONG64_UNSIGNED},
}
BARE = ItemReadback(before=2**63, written=None, threshold=2**63, active=None, scaler=0, read_at=READBACK.read_at)
SUPPLY = ItemSupply(before=1, state=0, output=False, is_commanded=True, read_at=READBACK.read_at)
DEMAND = ItemDemand(
    average=950, scaler=0, period_s=900, captured_at=READBACK.read_at, breaker=1, read_at=READBACK.read_at
)
LARGE = replace(READBACK, written=2**63, active=2**63, restores_at=READBACK.read_at)


def evidence(result: ItemResult) -> bytes:
    return parts(codec.encode_result(result))[6]


STRUCTURES: dict[str, tuple[type, list[bytes]]] = {
    "order": (
        OrderItem,
        [codec.encode_order(an_order(until=until, not_after=until)) for until in (READBACK.read_at, None)],
    ),
    "submission": (Submission, [codec.encode_submission(Submission(1, True))]),
    "result": (
        ItemResult,
        [
            codec.encode_result(a_result()),
            codec.encode_result(a_result(readback=None, supply=SUPPLY)),
            codec.encode_result(a_result(readback=None, demand=DEMAND)),
        ],
    ),
    "row": (TableRow, [codec.encode_row(TableRow("M", True, at)) for at in (READBACK.read_at, None)]),
    "queued": (QueuedOrder, [codec.encode_queued(QueuedOrder(1, 1, "M", 0, False))]),
}


def parts(structure: bytes) -> list[bytes]:
    """The encoded fields."""
    at, found = 2, []
    while at < len(structure):
        _, end = data.decode_from(structure, at)
        found.append(structure[at:end])
        at = end
    return found


STRUCTURES["readback"] = (
    ItemReadback,
    [evidence(a_result(readback=readback)) for readback in (READBACK, BARE, LARGE)],
)


STRUCTURES["supply"] = (
    ItemSupply,
    [
        parts(codec.encode_result(a_result(readback=None, supply=replace(SUPPLY, output=output))))[7]
        for output in (False, None)
    ],
)


STRUCTURES["demand"] = (
    ItemDemand,
    [
        parts(codec.encode_result(a_result(readback=None, demand=demand)))[8]
        for demand in (DEMAND, replace(DEMAND, average=2**63, captured_at=None, breaker=None))
    ],
)


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_field_stands_there_in_its_place_with_its_type(name: str) -> None:
    kind, examples = STRUCTURES[name]
    rows = cells(f"`{name}`, structure of {examples[0][1]}")
    tags = [{parts(example)[place][0] for example in examples} for place in range(examples[0][1])]
    told = [TAGS[row[1].strip("`?").replace("`", "")] | ({data.NULL} if "?" in row[1] else set()) for row in rows]

    assert [row[0] for row in rows] == [field.name for field in fields(kind)]
    assert told == tags
    assert examples[0][0] == data.STRUCTURE


@pytest.mark.parametrize(("field", "members"), [("kind", ItemKind), ("verdict", ItemVerdict)])
def test_the_page_numbers_the_enums(field: str, members: type[IntEnum]) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{field}` | enum |")]

    assert ", ".join(f"{int(member)} {member.name}" for member in members) in row


def test_a_text_is_as_long_as_the_page_says() -> None:
    assert (codec.NAME_OCTETS_MAX, codec.NUMBER_OCTETS_MAX, codec.DETAIL_OCTETS_MAX) == (64, 256, 256)


def test_the_page_has_the_limits() -> None:
    limits = {row[0]: row[1] for row in cells("Limits")}
    settings = ConcentratorSettings(name="C", title=CONCENTRATOR_TITLE, keys=CONCENTRATOR_KEYS)

    assert limits["orders in one `submit_orders"] == str(order_board.ORDERS_PER_CALL_MAX)
    assert limits["result_ids in one `acknowledge_results"] == str(order_board.RESULTS_PER_ACKNOWLEDGEMENT_MAX)
    assert limits["meters in one selector 2"] == str(order_board.METERS_PER_SELECTION_MAX)
    assert limits["entries of any one array"] == str(codec.ENTRIES_MAX)
    assert limits["orders waiting"].startswith(f"{settings.queue_max} ")
    assert limits["results owed, counting those of orders taken"].startswith(f"{settings.results_max} ")
    assert f"too many APDUs wait already ({settings.relays_max} in the simulator)" in PAGE
    assert f"less {board_client.REQUEST_OCTETS} octets" in PAGE
    assert f"1 to {HIGHEST_WATTS}" in section("`order`")


@pytest.mark.parametrize(
    ("cause", "octets"), [("x" * codec.NAME_OCTETS_MAX, 79), (Cause.LIMIT_NOT_REPRESENTABLE.value, 38)]
)
def test_an_answer_to_an_order_takes_no_more_than_the_page_says(cause: str, octets: int) -> None:
    assert len(codec.encode_submission(Submission(2**64 - 1, False, cause))) == octets
    assert f"{octets} " in section("Limits")


def test_every_refusal_on_the_page_is_one_of_the_standard() -> None:
    told = {int(number): name for name, number in re.findall(r"^\| ([\w-]+) \((\d+)\)", PAGE, re.MULTILINE)}

    assert told == {number: DataAccess(number).name.lower().replace("_", "-") for number in told}
    assert len(told) == 6


def test_every_cause_on_the_page_is_one_of_ours() -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", PAGE))

    assert named
    assert named - {cause.value for cause in Cause} == {ItemKind.READ_SUPPLY.name}
    assert [row[0] for row in cells("An order is refused")] == [
        "OLD_EPOCH",
        "STALE_FENCE",
        "NOT_IN_TABLE",
        "STALE_FENCE",
        "UNKNOWN_MODEL",
        "LIMIT_NOT_REPRESENTABLE",
        "CONCENTRATOR_FAULT",
    ]


# The example, octet by octet

ORDER = OrderItem(
    order_id=1042,
    number="OS-20417",
    kind=ItemKind.LIMIT,
    meter="20300001",
    limit_w=2_500,
    fence=7,
    epoch=3,
    priority=0,
    not_after=datetime(2026, 11, 25, 21, 0, tzinfo=UTC),
)
READ_AT = datetime(2026, 11, 25, 15, 0, 4, 500_000, tzinfo=UTC)
RESULT = ItemResult(
    result_id=5,
    order_id=1042,
    fence=7,
    verdict=ItemVerdict.OK,
    readback=ItemReadback(
        before=990, written=250, threshold=250, active=250, scaler=1, read_at=READ_AT, emergency=False, breaker=1
    ),
    at=READ_AT,
)


def answered(returned: bytes, invoke: int) -> bytes:
    return xdlms.encode_response(ActionResponse(DataAccess.SUCCESS, returned), 0xC0 | invoke)


def asked(request: ServiceRequest, invoke: int) -> bytes:
    return xdlms.encode_request(replace(request, high=True), invoke)


EXAMPLE: dict[str, Callable[[], bytes]] = {
    "open_session": lambda: asked(board_client.open_session(3), 1),
    "open_session answered": lambda: answered(codec.encode_number(3), 1),
    "submit_orders": lambda: asked(board_client.submit_orders([ORDER]), 1),
    "submit_orders answered": lambda: answered(
        codec.encode_array([codec.encode_submission(Submission(1042, True))]), 1
    ),
    "push": lambda: xdlms.encode_notification(
        DataNotification(1, b"", codec.encode_push(LOGICAL_NAME, [codec.encode_result(RESULT)]))
    ),
    "acknowledge_results": lambda: asked(board_client.acknowledge_results([5]), 2),
    "acknowledge_results answered": lambda: answered(data.u32(0), 2),
    "pending_results": lambda: asked(board_client.get_results(4), 3),
}


def example_octets() -> dict[str, bytes]:
    """Of each line, what comes before its explanation."""
    blocks = re.findall(r"^```hex (.*?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return {name: bytes.fromhex("".join(line[:31] for line in block.splitlines())) for name, block in blocks}


def test_the_example_is_what_the_code_sends() -> None:
    assert example_octets() == {name: made() for name, made in EXAMPLE.items()}
