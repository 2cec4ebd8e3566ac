"""The COSEM object by itself: which attribute tells what, in which portions, and what each refusal is."""

from collections.abc import Callable

import pytest

from aforo.dclink import codec
from aforo.dclink.messages import QueuedOrder, TableRow, Withdrawal
from aforo.dclink.order_board import (
    LOGICAL_NAME,
    METERS_PER_SELECTION_MAX,
    ORDERS_PER_CALL_MAX,
    RESULTS_PER_ACKNOWLEDGEMENT_MAX,
    Attribute,
    Method,
    OrderBoard,
    Selector,
    portions,
)
from aforo.dlms import DataAccess, data
from aforo.dlms.events import Selection
from aforo.dlms.server import AccessRefused
from unit.dclink.paper_board import PaperBoard, a_result, an_order

LISTS = (Attribute.METERS, Attribute.PENDING_RESULTS, Attribute.QUEUED_ORDERS)
AFTER_FIVE = {
    Attribute.METERS: codec.encode_name("M-5"),
    Attribute.PENDING_RESULTS: codec.encode_number(5),
    Attribute.QUEUED_ORDERS: codec.encode_number(5),
}


def a_full_board() -> PaperBoard:
    places = range(1, 10)
    return PaperBoard(
        table=[TableRow(f"M-{place}", True, None) for place in places],
        results=[a_result(place) for place in places],
        queue=[QueuedOrder(place, place, f"M-{place}", 0, False) for place in places],
    )


def an_object(board: PaperBoard | None = None, reply_octets: int = 10_000) -> OrderBoard:
    return OrderBoard(board or a_full_board(), reply_octets=reply_octets)


def refusal(ask: Callable[[], object]) -> DataAccess:
    with pytest.raises(AccessRefused) as refused:
        ask()
    return refused.value.result


def count(encoded: bytes) -> int:
    entries = data.decode(encoded)
    assert isinstance(entries, tuple)
    return len(entries)


# Attributes


def test_each_attribute_has_its_type() -> None:
    board = an_object()

    assert board.read(Attribute.LOGICAL_NAME, None) == data.octets(LOGICAL_NAME)
    assert [count(board.read(attribute, None)) for attribute in LISTS] == [9, 9, 9]
    assert board.read(Attribute.SESSION_EPOCH, None) == data.u64(3)
    assert board.read(Attribute.FIRMWARE, None) == data.text("paper 1")


@pytest.mark.parametrize("attribute", [0, 8, -1, 255])
def test_an_attribute_that_is_not_there_is_undefined(attribute: int) -> None:
    assert refusal(lambda: an_object().read(attribute, None)) is DataAccess.OBJECT_UNDEFINED


@pytest.mark.parametrize("attribute", [*Attribute, 7])
def test_no_attribute_is_writable(attribute: int) -> None:
    assert refusal(lambda: an_object().write(attribute, data.u64(1))) is DataAccess.READ_WRITE_DENIED


# Selective access


@pytest.mark.parametrize("attribute", LISTS)
def test_a_list_is_told_from_behind_a_key(attribute: Attribute) -> None:
    told = an_object().read(attribute, Selection(Selector.AFTER, AFTER_FIVE[attribute]))

    assert count(told) == 4


@pytest.mark.parametrize("attribute", LISTS)
def test_a_list_in_portions_is_the_whole_list(attribute: Attribute) -> None:
    board, whole = an_object(), an_object().read(attribute, None)
    narrow = an_object(reply_octets=4 + max(map(len, entries_of(whole))))
    told: list[bytes] = []
    selection = None

    while portion := entries_of(narrow.read(attribute, selection)):
        assert len(portion) < 9
        told += portion
        after = told[-1]
        key = codec.encode_name(f"M-{len(told)}") if attribute is Attribute.METERS else after[2:11]
        selection = Selection(Selector.AFTER, key)

    assert b"".join(told) == whole[2:]
    assert board.read(attribute, None) == whole


def entries_of(array: bytes) -> list[bytes]:
    entries, at = [], 2
    while at < len(array):
        _, end = data.decode_from(array, at)
        entries.append(array[at:end])
        at = end
    return entries


def test_rows_of_named_meters_are_told_and_others_left_out() -> None:
    names = codec.encode_array(map(codec.encode_name, ["M-9", "M-77", "M-2"]))

    told = an_object().read(Attribute.METERS, Selection(Selector.ONLY, names))

    assert [row.meter for row in codec.decode_array(told, codec.read_row)] == ["M-9", "M-2"]


@pytest.mark.parametrize(
    ("attribute", "selection", "result"),
    [
        (Attribute.LOGICAL_NAME, Selection(1, data.u64(1)), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (Attribute.SESSION_EPOCH, Selection(1, data.u64(1)), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (Attribute.FIRMWARE, Selection(1, data.u64(1)), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (Attribute.METERS, Selection(3, data.text("M")), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (Attribute.PENDING_RESULTS, Selection(2, data.array()), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (Attribute.QUEUED_ORDERS, Selection(2, data.array()), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (Attribute.QUEUED_ORDERS, Selection(0, data.u64(1)), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (Attribute.METERS, Selection(1, data.u64(1)), DataAccess.TYPE_UNMATCHED),
        (Attribute.METERS, Selection(1, data.text("M") + b"\x00"), DataAccess.TYPE_UNMATCHED),
        (Attribute.METERS, Selection(2, data.text("M")), DataAccess.TYPE_UNMATCHED),
        (Attribute.METERS, Selection(2, data.array(data.octets(b"M"))), DataAccess.TYPE_UNMATCHED),
        (Attribute.PENDING_RESULTS, Selection(1, data.u32(1)), DataAccess.TYPE_UNMATCHED),
        (Attribute.QUEUED_ORDERS, Selection(1, b""), DataAccess.TYPE_UNMATCHED),
    ],
)
def test_a_selection_that_the_class_does_not_define_is_refused(
    attribute: Attribute, selection: Selection, result: DataAccess
) -> None:
    assert refusal(lambda: an_object().read(attribute, selection)) is result


def test_more_names_than_one_selection_holds_are_refused() -> None:
    def names(number: int) -> Selection:
        return Selection(Selector.ONLY, codec.encode_array([codec.encode_name("M-1")] * number))

    assert count(an_object().read(Attribute.METERS, names(METERS_PER_SELECTION_MAX))) == METERS_PER_SELECTION_MAX
    too_many = names(METERS_PER_SELECTION_MAX + 1)
    assert refusal(lambda: an_object().read(Attribute.METERS, too_many)) is DataAccess.TYPE_UNMATCHED


def test_an_entry_too_long_for_the_client_is_refused_and_not_left_out() -> None:
    """An empty answer would mean that the list is at its end."""
    narrow = an_object(reply_octets=20)

    assert refusal(lambda: narrow.read(Attribute.PENDING_RESULTS, None)) is DataAccess.DATA_BLOCK_UNAVAILABLE


# Methods


def test_each_method_does_what_it_says_and_returns_its_type() -> None:
    board = a_full_board()
    each = an_object(board)

    assert each.invoke(Method.OPEN_SESSION, data.u64(9)) == data.u64(9)
    submitted = each.invoke(Method.SUBMIT_ORDERS, codec.encode_array([codec.encode_order(an_order(4))]))
    assert submitted == data.array(data.structure(data.u64(4), data.boolean(True), data.text("")))
    assert each.invoke(Method.WITHDRAW_ORDER, data.u64(4)) == data.enum(Withdrawal.WITHDRAWN)
    assert each.invoke(Method.ACKNOWLEDGE_RESULTS, data.array(data.u64(1), data.u64(2))) == data.u32(7)
    assert (board.epoch, board.submitted, board.acknowledged) == (9, [an_order(4)], [1, 2])


@pytest.mark.parametrize("method", [0, 5, 255])
def test_a_method_that_is_not_there_is_undefined(method: int) -> None:
    assert refusal(lambda: an_object().invoke(method, data.null())) is DataAccess.OBJECT_UNDEFINED


@pytest.mark.parametrize("method", [Method.SUBMIT_ORDERS, Method.WITHDRAW_ORDER, Method.ACKNOWLEDGE_RESULTS])
def test_without_the_session_a_method_is_refused(method: Method) -> None:
    board = an_object(PaperBoard(has_session=False))
    parameter = data.u64(1) if method is Method.WITHDRAW_ORDER else data.array()

    assert refusal(lambda: board.invoke(method, parameter)) is DataAccess.SCOPE_OF_ACCESS_VIOLATED


@pytest.mark.parametrize(
    ("method", "parameter"),
    [
        *((method, parameter) for method in Method for parameter in (None, b"", data.null(), data.u32(1), b"\x01\x05")),
        (Method.OPEN_SESSION, data.u64(1) + b"\x00"),
        (Method.SUBMIT_ORDERS, data.array(data.null())),
        (Method.SUBMIT_ORDERS, codec.encode_order(an_order())),
        (Method.WITHDRAW_ORDER, data.array(data.u64(1))),
        (Method.ACKNOWLEDGE_RESULTS, data.array(data.u32(1))),
        (Method.ACKNOWLEDGE_RESULTS, data.u64(1)),
    ],
)
def test_a_parameter_of_another_type_is_refused_whole(method: Method, parameter: bytes | None) -> None:
    board = a_full_board()

    assert refusal(lambda: an_object(board).invoke(method, parameter)) is DataAccess.TYPE_UNMATCHED
    assert board == a_full_board()


def test_one_wrong_order_among_many_refuses_them_all() -> None:
    board = a_full_board()
    orders = [codec.encode_order(an_order(1)), data.structure()]

    result = refusal(lambda: an_object(board).invoke(Method.SUBMIT_ORDERS, data.array(*orders)))

    assert result is DataAccess.TYPE_UNMATCHED
    assert board.submitted == []


@pytest.mark.parametrize(
    ("method", "entry", "most"),
    [
        (Method.SUBMIT_ORDERS, codec.encode_order(an_order()), ORDERS_PER_CALL_MAX),
        (Method.ACKNOWLEDGE_RESULTS, data.u64(1), RESULTS_PER_ACKNOWLEDGEMENT_MAX),
    ],
)
def test_a_call_holds_so_many_and_no_more(method: Method, entry: bytes, most: int) -> None:
    assert an_object().invoke(method, data.array(*[entry] * most)) is not None
    too_many = data.array(*[entry] * (most + 1))
    assert refusal(lambda: an_object().invoke(method, too_many)) is DataAccess.TYPE_UNMATCHED


# Portions


def test_portions_keep_the_order_and_the_bound() -> None:
    entries = [bytes([length]) * length for length in (5, 5, 30, 1, 9, 9)]

    parts = list(portions(entries, 24))

    assert [entry for part in parts for entry in part] == entries
    assert [[len(entry) for entry in part] for part in parts] == [[5, 5], [30], [1, 9, 9]]


@pytest.mark.parametrize(("length", "octets"), [(12, 24), (1, 200), (3, 1_000)])
def test_an_encoded_portion_keeps_the_bound_with_its_head(length: int, octets: int) -> None:
    entries = [bytes(length)] * 400

    assert max(len(codec.encode_array(part)) for part in portions(entries, octets)) <= octets


def test_nothing_makes_no_portion() -> None:
    assert list(portions([], 100)) == []
