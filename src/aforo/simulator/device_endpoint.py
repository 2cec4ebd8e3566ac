"""A simulated device as its socket sees it, whichever socket that is: a real one, a virtual one, a mobile network."""

from datetime import datetime
from typing import Protocol


class DeviceConnection(Protocol):
    def receive(self, octets: bytes, now: datetime) -> None:
        """Raises RemoteProtocolError: this connection is to be closed, and no other."""
        ...

    def outgoing(self) -> bytes: ...

    def closed(self) -> None: ...


class DeviceEndpoint(Protocol):
    """See `aforo.adapters.device_ports`, which has the same for devices of whatever kind. Time is told."""

    def connected(self) -> DeviceConnection: ...

    def next_deadline(self) -> datetime | None: ...

    def advance(self, now: datetime) -> None: ...
