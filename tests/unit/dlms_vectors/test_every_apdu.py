"""Every type and form of APDU has octets that others made, and is written and read as they say."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dlms_cosem.protocol import xdlms as oracle

from aforo.dlms import CounterRange, Key, Keys, SystemTitle
from aforo.dlms.printer_acse import NAMES as ASSOCIATION_CONTROL
from aforo.dlms.printer_forms import FORMS
from aforo.dlms.printer_protection import NAMES as PROTECTION
from aforo.dlms.printer_services import NAMES as SERVICES
from aforo.dlms.protection import Protection
from aforo.dlms.settings import Ciphering, ClientSettings, ServerSettings
from unit.dlms_printer.accounts import nodes, told
from unit.dlms_vectors.spelled_apdus import VECTORS, Vector

TITLE, PEER = SystemTitle.from_hex("4845530000000001"), SystemTitle.from_hex("4146520000000001")
KEYS = Keys(Key(bytes(range(16))), Key(bytes(range(0xD0, 0xE0))))
DEDICATED = Key(bytes(range(0x40, 0x50)))
NAMED_ONLY = {0x41, 0x48}
"""ded-initiate: the printer names them; nobody can say them, since an InitiateRequest brings the dedicated key."""

GLOBAL = {0x21: "01", 0x28: "08", 0xC8: "c0", 0xC9: "c1", 0xCA: "c2", 0xCB: "c3", 0xCC: "c4", 0xCD: "c5", 0xCF: "c7"}
DEDICATED_FORMS = {tag + 8: service for tag, service in GLOBAL.items() if tag >= 0xC8}
ORACLES = {
    0x01: oracle.InitiateRequest, 0x08: oracle.InitiateResponse, 0xC0: oracle.GetRequestFactory,
    0xC1: oracle.SetRequestFactory, 0xC3: oracle.ActionRequestFactory, 0xC4: oracle.GetResponseFactory,
    0xC5: oracle.SetResponseFactory, 0xC7: oracle.ActionResponseFactory,
}  # fmt: skip
"""What dlms-cosem 21.3.2 reads."""

BEYOND_IT = ("c0 01 c1 0007", "c4 01 c1 00")
"""It reads no selection by entry, and does not write a get-response with data."""

READ_BY_BOTH = {(0xC0, 1), (0xC0, 2), (0xC1, 1), (0xC3, 1), (0xC4, 1), (0xC5, 1), (0xC7, 1), (0x01, 0), (0x08, 0)}


def named(vector: Vector) -> str:
    return vector.wire[:14]


def form_of(vector: Vector) -> tuple[int, int]:
    tag = vector.octets[0]
    return (tag, vector.octets[1]) if tag in FORMS else (tag, 0)


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_the_value_has_these_octets_and_they_have_this_value(vector: Vector) -> None:
    assert vector.encode(vector.value).hex() == vector.octets.hex()
    assert vector.decode(vector.octets) == vector.value


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_the_printer_reads_them_to_the_last_octet(vector: Vector) -> None:
    tree = told(vector.octets)
    assert not nodes(tree, "not decoded")
    assert not nodes(tree, "cut short")


def test_no_type_and_no_form_is_without_a_vector() -> None:
    known = {(tag, form) for tag, forms in FORMS.items() for form in forms}
    known |= {(tag, 0) for tag in {*SERVICES, *ASSOCIATION_CONTROL} - FORMS.keys()}
    known |= {(tag, 0) for tag in PROTECTION}
    have = {form_of(vector) for vector in VECTORS}
    have |= {(tag, 0) for tag in (*GLOBAL, *DEDICATED_FORMS, 0xDB, 0xDC)}
    assert known - have == {(tag, 0) for tag in NAMED_ONLY}


SHARED = [each for each in VECTORS if form_of(each) in READ_BY_BOTH and not each.wire.startswith(BEYOND_IT)]


@pytest.mark.parametrize("vector", SHARED, ids=named)
def test_dlms_cosem_reads_and_writes_the_same_octets(vector: Vector) -> None:
    assert ORACLES[vector.octets[0]].from_bytes(vector.octets).to_bytes() == vector.octets


def test_the_vectors_that_others_can_read_are_there() -> None:
    assert {form_of(vector) for vector in SHARED} == READ_BY_BOTH


def sealed(plain: bytes, key: Key, *, head: str) -> bytes:
    """SC 30, counter 7, cipher text, tag of 12 octets (IEC 62056-5-3, clause 5), by the cryptography library alone."""
    counter = bytes.fromhex("00000007")
    text = AESGCM(key.octets).encrypt(TITLE.octets + counter, plain, b"\x30" + KEYS.authentication.octets)[:-4]
    content = b"\x30" + counter + text
    return bytes.fromhex(head) + bytes((len(content),)) + content


def both_ends(ciphering: Ciphering, *, dedicated: bool) -> tuple[Protection, Protection]:
    """Who ciphers, with counter 7 next, and who reads."""
    counters = CounterRange(7, 100)
    sender = Protection(ClientSettings(title=TITLE, peer_title=PEER, keys=KEYS, counters=counters, ciphering=ciphering))
    receiver = Protection(
        ServerSettings(title=PEER, peer_title=TITLE, keys=KEYS, counters=CounterRange(1, 100), ciphering=ciphering)
    )
    for end in (sender, receiver) if dedicated else ():
        end.use_dedicated(DEDICATED)
    return sender, receiver


PROTECTED = [
    *((f"{tag:02x}", service, Ciphering.GLO, False) for tag, service in GLOBAL.items()),
    *((f"{tag:02x}", service, Ciphering.GLO, True) for tag, service in DEDICATED_FORMS.items()),
    *((f"db 08 {TITLE}", service, Ciphering.GENERAL_GLO, False) for service in ("c0", "c1", "c4", "0f", "d9")),
    *((f"dc 08 {TITLE}", service, Ciphering.GENERAL_GLO, True) for service in ("c0", "c1", "c4", "0f", "d9")),
]


@pytest.mark.parametrize(("head", "service", "ciphering", "dedicated"), PROTECTED, ids=lambda each: str(each)[:14])
def test_every_protected_form_is_that_of_the_cipher_alone(
    head: str, service: str, ciphering: Ciphering, dedicated: bool
) -> None:
    plain = next(each.octets for each in VECTORS if each.wire.startswith(service))
    expected = sealed(plain, DEDICATED if dedicated else KEYS.encryption, head=head)
    sender, receiver = both_ends(ciphering, dedicated=dedicated)

    assert sender.seal(plain).hex() == expected.hex()
    assert receiver.open(expected) == plain
