"""Wrong keys, wrong titles, replays, forgeries, plain text: what is refused, and what is answered to it."""

import pytest
from msgspec.structs import replace

from aforo.dlms import (
    Associate,
    AssociationRejected,
    Connection,
    CounterRange,
    CountersExhausted,
    DataAccess,
    ErrorCode,
    GetResponse,
    Mechanism,
    Release,
    Released,
    Secret,
    SetResponse,
    acse,
    data,
)
from unit.dlms.associations import (
    CLIENT,
    GET_THRESHOLD,
    KEYS,
    LIMITER,
    METER,
    OTHER_KEYS,
    PLAIN,
    SET_3300,
    STRANGER,
    Line,
    a_client,
    a_server,
    aarq,
    associated,
    refused,
)

OK = SetResponse(DataAccess.SUCCESS)
NOT_POSSIBLE, NOT_SUPPORTED, DECIPHERING = "d80101", "d80202", "d80105"


def test_a_wrong_key_of_the_client_is_answered_as_a_deciphering_error() -> None:
    server = a_server()
    assert refused(server, aarq(keys=OTHER_KEYS)) is ErrorCode.WRONG_TAG
    assert [apdu.hex() for apdu in server.outgoing()] == [DECIPHERING]
    assert server.peer_counter == -1


def test_a_replayed_association_is_answered_with_the_counter_expected() -> None:
    server, recorded = a_server(peer_counter_floor=700), aarq(counters=CounterRange(700, 800))
    assert refused(server, recorded) is ErrorCode.REPLAY
    assert server.outgoing() == [bytes.fromhex("d80106000002bd")]


def test_a_replayed_request_is_refused_and_the_association_goes_on() -> None:
    line = associated()
    line.ask(SET_3300, OK)
    recorded = line.seen[-2]
    assert refused(line.server, recorded) is ErrorCode.REPLAY
    assert line.server.outgoing() == [bytes.fromhex("d8010600000005")]
    assert line.ask(SET_3300, OK) == OK


def test_the_last_counter_that_there_is_can_be_used_and_then_told() -> None:
    line = associated(a_client(counters=CounterRange(0xFFFF_FFFC, 0xFFFF_FFFF)))
    line.ask(SET_3300, OK)
    assert refused(line.server, line.seen[-2]) is ErrorCode.REPLAY
    assert line.server.outgoing() == [bytes.fromhex("d80106ffffffff")]


def test_a_replayed_answer_is_not_taken_for_the_next_one() -> None:
    line = associated()
    line.ask(SET_3300, OK)
    recorded = line.seen[-1]
    line.client.send(SET_3300)
    assert refused(line.client, recorded) is ErrorCode.REPLAY
    assert line.client.is_associated


def test_a_request_sent_back_as_its_own_answer_is_refused() -> None:
    line = associated()
    line.client.send(SET_3300)
    assert refused(line.client, line.client.outgoing()[0]) is ErrorCode.WRONG_PEER


@pytest.mark.parametrize("at", [-1, -13, 12])
def test_a_forged_request_is_refused_and_moves_nothing(at: int) -> None:
    line = associated()
    line.client.send(SET_3300)
    (apdu,) = line.client.outgoing()
    forged = bytearray(apdu)
    forged[at] ^= 1
    before = line.server.peer_counter
    assert refused(line.server, bytes(forged)) is ErrorCode.WRONG_TAG
    assert [answer.hex() for answer in line.server.outgoing()] == [DECIPHERING]
    assert line.server.peer_counter == before
    assert line.server.receive(apdu) == SET_3300


def test_a_forged_answer_is_refused_and_the_true_one_still_taken() -> None:
    line = associated()
    line.client.send(SET_3300)
    line.run()
    line.server.send(OK)
    (apdu,) = line.server.outgoing()
    assert refused(line.client, apdu[:-1] + bytes((apdu[-1] ^ 1,))) is ErrorCode.WRONG_TAG
    assert line.client.receive(apdu) == OK


@pytest.mark.parametrize(
    ("wire", "code", "answer"),
    [
        ("c101c100470000110000ff04000600000ce4", ErrorCode.NOT_CIPHERED, NOT_POSSIBLE),
        ("0f00000001001101", ErrorCode.NOT_CIPHERED, NOT_POSSIBLE),
        ("d10100", ErrorCode.UNSUPPORTED, NOT_SUPPORTED),
        ("dd00", ErrorCode.UNSUPPORTED, NOT_SUPPORTED),
        ("d90000000000", ErrorCode.NOT_CIPHERED, NOT_POSSIBLE),
    ],
    ids=["plain SET", "plain notification", "ded-set", "general-ciphering", "access"],
)
def test_nothing_but_what_was_agreed_is_taken(wire: str, code: ErrorCode, answer: str) -> None:
    line = associated()
    assert refused(line.server, bytes.fromhex(wire)) is code
    assert [apdu.hex() for apdu in line.server.outgoing()] == [answer]
    assert line.ask(SET_3300, OK) == OK


def test_an_answer_in_clear_is_refused_where_ciphering_was_agreed() -> None:
    line = associated()
    line.client.send(SET_3300)
    assert refused(line.client, bytes.fromhex("c501c400")) is ErrorCode.NOT_CIPHERED


def test_a_ciphered_apdu_is_refused_where_nothing_was_agreed() -> None:
    line = associated(a_client(**PLAIN), a_server(**PLAIN))
    assert refused(line.server, bytes.fromhex("c900")) is ErrorCode.UNEXPECTED_APDU
    assert refused(line.client, bytes.fromhex("db00")) is ErrorCode.UNEXPECTED_APDU


def test_a_request_under_another_title_is_refused() -> None:
    line = associated()
    line.client.send(SET_3300)
    (apdu,) = line.client.outgoing()
    assert refused(line.server, apdu.replace(CLIENT.octets, STRANGER.octets)) is ErrorCode.WRONG_PEER


def test_an_answer_without_a_title_is_taken_under_the_one_in_the_aare() -> None:
    line = associated()
    line.tamper = lambda apdu: apdu.replace(b"\x08" + METER.octets, b"\x00")
    assert line.ask(SET_3300, OK) == OK


def test_a_ciphered_service_under_the_tag_of_another_is_refused() -> None:
    line = associated(a_client(mechanism=Mechanism.NONE), a_server(Mechanism.NONE))
    line.client.send(SET_3300)
    (apdu,) = line.client.outgoing()
    assert refused(line.server, b"\xc8" + apdu[10:]) is ErrorCode.MALFORMED


def test_a_meter_of_another_title_is_refused_by_the_client() -> None:
    client, server = a_client(peer_title=STRANGER), a_server()
    client.send(Associate())
    server.receive(client.outgoing()[0])
    assert refused(client, server.outgoing()[0]) is ErrorCode.WRONG_PEER
    assert not client.is_associated


def test_a_meter_with_another_key_is_refused_by_the_client() -> None:
    client = a_client()
    client.send(Associate())
    impostor = a_server(keys=OTHER_KEYS)
    real = acse.decode_request(aarq(keys=OTHER_KEYS))
    impostor.receive(acse.encode_request(real))
    assert refused(client, impostor.outgoing()[0]) is ErrorCode.WRONG_TAG
    assert not client.is_associated


def test_a_meter_that_falls_back_to_plain_text_is_refused() -> None:
    client = a_client()
    client.send(Associate())
    plain = a_server(**PLAIN)
    plain.receive(aarq(**PLAIN))
    client_hls = plain.outgoing()[0].replace(bytes.fromhex("a305a103020100"), bytes.fromhex("a305a10302010e"))
    assert refused(client, client_hls) is ErrorCode.NOT_CIPHERED


def test_a_meter_that_sends_our_own_challenge_back_is_refused() -> None:
    client, server = a_client(), a_server(challenge=b"K56iVagY")
    client.send(Associate())
    server.receive(client.outgoing()[0])
    assert refused(client, server.outgoing()[0]) is ErrorCode.AUTHENTICATION_FAILED


def test_a_meter_that_accepts_without_asking_for_the_proof_is_refused() -> None:
    """AARE with diagnostic 0 and no challenge, where HLS was asked for: the ciphering alone is not enough."""
    client, server = a_client(), a_server(Mechanism.NONE)
    client.send(Associate())
    server.receive(aarq(mechanism=Mechanism.NONE))
    assert refused(client, server.outgoing()[0]) is ErrorCode.AUTHENTICATION_FAILED
    assert not client.is_associated


def half_way(server: Connection | None = None) -> Line:
    """Both ends know each other's challenge; pass 3 is the client's next APDU."""
    line = Line(a_client(), server or a_server())
    line.client.send(Associate())
    line.server.receive(line.client.outgoing()[0])
    line.client.receive(line.server.outgoing()[0])
    return line


def test_a_wrong_proof_of_the_client_is_answered_and_ends_the_association() -> None:
    """The proof of a recorded association, sealed anew: its challenge was another."""
    line = half_way(a_server(challenge=b"another!"))
    line.client = half_way().client
    assert refused(line.server, line.client.outgoing()[0]) is ErrorCode.AUTHENTICATION_FAILED
    (answer,) = line.server.outgoing()
    rejected = line.client.receive(answer)
    assert isinstance(rejected, AssociationRejected)
    assert rejected.by_peer
    assert (line.server.is_associated, line.client.is_associated) == (False, False)


def test_a_wrong_proof_of_the_server_is_rejected_by_the_client() -> None:
    line = half_way()
    line.server.receive(line.client.outgoing()[0])
    other = half_way(a_server(counters=CounterRange(5, 9)))
    impostor = other.server._association
    assert impostor._challenges is not None
    impostor._challenges = replace(impostor._challenges, peer=b"something else")
    other.server.receive(other.client.outgoing()[0])
    rejected = line.client.receive(other.server.outgoing()[0])
    assert isinstance(rejected, AssociationRejected)
    assert not rejected.by_peer
    assert not line.client.is_associated


def test_no_service_is_carried_out_before_the_proof() -> None:
    early = a_client(Mechanism.NONE, counters=CounterRange(10, 20))
    associated(early, a_server(Mechanism.NONE))
    line = half_way()
    early.send(SET_3300)
    assert refused(line.server, early.outgoing()[0]) is ErrorCode.UNEXPECTED_APDU
    assert [apdu.hex() for apdu in line.server.outgoing()] == [NOT_POSSIBLE]
    assert not line.server.is_associated


def test_a_release_under_a_forged_protection_ends_nothing() -> None:
    line = associated()
    forged = acse.encode_release(acse.RLRQ, bytes.fromhex("2112") + b"\x30" + bytes(17))
    assert refused(line.server, forged) is ErrorCode.WRONG_TAG
    assert line.server.is_associated


def test_a_forged_release_response_is_refused() -> None:
    line = associated()
    line.client.send(Release())
    forged = acse.encode_release(acse.RLRE, bytes.fromhex("2812") + b"\x30" + bytes(17))
    assert refused(line.client, forged) is ErrorCode.WRONG_TAG
    assert not line.client.is_associated


@pytest.mark.parametrize("counters", [0, 1, 2, 3])
def test_no_counter_is_used_twice_when_the_range_is_used_up(counters: int) -> None:
    """AARQ, proof, pass 3, request: whichever finds none left says so, and sends nothing."""
    pool = CounterRange(1, max(counters, 1))
    if not counters:
        pool.take()
    line = Line(a_client(counters=pool), a_server())

    def associate_and_write() -> None:
        line.client.send(Associate())
        line.run()
        line.client.send(SET_3300)

    with pytest.raises(CountersExhausted):
        associate_and_write()
    assert line.client.outgoing() == []


def test_a_client_out_of_counters_goes_on_with_the_next_range() -> None:
    pool = CounterRange(1, 3)
    line = associated(a_client(counters=pool))
    with pytest.raises(CountersExhausted):
        line.client.send(SET_3300)
    pool.extend(CounterRange(100, 101))
    assert line.ask(SET_3300, OK) == OK
    assert line.server.peer_counter == 100


def test_a_server_out_of_counters_answers_once_it_has_more() -> None:
    pool = CounterRange(1, 3)
    line = associated(server=a_server(counters=pool))
    line.client.send(GET_THRESHOLD)
    line.run()
    value = GetResponse(DataAccess.SUCCESS, data.u32(3300))
    with pytest.raises(CountersExhausted):
        line.server.send(value)
    pool.extend(CounterRange(10, 20))
    line.server.send(value)
    line.run()
    assert line.told_client[-1] == value


def test_no_key_and_no_password_shows_in_what_can_be_printed() -> None:
    shown = repr((KEYS, a_client(), LIMITER, Released(), Secret(b"12345678")))
    assert KEYS.encryption.octets.hex() not in shown
    assert "12345678" not in shown


def test_a_server_whose_title_is_known_need_not_tell_it() -> None:
    client, server = a_client(peer_title=METER), a_server()
    client.send(Associate())
    server.receive(client.outgoing()[0])
    untold = acse.decode_answer(server.outgoing()[0])
    answer = acse.AssociationAnswer(
        context=3,
        diagnostic=untold.diagnostic,
        mechanism=untold.mechanism,
        authentication=untold.authentication,
        information=untold.information,
    )
    assert client.receive(acse.encode_answer(answer)) is None
    assert len(client.outgoing()) == 1


def test_octets_behind_a_ciphered_content_are_refused() -> None:
    line = associated()
    line.client.send(SET_3300)
    assert refused(line.server, line.client.outgoing()[0] + b"\x00") is ErrorCode.MALFORMED
    assert line.server.outgoing() == []
