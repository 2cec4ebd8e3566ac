"""Mode E sign-on: messages as the standard has them, both roles over one line, silence, noise and other devices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, LocalProtocolError, RemoteProtocolError, mode_e
from aforo.dlms.mode_e import (
    DISCARDED_OCTETS_MAX,
    EVENTS_MAX,
    SIGN_ON_SPEED,
    ChangeSpeed,
    ClientSignOn,
    ClientSignOnSettings,
    Identification,
    Identified,
    ServerSignOn,
    SignedOn,
    SignOnEvent,
    SignOnFailed,
    SignOnSilent,
    Transmit,
)

REACTION = timedelta(seconds=0.2)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
METER = Identification("ISK", 9600, "MT382-1000")
CHOICE_9600 = bytes.fromhex("063235320d0a")
"""As other readers (Gurux) send it: ACK, protocol 2 (HDLC), speed 5, mode 2 (binary)."""

REQUEST = Transmit(bytes.fromhex("af3f218d0a"))
"""`/?!` and its line end with even parity, as other readers send it on ports of eight bits."""


def even(message: bytes) -> Transmit:
    """With the parity of 7E1 in the eighth bit."""
    return Transmit(bytes(octet | (octet.bit_count() % 2) << 7 for octet in message))


def events(end: ClientSignOn | ServerSignOn) -> list[SignOnEvent]:
    found: list[SignOnEvent] = []
    while (event := end.next_event()) is not None:
        found.append(event)
    return found


def a_client(**given: object) -> ClientSignOn:
    client = ClientSignOn(ClientSignOnSettings(**given))  # type: ignore[arg-type]  # as each test says
    client.start(NOON)
    return client


def wait(end: ClientSignOn | ServerSignOn) -> datetime:
    """Until its deadline; then it is told."""
    deadline = end.next_deadline()
    assert deadline is not None
    end.handle_deadline(deadline - timedelta(microseconds=1))
    assert events(end) == []
    end.handle_deadline(deadline)
    return deadline


@pytest.mark.parametrize(
    ("message", "identification"),
    [
        # The example of the DSMR P1 companion standard (Iskraemeco), and a recorded readout of a Landis+Gyr ZMD.
        (b"/ISk5\\2MT382-1000\r\n", Identification("ISk", 9600, "MT382-1000")),
        (b"/LGZ5\\2ZMD3104407.B24\r\n", Identification("LGZ", 9600, "ZMD3104407.B24")),
        # DSMR 4 (Xemex) and a recorded readout of an EMH meter: no enhanced capability, and another one.
        (b"/XMX5LGBBFFB231096081\r\n", Identification("XMX", 9600, "LGBBFFB231096081", offers_hdlc=False)),
        (b"/EMH5\\@01LZQJL0014E\r\n", Identification("EMH", 9600, "01LZQJL0014E", offers_hdlc=False)),
        (b"/AFO6\\3\\2M\r\n", Identification("AFO", 19200, "M")),
    ],
)
def test_an_identification_tells_maker_speed_and_whether_hdlc_is_offered(
    message: bytes, identification: Identification
) -> None:
    assert mode_e.decode_identification(message) == identification


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"/ISk7\\2MT382\r\n", ErrorCode.UNSUPPORTED),
        (b"/ISkA\\2MT382\r\n", ErrorCode.MALFORMED),
        (b"/1Sk5\\2MT382\r\n", ErrorCode.MALFORMED),
        (b"/ISk5\\2MT!382\r\n", ErrorCode.MALFORMED),
        (b"/ISk5\\2MT\xb3382\r\n", ErrorCode.MALFORMED),
        (b"/ISk5\\2MT382\n", ErrorCode.MALFORMED),
        (b"", ErrorCode.MALFORMED),
    ],
)
def test_what_is_no_identification_is_refused(message: bytes, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        mode_e.decode_identification(message)
    assert refused.value.code is code


def test_request_and_choice_are_the_standards_octets() -> None:
    assert mode_e.encode_request() == b"/?!\r\n"
    assert mode_e.encode_request("00012345") == b"/?00012345!\r\n"
    assert mode_e.encode_acknowledgement(9600) == CHOICE_9600
    assert METER.encode() == b"/ISK5\\2MT382-1000\r\n"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: mode_e.encode_request("1!"),
        lambda: mode_e.encode_request("1" * 33),
        lambda: mode_e.encode_acknowledgement(115200),
        lambda: Identification("isk", 9600, "").encode(),
        lambda: Identification("ISK", 9600, "a/b").encode(),
        lambda: ClientSignOnSettings(attempts_max=0),
        lambda: ClientSignOnSettings(speed_max=1),
        lambda: ServerSignOn(Identification("ISK", 1, "")),
    ],
)
def test_what_cannot_be_said_is_our_own_mistake(wrong: Callable[[], object]) -> None:
    with pytest.raises(LocalProtocolError):
        wrong()


def sign_on(client: ClientSignOn, server: ServerSignOn, *, has_echo: bool = False) -> list[list[SignOnEvent]]:
    """The events of the client and of the server up to the new speed. Each octet goes by itself."""
    told: list[list[SignOnEvent]] = [[], []]
    exchange(client, server, told, has_echo=has_echo)
    client.handle_deadline(NOON + REACTION)
    exchange(client, server, told, has_echo=has_echo)
    return told


def exchange(client: ClientSignOn, server: ServerSignOn, told: list[list[SignOnEvent]], *, has_echo: bool) -> None:
    ends: list[ClientSignOn | ServerSignOn] = [client, server]
    while new := [(place, event) for place in (0, 1) for event in events(ends[place])]:
        for place, event in new:
            told[place].append(event)
            if not isinstance(event, Transmit):
                continue
            for octet in event.octets:
                if has_echo:
                    ends[place].receive_octets(bytes((octet,)), NOON)
                ends[1 - place].receive_octets(bytes((octet,)), NOON)


@pytest.mark.parametrize("has_echo", [False, True])
@pytest.mark.parametrize(("speed_max", "speed"), [(19200, 9600), (2400, 2400)])
def test_both_ends_go_over_to_the_highest_speed_that_both_have(speed_max: int, speed: int, has_echo: bool) -> None:
    client = a_client(speed_max=speed_max)

    told, heard = sign_on(client, ServerSignOn(METER), has_echo=has_echo)

    choice = mode_e.encode_acknowledgement(speed)
    assert told == [
        ChangeSpeed(SIGN_ON_SPEED), REQUEST, Identified(METER), even(choice), ChangeSpeed(speed),
    ]  # fmt: skip
    assert heard == [even(METER.encode()), even(choice), ChangeSpeed(speed), SignedOn(speed)]
    wait(client)
    assert events(client) == [SignedOn(speed)]
    assert client.next_deadline() is None


def test_the_wait_begins_when_the_slow_message_has_left() -> None:
    client = a_client(answer_wait_s=4)
    assert client.next_deadline() == NOON + timedelta(seconds=5 * 10 / 300 + 4)


def test_a_device_that_confirms_nothing_is_spoken_to_in_hdlc_after_a_wait() -> None:
    client = a_client()
    client.receive_octets(METER.encode(), NOON)
    events(client)

    assert wait(client) == NOON + REACTION
    assert events(client) == [even(CHOICE_9600)]
    wait(client)
    assert events(client) == [ChangeSpeed(9600)]
    wait(client)
    assert events(client) == [SignedOn(9600)]


def test_silence_is_told_after_so_many_requests() -> None:
    client = a_client(attempts_max=2)
    events(client)
    client.receive_octets(b"/ISK5\\2half", NOON)

    wait(client)
    assert events(client) == [REQUEST]
    wait(client)
    assert events(client) == [SignOnSilent("no device answered 2 requests")]
    assert client.next_deadline() is None


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"/XMX5LGBBFFB231096081\r\n", ErrorCode.UNSUPPORTED),
        (b"/ISk9\\2MT382\r\n", ErrorCode.UNSUPPORTED),
        (b"/what is this\r\n", ErrorCode.MALFORMED),
        (b"\x55" * (DISCARDED_OCTETS_MAX + 1), ErrorCode.MALFORMED),
    ],
)
def test_a_device_of_another_kind_ends_the_sign_on(octets: bytes, code: ErrorCode) -> None:
    client = a_client()

    client.receive_octets(octets, NOON)

    (failure,) = (event for event in events(client) if isinstance(event, SignOnFailed))
    assert failure.error.code is code
    assert client.next_deadline() is None


def test_characters_with_their_parity_wrong_damage_the_message_and_those_without_parity_do_not() -> None:
    good = even(METER.encode()).octets
    damaged = good[:6] + bytes((good[6] ^ 0x01,)) + good[7:]
    client = a_client()
    events(client)

    client.receive_octets(damaged, NOON)
    assert events(client) == []
    client.receive_octets(good[:9] + METER.encode()[9:], NOON)
    assert events(client) == [Identified(METER)]


@pytest.mark.parametrize("confirmation", [b"\x06042\r\n", b"\x06262\r\n", METER.encode()])
def test_a_device_that_confirms_something_else_ends_the_sign_on(confirmation: bytes) -> None:
    client = a_client()
    client.receive_octets(METER.encode(), NOON)
    events(client)
    wait(client)
    events(client)

    client.receive_octets(confirmation, NOON)

    (failure,) = events(client)
    assert isinstance(failure, SignOnFailed)
    assert failure.error.code is ErrorCode.MALFORMED


def test_noise_before_an_identification_is_passed_over() -> None:
    client = a_client()
    client.receive_octets(b"\x00\x7e/\xff\x06" + b"x" * 70 + METER.encode(), NOON)
    assert Identified(METER) in events(client)


@pytest.mark.parametrize("address", ["", "42", "00042"])
def test_a_device_answers_a_request_to_any_and_to_itself(address: str) -> None:
    server = ServerSignOn(METER, device_address="0042")
    server.receive_octets(mode_e.encode_request(address), NOON)
    assert events(server) == [even(METER.encode())]


@pytest.mark.parametrize("octets", [b"/?43!\r\n", b"/?!", CHOICE_9600, METER.encode()])
def test_a_device_says_nothing_to_what_is_not_for_it(octets: bytes) -> None:
    server = ServerSignOn(METER, device_address="42")
    server.receive_octets(octets, NOON)
    assert events(server) == []


@pytest.mark.parametrize("choice", [b"\x06050\r\n", b"\x06262\r\n", b"\x06292\r\n", b"\x06251\r\n"])
def test_another_mode_or_a_speed_that_was_not_offered_is_not_followed(choice: bytes) -> None:
    server = ServerSignOn(METER)
    server.receive_octets(b"/?!\r\n" + choice + CHOICE_9600, NOON)
    assert events(server) == [even(METER.encode())]


def test_a_choice_that_comes_too_late_is_none() -> None:
    server = ServerSignOn(METER)
    server.receive_octets(b"/?!\r\n", NOON)
    events(server)

    late = wait(server)
    server.receive_octets(CHOICE_9600, late)

    assert events(server) == []


@given(st.lists(st.binary(max_size=80) | st.sampled_from([b"/?!\r\n", METER.encode(), CHOICE_9600]), max_size=30))
def test_no_octets_raise_anything_or_fill_the_memory(pieces: list[bytes]) -> None:
    client, server = a_client(), ServerSignOn(METER)
    for piece in pieces:
        client.receive_octets(piece, NOON)
        server.receive_octets(piece, NOON)
    assert len(events(client)) <= EVENTS_MAX + 3
    assert len(events(server)) <= EVENTS_MAX + 3
