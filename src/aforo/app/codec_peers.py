"""The stacks that the codec bench compares with: each in a throw-away environment, run as a process, never imported.

Their worker scripts lie in the folder `bench` of a checkout; an installed package has none, and measures itself alone.
"""

import json
import subprocess
import sys
import venv
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
    done = subprocess.run(  # noqa: S603 (a script of ours)
        command, input=json.dumps(given), capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    if done.returncode:
        raise PeerAway(f"its worker failed: {done.stderr.strip().splitlines()[-1:]}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def _environment(peer: Peer) -> Path:
    folder = ROOT / ".peers" / peer.package.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        complain(f"installing {peer.package} into .peers, once ...")
        venv.create(folder, clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", peer.package]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)  # noqa: S603
        if done.returncode:
            raise PeerAway(f"it could not be installed: {done.stderr.strip().splitlines()[-1:]}")
        (folder / "ready").write_text(sys.version, encoding="utf-8")
    return python
