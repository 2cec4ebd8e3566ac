"""A campaign keeps every line busy from its first order to its last; urgent orders wait for what is under way alone."""

from dataclasses import replace

import pytest

from aforo.simulation import campaign
from aforo.simulation.campaign import simulate_campaign


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two concentrators of some dozen meters: the shape is the same, and it takes a second."""
    monkeypatch.setattr(campaign, "METERS_EACH", 30)
    sizes = (30 + campaign.URGENT_EACH,) * 2
    monkeypatch.setattr(campaign, "CAMPAIGN", replace(campaign.CAMPAIGN, orders=60, delegated=sizes))
    monkeypatch.setattr(campaign, "URGENT_WITHIN_S", (60.0, 200.0))


@pytest.mark.usefixtures("few")
def test_the_lines_are_never_idle_and_urgent_orders_wait_for_one_visit() -> None:
    found = simulate_campaign(7)

    assert found.orders == 60 + 2 * campaign.URGENT_EACH
    assert found.bound_s <= found.makespan_s <= 1.05 * found.bound_s
    assert max(found.urgent_waits_s) <= found.longest_visit_s
    assert set(found.passed_by) == {0}


def test_the_bound_counts_what_was_drawn_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times slower lines: the bound follows, so that it is no constant."""
    monkeypatch.setattr(campaign, "METERS_EACH", 6)
    scenario = replace(campaign.CAMPAIGN, orders=6, delegated=(6 + campaign.URGENT_EACH,))
    monkeypatch.setattr(campaign, "CAMPAIGN", scenario)
    monkeypatch.setattr(campaign, "URGENT_WITHIN_S", (1.0, 20.0))
    quick = simulate_campaign(3)
    monkeypatch.setattr(campaign, "CAMPAIGN", replace(scenario, exchange_s=2 * scenario.exchange_s))
    slow = simulate_campaign(3)

    assert 1.7 * quick.bound_s < slow.bound_s < 2.3 * quick.bound_s
