"""Suite 0 against published ciphertexts, and what a forger gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, Key, Keys, RemoteProtocolError, SystemTitle
from aforo.dlms.security import Cipher
from unit.dlms.associations import CLIENT, KEYS, METER, OTHER_KEYS

SET_3300 = bytes.fromhex("c101c100470000110000ff04000600000ce4")
SEALED_3300 = bytes.fromhex("30000000016a99c2331a628a85be11e6155a1b01e4fd3b34809ba8f2fcb7dcf1c45039")

VECTORS = [
    pytest.param("4845530000000001", 1, SET_3300, SEALED_3300, id="SET of 3300, from two other stacks"),
    pytest.param(
        "4d4d4d0000bc614e",
        0x01234567,
        bytes.fromhex("c0010000080000010000ff0200"),
        bytes.fromhex("3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b"),
        id="GET of the clock, Green Book",
    ),
]


@pytest.mark.parametrize(("title", "counter", "plain", "sealed"), VECTORS)
def test_published_ciphertexts_are_made_and_opened(title: str, counter: int, plain: bytes, sealed: bytes) -> None:
    cipher = Cipher(KEYS)
    assert cipher.seal(plain, SystemTitle.from_hex(title), counter) == sealed
    assert cipher.open(sealed, SystemTitle.from_hex(title)) == plain


@pytest.mark.parametrize(
    ("title", "counter", "challenge", "proof"),
    [
        ("4d4d4d0000000001", 1, b"P6wRJ21F", "10000000011a52fe7dd3e72748973c1e28"),
        ("4d4d4d0000bc614e", 0x01234567, b"K56iVagY", "1001234567fe1466afb3dbcd4f9389e2b7"),
    ],
)
def test_the_green_books_hls_proofs_are_made_and_accepted(
    title: str, counter: int, challenge: bytes, proof: str
) -> None:
    cipher, whose = Cipher(KEYS), SystemTitle.from_hex(title)
    assert cipher.proof(challenge, whose, counter).hex() == proof
    cipher.check_proof(bytes.fromhex(proof), challenge, whose)


@given(st.integers(0, len(SEALED_3300) * 8 - 1))
def test_one_flipped_bit_anywhere_is_refused(bit: int) -> None:
    forged = bytearray(SEALED_3300)
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RemoteProtocolError) as refused:
        Cipher(KEYS).open(bytes(forged), CLIENT)
    assert refused.value.code in (ErrorCode.WRONG_TAG, ErrorCode.UNSUPPORTED, ErrorCode.NOT_CIPHERED)
    assert refused.value.code is ErrorCode.WRONG_TAG or bit < 8


@pytest.mark.parametrize(
    "keys", [OTHER_KEYS, Keys(KEYS.encryption, Key(bytes(16)))], ids=["encryption", "authentication"]
)
def test_neither_key_may_be_wrong(keys: Keys) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        Cipher(keys).open(SEALED_3300, CLIENT)
    assert refused.value.code is ErrorCode.WRONG_TAG


def test_a_ciphertext_of_another_title_is_refused() -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        Cipher(KEYS).open(SEALED_3300, METER)
    assert refused.value.code is ErrorCode.WRONG_TAG


def test_authentication_alone_is_read_and_its_text_is_covered_by_the_tag() -> None:
    """SC 10: the text goes in clear and into the additional data; the tag equals that of an HLS proof over it."""
    cipher = Cipher(KEYS)
    proof = cipher.proof(SET_3300, CLIENT, 7)
    content = proof[:5] + SET_3300 + proof[5:]
    assert cipher.open(content, CLIENT) == SET_3300
    with pytest.raises(RemoteProtocolError) as refused:
        cipher.open(content.replace(b"\x0c\xe4", b"\x27\x10"), CLIENT)
    assert refused.value.code is ErrorCode.WRONG_TAG


@pytest.mark.parametrize(
    ("control", "code"),
    [
        (0x00, ErrorCode.NOT_CIPHERED),
        (0x20, ErrorCode.NOT_CIPHERED),
        (0x31, ErrorCode.UNSUPPORTED),
        (0x70, ErrorCode.UNSUPPORTED),
        (0xB0, ErrorCode.UNSUPPORTED),
    ],
)
def test_no_weaker_or_unknown_protection_is_taken(control: int, code: ErrorCode) -> None:
    """Nothing, encryption alone, suite 1, the broadcast key, compression."""
    with pytest.raises(RemoteProtocolError) as refused:
        Cipher(KEYS).open(bytes((control,)) + SEALED_3300[1:], CLIENT)
    assert refused.value.code is code


@given(st.binary(max_size=17))
def test_a_content_shorter_than_head_and_tag_is_malformed(content: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Cipher(KEYS).open(content[:16], CLIENT)


@given(st.binary(max_size=300), st.integers(0, 0xFFFF_FFFF))
def test_what_is_sealed_can_be_opened(plain: bytes, counter: int) -> None:
    cipher = Cipher(KEYS)
    sealed = cipher.seal(plain, CLIENT, counter)
    assert (len(sealed), cipher.open(sealed, CLIENT)) == (len(plain) + 17, plain)


@given(st.binary(max_size=20))
def test_no_octets_but_the_proof_prove_anything(proof: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        Cipher(KEYS).check_proof(proof, b"K56iVagY", CLIENT)
    assert refused.value.code is ErrorCode.AUTHENTICATION_FAILED
