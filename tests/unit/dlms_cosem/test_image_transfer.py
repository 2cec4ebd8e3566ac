"""Image transfer: initiated, every block once, verified, activated; and nothing out of that order."""

import pytest

from aforo.dlms import ActionResponse, DataAccess, GetResponse, RemoteProtocolError, data
from aforo.dlms.cosem.image_transfer import (
    IMAGE_TRANSFER,
    ImageState,
    ImageStatus,
    ImageToActivate,
    ImageTransfer,
    image_blocks,
    read_image_to_activate,
)
from aforo.dlms.obis import obis
from aforo.dlms.server import Server

NAME = obis("0-0:44.0.0.255")
IMAGE = bytes(range(250))


class Device:
    def __init__(self, *, is_good: bool = True, runs: bool = True) -> None:
        self.state = ImageState(block_octets=64)
        self.active = b""
        self.runs = runs
        self.server = Server(
            [ImageTransfer(NAME, self.state, verify=lambda _, __: b"sum" if is_good else None, activate=self._activate)]
        )

    def _activate(self, image: bytes) -> bool:
        self.active = image if self.runs else b""
        return self.runs

    def invoke(self, method: str, parameter: bytes) -> DataAccess:
        answer = self.server.answer(IMAGE_TRANSFER.action(method, NAME, parameter))
        assert isinstance(answer, ActionResponse)
        return answer.result

    def read(self, attribute: str) -> bytes:
        answer = self.server.answer(IMAGE_TRANSFER.get(attribute, NAME))
        assert isinstance(answer, GetResponse)
        assert answer.data is not None
        return answer.data

    def initiate(self) -> DataAccess:
        return self.invoke("image_transfer_initiate", data.structure(data.octets(b"fw-2"), data.u32(len(IMAGE))))

    def transfer(self) -> None:
        assert self.initiate() is DataAccess.SUCCESS
        for block in image_blocks(IMAGE, 64):
            assert self.invoke("image_block_transfer", block) is DataAccess.SUCCESS


def test_an_image_is_transferred_verified_and_activated() -> None:
    device = Device()
    device.transfer()
    assert device.invoke("image_verify", data.i8(0)) is DataAccess.SUCCESS
    assert read_image_to_activate(device.read("image_to_activate_info")) == (ImageToActivate(250, b"fw-2", b"sum"),)
    assert device.invoke("image_activate", data.i8(0)) is DataAccess.SUCCESS
    assert (device.active, device.state.status) == (IMAGE, ImageStatus.ACTIVATION_SUCCESSFUL)


def test_what_is_missing_is_told_and_may_come_in_any_order() -> None:
    device = Device()
    device.initiate()
    blocks = image_blocks(IMAGE, 64)
    for number in (3, 0):
        assert device.invoke("image_block_transfer", blocks[number]) is DataAccess.SUCCESS
    assert data.decode(device.read("image_transferred_blocks_status")) == data.BitString("1001")
    assert data.decode(device.read("image_first_not_transferred_block_number")) == 1
    assert device.invoke("image_verify", data.i8(0)) is DataAccess.TEMPORARY_FAILURE
    for number in (2, 1):
        device.invoke("image_block_transfer", blocks[number])
    assert data.decode(device.read("image_first_not_transferred_block_number")) == 4
    assert device.invoke("image_verify", data.i8(0)) is DataAccess.SUCCESS


@pytest.mark.parametrize(
    ("method", "parameter", "result"),
    [
        ("image_block_transfer", data.structure(data.u32(0), data.octets(bytes(64))), DataAccess.TEMPORARY_FAILURE),
        ("image_verify", data.i8(0), DataAccess.TEMPORARY_FAILURE),
        ("image_activate", data.i8(0), DataAccess.TEMPORARY_FAILURE),
        ("image_transfer_initiate", data.structure(data.octets(b"x"), data.u32(0)), DataAccess.TYPE_UNMATCHED),
        ("image_transfer_initiate", data.structure(data.octets(b"x"), data.u32(2**32 - 1)), DataAccess.TYPE_UNMATCHED),
    ],
)
def test_nothing_is_done_out_of_its_order(method: str, parameter: bytes, result: DataAccess) -> None:
    assert Device().invoke(method, parameter) is result


@pytest.mark.parametrize("block", [(0, 63), (0, 65), (3, 64), (4, 1)])
def test_a_block_of_another_length_or_number_is_refused(block: tuple[int, int]) -> None:
    device = Device()
    device.initiate()
    number, octets = block
    parameter = data.structure(data.u32(number), data.octets(bytes(octets)))
    assert device.invoke("image_block_transfer", parameter) is DataAccess.TYPE_UNMATCHED


def test_an_image_that_is_not_what_it_says_is_never_activated() -> None:
    device = Device(is_good=False)
    device.transfer()
    assert device.invoke("image_verify", data.i8(0)) is DataAccess.OTHER_REASON
    assert device.state.status is ImageStatus.VERIFICATION_FAILED
    assert device.invoke("image_activate", data.i8(0)) is DataAccess.TEMPORARY_FAILURE
    assert device.active == b""


def test_an_image_that_does_not_run_is_told() -> None:
    device = Device(runs=False)
    device.transfer()
    device.invoke("image_verify", data.i8(0))
    assert device.invoke("image_activate", data.i8(0)) is DataAccess.OTHER_REASON
    assert device.state.status is ImageStatus.ACTIVATION_FAILED


def test_a_device_that_takes_no_images_says_so() -> None:
    device = Device()
    device.state.is_enabled = False
    assert device.initiate() is DataAccess.READ_WRITE_DENIED
    assert read_image_to_activate(device.read("image_to_activate_info")) == ()
    with pytest.raises(RemoteProtocolError):
        read_image_to_activate(data.array(data.u8(1)))
