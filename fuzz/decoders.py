"""Coverage-guided fuzzing of every decoder of the DLMS core: `make fuzz RUNS=100000`, or one by name.

Whatever the octets, a decoder gives a value or one of the two documented errors; what it gives is encoded and decoded
again to the same. Anything else ends the run with the octets that did it.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import atheris
from msgspec.structs import replace

with atheris.instrument_imports(include=["aforo.dlms"]):
    from aforo.dlms import (
        Associate,
        ClientSettings,
        Connection,
        CounterRange,
        GetRequest,
        Key,
        Keys,
        LocalProtocolError,
        Mechanism,
        ProtocolError,
        RemoteProtocolError,
        ServerSettings,
        SystemTitle,
        acse,
        data,
        gateway,
        general_ciphering,
        mode_e,
        printer,
        wrapper,
        xdlms,
    )
    from aforo.dlms.counters import COUNTER_MAX
    from aforo.dlms.hdlc import FrameReader
    from aforo.dlms.mode_e import ClientSignOn, ClientSignOnSettings, Identification, ServerSignOn
    from aforo.dlms.profile_rows import decode_moments, decode_rows
    from aforo.dlms.xdlms import access, blocks, general_blocks

KEYS = Keys(Key(bytes(16)), Key(bytes(range(16))))
CLIENT, METER = SystemTitle(b"CLIENT01"), SystemTitle(b"METER001")
METER_IDENTIFICATION = Identification("AFO", 9600, "METER")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
GET = GetRequest(7, bytes(6), 2)


def _same(octets: bytes, decode: Callable[[bytes], object], encode: Callable[..., bytes]) -> None:
    """What was decoded survives another turn."""
    value = decode(octets)
    parts = value if isinstance(value, tuple) else (value,)
    again = decode(encode(*parts))
    assert again == value, (octets.hex(), value, again)


def _request(octets: bytes) -> None:
    request, priority = xdlms.decode_request(octets)
    if xdlms.is_confirmed(priority):
        again, told = xdlms.decode_request(xdlms.encode_request(request, priority & 0x0F))
        assert again == request, (octets.hex(), request, again)
        assert told & 0xCF == priority & 0xCF


def _generalized(octets: bytes) -> None:
    envelope, key, content = general_ciphering.decode_ciphering(octets)
    assert general_ciphering.decode_ciphering(general_ciphering.encode_ciphering(envelope, key, content)) == (
        envelope, key, content,
    )  # fmt: skip


def _blocks(octets: bytes) -> None:
    if len(octets) < 3:
        return
    form = (octets[0], octets[1])
    if form in blocks.FIRSTS:
        blocks.decode_first(octets)
    elif form in blocks.NEXTS:
        blocks.decode_next(octets)
    elif form in blocks.LAST_TAKEN:
        blocks.decode_last_taken(octets)
    elif form in blocks.ANSWER_BLOCKS:
        block = blocks.decode_answer_block(octets)
        assert blocks.decode_answer_block(blocks.encode_answer_block(octets[0], octets[2], block)) == block
    else:
        blocks.decode_number(octets)


def _settings(kind: type, *, ciphered: bool) -> object:
    if not ciphered:
        return kind(message_octets_max=4096)
    return kind(
        mechanism=Mechanism.HLS_GMAC, title=CLIENT if kind is ClientSettings else METER, keys=KEYS,
        challenge=b"challenge" + kind.__name__.encode()[:1], counters=CounterRange(1, COUNTER_MAX),
        message_octets_max=4096,
    )  # fmt: skip


def _pair(*, ciphered: bool, asked: bool) -> tuple[Connection, Connection]:
    client = Connection(_settings(ClientSettings, ciphered=ciphered))
    server = Connection(_settings(ServerSettings, ciphered=ciphered))
    client.send(Associate())
    while not client.is_associated:
        for apdu in client.outgoing():
            server.receive(apdu)
        for apdu in server.outgoing():
            client.receive(apdu)
    if asked:
        client.send(GET)
        client.outgoing()
    return client, server


def _received(end: int, *, ciphered: bool) -> Callable[[bytes], None]:
    """APDUs one after the other, each with its length in front, to one end of a standing association."""

    def receive(octets: bytes) -> None:
        connection = _pair(ciphered=ciphered, asked=end == 0)[end]
        at = 0
        for _ in range(8):
            if at >= len(octets):
                return
            size = octets[at]
            with suppress(RemoteProtocolError):
                connection.receive(octets[at + 1 : at + 1 + size])
            connection.outgoing()
            at += 1 + size

    return receive


def _hdlc(octets: bytes) -> None:
    reader = FrameReader()
    for part in (octets[: len(octets) // 2], octets[len(octets) // 2 :]):
        for found in reader.feed(part):
            assert isinstance(found, RemoteProtocolError) or found is not None


def _stream(octets: bytes) -> None:
    whole = wrapper.WrapperReader().feed(octets)
    reader = wrapper.WrapperReader()
    parts = [frame for at in range(len(octets)) for frame in reader.feed(octets[at : at + 1])]
    assert parts == whole


def _printed(octets: bytes) -> None:
    assert printer.lines(printer.describe(octets, KEYS, (CLIENT, METER)))


def _signing_on(end: Callable[[], ClientSignOn | ServerSignOn]) -> Callable[[bytes], None]:
    """Events are taken as they come; a deadline in the middle."""

    def sign_on(octets: bytes) -> None:
        one = end()
        if isinstance(one, ClientSignOn):
            one.start(BEGIN)
        for part in (octets[: len(octets) // 2], octets[len(octets) // 2 :]):
            one.receive_octets(part, BEGIN)
            while one.next_event() is not None:
                pass
            one.handle_deadline(BEGIN + timedelta(seconds=1))

    return sign_on


def _association(octets: bytes) -> None:
    """Authentication values count with a mechanism only, and are not written without one."""
    is_request = octets[:1] == b"\x60"
    decode = acse.decode_request if is_request else acse.decode_answer
    encode = acse.encode_request if is_request else acse.encode_answer
    value = decode(octets)
    again = decode(encode(value))
    assert again == (value if value.mechanism else replace(value, authentication=b"")), (octets.hex(), value, again)


TARGETS: dict[str, Callable[[bytes], object]] = {
    "data": data.decode,
    "profile_rows": lambda octets: decode_moments(
        [row[0] for row in decode_rows(octets) if isinstance(row, tuple) and row]
    ),
    "acse_request": _association,
    "acse_answer": _association,
    "initiate_request": xdlms.decode_initiate_request,
    "initiate_response": xdlms.decode_initiate_response,
    "request": _request,
    "response": lambda octets: _same(octets, xdlms.decode_response, xdlms.encode_response),
    "access_request": lambda octets: _same(octets, access.decode_access_request, access.encode_access_request),
    "access_response": lambda octets: _same(octets, access.decode_access_response, access.encode_access_response),
    "notification": lambda octets: _same(octets, xdlms.decode_notification, xdlms.encode_notification),
    "event_notification": lambda octets: _same(
        octets, xdlms.decode_event_notification, xdlms.encode_event_notification
    ),
    "blocks": _blocks,
    "general_blocks": lambda octets: _same(
        octets, general_blocks.decode_general_block, general_blocks.encode_general_block
    ),
    "general_ciphering": _generalized,
    "general_signing": general_ciphering.decode_signing,
    "client": _received(0, ciphered=False),
    "server": _received(1, ciphered=False),
    "ciphered_client": _received(0, ciphered=True),
    "ciphered_server": _received(1, ciphered=True),
    "wrapper": _stream,
    "datagram": wrapper.decode,
    "gateway": gateway.take,
    "hdlc_frames": _hdlc,
    "identification": mode_e.decode_identification,
    "client_sign_on": _signing_on(lambda: ClientSignOn(ClientSignOnSettings())),
    "server_sign_on": _signing_on(lambda: ServerSignOn(METER_IDENTIFICATION)),
    "printer": _printed,
}


def checked(decode: Callable[[bytes], object]) -> Callable[[bytes], None]:
    """One input: fails for anything but a value, or the error that is the peer's."""

    def once(octets: bytes) -> None:
        try:
            decode(octets)
        except RemoteProtocolError:
            pass
        except LocalProtocolError as ours:
            raise AssertionError(f"our own mistake by the peer's octets: {ours}") from ours
        except ProtocolError as other:
            raise AssertionError(f"neither of the two documented errors: {other!r}") from other

    return once


def main() -> None:
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, checked(TARGETS[name]))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
