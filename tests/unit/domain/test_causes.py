"""Every reason is explained to everybody who reads it."""

import csv
from pathlib import Path

from aforo.domain.causes import CAUSES, Cause

CATALOGUE = Path(__file__).with_name("reply_codes.csv")


def test_every_cause_has_words_in_both_languages_and_a_known_reply_code() -> None:
    with CATALOGUE.open(newline="") as file:
        known = {row["code"] for row in csv.DictReader(file)}

    assert set(CAUSES) == set(Cause)
    assert {
        cause for cause, facts in CAUSES.items() if not facts.es.endswith(".") or not facts.en.endswith(".")
    } == set()
    assert {facts.reply for facts in CAUSES.values()} - known == set()


def test_an_unknown_outcome_is_never_told_as_a_failure() -> None:
    """IEC 61968-9 reply code 0.1: a partial result, more to follow."""
    assert CAUSES[Cause.OUTCOME_UNKNOWN].reply == "0.1"
    assert [cause for cause, facts in CAUSES.items() if facts.reply.startswith("0.")] == [Cause.OUTCOME_UNKNOWN]


def test_field_work_is_suggested_where_only_a_visit_helps_and_never_for_a_key_or_a_wrong_order() -> None:
    suggested = {cause for cause, facts in CAUSES.items() if facts.is_field_work_suggested}

    assert {Cause.METER_UNREACHABLE, Cause.HARDWARE_FAULT, Cause.BREAKER_STUCK} <= suggested
    assert not suggested & {Cause.WRONG_KEY, Cause.LIMIT_ABOVE_RATING, Cause.ACCESS_DENIED, Cause.EXPIRED}


def test_what_would_fail_the_same_way_is_not_to_be_ordered_again() -> None:
    assert not CAUSES[Cause.WRONG_KEY].is_retry_allowed
    assert CAUSES[Cause.METER_UNREACHABLE].is_retry_allowed
