"""What is told about a town: its devices as an import gives them, and how anybody reaches its meters."""

from dataclasses import dataclass

from aforo.dlms.keys import Key, Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentratorRow:
    """A concentrator as an import gives it."""

    number: str
    host: str
    port: int
    client_sap: int
    server_sap: int
    system_title: bytes
    encryption_key: Key | None
    authentication_key: Key | None
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRow:
    """A meter as an import gives it. Keys and title are missing where the head-end has none."""

    number: str
    usage_point: str
    link: str
    concentrator: str
    host: str
    port: int
    client_sap: int
    server_sap: int
    model: str
    system_title: bytes
    encryption_key: Key | None
    authentication_key: Key | None
    commissioned: bool
    max_power_w: int
    contracted_power_w: int
    time_zone: str
    protected: bool
    framing: str = "wrapper"
    physical_device: int | None = None


@dataclass(frozen=True, slots=True)
class RegistryRows:
    concentrators: tuple[ConcentratorRow, ...]
    meters: tuple[MeterRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    """How anybody reaches one meter of the town: where it listens itself, or as a logical device of its concentrator.

    listens: "concentrator" or "meter", and the number of what listens.
    """

    meter: str
    listens: tuple[str, str]
    host: str
    port: int
    client_sap: int
    server_sap: int
    framing: str
    system_title: bytes
    keys: Keys
