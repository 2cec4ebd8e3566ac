"""Sockets to listen on, at a port that was named or at a free one below those that the kernel gives to clients."""

import os
import socket
from collections.abc import Iterator
from itertools import cycle, islice

FIRST_FREE_PORT, LAST_FREE_PORT = 20_000, 31_999
"""Linux gives clients ports from 32768 on, so none of these is taken by chance."""

_SPREAD = 61
_ALL = range(FIRST_FREE_PORT, LAST_FREE_PORT + 1)
_BEGIN = os.getpid() * _SPREAD % len(_ALL)
_ports = cycle((*_ALL[_BEGIN:], *_ALL[:_BEGIN]))


class PortTaken(Exception):
    """The text says which one, and why."""


def ports_to_try() -> Iterator[int]:
    """Each of our range once, behind the one tried last: a thousand devices need not each knock at the doors of those
    before. Every process begins elsewhere: whoever still calls at a door of one that has ended finds nobody there.
    """
    return islice(_ports, len(_ALL))


def listen_on(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """port 0: the next free one of our range.   kind: SOCK_STREAM or SOCK_DGRAM. Raises PortTaken."""
    candidates = ports_to_try() if port == 0 else (port,)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in candidates:
        listening = socket.socket(family, kind)
        try:
            if kind is socket.SOCK_STREAM:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, candidate))
            if kind is socket.SOCK_STREAM:
                listening.listen(1024)
        except OSError as wrong:
            listening.close()
            if port != 0:
                raise PortTaken(f"{host}:{port} cannot be listened on ({wrong.strerror})") from wrong
        else:
            listening.setblocking(False)
            return listening
    raise PortTaken(f"no free port between {FIRST_FREE_PORT} and {LAST_FREE_PORT}")
