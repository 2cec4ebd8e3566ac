"""Key material that is not what it should be is refused by name, whoever gave it, and never shown."""

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from aforo.dlms import ErrorCode, Key, LocalProtocolError, RemoteProtocolError, data
from aforo.dlms.key_transport import read_key_agreement, unwrap
from aforo.dlms.public_keys import PrivateKey, PublicKey

KEK = Key(bytes(range(16)))
OWN, OTHER_SUITE = PrivateKey(bytes(31) + b"\x05", 1), PrivateKey(bytes(47) + b"\x05", 2)


@pytest.mark.parametrize(
    ("octets", "suite"),
    [
        pytest.param(bytes(31), 1, id="short"),
        pytest.param(bytes(32), 1, id="zero"),
        pytest.param(b"\xff" * 32, 1, id="beyond the curve's order"),
        pytest.param(bytes(32), 0, id="a suite without public keys"),
        pytest.param(bytes(32), 7, id="a suite that there is not"),
    ],
)
def test_a_private_key_that_is_none_is_our_own_mistake(octets: bytes, suite: int) -> None:
    with pytest.raises(LocalProtocolError) as refused:
        PrivateKey(octets, suite)
    assert octets.hex() not in str(refused.value)


def test_keys_of_two_suites_agree_on_nothing() -> None:
    with pytest.raises(LocalProtocolError):
        OWN.shared_secret(OTHER_SUITE.public)


def test_a_public_key_is_equal_by_suite_and_octets_and_usable_in_a_set() -> None:
    same = PublicKey(OWN.public.octets, 1)
    assert same == OWN.public
    assert len({same, OWN.public, OTHER_SUITE.public}) == 2
    assert OWN.public.octets.hex() in repr(same)


@pytest.mark.parametrize("octets", [bytes(63), bytes(64), b"\xff" * 64])
def test_a_point_that_is_not_on_the_curve_is_theirs(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        PublicKey.received(octets, 1)


@pytest.mark.parametrize(
    ("wrapped", "code"),
    [
        pytest.param(bytes(24), ErrorCode.WRONG_TAG, id="another key-encryption key"),
        pytest.param(bytes(7), ErrorCode.WRONG_TAG, id="no wrapped key"),
        pytest.param(aes_key_wrap(KEK.octets, bytes(24)), ErrorCode.MALFORMED, id="a key of 24 octets"),
    ],
)
def test_a_wrapped_key_that_is_none_is_theirs(wrapped: bytes, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        unwrap(KEK, wrapped)
    assert refused.value.code is code


def offer(key_data: bytes) -> bytes:
    return data.array(data.structure(data.enum(0), data.octets(key_data)))


@pytest.mark.parametrize(
    ("key_data", "code"),
    [
        pytest.param(bytes(5), ErrorCode.MALFORMED, id="short"),
        pytest.param(OWN.public.octets + bytes(64), ErrorCode.AUTHENTICATION_FAILED, id="not signed"),
        pytest.param(
            OWN.public.octets + OWN.sign(b"\x02" + OWN.public.octets),
            ErrorCode.AUTHENTICATION_FAILED,
            id="another key-id",
        ),
    ],
)
def test_an_offered_key_needs_its_length_and_a_signature_of_its_sender(key_data: bytes, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        read_key_agreement(offer(key_data), OWN.public)
    assert refused.value.code is code


def test_an_offered_key_that_its_sender_signed_is_taken() -> None:
    signed = OWN.public.octets + OWN.sign(b"\x00" + OWN.public.octets)
    (taken,) = read_key_agreement(offer(signed), OWN.public)
    assert taken.public == OWN.public


def test_nothing_secret_is_in_a_repr() -> None:
    assert bytes(range(16)).hex() not in repr(KEK)
    assert (bytes(31) + b"\x05").hex() not in repr(OWN) + repr(vars(PrivateKey)) + str(OWN)
