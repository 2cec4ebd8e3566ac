"""Image transfer, class_id 18, version 0 (IEC 62056-6-2): firmware, block by block, verified, activated."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from aforo.dlms import data
from aforo.dlms.axdr import put_length
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, InterfaceObject, Method
from aforo.dlms.errors import ErrorCode, RemoteProtocolError
from aforo.dlms.events import DataAccess
from aforo.dlms.server import AccessRefused

IMAGE_TRANSFER = InterfaceClass(
    18,
    0,
    "Image transfer",
    (
        LOGICAL_NAME,
        Attribute(2, "image_block_size", data.DOUBLE_LONG_UNSIGNED),
        Attribute(3, "image_transferred_blocks_status", data.BIT_STRING),
        Attribute(4, "image_first_not_transferred_block_number", data.DOUBLE_LONG_UNSIGNED),
        Attribute(5, "image_transfer_enabled", data.BOOLEAN),
        Attribute(6, "image_transfer_status", data.ENUM),
        Attribute(7, "image_to_activate_info", data.ARRAY),
    ),
    (
        Method(1, "image_transfer_initiate", data.STRUCTURE, is_open=True),
        Method(2, "image_block_transfer", data.STRUCTURE, is_open=True),
        Method(3, "image_verify", data.INTEGER, is_open=True),
        Method(4, "image_activate", data.INTEGER, is_open=True),
    ),
)


class ImageStatus(IntEnum):
    """image_transfer_status."""

    NOT_INITIATED = 0
    INITIATED = 1
    VERIFICATION_INITIATED = 2
    VERIFICATION_SUCCESSFUL = 3
    VERIFICATION_FAILED = 4
    ACTIVATION_INITIATED = 5
    ACTIVATION_SUCCESSFUL = 6
    ACTIVATION_FAILED = 7


IMAGE_OCTETS_MAX = 16 * 1024 * 1024
_VERIFIABLE = (ImageStatus.INITIATED, ImageStatus.VERIFICATION_FAILED)


@dataclass(slots=True)
class ImageState:
    """What a device keeps of a transfer. blocks: octets by number, from 0."""

    block_octets: int
    is_enabled: bool = True
    status: ImageStatus = ImageStatus.NOT_INITIATED
    identifier: bytes = b""
    size: int = 0
    signature: bytes = b""
    blocks: dict[int, bytes] = field(default_factory=dict)

    @property
    def blocks_wanted(self) -> int:
        return -(-self.size // self.block_octets)

    @property
    def first_missing(self) -> int:
        """The number of blocks when none is missing."""
        return next((number for number in range(self.blocks_wanted) if number not in self.blocks), self.blocks_wanted)

    @property
    def image(self) -> bytes:
        return b"".join(self.blocks[number] for number in range(self.blocks_wanted))


class ImageTransfer(InterfaceObject):
    """verify: gives the signature of a whole image that is what it says, or None.   activate: whether it runs now."""

    table = IMAGE_TRANSFER

    __slots__ = ("_activate", "_state", "_verify")

    def __init__(
        self,
        logical_name: bytes,
        state: ImageState,
        *,
        verify: Callable[[bytes, bytes], bytes | None],
        activate: Callable[[bytes], bool],
    ) -> None:
        super().__init__(logical_name)
        self._state = state
        self._verify = verify
        self._activate = activate

    def _get(self, attribute: int) -> bytes:
        state = self._state
        match attribute:
            case 2:
                return data.u32(state.block_octets)
            case 3:
                return _bits(state)
            case 4:
                return data.u32(state.first_missing)
            case 5:
                return data.boolean(state.is_enabled)
            case 6:
                return data.enum(state.status)
            case 7:
                return _info(state)
        return super()._get(attribute)

    def _invoke(self, method: int, parameter: data.Value) -> None:
        if not self._state.is_enabled:
            raise AccessRefused(DataAccess.READ_WRITE_DENIED)
        match method:
            case 1:
                self._initiate(parameter)
            case 2:
                self._take(parameter)
            case 3:
                self._verify_whole()
            case _:
                self._activate_verified()

    def _initiate(self, parameter: data.Value) -> None:
        """Whatever was under way is dropped."""
        match parameter:
            case (bytes(identifier), int(size)) if 0 < size <= IMAGE_OCTETS_MAX:
                state = self._state
                state.identifier, state.size, state.signature = identifier, size, b""
                state.blocks = {}
                state.status = ImageStatus.INITIATED
                return
        raise AccessRefused(DataAccess.TYPE_UNMATCHED)

    def _take(self, parameter: data.Value) -> None:
        state = self._state
        if state.status is not ImageStatus.INITIATED:
            raise AccessRefused(DataAccess.TEMPORARY_FAILURE)
        match parameter:
            case (int(number), bytes(octets)) if 0 <= number < state.blocks_wanted:
                last = state.size - (state.blocks_wanted - 1) * state.block_octets
                if len(octets) == (last if number == state.blocks_wanted - 1 else state.block_octets):
                    state.blocks[number] = octets
                    return
        raise AccessRefused(DataAccess.TYPE_UNMATCHED)

    def _verify_whole(self) -> None:
        state = self._state
        if state.status not in _VERIFIABLE or state.first_missing < state.blocks_wanted:
            raise AccessRefused(DataAccess.TEMPORARY_FAILURE)
        signature = self._verify(state.identifier, state.image)
        if signature is None:
            state.status = ImageStatus.VERIFICATION_FAILED
            raise AccessRefused(DataAccess.OTHER_REASON)
        state.status, state.signature = ImageStatus.VERIFICATION_SUCCESSFUL, signature

    def _activate_verified(self) -> None:
        state = self._state
        if state.status is not ImageStatus.VERIFICATION_SUCCESSFUL:
            raise AccessRefused(DataAccess.TEMPORARY_FAILURE)
        is_active = self._activate(state.image)
        state.status = ImageStatus.ACTIVATION_SUCCESSFUL if is_active else ImageStatus.ACTIVATION_FAILED
        if not is_active:
            raise AccessRefused(DataAccess.OTHER_REASON)


@dataclass(frozen=True, slots=True)
class ImageToActivate:
    size: int
    identifier: bytes
    signature: bytes


def read_image_to_activate(encoded: bytes) -> tuple[ImageToActivate, ...]:
    """A client's view of attribute 7. Raises RemoteProtocolError (MALFORMED)."""
    value = IMAGE_TRANSFER.decode("image_to_activate_info", encoded)
    match value:
        case tuple(elements) if all(_is_info(each) for each in elements):
            return tuple(ImageToActivate(*each) for each in elements)  # type: ignore[misc]  # _is_info has looked
    raise RemoteProtocolError(ErrorCode.MALFORMED, "an image is told as size, identifier and signature")


def image_blocks(image: bytes, block_octets: int) -> list[bytes]:
    """Parameters of method 2, one per block, in order."""
    parts = (image[at : at + block_octets] for at in range(0, len(image), block_octets))
    return [data.structure(data.u32(number), data.octets(part)) for number, part in enumerate(parts)]


def _is_info(value: data.Value) -> bool:
    match value:
        case (int(), bytes(), bytes()):
            return True
    return False


def _bits(state: ImageState) -> bytes:
    bits = "".join("1" if number in state.blocks else "0" for number in range(state.blocks_wanted))
    octets = int(bits.ljust(-(-len(bits) // 8) * 8, "0") or "0", 2).to_bytes(-(-len(bits) // 8), "big")
    return bytes((data.BIT_STRING,)) + put_length(len(bits)) + octets


def _info(state: ImageState) -> bytes:
    if not state.size:
        return data.array()
    image = data.structure(data.u32(state.size), data.octets(state.identifier), data.octets(state.signature))
    return data.array(image)
