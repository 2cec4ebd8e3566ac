"""`make chaos`: a round for each kind of harm, with orders coming in all the while, and what became of them."""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from chaos.harm import HARM
from chaos.rounds import Round, audit_findings, run_round
from chaos.system import ChaosSystem, chaos_system


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--times", type=int, default=3, help="how often each kind of harm is done")
    parser.add_argument("--only", choices=sorted(HARM), action="append", help="this kind of harm; may be given again")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _run(wanted: argparse.Namespace, folder: Path) -> bool:
    async with chaos_system(wanted.seed, folder) as system:
        _say(Round.HEAD)
        rounds = []
        for name in wanted.only or HARM:
            if name == "disk_full" and not system.database.can_be_full:
                _say(f"{name:<24} not done: it takes the right to mount a small disk")
                continue
            rounds.append(await run_round(system, name, [name] * wanted.times))
            _say(rounds[-1].line)
        findings = await audit_findings(system)
        _say_whole(system, findings)
        return all(one.is_clean for one in rounds) and not findings


def _say_whole(system: ChaosSystem, findings: list[str]) -> None:
    _say(f"sessions refused because a later one had begun: {system.stale_sessions}")
    if system.served_again_after_s:
        took = system.served_again_after_s
        median, most = statistics.median(took), max(took)
        _say(f"a killed head-end's concentrators served again after {median:.1f} s, {most:.1f} s at most")
    _say(f"audit trail: {len(findings)} findings" + "".join(f"\n  {words}" for words in findings))


def main() -> int:
    wanted, begun = _arguments(), time.monotonic()
    _say(f"seed {wanted.seed}")
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        is_clean = asyncio.run(_run(wanted, Path(folder)))
    _say(f'{time.monotonic() - begun:.0f} s; again: make chaos ARGS="--seed {wanted.seed} --times {wanted.times}"')
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
