"""Secrets and names of the two ends: types that cannot be mixed up, and keys that cannot be printed."""

import hmac

from msgspec import Struct

from aforo.dlms.errors import LocalProtocolError


class Secret:
    """Octets that never show in a repr, a format or a traceback; compared in constant time."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = bytes(octets)

    @property
    def octets(self) -> bytes:
        return self._octets

    def __len__(self) -> int:
        return len(self._octets)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._octets, other._octets)

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._octets))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden, {len(self._octets)} octets)"

    __str__ = __repr__

    def __reduce__(self) -> "str | tuple[object, ...]":
        raise LocalProtocolError("a secret is never pickled")


class Key(Secret):
    """An AES key: 16 octets in security suites 0 and 1, 32 in suite 2."""

    __slots__ = ()

    def __init__(self, octets: bytes) -> None:
        if len(octets) not in (16, 32):
            raise LocalProtocolError(f"an AES key has 16 or 32 octets, not {len(octets)}")
        super().__init__(octets)

    @classmethod
    def from_hex(cls, text: str) -> "Key":
        """Raises LocalProtocolError without repeating the text, which may be most of a key."""
        try:
            octets = bytes.fromhex(text)
        except ValueError:
            raise LocalProtocolError("a key is written in hexadecimal digits") from None
        return cls(octets)


class SystemTitle(Struct, frozen=True):
    """Name of a device in security: three letters of the manufacturer, then five octets (IEC 62056-5-3)."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 8:
            raise LocalProtocolError(f"a system title has 8 octets, not {len(self.octets)}")

    @classmethod
    def from_hex(cls, text: str) -> "SystemTitle":
        try:
            return cls(bytes.fromhex(text))
        except ValueError:
            raise LocalProtocolError(f"a system title is 16 hexadecimal digits, not {text!r}") from None

    def __str__(self) -> str:
        return self.octets.hex().upper()

    def __repr__(self) -> str:
        return f"SystemTitle({self})"


class Keys(Struct, frozen=True):
    """Global unicast keys of one association.

    encryption: GUEK; authentication: GAK; dedicated: session key that the client puts into its InitiateRequest;
    broadcast: GBEK, for messages with the broadcast bit.
    """

    encryption: Key
    authentication: Key
    dedicated: Key | None = None
    broadcast: Key | None = None

    def present(self) -> tuple[Key, ...]:
        every = (self.encryption, self.authentication, self.dedicated, self.broadcast)
        return tuple(key for key in every if key is not None)
