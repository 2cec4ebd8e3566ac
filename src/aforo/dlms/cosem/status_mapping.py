"""Status mapping, class_id 63, version 0 (IEC 62056-6-2): what the bits of a status word stand for."""

from dataclasses import dataclass

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, StoredObject
from aforo.dlms.errors import malformed

STATUS_MAPPING = InterfaceClass(
    63,
    0,
    "Status mapping",
    (
        LOGICAL_NAME,
        Attribute(2, "status_word", None),
        Attribute(3, "mapping_table", data.STRUCTURE),
    ),
)
BITS_MAX = 64


class StatusMapping(StoredObject):
    table = STATUS_MAPPING

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Meaning:
    """reference: number of the table that the entries belong to.   entries: one per bit, from the first."""

    reference: int
    entries: tuple[int, ...]

    def of(self, status: data.BitString) -> tuple[int, ...]:
        """The entries whose bits are set."""
        return tuple(entry for bit, entry in zip(status.bits, self.entries, strict=False) if bit == "1")


def read_mapping_table(encoded: bytes) -> Meaning:
    """{ref_table_id, first entry} or {ref_table_id, entries}. Raises RemoteProtocolError (MALFORMED)."""
    match STATUS_MAPPING.decode("mapping_table", encoded):
        case (int(reference), int(first)):
            return Meaning(reference, tuple(range(first, first + BITS_MAX)))
        case (int(reference), tuple(entries)) if all(isinstance(each, int) for each in entries):
            return Meaning(reference, tuple(each for each in entries if isinstance(each, int)))
    raise malformed("a status mapping is a table and its entries")
