"""Every kind of harm once, on real processes, with orders coming in all the while. `make chaos` does it longer."""

from pathlib import Path

import pytest

from chaos.harm import HARM
from chaos.rounds import audit_findings, run_round
from chaos.system import chaos_system

SEED = 20261126


@pytest.mark.timeout(420)
async def test_whatever_is_done_to_the_processes_and_the_database_no_order_is_lost_or_doubled(tmp_path: Path) -> None:
    async with chaos_system(SEED, tmp_path) as system:
        harm = [name for name in HARM if name != "disk_full" or system.database.can_be_full]

        done = await run_round(system, "everything", harm)

        assert done.orders > 10 * len(harm), "orders kept coming in"
        assert (done.lost, done.repeated, done.answered_twice) == ((), (), ())
        assert await audit_findings(system) == []
        assert system.served_again_after_s, "a head-end was killed"
