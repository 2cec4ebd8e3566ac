"""What must be read back before a limit counts as verified, by the model's rule."""

from datetime import UTC, datetime

import pytest

from aforo.domain.causes import Cause
from aforo.domain.meter_models import VerifyRule
from aforo.domain.readback import Readback, Verdict
from aforo.flow import step6_answer_from_meter as step6

TOLD, ACTIVE, KEPT = VerifyRule.TOLD, VerifyRule.ACTIVE, VerifyRule.KEPT
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def readback(threshold: int, active: int | None, *, emergency: bool = False, ours: bool = False) -> Readback:
    ends = NOON if ours else None
    return Readback(9_900, 2_500, threshold, active, 0, NOON, emergency=emergency, restores_at=ends)


@pytest.mark.parametrize(
    ("seen", "rules"),
    [
        (readback(2_500, 2_500), {TOLD, ACTIVE, KEPT}),
        (readback(2_500, None), {TOLD, KEPT}),
        (readback(2_500, 9_900), {KEPT}),
        (readback(9_900, 2_500), set()),
        (readback(2_500, 9_900, emergency=True), {TOLD, ACTIVE, KEPT}),
        (readback(2_500, 9_900, emergency=True, ours=True), {KEPT}),
    ],
)
def test_a_limit_is_verified_by_these_rules_only(seen: Readback, rules: set[VerifyRule]) -> None:
    for rule in VerifyRule:
        result = step6.judge(seen, 2_500, rule)
        assert (result.verdict is Verdict.OK) == (rule in rules), rule
        assert result.cause is (None if rule in rules else Cause.VERIFY_MISMATCH)
