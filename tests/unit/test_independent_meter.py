"""The independent meter, held against published vectors, a hand-made client and dlms-cosem 21.3.2."""

import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dlms_cosem import cosem, enumerations
from dlms_cosem.clients.dlms_client import DlmsClient
from dlms_cosem.exceptions import DlmsClientException

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers import independent_acse as acse
from peers import independent_meter
from peers.hand_client import AK, CLIENT, COUNTER, EK, LIMITER, POWER, SET_3300, SWITCH, Hand, device
from peers.independent_association import Association, HangUp, Phase
from peers.independent_bytes import Keys, WrongKey
from peers.independent_meter import IndependentMeter
from peers.independent_objects import Behaviour, Number, Refusal

KEYS = Keys(EK, AK)
GLO_SET = bytes.fromhex("c92330000000016a99c2331a628a85be11e6155a1b01e4fd3b34809ba8f2fcb7dcf1c45039")


# Vectors


@pytest.mark.parametrize(
    ("title", "content", "counter", "plain"),
    [
        (CLIENT, GLO_SET[2:], 1, SET_3300),
        (
            b"HESCLNT1",
            bytes.fromhex("300000000127917ec337c108eef0029dec25e5c2674c7446cabc64679ee8f15a01b77d"),
            1,
            bytes.fromhex("c101c100470000110000ff04000600000d7a"),
        ),
        (  # Green Book, authenticated encryption of a GET of the clock
            bytes.fromhex("4d4d4d0000bc614e"),
            bytes.fromhex("3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b"),
            0x01234567,
            bytes.fromhex("c0010000080000010000ff0200"),
        ),
    ],
)
def test_published_ciphertexts_open_and_are_made_again(
    title: bytes, content: bytes, counter: int, plain: bytes
) -> None:
    assert KEYS.open(title, content) == (counter, plain)
    assert KEYS.seal(title, counter, plain) == content


def test_one_flipped_bit_anywhere_in_the_ciphertext_is_seen() -> None:
    for at in range(5, len(GLO_SET) - 2):
        content = bytearray(GLO_SET[2:])
        content[at] ^= 1
        with pytest.raises(WrongKey):
            KEYS.open(CLIENT, bytes(content))


@pytest.mark.parametrize(
    ("title", "counter", "challenge", "proof"),
    [  # Green Book, HLS mechanism 5
        ("4d4d4d0000000001", 1, b"P6wRJ21F", "10000000011a52fe7dd3e72748973c1e28"),
        ("4d4d4d0000bc614e", 0x01234567, b"K56iVagY", "1001234567fe1466afb3dbcd4f9389e2b7"),
    ],
)
def test_published_hls_proofs_are_made_again(title: str, counter: int, challenge: bytes, proof: str) -> None:
    assert KEYS.proof(bytes.fromhex(title), counter, challenge).hex() == proof


def test_published_association_without_security_is_read_and_written() -> None:
    request = acse.read_aarq(bytes.fromhex("601da109060760857405080101be10040e01000000065f1f0400007e1f04b0"))
    assert (request.context, request.mechanism, request.title) == (1, 0, None)
    assert acse.read_initiate(request.information) == acse.Proposal(conformance=0x007E1F, max_pdu=0x04B0)
    response = acse.initiate_response(0x007C1F, 0x0400)
    assert response.hex() == "0800065f1f0400007c1f04000007"
    aare = "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400007c1f04000007"
    assert acse.accept_plain(response).hex() == aare


@pytest.mark.parametrize("apdu", [GLO_SET, b"\xdb\x08" + CLIENT + GLO_SET[1:]], ids=["glo", "general-glo"])
def test_published_set_moves_the_threshold_and_is_answered_in_its_own_form(apdu: bytes) -> None:
    ours = device()
    association = Association(ours, 1)
    association.phase, association.client_title, association.conformance = Phase.OPEN, CLIENT, 0x400019
    answer = association.answer(apdu)
    assert ours.objects.threshold == 3300
    own = b"\x08" + ours.title if apdu[0] == 0xDB else b""
    sealed = KEYS.seal(ours.title, 1, bytes.fromhex("c501c100"))
    assert answer == bytes([apdu[0] if own else 0xCD]) + own + bytes([len(sealed)]) + sealed


# A whole order


@pytest.mark.parametrize("general", [False, True], ids=["glo", "general-glo"])
def test_order_by_hand_from_counter_to_release(general: bool) -> None:
    ours = device(Behaviour(counter_floor=700, scaler=1, number=Number.U16), threshold=460)
    public = Hand(ours)
    public.say(bytes.fromhex("601da109060760857405080101be10040e01000000065f1f04000000190400"), sap=16)
    floor = public.say(bytes.fromhex(f"c001c1 0001 {COUNTER} 0200"), sap=16)
    assert floor.hex() == "c401c10006000002bc"
    client = Hand(ours, general=general, counter=int(floor[-4:].hex(), 16)).associate()
    assert client.get(71, LIMITER, 2) == "00 0203 120003 0906 0100010700ff 0f02".replace(" ", "")
    assert client.get(3, POWER, 3) == "0002020f01161b"
    assert client.get(71, LIMITER, 4) == "001201cc"
    assert client.set("1200fa") == "00"
    assert [client.get(71, LIMITER, index) for index in (3, 4, 10)] == ["001200fa", "001200fa", "000300"]
    sealed = client.seal(bytes.fromhex("01000000065f1f0400 000019 0400"))
    body = b"\x80\x01\x00\xbe" + bytes([len(sealed) + 4, 4, len(sealed) + 2, 0x21, len(sealed)]) + sealed
    rlre = client.say(bytes([0x62, len(body)]) + body)
    assert rlre[:5] == bytes.fromhex("6328800100")
    assert client.unseal(rlre[11:])[:3] == bytes.fromhex("080006")
    assert [seen.service for seen in ours.log][-3:] == ["GET", "GET", "RLRQ"]
    assert ours.log[-5].data == bytes.fromhex("1200fa")
    assert {seen.form for seen in ours.log[3:-1]} == {"general-glo" if general else "glo"}
    assert ours.faults == []
    assert client.say(bytes.fromhex(f"c001c1 0047 {LIMITER} 0400")) == bytes.fromhex("d80101")


@pytest.fixture
def meter() -> Iterator[IndependentMeter]:
    behaviour = Behaviour(shared_proof_counter=True, counter_floor=9, challenge_octets=32)
    with IndependentMeter(EK, AK, behaviour=behaviour) as running:
        yield running


def dlms_cosem_client(meter: IndependentMeter, *, key: bytes = EK, counter: int = 10) -> DlmsClient:
    return DlmsClient.with_tcp_transport(
        host=meter.host,
        port=meter.port,
        client_logical_address=1,
        server_logical_address=1,
        authentication_method=enumerations.AuthenticationMechanism.HLS_GMAC,
        encryption_key=key,
        authentication_key=AK,
        client_system_title=CLIENT,
        client_initial_invocation_counter=counter,
        timeout=5,
    )


def test_dlms_cosem_finds_sets_and_reads_back_the_limit(meter: IndependentMeter) -> None:
    limiter = cosem.Obis(0, 0, 17, 0, 0)
    normal = cosem.CosemAttribute(enumerations.CosemInterface.LIMITER, limiter, 4)
    active = cosem.CosemAttribute(enumerations.CosemInterface.LIMITER, limiter, 3)
    with dlms_cosem_client(meter).session() as client:
        assert client.get(normal) == bytes.fromhex("06000011f8")
        assert client.set(normal, bytes.fromhex("06000009c4")).result == enumerations.DataAccessResult.SUCCESS
        assert client.get(active) == bytes.fromhex("06000009c4")
    assert meter.threshold == 2500
    assert [seen.service for seen in meter.log] == ["AARQ", "ACTION", "GET", "SET", "GET", "RLRQ"]
    assert {seen.form for seen in meter.log[1:-1]} == {"general-glo"}
    assert meter.faults == []


def test_dlms_cosem_with_another_key_is_rejected_and_the_next_client_served(meter: IndependentMeter) -> None:
    client = dlms_cosem_client(meter, key=AK)
    client.connect()
    with pytest.raises(DlmsClientException, match="AUTHENTICATION_FAIL"):
        client.associate()
    client.disconnect()
    with dlms_cosem_client(meter).session():
        pass
    assert meter.faults == ["SAP 1: authentication tag of 60 does not match"]


def test_garbage_closes_its_own_connection_and_no_other(meter: IndependentMeter) -> None:
    with (
        socket.create_connection((meter.host, meter.port), 5) as garbage,
        dlms_cosem_client(meter).session() as client,
    ):
        garbage.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert garbage.recv(1) == b""
        name = cosem.CosemAttribute(enumerations.CosemInterface.DATA, cosem.Obis(0, 0, 42, 0, 0), 2)
        assert client.get(name)[:5] == b"\x09\x10IND"


def test_memory_outlives_the_line() -> None:
    meter = IndependentMeter(EK, AK, behaviour=Behaviour(shared_proof_counter=True))
    for counter in (1, 50):
        with meter, dlms_cosem_client(meter, counter=counter).session():
            pass
    assert meter.device.client_counter == 52
    assert meter.faults == []


def test_runs_as_a_program_and_says_where() -> None:
    command = [sys.executable, independent_meter.__file__, "--port", "0", "--scaler", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            assert select.select([program.stdout], [], [], 20)[0]
            said = program.stdout.readline()
            assert said.startswith("meter 494e440000000001 on 127.0.0.1:")
            assert said.endswith(", threshold 46000 W\n")
        finally:
            program.terminate()


# What can be chosen


def test_general_glo_needs_the_agreed_bit_and_glo_may_be_refused_after_it() -> None:
    client = Hand(device(Behaviour(general_protection=False)), general=True)
    client.hear_aare(client.say(client.aarq()))
    assert client.send(client.proof(9)) == bytes.fromhex("d80202")
    client = Hand(device(Behaviour(per_service_ciphering=False)), general=True).associate()
    client.general = False
    assert client.send(SET_3300) == bytes.fromhex("d80202")


def test_title_may_be_told_in_the_aare_alone() -> None:
    client = Hand(device(Behaviour(title_only_in_aare=True)), general=True)
    client.hear_aare(client.say(client.aarq()))
    reply = client.send(client.proof(9))
    assert reply[:2] == b"\xdb\x00"
    assert client.unseal(reply[3:])[:4] == bytes.fromhex("c701c100")


@pytest.mark.parametrize(
    ("refusal", "reply"),
    [
        (Refusal.REJECT, "6117 a109060760857405080103 a203020101 a305a10302010d"),
        (Refusal.EXCEPTION, "d80105"),
        (Refusal.SILENT, ""),
        (Refusal.CLOSE, None),
    ],
)
def test_wrong_key_is_refused_in_the_chosen_way(refusal: Refusal, reply: str | None) -> None:
    client = Hand(device(Behaviour(on_wrong_key=refusal)), key=AK)
    if reply is None:
        with pytest.raises(HangUp):
            client.say(client.aarq())
    else:
        assert client.say(client.aarq()) == bytes.fromhex(reply)
    assert client.device.faults == ["SAP 1: authentication tag of 60 does not match"]


def test_counter_floor_holds_from_the_first_message() -> None:
    ours = device(Behaviour(counter_floor=41))
    assert Hand(ours, counter=40).say(Hand(ours, counter=40).aarq()) == bytes.fromhex("d801060000 0029")
    assert Hand(ours, counter=41).associate().set("0600000001") == "00"


def test_aare_may_need_the_long_length_form() -> None:
    client = Hand(device(Behaviour(challenge_octets=64)))
    aare = client.say(client.aarq())
    assert aare[:3] == bytes([0x61, 0x81, len(aare) - 3])


@pytest.mark.parametrize(("place", "found"), [("0-0:43.1.1.255", "00"), ("0-0:43.1.0.255", "0104"), (None, "0104")])
def test_public_client_reads_the_counter_where_it_is_and_nothing_of_the_limit(place: str | None, found: str) -> None:
    client = Hand(device(Behaviour(counter_object=place)))
    client.say(bytes.fromhex("601da109060760857405080101be10040e01000000065f1f0400ffffff0400"), sap=16)
    reply = client.say(bytes.fromhex(f"c001c1 0001 {COUNTER} 0200"), sap=16)
    assert reply.hex().startswith("c401c1" + found)
    assert client.say(bytes.fromhex(f"c001c1 0047 {LIMITER} 0400"), sap=16).hex() == "c401c10103"
    assert client.say(SET_3300, sap=16) == bytes.fromhex("d80202")


@pytest.mark.parametrize(
    ("number", "data"), [(Number.U16, "12012c"), (Number.U32, "060000012c"), (Number.I32, "050000012c")]
)
def test_only_the_type_of_the_monitored_power_is_written(number: Number, data: str) -> None:
    client = Hand(device(Behaviour(number=number, scaler=-1))).associate()
    assert client.set("110a") == "0c"
    assert client.set(data) == "00"
    assert client.device.objects.threshold == 300
    assert client.get(3, POWER, 3) == "0002020fff161b"


def test_results_tell_what_is_missing_closed_or_of_another_class() -> None:
    client = Hand(device(Behaviour(emergency_attribute=False, switch=False, write_result=250))).associate()
    assert client.get(71, LIMITER, 10) == "0104"
    assert client.get(70, SWITCH, 2) == "0104"
    assert client.get(3, LIMITER, 2) == "0109"
    assert client.set("0600000001", index=3) == "03"
    assert client.set("0600000001") == "fa"
    assert client.device.faults == []


def test_accepted_need_not_be_applied_and_an_emergency_overrides() -> None:
    client = Hand(device(Behaviour(keeps_writes=False, emergency_active=True))).associate()
    assert client.set("0600000001") == "00"
    assert [client.get(71, LIMITER, index) for index in (3, 4, 10)] == [
        "0006000001f4",
        "0006000011f8",
        "000301",
    ]


def test_switch_opens_and_closes_by_remote() -> None:
    client = Hand(device()).associate()
    assert client.ask(bytes.fromhex(f"c301c2 0046 {SWITCH} 01 01 0f00")).hex() == "c701c20000"
    assert [client.get(70, SWITCH, index) for index in (2, 3)] == ["000300", "001600"]
    assert client.ask(bytes.fromhex(f"c30143 0046 {SWITCH} 02 01 0f00")).hex() == "c701430000"
    assert client.device.objects.connected
