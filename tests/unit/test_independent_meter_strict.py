"""What the independent meter does not let pass: every rule it holds a client to, broken once."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers import independent_acse as acse
from peers.hand_client import LIMITER, SET_3300, Hand, device
from peers.independent_association import HangUp
from peers.independent_bytes import Malformed
from peers.independent_meter import Connection
from peers.independent_objects import Behaviour


def bent(apdu: bytes, old: str, new: str) -> bytes:
    """``apdu`` with one piece replaced and its outer length put right."""
    assert bytes.fromhex(old) in apdu
    changed = apdu[2:].replace(bytes.fromhex(old), bytes.fromhex(new), 1)
    return apdu[:1] + bytes([len(changed)]) + changed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a109060760857405080103", "a1810906 0760857405080103"),
        ("a109060760857405080103", ""),
        ("a109060760857405080103", "a109060760857405090103"),
        ("8a020780", ""),
        ("8a020780", "8a020700"),
        ("8a020780 8b0760857405080205", "8b0760857405080205 8a020780"),
        ("8a020780", "8a020780 8a020780"),
        ("8a020780", "8e0100"),
        ("ac0a8008", "ac0a8108"),
        ("ac0a8008", "ac0a8009"),
    ],
)
def test_ill_formed_aarq_ends_the_connection(old: str, new: str) -> None:
    client = Hand(device())
    with pytest.raises(HangUp):
        client.say(bent(client.aarq(), old, new))
    assert client.device.faults[0].startswith("SAP 1: malformed APDU")
    assert client.device.client_counter == 0


@pytest.mark.parametrize(
    ("old", "new", "diagnostic"),
    [
        ("60857405080103", "60857405080101", acse.CONTEXT_NOT_SUPPORTED),
        ("8a020780 8b0760857405080205", "", acse.MECHANISM_REQUIRED),
        ("60857405080205", "60857405080201", acse.MECHANISM_NOT_RECOGNISED),
        ("a60a04084845530000000001", "", acse.CALLING_TITLE_NOT_RECOGNISED),
        ("4845530000000001", "494e440000000001", acse.CALLING_TITLE_NOT_RECOGNISED),
        ("4845530000000001", "4845530000000002", acse.AUTHENTICATION_FAILURE),
        ("ac0a80084b35366956616759", "ac09800735366956616759", acse.AUTHENTICATION_FAILURE),
        ("ac0a80084b35366956616759", "", acse.AUTHENTICATION_FAILURE),
    ],
)
def test_unacceptable_aarq_is_rejected_with_its_diagnostic(old: str, new: str, diagnostic: int) -> None:
    client = Hand(device())
    reply = client.say(bent(client.aarq(), old, new))
    assert reply[13:].hex() == f"a203020101a305a1030201{diagnostic:02x}"
    assert client.say(bytes.fromhex("6203800100")) == bytes.fromhex("d80101")


def test_initiate_request_in_clear_is_rejected_under_ciphering() -> None:
    client = Hand(device())
    head, _, _ = client.aarq()[2:].partition(b"\xbe")
    body = head + bytes.fromhex("be10040e01000000065f1f04000000190400")
    assert client.say(bytes([0x60, len(body)]) + body)[13:].hex() == "a203020101a305a103020101"


@pytest.mark.parametrize(
    "plain",
    [
        "01 01 10 000102030405060708090a0b0c0d0e0f 0000 06 5f1f0400000019 0400",  # dedicated key
        "01 00 01 00 00 06 5f1f0400000019 0400",  # no response allowed
        "01 00 00 00 05 5f1f0400000019 0400",  # DLMS version 5
        "01 00 00 00 06 5f04000000 19 0400",
        "01 00 00 00 06 5f1f0400000019 0400 00",
        "01 00 00 00 06 5f1f0400000019 0010",  # twelve octets would not hold an answer
        "01 02 00 00 06 5f1f0400000019 0400",  # neither absent nor present
    ],
)
def test_initiate_request_is_read_to_the_last_octet(plain: str) -> None:
    with pytest.raises(Malformed):
        acse.read_initiate(bytes.fromhex(plain))


def test_request_before_the_proof_or_in_clear_is_not_served() -> None:
    client = Hand(device())
    client.hear_aare(client.say(client.aarq()))
    get = bytes.fromhex(f"c001c1 0047 {LIMITER} 0400")
    assert client.send(get) == bytes.fromhex("d80101")
    client.counter += 1
    assert client.ask(client.proof(client.counter))[3] == 0
    assert client.say(get) == bytes.fromhex("d80101")
    assert client.ask(get)[3] == 0
    assert client.device.faults == [
        "SAP 1: reply_to_HLS comes first, and once",
        "SAP 1: GET in clear in a ciphered association",
    ]


def test_wrong_proof_ends_the_association() -> None:
    client = Hand(device())
    client.hear_aare(client.say(client.aarq()))
    client.challenge = b"another challenge"
    assert client.ask(client.proof(2)).hex() == "c701c10300"
    assert client.send(SET_3300) == bytes.fromhex("d80101")
    assert client.device.objects.threshold == 4_600


@pytest.mark.parametrize(("shared", "result"), [(False, "d8010600000002"), (True, "c7")])
def test_proof_under_the_counter_of_its_apdu_is_taken_only_when_asked_for(shared: bool, result: str) -> None:
    client = Hand(device(Behaviour(shared_proof_counter=shared)))
    client.hear_aare(client.say(client.aarq()))
    reply = client.send(client.proof(2))
    if not shared:
        assert reply.hex() == result
        return
    answer = client.unseal(reply[2:])
    assert answer[:4].hex() == "c701c100"
    assert answer[9:13] == reply[3:7]


def test_counter_that_does_not_rise_is_told_the_last_one() -> None:
    client = Hand(device(Behaviour(counter_ahead=1))).associate()
    client.counter -= 1
    assert client.send(SET_3300) == bytes.fromhex("d8010600000004")
    assert client.device.objects.threshold == 4_600
    assert client.set("0600000001") == "00"


def test_forged_request_changes_nothing_not_even_the_counter() -> None:
    client = Hand(device()).associate()
    forged = bytearray(client.seal(SET_3300))
    forged[9] ^= 1
    assert client.say(bytes([0xC9, len(forged)]) + forged) == bytes.fromhex("d80105")
    assert (client.device.client_counter, client.device.objects.threshold) == (3, 4_600)


@pytest.mark.parametrize(
    ("first", "control", "plain"),
    [
        (0xC9, 0x20, SET_3300.hex()),  # encrypted only
        (0xC9, 0x31, SET_3300.hex()),  # suite 1
        (0xC8, 0x30, SET_3300.hex()),  # a SET in the envelope of a GET
        (0xC9, 0x30, "c10101" + SET_3300.hex()[6:]),  # unconfirmed
        (0xC9, 0x30, "c101f1" + SET_3300.hex()[6:]),  # reserved bits
        (0xC9, 0x30, SET_3300.hex() + "00"),
        (0xC9, 0x30, SET_3300.hex()[:-2]),
    ],
)
def test_ill_formed_request_ends_the_connection(first: int, control: int, plain: str) -> None:
    client = Hand(device()).associate()
    sealed = client.seal(bytes.fromhex(plain), control=control)
    with pytest.raises(HangUp):
        client.say(bytes([first, len(sealed)]) + sealed)
    assert client.device.objects.threshold == 4_600


@pytest.mark.parametrize(
    "plain",
    [
        f"c001c1 0047 {LIMITER} 0000",  # attribute 0: all of them
        f"c001c1 0047 {LIMITER} 040102 0204 0600000000 0600000000 120000 120000",  # selective access
        f"c003c1 01 0047 {LIMITER} 0400",  # a list
    ],
)
def test_service_in_a_form_it_does_not_have_is_answered_so(plain: str) -> None:
    client = Hand(device()).associate()
    assert client.send(bytes.fromhex(plain)) == bytes.fromhex("d80202")
    assert client.set("0600000001") == "00"


def test_other_title_dedicated_ciphering_and_long_apdus_are_refused() -> None:
    client = Hand(device(Behaviour(max_pdu=100)), general=True).associate()
    sealed = client.seal(SET_3300)
    assert client.say(b"\xdb\x08" + b"HESCLNT1" + bytes([len(sealed)]) + sealed) == bytes.fromhex("d80103")
    assert client.say(b"\xd1" + bytes([len(sealed)]) + sealed) == bytes.fromhex("d80202")
    assert client.say(bytes([0xC9, 101]) + bytes(101)) == bytes.fromhex("d80104")
    assert client.device.objects.threshold == 4_600


def test_answer_longer_than_the_client_takes_is_not_sent() -> None:
    client = Hand(device()).associate()
    client.wire._associations[1].client_max_pdu = 40
    assert client.get(71, LIMITER, 4) == "0006000011f8"
    assert client.send(bytes.fromhex(f"c001c1 0047 {LIMITER} 0b00")) == bytes.fromhex("d80104")


@pytest.mark.parametrize("header", ["0002 0001 0001", "0001 0011 0001", "0001 0001 0002", "0001 0001 007f"])
def test_wrapper_of_another_version_client_or_server_ends_the_connection(header: str) -> None:
    ours = device()
    with pytest.raises(HangUp):
        Connection(ours).feed(bytes.fromhex(header + "0003 6201 00"))
    assert len(ours.faults) == 1


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_octets_do_worse_than_end_their_connection(parts: list[bytes]) -> None:
    ours = device()
    for connection in (Connection(ours), Hand(ours).associate().wire):
        try:
            for part in parts:
                connection.feed(part)
                connection.feed(bytes([0, 1, 0, 1, 0, 1, 0, len(part)]) + part)
        except HangUp:
            assert ours.faults
    assert ours.objects.threshold == 4_600
