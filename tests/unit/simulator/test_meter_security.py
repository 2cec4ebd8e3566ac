"""What a simulated meter lets whom do: first contact, wrong keys, replays, one line and another, restarts."""

import pytest
from msgspec.structs import replace

from aforo.dlms import (
    ActionRequest,
    ActionResponse,
    Associate,
    AssociationEstablished,
    ClientSettings,
    Connection,
    DataAccess,
    GetRequest,
    GetResponse,
    RemoteProtocolError,
    Request,
    SetRequest,
    SetResponse,
    SystemTitle,
    acse,
    data,
)
from aforo.dlms.obis import obis
from aforo.domain.causes import Cause
from aforo.domain.readback import Verdict
from aforo.simulator.meter_line import MeterLine
from aforo.simulator.meter_settings import MeterMemory
from unit.simulator.driven_meter import (
    CLIENT_TITLE,
    KEYS,
    METER_TITLE,
    NOON,
    OTHER_KEYS,
    Reader,
    a_meter,
    lost_cause,
)

COUNTER, LIMITER, SWITCH = obis("0-0:43.1.1.255"), obis("0-0:17.0.0.255"), obis("0-0:96.3.10.255")
READ_THRESHOLD = GetRequest(71, LIMITER, 4)
NOT_ALLOWED = bytes.fromhex("d80101")


class PublicReader:
    """Client SAP 16, without any security."""

    def __init__(self, line: MeterLine) -> None:
        self._line = line
        self._connection = Connection(ClientSettings())
        self._connection.send(Associate())
        assert isinstance(self._answer(), AssociationEstablished)

    def ask(self, request: Request) -> object:
        self._connection.send(request)
        return self._answer()

    def _answer(self) -> object:
        [apdu] = self._connection.outgoing()
        answer = self._line.respond(16, 1, apdu, NOON)
        assert answer is not None
        return self._connection.receive(answer)


def test_first_contact_reads_the_counter_through_the_public_client() -> None:
    meter = a_meter(memory=MeterMemory(client_counter=4_711))

    reader = Reader(meter.line(), known_counter=None)

    assert reader.limit(2_500).verdict is Verdict.OK
    assert reader.known_counter is not None
    assert reader.known_counter > 4_711
    assert meter.memory.client_counter > 4_711


@pytest.mark.parametrize(("accepted", "told"), [(-1, 0), (0, 0), (99, 99)])
def test_the_counter_object_tells_the_highest_counter_accepted(accepted: int, told: int) -> None:
    public = PublicReader(a_meter(memory=MeterMemory(client_counter=accepted)).line())

    assert public.ask(GetRequest(1, COUNTER, 2)) == GetResponse(DataAccess.SUCCESS, data.u32(told))


def test_the_public_client_sees_who_the_meter_is_and_no_more() -> None:
    public = PublicReader(a_meter().line())

    assert public.ask(GetRequest(1, obis("0-0:42.0.0.255"), 2)) == GetResponse(
        DataAccess.SUCCESS, data.octets(b"AFO0000020300001")
    )
    assert public.ask(READ_THRESHOLD) == GetResponse(DataAccess.OBJECT_UNDEFINED)
    assert public.ask(SetRequest(71, LIMITER, 4, data.u32(1))) == SetResponse(DataAccess.OBJECT_UNDEFINED)
    assert public.ask(ActionRequest(70, SWITCH, 1, data.i8(0))) == ActionResponse(DataAccess.OBJECT_UNDEFINED)
    assert public.ask(SetRequest(1, COUNTER, 2, data.u32(1))) == SetResponse(DataAccess.READ_WRITE_DENIED)
    listed = public.ask(GetRequest(15, obis("0-0:40.0.0.255"), 2))
    assert isinstance(listed, GetResponse)
    entries = data.decode(listed.data or b"")
    assert isinstance(entries, tuple)
    assert [entry[0] for entry in entries if isinstance(entry, tuple)] == [1, 1, 17, 15]


def test_a_wrong_key_is_told_as_a_wrong_key() -> None:
    meter = a_meter(limit_w=9_900)

    result = Reader(meter.line(), keys=OTHER_KEYS).limit(2_500)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.WRONG_KEY)
    assert meter.threshold_w == 9_900
    assert meter.memory.client_counter == -1


def test_a_wrong_authentication_key_is_a_wrong_key_too() -> None:
    keys = replace(KEYS, authentication=OTHER_KEYS.encryption)

    assert Reader(a_meter().line(), keys=keys).limit(2_500).cause is Cause.WRONG_KEY


def test_a_meter_can_be_made_to_have_other_keys() -> None:
    meter = a_meter()
    meter.faults.keys = OTHER_KEYS

    assert Reader(meter.line()).limit(2_500).cause is Cause.WRONG_KEY
    assert Reader(meter.line(), keys=OTHER_KEYS).limit(2_500).verdict is Verdict.OK


def test_a_meter_that_knows_its_client_takes_no_other() -> None:
    known = a_meter(client_title=CLIENT_TITLE)
    stranger = a_meter(client_title=SystemTitle.from_hex("4845530000000002"))

    assert Reader(known.line()).limit(2_500).verdict is Verdict.OK
    assert Reader(stranger.line()).limit(2_500).verdict is Verdict.KO


def test_a_replay_is_refused_with_the_counter_expected() -> None:
    """exception-response D8, service-not-allowed 1, invocation-counter-error 6, then the lowest counter taken."""
    meter = a_meter()
    line = meter.line()
    reader = Reader(line)
    reader.limit(2_500)
    last = reader.heard[-1]

    answer = line.respond(1, 1, last, NOON)

    assert answer == bytes.fromhex("d80106") + (meter.memory.client_counter + 1).to_bytes(4, "big")
    assert isinstance(reader.ask(READ_THRESHOLD), GetResponse)


def test_nothing_heard_is_obeyed_a_second_time_on_whatever_line() -> None:
    """The whole of a visit, said again to a fresh line after another limit was set."""
    meter = a_meter()
    reader = Reader(meter.line())
    reader.limit(2_500)
    recorded = tuple(reader.heard)
    reader.limit(5_000)

    other = meter.line()
    answers = [other.respond(1, 1, apdu, NOON) for apdu in recorded]

    assert meter.threshold_w == 5_000
    assert {answer[:1].hex() for answer in answers if answer} == {"d8"}


def test_an_older_association_ends_when_another_goes_on() -> None:
    """Both would take the same recorded command otherwise."""
    meter = a_meter()
    older_line = meter.line()
    older, newer = Reader(older_line), Reader(meter.line(), known_counter=1_000)
    older.associate()
    newer.associate()

    assert lost_cause(lambda: older.ask(READ_THRESHOLD)) is Cause.ASSOCIATION_REFUSED

    assert isinstance(newer.ask(READ_THRESHOLD), GetResponse)


def test_garbage_on_one_line_harms_no_other() -> None:
    meter = a_meter()
    bad, good = meter.line(), Reader(meter.line())
    good.associate()

    for garbage in (b"\xff\xff\xff", b"\x60\x03abc", b"\xc0", bytes(40)):
        try:
            answer = bad.respond(1, 1, garbage, NOON)
        except RemoteProtocolError:
            continue
        assert answer is not None
        assert answer[:1] == b"\xd8"

    assert isinstance(good.ask(READ_THRESHOLD), GetResponse)


def test_octets_without_an_answer_in_the_standard_are_the_caller_s_to_hang_up_on() -> None:
    with pytest.raises(RemoteProtocolError):
        a_meter().line().respond(1, 1, b"\x60\x03abc", NOON)


def test_a_plain_request_in_a_ciphered_association_is_refused() -> None:
    """The SET of 3300 W of the reference vectors, in clear."""
    meter = a_meter(limit_w=9_900)
    line = meter.line()
    reader = Reader(line)
    reader.associate()

    answer = line.respond(1, 1, bytes.fromhex("c101c100470000110000ff04000600000ce4"), NOON)

    assert answer == NOT_ALLOWED
    assert meter.threshold_w == 9_900


def test_a_request_without_an_association_is_refused() -> None:
    meter = a_meter()

    answer = meter.line().respond(1, 1, bytes.fromhex("c001c100470000110000ff0400"), NOON)

    assert answer == NOT_ALLOWED


@pytest.mark.parametrize(("client_sap", "server_sap"), [(2, 1), (0, 1), (1, 2), (16, 127)])
def test_an_address_that_nobody_has_is_silence(client_sap: int, server_sap: int) -> None:
    assert a_meter().line().respond(client_sap, server_sap, b"\x60\x00", NOON) is None


def test_counters_survive_a_restart_in_both_directions() -> None:
    memory = MeterMemory()
    reader = Reader(a_meter(memory=memory).line())
    reader.limit(2_500)
    accepted, used = memory.client_counter, memory.own_counter
    recorded = tuple(reader.heard)

    restarted = a_meter(memory=memory)
    line = restarted.line()
    replayed = [line.respond(1, 1, apdu, NOON) for apdu in recorded]

    assert {answer[:1] for answer in replayed if answer} == {b"\xd8"}
    assert memory.client_counter == accepted
    reader.client.forget()
    reader.line = line
    assert reader.read().verdict is Verdict.OK
    assert memory.own_counter > used


def test_no_challenge_is_used_twice_even_after_a_restart() -> None:
    memory = MeterMemory()
    challenges = []
    for _ in range(4):
        reader = Reader(a_meter(memory=memory).line(), known_counter=memory.client_counter + 1)
        reader.associate()
        challenges.append(acse.decode_answer(reader.told[0]).authentication)

    assert len(set(challenges)) == 4
    assert {len(challenge) for challenge in challenges} == {16}


def test_the_meter_proves_itself_under_its_own_title() -> None:
    reader = Reader(a_meter().line())
    reader.client.access = replace(reader.client.access, title=METER_TITLE)
    assert reader.limit(2_500).verdict is Verdict.OK

    stranger = Reader(a_meter().line())
    stranger.client.access = replace(stranger.client.access, title=SystemTitle.from_hex("41464F00000000FF"))
    assert stranger.limit(2_500).cause is Cause.WRONG_DEVICE


def test_no_key_shows_in_what_a_meter_prints() -> None:
    meter = a_meter()
    shown = f"{meter.settings!r} {meter.memory!r} {meter.faults!r}"

    assert KEYS.encryption.octets.hex() not in shown
    assert repr(KEYS.encryption.octets) not in shown
