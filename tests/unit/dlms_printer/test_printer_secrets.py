"""No password, challenge or key in what is printed, however the octets around it are broken."""

import pytest

from aforo.dlms import Keys, acse, data, wrapper, xdlms
from aforo.dlms.acse import AssociationAnswer, AssociationRequest
from aforo.dlms.events import Conformance
from aforo.dlms.security import Cipher
from aforo.dlms.xdlms import Initiate
from unit.dlms.associations import CLIENT, KEYS
from unit.dlms_printer.accounts import printed, told, value

SECRET = b"Zq!-Wk~Xyz-?LmT#"
INITIATE = xdlms.encode_initiate_request(Initiate(Conformance.GET, 1024))
WITH_DEDICATED_KEY = xdlms.encode_initiate_request(Initiate(Conformance.GET, 1024, SECRET))
AARQS = {
    mechanism: acse.encode_request(
        AssociationRequest(context=1, mechanism=mechanism, authentication=SECRET, information=INITIATE)
    )
    for mechanism in (1, 2, 5)
}
AARE = acse.encode_answer(AssociationAnswer(context=3, mechanism=5, authentication=SECRET))
SET_SECRET = bytes.fromhex("c101c1000f0000280000ff0700") + data.octets(SECRET)
SET_SECRET_BLOCK = bytes.fromhex("c102c1000f0000280000ff0700010000000112") + data.octets(SECRET)
SET_SECRET_LIST = bytes.fromhex("c104c101000f0000280000ff070001") + data.octets(SECRET)
SET_LATER_BLOCK = bytes.fromhex("c103c1010000000212") + data.octets(SECRET)
CHANGE_SECRET = bytes.fromhex("c301c1000f0000280000ff0201") + data.octets(SECRET)
REPLY_TO_HLS = bytes.fromhex("c301c1000f0000280000ff0101") + data.octets(SECRET)
CHANGE_SECRET_LIST = bytes.fromhex("c303c101000f0000280000ff0201") + data.octets(SECRET)
KEY_TRANSFER = bytes.fromhex("c301c1004000002b0000ff0201010202160009") + b"\x10" + SECRET
HOLDERS = [
    *AARQS.values(), AARE, SET_SECRET, SET_SECRET_BLOCK, SET_SECRET_LIST, SET_LATER_BLOCK,
    CHANGE_SECRET, CHANGE_SECRET_LIST, REPLY_TO_HLS, KEY_TRANSFER, WITH_DEDICATED_KEY,
    acse.encode_request(AssociationRequest(context=3, information=WITH_DEDICATED_KEY)),
]  # fmt: skip
WINDOW = 3
"""Octets in a row. No such part of the secret can be read out of hexadecimal digits or the words of a tree."""


def shows_the_secret(octets: bytes, keys: Keys | None = None) -> bool:
    tree = told(octets, keys)
    shown = printed(tree) + repr(tree)
    windows = [SECRET[at : at + WINDOW] for at in range(len(SECRET) - WINDOW + 1)]
    return any(each.hex() in shown or each.decode() in shown for each in windows)


@pytest.mark.parametrize("octets", HOLDERS, ids=lambda octets: octets[:6].hex())
def test_not_at_any_length(octets: bytes) -> None:
    wrapped = wrapper.encode(16, 1, octets)
    assert not any(shows_the_secret(octets[:end]) for end in range(len(octets) + 1))
    assert not any(shows_the_secret(wrapped[:end]) for end in range(len(wrapped) + 1))


@pytest.mark.parametrize("octets", HOLDERS, ids=lambda octets: octets[:6].hex())
def test_not_at_any_length_when_it_was_ciphered(octets: bytes) -> None:
    for end in range(len(octets) + 1):
        sealed = Cipher(KEYS).seal(octets[:end], CLIENT, 1)
        assert not shows_the_secret(b"\xdb\x08" + CLIENT.octets + bytes((0x81, len(sealed))) + sealed, KEYS)


@pytest.mark.parametrize("mechanism", AARQS)
def test_not_with_any_one_bit_wrong(mechanism: int) -> None:
    octets = wrapper.encode(16, 1, AARQS[mechanism])
    for at in range(8 * len(octets)):
        wrong = bytearray(octets)
        wrong[at // 8] ^= 1 << at % 8
        assert not shows_the_secret(bytes(wrong)), f"bit {at}"


def test_not_when_a_frame_is_announced_too_short() -> None:
    apdu = AARQS[1]
    for length in range(1, len(apdu)):
        assert not shows_the_secret(bytes.fromhex("000100100001") + length.to_bytes(2, "big") + apdu)


def test_how_long_it_is_is_told() -> None:
    assert value(told(AARQS[1]), "calling-authentication-value") == "password, 16 octets, not shown"
    assert value(told(AARQS[5]), "calling-authentication-value") == "challenge, 16 octets, not shown"
    assert value(told(WITH_DEDICATED_KEY), "dedicated-key") == "16 octets, not shown"
    assert value(told(SET_SECRET), "data") == "18 octets, not shown"


def test_the_keys_that_were_given_are_nowhere_in_the_tree() -> None:
    sealed = Cipher(KEYS).seal(INITIATE, CLIENT, 1)
    tree = told(b"\x21" + bytes((len(sealed),)) + sealed, KEYS, [CLIENT])
    shown = printed(tree) + repr(tree)
    assert "the key fits" in shown
    assert KEYS.encryption.octets.hex()[:8] not in shown
    assert KEYS.authentication.octets.hex()[:8] not in shown
