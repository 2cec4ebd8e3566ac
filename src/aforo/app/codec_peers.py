"""The stacks that the codec bench compares with: each in a throw-away environment, run as a process, never imported.

Their worker scripts lie in the folder `bench` of a checkout; an installed package has none, and measures itself alone.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aforo.app.console_output import complain
from aforo.app.settings import LOOPBACK

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 600


@dataclass(frozen=True, slots=True)
class Peer:
    """name: as it is shown.   package: as it is installed.   worker: its script in `bench`."""

    name: str
    package: str
    worker: str


PEERS = (
    Peer("dlms-cosem 25.1.0", "dlms-cosem==25.1.0", "peer_dlms_cosem.py"),
    Peer("gurux-dlms 1.0.203", "gurux-dlms==1.0.203", "peer_gurux.py"),
)


class PeerAway(Exception):
    """It could not be installed, or its script is not there, or failed. The text says which."""


def figures_of(peer: Peer, given: dict[str, Any], *, port: int, exchanges: int) -> dict[str, float]:
    """CPU microseconds by operation. Raises PeerAway."""
    script = ROOT / "bench" / peer.worker
    if not script.is_file():
        raise PeerAway("its worker script comes with the sources only")
    python = _environment(peer)
    complain(f"measuring {peer.name} ...")
    command = [str(python), str(script), LOOPBACK, str(port), str(exchanges)]
    told: dict[str, float] = json.loads(_told(command, "its worker failed", json.dumps(given)).splitlines()[-1])
    return told


def _environment(peer: Peer) -> Path:
    folder = ROOT / ".peers" / peer.package.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        complain(f"installing {peer.package} into .peers, once ...")
        _told([sys.executable, "-m", "venv", "--clear", str(folder)], "it has no environment")
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", peer.package]
        _told(command, "it could not be installed")
        (folder / "ready").write_text(sys.version, encoding="utf-8")
    return python


def _told(command: list[str], failure: str, given: str = "") -> str:
    """What it prints. Raises PeerAway."""
    try:
        done = subprocess.run(  # noqa: S603 (our own scripts, and pip)
            command, input=given, capture_output=True, text=True, timeout=WAIT_S, check=True
        )
    except subprocess.TimeoutExpired:
        raise PeerAway(f"{failure}: not done after {WAIT_S} s") from None
    except subprocess.CalledProcessError as failed:
        last = (failed.stderr or failed.stdout).strip().splitlines()[-1:] or [f"exit code {failed.returncode}"]
        raise PeerAway(f"{failure}: {last[0]}") from None
    return done.stdout
