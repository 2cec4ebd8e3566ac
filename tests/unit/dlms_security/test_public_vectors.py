"""Signatures, agreed keys, wrapped keys and proofs against published values."""

import hashlib
import pickle

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aforo.dlms import ErrorCode, Key, Keys, LocalProtocolError, RemoteProtocolError, SystemTitle
from aforo.dlms import general_ciphering as gc
from aforo.dlms.general_keys import GeneralKeys, UnderIdentifiedKey, received_key
from aforo.dlms.key_transport import (
    KeyId,
    NewKey,
    agreed_key,
    key_agreement,
    key_transfer,
    offer,
    read_key_agreement,
    read_key_transfer,
    unwrap,
    wrap,
)
from aforo.dlms.public_keys import PrivateKey, PublicKey
from aforo.dlms.xdlms.access import decode_access_request

CLIENT, SERVER = SystemTitle.from_hex("4D4D4D0000BC614E"), SystemTitle.from_hex("4D4D4D0000000001")

# Green Book 8, Table 41: ACCESS with general-ciphering, one-pass Diffie-Hellman C(1e, 1s). The APDU as quoted in the
# tests of dlms-cosem (pwitab), the keys as quoted in those of EnergyICT's protocol suite.
ACCESS_APDU = bytes.fromhex(
    "DD080102030405060708084D4D4D0000BC614E084D4D4D00000000010000010201018180C323C2BD45711DE4688637D919F92E9DB8FB2DFC21"
    "3A88D21C9DC8DCBA917D8170511DE1BADB360D50058F794B0960AE11FA28D392CFF907A62D13E3357B1DC0B51BE089D0B682863B2217201E73"
    "A1A9031968A9B4121DCBC3281A69739AF87429F5B3AC5471E7B6A04A2C0F2F8A25FD772A317DF97FC5463FEAC248EB8AB8BE81EB3100000000"
    "F435069679270C5BF4425EE5777402A6C8D51C620EED52DBB188378B836E2857D5C053E6DDF27FA87409AEF502CD9618AE47017C010224FD10"
    "9CC0BEB21E742D44AB40CD11908743EC90EC8C40E221D517F72228E1A26E827F43DC18ED27B5F458D66508B05A2A4CC6FED178C881AFC3BC67"
    "064689BE8BB41C80ABB3C114A31F4CB03B8B64C7E0B4CE77B2399C93347858888F92239713B38DF01C4858245827A92EF334172EA636B31CBB"
    "DF2A96AD5D035F66AA38F1A2D97D4BBA99622E6B5F18789CECB2DFB3937D9F3E17F8B472098E6563238F37528374809836002AEA6E7012D2AD"
    "FAA7"
)
SERVER_STATIC = PrivateKey(bytes.fromhex("AAD3FD0732E991CF52A74C66C1F2827DDC53522A2E0A169D7C4FFCC0FB5D6A4D"), 1)
SERVER_STATIC_PUBLIC = bytes.fromhex(
    "A653565B0E06070BAE9FBE140A5D2156812AEE2DD525053E3EFC850BF13BFDFFCB240BC7B77BFF5883344E7275908D2287BEFA3725017295"
    "A096989D2338290B"
)
CLIENT_SIGNER = PublicKey(
    bytes.fromhex(
        "BAAFFDE06A8CB1C9DAE8D94023C601DBBB249254BA22EDD827E820BCA2BCC64362FBB83D86A82B87BB8B7161D2AAB5521911A946B97A"
        "284A90F7785CD9047D25"
    ),
    1,
)
CLIENT_SIGNING = PrivateKey(bytes.fromhex("418073C239FA6125011DE4D6CD2E645780289F761BB21BFB0835CB5585E8B373"), 1)


def test_the_green_books_agreed_key_opens_its_access_request() -> None:
    """The ephemeral key's signature, the shared secret, the derived key and the cipher text.

    Its tag is left out: the example does not tell the authentication key, and none of the usual ones fits.
    """
    envelope, info, content = gc.decode_ciphering(ACCESS_APDU)
    general = GeneralKeys(sending=UnderIdentifiedKey(), own_static=SERVER_STATIC, peer_signer=CLIENT_SIGNER)
    key = received_key(general, Keys(Key(bytes(16)), Key(bytes(16))), envelope, info, 1)

    nonce = CLIENT.octets + content[1:5]
    plain = AESGCM(key.octets).encrypt(nonce, content[5:-12], None)[:-16]
    request, priority = decode_access_request(plain)

    assert (envelope.originator, envelope.recipient) == (CLIENT.octets, SERVER.octets)
    assert priority == 0x4000_0000
    assert [(each.class_id, each.obis.hex()) for each in request.items] == [
        (1, "0000600100ff"), (8, "0000010000ff"), (20, "00000d0000ff"), (20, "00000d0000ff")
    ]  # fmt: skip
    assert gc.encode_ciphering(envelope, info, content) == ACCESS_APDU


def test_a_public_key_belongs_to_its_private_key() -> None:
    assert SERVER_STATIC.public.octets == SERVER_STATIC_PUBLIC
    assert CLIENT_SIGNING.public == CLIENT_SIGNER


# Green Book 8, Table C.1: key agreement by the ephemeral unified model, as quoted in the tests of EnergyICT's suite.
EPHEMERAL_CLIENT = bytes.fromhex(
    "2914D60E10AB705F62ED6CC349D7CB99B9AB3F3978E59278C7AF595B3AF987941372DAB6D5AF1FA867E134167E6F23DE664A6693E05F4341"
    "4611058D1B48F894"
)
SIGNATURE_CLIENT = bytes.fromhex(
    "06F0607702AA0E2435A183E2F6B1ECD19629712E389A213610C03F77B2590860EA840AF5C3FA1F2BCDF055D4744E9A01CE9A0E55026BCAA4"
    "EEBEB764CED64BB3"
)


def test_the_green_books_offer_of_a_key_is_read_and_its_secret_agreed() -> None:
    encoded = bytes.fromhex("0101 0202 1600 098180") + EPHEMERAL_CLIENT + SIGNATURE_CLIENT

    (offered,) = read_key_agreement(encoded, CLIENT_SIGNER)
    server = PrivateKey(bytes.fromhex("34A8C23A34DBB519D09B245754C85A6CFE05D14A063EFA5AA41545AA8241EFAE"), 1)

    assert (offered.key_id, offered.public.octets) == (KeyId.UNICAST_ENCRYPTION, EPHEMERAL_CLIENT)
    assert key_agreement([offered]) == encoded
    secret = server.shared_secret(offered.public)
    assert secret.hex() == "c1cf8fe7891aef3617d7190795e61fe6c24efc3cca2e08469bad1a225ce6ea08"
    # NIST SP 800-56A, one block: SHA-256(counter || Z || AlgorithmID || U || V), by the standard library.
    info = bytes.fromhex("60857405080300") + CLIENT.octets + SERVER.octets
    expected = hashlib.sha256(b"\0\0\0\1" + secret + info).digest()[:16]
    assert agreed_key(server, offered.public, client=CLIENT, server=SERVER) == Key(expected)


def test_an_offer_with_another_signature_is_refused() -> None:
    forged = SIGNATURE_CLIENT[:-1] + bytes((SIGNATURE_CLIENT[-1] ^ 1,))
    with pytest.raises(RemoteProtocolError) as refused:
        read_key_agreement(bytes.fromhex("0101 0202 1600 098180") + EPHEMERAL_CLIENT + forged, CLIENT_SIGNER)
    assert refused.value.code is ErrorCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize("suite", [1, 2])
def test_both_ends_agree_on_one_key(suite: int) -> None:
    octets = 32 if suite == 1 else 48
    client, server = (PrivateKey(bytes((number,)) * octets, suite) for number in (5, 6))
    (offered,) = read_key_agreement(key_agreement([offer(KeyId.MASTER, client, server)]), server.public)
    ours = agreed_key(server, offered.public, client=CLIENT, server=SERVER)
    assert ours == agreed_key(client, server.public, client=CLIENT, server=SERVER)
    assert len(ours) == (16 if suite == 1 else 32)


# RFC 6979, A.2.5 (P-256, SHA-256) and A.2.6 (P-384, SHA-384).
RFC_6979 = [
    (1, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", "sample",
     "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
     "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"),
    (1, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", "test",
     "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
     "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"),
    (2, "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5", "sample",
     "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
     "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"),
]  # fmt: skip


@pytest.mark.parametrize(("suite", "number", "message", "r", "s"), RFC_6979)
def test_signatures_are_those_of_rfc_6979(suite: int, number: str, message: str, r: str, s: str) -> None:
    signer = PrivateKey(bytes.fromhex(number), suite)
    signature = signer.sign(message.encode())
    assert signature.hex().upper() == r + s
    signer.public.check(signature, message.encode())
    with pytest.raises(RemoteProtocolError) as refused:
        signer.public.check(signature, b"another message")
    assert refused.value.code is ErrorCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65), b"\xff" * 64])
def test_what_is_no_signature_is_refused_as_one_that_does_not_fit(signature: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        CLIENT_SIGNER.check(signature, b"")
    assert refused.value.code is ErrorCode.AUTHENTICATION_FAILED


# RFC 3394, 4.1 and 4.6.
@pytest.mark.parametrize(
    ("kek", "key", "wrapped"),
    [
        ("000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF",
         "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"),
        ("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
         "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
         "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"),
    ],
)  # fmt: skip
def test_keys_are_wrapped_as_in_rfc_3394(kek: str, key: str, wrapped: str) -> None:
    assert wrap(Key.from_hex(kek), Key.from_hex(key)).hex().upper() == wrapped
    assert unwrap(Key.from_hex(kek), bytes.fromhex(wrapped)) == Key.from_hex(key)
    with pytest.raises(RemoteProtocolError) as refused:
        unwrap(Key(bytes(16)), bytes.fromhex(wrapped))
    assert refused.value.code is ErrorCode.WRONG_TAG


def test_keys_are_transferred_wrapped_and_never_in_clear() -> None:
    master, new = Key(bytes(range(16))), NewKey(KeyId.UNICAST_ENCRYPTION, Key(bytes(range(16, 32))))
    encoded = key_transfer(master, [new, NewKey(KeyId.AUTHENTICATION, Key(bytes(16)))])
    assert read_key_transfer(master, encoded)[0] == new
    assert new.key.octets not in encoded


@pytest.mark.parametrize("wrong", ["00", "0100ff", "01010201", "0101020216040900", "01010202160009020102", "020200"])
def test_what_is_no_transfer_of_keys_is_refused(wrong: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read_key_transfer(Key(bytes(16)), bytes.fromhex(wrong))


@pytest.mark.parametrize(
    ("octets", "suite"), [(bytes(64), 1), (bytes(10), 1), (EPHEMERAL_CLIENT, 2), (EPHEMERAL_CLIENT, 0)]
)
def test_what_is_no_point_of_the_curve_is_no_key(octets: bytes, suite: int) -> None:
    with pytest.raises(LocalProtocolError):
        PublicKey(octets, suite)


def test_private_keys_are_hidden_and_never_pickled() -> None:
    assert "hidden" in repr(CLIENT_SIGNING)
    assert "4180" not in repr(CLIENT_SIGNING)
    with pytest.raises(LocalProtocolError):
        pickle.dumps(CLIENT_SIGNING)
