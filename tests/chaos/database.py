"""The database under violence: a real server, where possible on a disk small enough to be filled up."""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from aforo.adapters.postgres.embedded import EmbeddedPostgres
from aforo.adapters.postgres.embedded.address import DATABASE, SUPERUSER

DISK = "320m"
_BALLAST_OCTETS = 1 << 20


class ChaosDatabase:
    """can_be_full: it stands on a disk of its own, which takes the right to mount one."""

    name, user = DATABASE, SUPERUSER

    def __init__(self) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="chaos-"))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "chaos", str(self._place)]
        self.can_be_full = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        self._server = EmbeddedPostgres.start(self._place / "postgres")

    def socket_folder(self) -> str:
        return str(self._server.connect_arguments()["host"])

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._server.process, signal.SIGKILL)

    def ensure(self) -> None:
        """It runs, and goes on from what is on the disk."""
        if not self._server.is_running:
            self.restart()

    def restart(self) -> None:
        self._server.stop()
        self._server = EmbeddedPostgres.start(self._place / "postgres")

    def fill(self) -> None:
        """Until not one more block is free."""
        with (self._place / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(_BALLAST_OCTETS))

    def relieve(self) -> None:
        (self._place / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        self.relieve()
        self._server.stop()
        if self.can_be_full:
            subprocess.run(["umount", "-l", str(self._place)], capture_output=True, check=False)
