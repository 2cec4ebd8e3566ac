"""Real brokers of this test's own: RabbitMQ and NATS on loopback, killed and started again with what they kept."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

START_S_MAX = 60.0
RABBIT = next((path for path in ("/usr/lib/rabbitmq/bin/rabbitmq-server",) if Path(path).exists()), None)
NATS = shutil.which("nats-server") or next((path for path in ("/usr/sbin/nats-server",) if Path(path).exists()), None)

with_nats = pytest.mark.skipif(NATS is None, reason="there is no nats-server here")


class Broker:
    """A process of its own group. start and kill may alternate."""

    scheme = ""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}127.0.0.1:{self.port}"

    def command(self) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError

    def start(self) -> None:
        command, environment = self.command()
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=log, stderr=log, start_new_session=True
        )
        until = time.monotonic() + START_S_MAX
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the broker did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.2):
                return True
        except OSError:
            return False


class Rabbit(Broker):
    scheme = "amqp://guest:guest@"

    def command(self) -> tuple[list[str], dict[str, str]]:
        assert RABBIT is not None, "a test without it is skipped"
        (self.folder / "rabbit.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        (self.folder / "plugins").write_text("[].")
        return [RABBIT], {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"aforo-{os.getpid()}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbit.conf"),
            "RABBITMQ_DIST_PORT": str(self.port + 1),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }


class Nats(Broker):
    scheme = "nats://"

    def command(self) -> tuple[list[str], dict[str, str]]:
        assert NATS is not None, "a test without it is skipped"
        # `-sd`: what it has acknowledged is synced to disk every two minutes by default, so a kill of the process alone
        # loses nothing: the kernel has it.
        return [NATS, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder / "data")], {}


def free_port() -> int:
    """Of loopback; nobody else is likely to take it meanwhile."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        chosen: int = listener.getsockname()[1]
        return chosen
