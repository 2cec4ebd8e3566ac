"""`aforo town run`: a simulated town on real sockets by itself, for whatever head-end or client wants to try on it."""

import asyncio
import resource
import signal
import time
from pathlib import Path

from aforo.adapters.meter_model_files import load_models
from aforo.adapters.system_clock import SystemClock
from aforo.app.console_output import say, say_json
from aforo.app.system import event_loop
from aforo.app.town_host import TownHost
from aforo.simulator.town import Town
from aforo.simulator.town_csv import access_csv, concentrator_csv, meter_csv
from aforo.simulator.town_file import load_town


def run(file: Path, *, registry: Path | None, as_json: bool) -> int:
    """Until Ctrl-C or SIGTERM. registry: a folder that gets the CSV files."""
    begun, before = time.monotonic(), _memory_octets()
    plan = load_town(file.read_text(encoding="utf-8"), str(file))
    town = Town(plan, load_models())
    with event_loop() as loop:
        return loop.run(_host(town, registry, as_json=as_json, begun=begun, before=before))


async def _host(town: Town, registry: Path | None, *, as_json: bool, begun: float, before: int) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = TownHost(town, now=SystemClock().now)
    try:
        await host.open()
        if registry is not None:
            _write(host, registry)
        _say(town, seconds=time.monotonic() - begun, octets=_memory_octets() - before, as_json=as_json)
        await stop.wait()
    finally:
        await host.close()
    return 0


def _write(host: TownHost, folder: Path) -> None:
    """They hold keys, so nobody else may read them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    texts = {
        "concentrators.csv": concentrator_csv(host.rows),
        "meters.csv": meter_csv(host.rows),
        "access.csv": access_csv(host.access()),
    }
    for name, text in texts.items():
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")


def _say(town: Town, *, seconds: float, octets: int, as_json: bool) -> None:
    meters, concentrators = len(town.meters), len(town.concentrators)
    each = octets // max(1, meters)
    if as_json:
        figures = {"meters": meters, "concentrators": concentrators, "start_s": round(seconds, 2)}
        say_json({**figures, "memory_mib": round(octets / 2**20), "octets_per_meter": each})
        return
    say(f"{town.plan.name}: {meters} meters, {concentrators} concentrators  (Ctrl-C ends it)")
    say(f"started in {seconds:.1f} s, {octets / 2**20:.0f} MiB, {each} octets for each meter")


def _memory_octets() -> int:
    """The most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
