"""The head-end's half against the concentrator's, over a real ciphered association."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from aforo.dclink import board_client, codec
from aforo.dclink.board_client import REQUEST_OCTETS, BoardRefused
from aforo.dclink.messages import QueuedOrder, Submission, TableRow, Withdrawal
from aforo.dclink.order_board import (
    CLASS_ID,
    LOGICAL_NAME,
    ORDERS_PER_CALL_MAX,
    RESULTS_PER_ACKNOWLEDGEMENT_MAX,
    OrderBoard,
)
from aforo.dlms import (
    ActionRequest,
    ActionResponse,
    Connection,
    DataAccess,
    DataNotification,
    ErrorCode,
    Event,
    GetRequest,
    GetResponse,
    RemoteProtocolError,
    Request,
    Response,
    SetRequest,
    SetResponse,
    data,
)
from aforo.dlms.server import Server
from unit.dclink.paper_board import NOON, PaperBoard, a_result, an_order
from unit.dlms.associations import a_client, a_server, associated


class Link:
    """One association. apdus: all that crossed, so that a test can hold them against max_pdu."""

    def __init__(self, board: PaperBoard | None = None, *, max_pdu: int = 1024) -> None:
        self.board = board or PaperBoard()
        self.line = associated(a_client(max_pdu=max_pdu), a_server(max_pdu=max_pdu))
        room = max_pdu - REQUEST_OCTETS
        self.server = Server([OrderBoard(self.board, reply_octets=room)], reply_octets=room)
        self.line.seen.clear()

    @property
    def apdus(self) -> list[bytes]:
        return self.line.seen

    def ask(self, request: Request) -> Response:
        self.line.client.send(request)
        self.line.run()
        asked = self.line.told_server[-1]
        assert isinstance(asked, GetRequest | SetRequest | ActionRequest)
        assert asked == request
        answer = self._answered(self.line.server, self.server.answer(asked))
        assert isinstance(answer, GetResponse | SetResponse | ActionResponse)
        return answer

    def tell(self, notification: DataNotification) -> DataNotification:
        told = self._answered(self.line.server, notification)
        assert isinstance(told, DataNotification)
        return told

    def _answered(self, server: Connection, event: Event) -> Event:
        server.send(event)
        self.line.run()
        return self.line.told_client[-1]


def test_every_request_is_understood_and_its_answer_read() -> None:
    row, result = TableRow("M-1", False, NOON), a_result(5)
    queued = QueuedOrder(9, 7, "M-1", 1, True)
    link = Link(PaperBoard(table=[row], results=[result], queue=[queued]))

    assert board_client.read_meters(link.ask(board_client.get_meters())) == (row,)
    assert board_client.read_meters(link.ask(board_client.get_meters("M-1"))) == ()
    assert board_client.read_meters(link.ask(board_client.get_meters_named(["M-1", "M-2"]))) == (row,)
    assert board_client.read_results(link.ask(board_client.get_results())) == (result,)
    assert board_client.read_results(link.ask(board_client.get_results(5))) == ()
    assert board_client.read_queue(link.ask(board_client.get_queue())) == (queued,)
    assert board_client.read_queue(link.ask(board_client.get_queue(9))) == ()
    assert board_client.read_epoch(link.ask(board_client.get_epoch())) == 3
    assert board_client.read_firmware(link.ask(board_client.get_firmware())) == "paper 1"
    assert board_client.read_clock(link.ask(board_client.get_clock())) == datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
    assert board_client.read_open_session(link.ask(board_client.open_session(2))) == 3
    assert board_client.read_withdrawal(link.ask(board_client.withdraw_order(9))) is Withdrawal.WITHDRAWN
    assert board_client.read_acknowledged(link.ask(board_client.acknowledge_results([5]))) == 0
    items = (an_order(1), an_order(2))
    answers = board_client.read_submissions(link.ask(board_client.submit_orders(items)), items)
    assert answers == (Submission(1, True), Submission(2, True))
    assert link.board.submitted == list(items)


@pytest.mark.parametrize("max_pdu", [256, 1024, 16_384])
def test_long_lists_are_read_in_answers_that_fit(max_pdu: int) -> None:
    numbers = [f"2030{place:04d}" for place in range(300)]
    link = Link(PaperBoard(table=[TableRow(number, True, NOON) for number in numbers]), max_pdu=max_pdu)
    rows: list[TableRow] = []

    while more := board_client.read_meters(link.ask(board_client.get_meters(rows[-1].meter if rows else ""))):
        rows += more

    assert [row.meter for row in rows] == numbers
    assert max(map(len, link.apdus)) <= max_pdu


@pytest.mark.parametrize("max_pdu", [256, 1024, 16_384])
def test_orders_are_handed_over_in_requests_that_fit(max_pdu: int) -> None:
    link = Link(max_pdu=max_pdu)
    items = [an_order(number) for number in range(1, 401)]

    for batch in board_client.batches(items, max_pdu):
        board_client.read_submissions(link.ask(board_client.submit_orders(batch)), batch)

    assert link.board.submitted == items
    assert max(map(len, link.apdus)) <= max_pdu


def test_without_a_bound_a_request_holds_as_many_orders_as_the_class_allows() -> None:
    items = [an_order(number) for number in range(1, 601)]

    batches = list(board_client.batches(items, 0))

    assert [item for batch in batches for item in batch] == items
    assert max(map(len, batches)) == ORDERS_PER_CALL_MAX


@pytest.mark.parametrize("max_pdu", [256, 1024, 16_384])
def test_names_and_acknowledgements_go_in_requests_that_fit(max_pdu: int) -> None:
    names, numbers = [f"2030{place:04d}" for place in range(400)], list(range(1, 3_001))
    link = Link(PaperBoard(), max_pdu=max_pdu)

    name_batches = list(board_client.name_batches(names, max_pdu, most=128))
    number_batches = list(board_client.acknowledgement_batches(numbers, max_pdu))
    for batch in name_batches:
        board_client.read_meters(link.ask(board_client.get_meters_named(batch)))
    for portion in number_batches:
        board_client.read_acknowledged(link.ask(board_client.acknowledge_results(portion)))

    assert [name for batch in name_batches for name in batch] == names
    assert link.board.acknowledged == numbers
    assert max(map(len, name_batches)) <= 128
    assert max(map(len, number_batches)) <= RESULTS_PER_ACKNOWLEDGEMENT_MAX
    assert max(map(len, link.apdus)) <= max_pdu


def test_a_push_arrives() -> None:
    results = (a_result(1), a_result(2))
    pushed = codec.encode_push(LOGICAL_NAME, map(codec.encode_result, results))

    told = Link().tell(DataNotification(1, b"", pushed))

    assert board_client.read_push(told) == results


def test_a_push_of_another_object_is_not_taken_for_results() -> None:
    pushed = codec.encode_push(b"\x00\x00\x19\x09\x00\xff", [])

    with pytest.raises(RemoteProtocolError) as refused:
        board_client.read_push(DataNotification(1, b"", pushed))

    assert refused.value.code is ErrorCode.UNSUPPORTED


@pytest.mark.parametrize(
    ("request_made", "read", "doing"),
    [
        (board_client.submit_orders([]), lambda it: board_client.read_submissions(it, []), "submitting orders"),
        (board_client.withdraw_order(1), board_client.read_withdrawal, "withdrawing an order"),
        (board_client.acknowledge_results([1]), board_client.read_acknowledged, "acknowledging results"),
    ],
)
def test_a_refusal_says_what_was_refused_and_why(
    request_made: Request, read: Callable[[Response], object], doing: str
) -> None:
    response = Link(PaperBoard(has_session=False)).ask(request_made)

    with pytest.raises(BoardRefused) as refused:
        read(response)

    assert refused.value.result is DataAccess.SCOPE_OF_ACCESS_VIOLATED
    assert str(refused.value) == f"{doing}: scope-of-access-violated(13)"


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [Submission(2, True)],
        [Submission(1, True), Submission(2, True)],
    ],
)
def test_answers_that_are_not_those_of_the_orders_are_refused(answers: list[Submission]) -> None:
    response = ActionResponse(DataAccess.SUCCESS, codec.encode_array(map(codec.encode_submission, answers)))

    with pytest.raises(RemoteProtocolError):
        board_client.read_submissions(response, [an_order(1)])


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (GetResponse(DataAccess.SUCCESS, data.u64(1)), ErrorCode.UNEXPECTED_APDU),
        (SetResponse(DataAccess.SUCCESS), ErrorCode.UNEXPECTED_APDU),
        (ActionResponse(DataAccess.SUCCESS), ErrorCode.MALFORMED),
        (ActionResponse(DataAccess.SUCCESS, data.u32(1)), ErrorCode.MALFORMED),
        (ActionResponse(DataAccess.SUCCESS, data.u64(1) + b"\x00"), ErrorCode.MALFORMED),
    ],
)
def test_an_answer_that_the_class_does_not_define_is_refused(response: Any, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        board_client.read_open_session(response)

    assert refused.value.code is code


def test_a_withdrawal_of_a_number_not_defined_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        board_client.read_withdrawal(ActionResponse(DataAccess.SUCCESS, data.enum(3)))


def test_requests_name_the_class_and_the_object() -> None:
    request = board_client.get_epoch()

    assert (request.class_id, request.obis, request.selection) == (CLASS_ID, LOGICAL_NAME, None)
