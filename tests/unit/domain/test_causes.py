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
