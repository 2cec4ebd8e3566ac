"""Meters and concentrators as the registry knows them."""

from dataclasses import dataclass, field
from enum import Enum

from msgspec import Struct

from aforo.domain.identifiers import ConcentratorNumber, MeterNumber


class Link(Enum):
    """How a meter is reached.

    DIRECT: its own address.   DELEGATED: its concentrator carries orders out.   TRANSPARENT: its concentrator relays.
    """

    DIRECT = "direct"
    DELEGATED = "delegated"
    TRANSPARENT = "transparent"


class Framing(Enum):
    """How APDUs go to a device.

    WRAPPER: in the wrapper of IEC 62056-47, over TCP.   UDP: in the same, one datagram each.
    HDLC: in HDLC (IEC 62056-46) over TCP, as behind many routers.
    """

    WRAPPER = "wrapper"
    UDP = "udp"
    HDLC = "hdlc"


class Address(Struct, frozen=True):
    """host, TCP or UDP port, and the two service access points; in HDLC they are the upper addresses of the stations.

    physical_device: HDLC lower address of the device; None leaves it out, for a line that leads to one device.
    """

    host: str
    port: int
    client_sap: int = 1
    server_sap: int = 1
    framing: Framing = Framing.WRAPPER
    physical_device: int | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class DeviceSecurity:
    """Keys as the key vault needs them: wrapped under the key-encryption key, so harmless in a repr.

    system_title: 8 octets, or empty when it is to be learnt from the device.
    """

    system_title: bytes = b""
    encryption_key: bytes = field(default=b"", repr=False)
    authentication_key: bytes = field(default=b"", repr=False)

    @property
    def has_keys(self) -> bool:
        return bool(self.encryption_key and self.authentication_key)


class Concentrator(Struct, frozen=True, kw_only=True):
    number: ConcentratorNumber
    address: Address
    security: DeviceSecurity
    time_zone: str = "America/Santiago"


class Meter(Struct, frozen=True, kw_only=True):
    """max_power_w: rating of the service connection.   contracted_power_w: what the customer pays for.

    address: where a direct meter listens; for a transparent one only its service access points matter.
    concentrator: the one it is linked to now, None when there is none.
    """

    number: MeterNumber
    usage_point: str
    link: Link
    concentrator: ConcentratorNumber | None
    address: Address | None
    model: str
    security: DeviceSecurity
    commissioned: bool
    max_power_w: int
    contracted_power_w: int
    time_zone: str = "America/Santiago"
    protected: bool = False

    @property
    def lane(self) -> str:
        """The line that its orders go over: `meter:M`, or `concentrator:C` and `relay:C` for the two uses of one."""
        if self.link is Link.DIRECT:
            return f"meter:{self.number}"
        return f"{'concentrator' if self.link is Link.DELEGATED else 'relay'}:{self.concentrator}"
