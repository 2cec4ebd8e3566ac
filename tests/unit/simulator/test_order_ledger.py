"""The concentrator's book: what is taken, what is refused, what goes next, and what is owed until acknowledged."""

from datetime import timedelta
from typing import Any

import pytest

from aforo.dclink.messages import ItemKind, ItemResult, ItemVerdict, OrderItem, Submission, Withdrawal
from aforo.dlms import Key, Keys, SystemTitle
from aforo.domain.quantities import HIGHEST_WATTS
from aforo.domain.readback import CommandResult, Verdict
from aforo.simulator.concentrator_settings import ConcentratorMemory, ConcentratorSettings, MeterAccess, TableEntry
from aforo.simulator.order_ledger import OrderLedger
from unit.simulator.driven_concentrator import an_item
from unit.simulator.driven_meter import NOON, SECOND

KEYS = Keys(Key(bytes(16)), Key(bytes(16)))
DONE = CommandResult(Verdict.OK)


class Book(OrderLedger):
    """A ledger in epoch 1 with the meters M-0 to M-9; `again` is what a restart leaves of it."""

    def __init__(self, memory: ConcentratorMemory | None = None, **limits: Any) -> None:
        self.limits = limits
        self.memory = memory or ConcentratorMemory(
            table={f"M-{place}": TableEntry(MeterAccess()) for place in range(10)}, epoch=1
        )
        settings = ConcentratorSettings(name="C", title=SystemTitle(b"AFO\0\0\0\0\1"), keys=KEYS, **limits)
        super().__init__(self.memory, settings)

    def again(self) -> "Book":
        return Book(self.memory, **self.limits)

    def hand(self, *items: OrderItem) -> list[str]:
        """The cause of each refusal, "" for what was taken."""
        return [self._told(self.submit(item, NOON)) for item in items]

    def next_id(self) -> int | None:
        """Begin the next order and end it well."""
        begun = self.begin(NOON)
        if begun is None:
            return None
        self.finish(DONE, NOON)
        return begun.item.order_id

    def owed(self) -> list[ItemResult]:
        return list(self.memory.results.values())

    @staticmethod
    def _told(answer: Submission) -> str:
        assert answer.taken == (answer.cause == "")
        return answer.cause


def outcomes(book: Book) -> list[tuple[int, int, ItemVerdict, str]]:
    return [(result.order_id, result.fence, result.verdict, result.cause) for result in book.owed()]


# What is taken, and what is refused


@pytest.mark.parametrize(
    ("item", "cause"),
    [
        (an_item(1, epoch=0), "OLD_EPOCH"),
        (an_item(1, epoch=2), "OLD_EPOCH"),
        (an_item(1, "M-99"), "NOT_IN_TABLE"),
        (an_item(1, model="a model of another maker"), "UNKNOWN_MODEL"),
        (an_item(1, limit_w=0), "LIMIT_NOT_REPRESENTABLE"),
        (an_item(1, limit_w=HIGHEST_WATTS + 1), "LIMIT_NOT_REPRESENTABLE"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_its_cause_and_leaves_nothing(item: OrderItem, cause: str) -> None:
    book = Book()

    assert book.hand(item) == [cause]
    assert (book.queued(), book.owed(), book.memory.last) == ([], [], {})


@pytest.mark.parametrize(
    "item",
    [
        an_item(1, limit_w=1),
        an_item(1, limit_w=HIGHEST_WATTS),
        an_item(1, kind=ItemKind.READ, limit_w=0),
        an_item(1, model="class71"),
        an_item(1, fence=0),
    ],
)
def test_what_can_be_carried_out_is_taken(item: OrderItem) -> None:
    book = Book()

    assert book.hand(item) == [""]
    assert [(queued.order_id, queued.begun) for queued in book.queued()] == [(1, False)]


@pytest.mark.parametrize(("fence", "cause"), [(6, "STALE_FENCE"), (7, "STALE_FENCE"), (8, "")])
def test_only_a_higher_fence_than_the_meter_s_latest_is_taken(fence: int, cause: str) -> None:
    book = Book()
    book.hand(an_item(1, fence=7))

    assert book.hand(an_item(2, fence=fence)) == [cause]


def test_a_fence_counts_for_its_own_meter_only() -> None:
    book = Book()
    book.hand(an_item(1, "M-1", fence=700))

    assert book.hand(an_item(2, "M-2", fence=7)) == [""]


def test_the_fence_is_remembered_after_the_order_has_ended_and_after_a_restart() -> None:
    book = Book()
    book.hand(an_item(1, fence=7))
    book.next_id()
    book.acknowledge([1])

    assert book.again().hand(an_item(2, fence=7), an_item(3, fence=6)) == ["STALE_FENCE", "STALE_FENCE"]


def test_the_fence_outlives_the_meter_s_row_in_the_table() -> None:
    book = Book()
    book.hand(an_item(1, fence=7))
    book.next_id()
    entry = book.memory.table.pop("M-1")

    gone = book.hand(an_item(2, fence=7))
    book.memory.table["M-1"] = entry

    assert (gone, book.hand(an_item(2, fence=7))) == (["NOT_IN_TABLE"], ["STALE_FENCE"])


# Repetition


def test_an_order_that_waits_is_not_queued_again() -> None:
    book = Book()

    assert book.hand(an_item(1), an_item(1), an_item(1)) == ["", "", ""]
    assert len(book.queued()) == 1


def test_an_order_that_has_begun_is_not_begun_again() -> None:
    book = Book()
    book.hand(an_item(1))
    book.begin(NOON)

    assert book.hand(an_item(1)) == [""]
    assert [(queued.order_id, queued.begun) for queued in book.queued()] == [(1, True)]


@pytest.mark.parametrize("acknowledged", [False, True])
def test_an_order_that_has_ended_is_not_begun_again(acknowledged: bool) -> None:
    book = Book()
    book.hand(an_item(1))
    book.next_id()
    if acknowledged:
        book.acknowledge([1])

    assert book.hand(an_item(1)) == [""]
    assert book.queued() == []
    assert book.begin(NOON) is None


def test_a_repetition_is_answered_even_when_there_is_no_room_and_no_row() -> None:
    book = Book(queue_max=1)
    book.hand(an_item(1))
    del book.memory.table["M-1"]

    assert book.hand(an_item(1)) == [""]


def test_a_repetition_in_an_old_epoch_is_refused() -> None:
    book = Book()
    book.hand(an_item(1))
    book.open_session(2)

    assert book.hand(an_item(1), an_item(1, epoch=2)) == ["OLD_EPOCH", ""]


# Overtaking


def test_a_higher_fence_drops_what_waited_and_says_so() -> None:
    book = Book()
    book.hand(an_item(1, fence=7), an_item(2, fence=8))

    assert outcomes(book) == [(1, 7, ItemVerdict.KO, "STALE_FENCE")]
    assert "fence 8" in book.owed()[0].detail
    assert (book.next_id(), book.next_id()) == (2, None)


def test_what_was_overtaken_does_not_come_back() -> None:
    book = Book()
    book.hand(an_item(1, fence=7), an_item(2, fence=8))

    assert book.hand(an_item(1, fence=7)) == ["STALE_FENCE"]


def test_an_order_that_has_begun_is_not_overtaken() -> None:
    book = Book()
    book.hand(an_item(1, fence=7))
    book.begin(NOON)

    assert book.hand(an_item(2, fence=8)) == [""]
    assert book.owed() == []
    book.finish(DONE, NOON)
    assert book.next_id() == 2
    assert outcomes(book) == [(1, 7, ItemVerdict.OK, ""), (2, 8, ItemVerdict.OK, "")]


# Withdrawing


def test_a_waiting_order_is_withdrawn_for_good() -> None:
    book = Book()
    book.hand(an_item(1))

    assert [book.withdraw(1), book.withdraw(1), book.again().withdraw(1)] == [Withdrawal.WITHDRAWN] * 3
    assert (book.queued(), book.owed(), book.begin(NOON)) == ([], [], None)
    assert book.hand(an_item(1)) == ["STALE_FENCE"]


def test_a_withdrawn_order_may_come_again_under_a_higher_fence() -> None:
    book = Book()
    book.hand(an_item(1, fence=7))
    book.withdraw(1)

    assert book.hand(an_item(1, fence=8)) == [""]
    assert (book.next_id(), book.next_id()) == (1, None)


def test_an_order_that_has_begun_or_ended_cannot_be_withdrawn() -> None:
    book = Book()
    book.hand(an_item(1))
    book.begin(NOON)

    answers = [book.withdraw(1)]
    book.finish(DONE, NOON)
    answers.append(book.withdraw(1))
    book.acknowledge([1])
    answers.append(book.withdraw(1))

    assert answers == [Withdrawal.BEGUN] * 3


def test_an_order_begun_under_an_earlier_fence_is_not_told_as_withdrawn() -> None:
    """Else the head-end would take it for one that never ran."""
    book = Book()
    book.hand(an_item(1, fence=7))
    book.begin(NOON)
    book.hand(an_item(1, fence=8))

    assert book.withdraw(1) is Withdrawal.BEGUN
    book.finish(DONE, NOON)
    assert book.begin(NOON) is None
    assert outcomes(book) == [(1, 7, ItemVerdict.OK, "")]


def test_an_order_never_seen_is_unknown() -> None:
    assert Book().withdraw(1) is Withdrawal.UNKNOWN


# Which goes next


def test_higher_priority_first_and_equals_in_the_order_they_came() -> None:
    book = Book()
    for place, priority in enumerate([0, 1, 0, 2, 1]):
        book.hand(an_item(place, f"M-{place}", priority=priority))

    assert [book.next_id() for _ in range(5)] == [3, 1, 4, 0, 2]


def test_the_order_of_the_queue_survives_a_restart() -> None:
    book = Book()
    for place, priority in enumerate([0, 1, 0, 2, 1]):
        book.hand(an_item(place, f"M-{place}", priority=priority))
    book = book.again()

    assert [book.next_id() for _ in range(5)] == [3, 1, 4, 0, 2]


def test_a_queue_overtaken_again_and_again_stays_small() -> None:
    book = Book(queue_max=3)
    book.hand(an_item(1, "M-1"))

    for fence in range(2, 200):
        book.hand(an_item(fence, "M-2", fence=fence))
        book.acknowledge([result.result_id for result in book.owed()])

    assert len(book._line) <= 6
    assert [book.next_id() for _ in range(3)] == [1, 199, None]


def test_nothing_begins_after_its_time() -> None:
    book = Book()
    book.hand(an_item(1, "M-1", not_after=NOON), an_item(2, "M-2", not_after=NOON + SECOND))

    assert book.begin(NOON + timedelta(microseconds=1)) is not None
    assert outcomes(book) == [(1, 1, ItemVerdict.KO, "EXPIRED")]
    assert NOON.isoformat() in book.owed()[0].detail


def test_at_its_very_time_it_still_begins() -> None:
    book = Book()
    book.hand(an_item(1, not_after=NOON))

    assert book.begin(NOON) is not None


def test_the_queue_is_told_in_the_order_of_its_keys_with_the_begun_one_among_them() -> None:
    book = Book()
    book.hand(an_item(5, "M-5", priority=2), an_item(9, "M-9"), an_item(3, "M-3"))
    book.begin(NOON)

    assert [(queued.order_id, queued.begun) for queued in book.queued()] == [(3, False), (5, True), (9, False)]


# Bounds


def test_a_full_queue_takes_no_more_until_one_has_begun() -> None:
    book = Book(queue_max=2)

    answers = book.hand(an_item(1, "M-1"), an_item(2, "M-2"), an_item(3, "M-3"))
    book.begin(NOON)

    assert answers == ["", "", "CONCENTRATOR_FAULT"]
    assert book.hand(an_item(3, "M-3")) == [""]


def test_no_more_orders_are_taken_than_results_can_be_kept_for() -> None:
    book = Book(results_max=3)
    book.hand(an_item(1, "M-1"), an_item(2, "M-2"))
    book.next_id()
    book.begin(NOON)

    answers = book.hand(an_item(3, "M-3"), an_item(4, "M-4"))
    book.finish(DONE, NOON)
    book.next_id()

    assert answers == ["", "CONCENTRATOR_FAULT"]
    assert len(book.owed()) == 3
    assert book.acknowledge([1]) == 2
    assert book.hand(an_item(4, "M-4")) == [""]


def test_overtaking_never_makes_more_results_than_can_be_kept() -> None:
    book = Book(results_max=3)

    answers = [book.hand(an_item(fence, fence=fence))[0] for fence in range(1, 6)]
    book.next_id()

    assert answers == ["", "", "", "CONCENTRATOR_FAULT", "CONCENTRATOR_FAULT"]
    assert len(book.owed()) == 3


# Results


def test_result_ids_rise_and_are_never_used_again() -> None:
    book = Book()
    book.hand(an_item(1, "M-1"), an_item(2, "M-2"))
    book.next_id()
    book.acknowledge([1])
    book = book.again()
    book.next_id()

    assert [result.result_id for result in book.owed()] == [2]


def test_a_result_stays_until_it_is_acknowledged() -> None:
    book = Book()
    book.hand(an_item(1, "M-1"), an_item(2, "M-2"))
    book.next_id()
    book.next_id()

    assert [book.again().acknowledge(numbers) for numbers in ([], [2], [2, 77], [1], [1])] == [2, 1, 1, 0, 0]


def test_fresh_results_are_handed_out_once() -> None:
    book = Book()
    book.hand(an_item(1))
    book.next_id()

    assert [len(book.take_fresh()), len(book.take_fresh()), len(book.owed())] == [1, 0, 1]


def test_a_long_sentence_is_cut() -> None:
    book = Book()
    book.hand(an_item(1))
    book.begin(NOON)

    book.finish(CommandResult(Verdict.UNKNOWN, detail="á" * 5_000), NOON)

    assert 0 < len(book.owed()[0].detail) <= 256


# Epochs


def test_an_epoch_never_goes_back() -> None:
    book = Book()

    assert [book.open_session(epoch) for epoch in (5, 4, 5, 6)] == [True, False, True, True]
    assert book.again().open_session(5) is False
    assert book.memory.epoch == 6


def test_what_was_taken_in_an_earlier_epoch_is_carried_out_all_the_same() -> None:
    book = Book()
    book.hand(an_item(1))
    book.open_session(2)

    assert book.next_id() == 1


def test_an_order_that_has_begun_keeps_to_the_clock_as_it_is_set_meanwhile() -> None:
    book = Book()
    book.hand(an_item(1, not_after=NOON + 300 * SECOND))
    begun = book.begin(NOON)
    assert begun is not None
    assert begun.task.not_after == NOON + 300 * SECOND

    book.clock_offset = 240 * SECOND

    assert begun.task.not_after == NOON + 60 * SECOND
