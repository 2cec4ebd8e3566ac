"""`aforo town run`: a simulated town on real sockets by itself, for whatever head-end or client wants to try on it."""

import asyncio
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from aforo.adapters.meter_model_files import load_models
from aforo.adapters.pseudo_serial import PseudoSerial
from aforo.adapters.system_clock import SystemClock
from aforo.app.console_output import say, say_json
from aforo.app.system import event_loop
from aforo.app.town_host import TownHost
from aforo.simulator.optical_port import OpticalPort
from aforo.simulator.town import Town
from aforo.simulator.town_csv import access_csv, concentrator_csv, meter_csv
from aforo.simulator.town_file import TownError, load_town


def run(file: Path, *, registry: Path | None, local: Sequence[str], as_json: bool) -> int:
    """Until Ctrl-C or SIGTERM. registry: a folder that gets the CSV files.   local: meters whose local ports are to be
    ports of this machine. Raises TownError for one that is none.
    """
    begun, before = time.monotonic(), _memory_octets()
    plan = load_town(file.read_text(encoding="utf-8"), str(file))
    town = Town(plan, load_models())
    for number in local:
        if number not in town.meters:
            raise TownError(f"{file}: there is no meter {number}")
    with event_loop() as loop:
        return loop.run(_host(town, registry, local, as_json=as_json, begun=begun, before=before))


async def _host(
    town: Town, registry: Path | None, local: Sequence[str], *, as_json: bool, begun: float, before: int
) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, ports = TownHost(town, now=SystemClock().now), dict[str, PseudoSerial]()
    try:
        await host.open()
        if registry is not None:
            _write(host, registry)
        for meter in local:
            optical = OpticalPort(town.meters[meter].line(), number=meter)
            ports[meter] = PseudoSerial(optical, now=SystemClock().now)
        seconds, octets = time.monotonic() - begun, _memory_octets() - before
        _say(town, ports, seconds=seconds, octets=octets, as_json=as_json)
        await stop.wait()
    finally:
        for port in ports.values():
            port.close()
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


def _say(town: Town, ports: Mapping[str, PseudoSerial], *, seconds: float, octets: int, as_json: bool) -> None:
    meters, concentrators = len(town.meters), len(town.concentrators)
    each = octets // max(1, meters)
    if as_json:
        figures = {"meters": meters, "concentrators": concentrators, "start_s": round(seconds, 2)}
        local = {number: port.path for number, port in ports.items()}
        say_json({**figures, "memory_mib": round(octets / 2**20), "octets_per_meter": each, "local": local})
        return
    say(f"{town.plan.name}: {meters} meters, {concentrators} concentrators  (Ctrl-C ends it)")
    for number, port in ports.items():
        say(f"meter {number}: aforo local read --port {port.path}")
    say(f"started in {seconds:.1f} s, {octets / 2**20:.0f} MiB, {each} octets for each meter")


def _memory_octets() -> int:
    """The most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
