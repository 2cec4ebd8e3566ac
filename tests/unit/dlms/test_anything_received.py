"""Whatever arrives, in whatever state: an event, or RemoteProtocolError, and nothing else."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import (
    Associate,
    Connection,
    DataAccess,
    DataNotification,
    GetResponse,
    Mechanism,
    Release,
    RemoteProtocolError,
    SetResponse,
    acse,
    data,
    gateway,
    wrapper,
)
from aforo.dlms.security import Cipher
from unit.dlms.associations import CLIENT, GET_THRESHOLD, KEYS, METER, SET_3300, Line, a_client, a_server, associated

VALUE = GetResponse(DataAccess.SUCCESS, data.structure(data.u32(3300), data.octets(bytes(6))))
MECHANISMS: list[tuple[Mechanism, bool]] = [(Mechanism.NONE, False), (Mechanism.LLS, False), (Mechanism.HLS_GMAC, True)]


def a_line(mechanism: Mechanism, is_ciphered: bool) -> Line:
    keys = KEYS if is_ciphered else None
    return associated(a_client(mechanism, keys=keys), a_server(mechanism, keys=keys))


def idle(mechanism: Mechanism, is_ciphered: bool) -> Line:
    keys = KEYS if is_ciphered else None
    return Line(a_client(mechanism, keys=keys), a_server(mechanism, keys=keys))


def asked(mechanism: Mechanism, is_ciphered: bool) -> Line:
    line = idle(mechanism, is_ciphered)
    line.client.send(Associate())
    return line


def proving(mechanism: Mechanism, is_ciphered: bool) -> Line:
    line = asked(mechanism, is_ciphered)
    line.server.receive(line.client.outgoing()[0])
    line.client.receive(line.server.outgoing()[0])
    return line


def busy(mechanism: Mechanism, is_ciphered: bool) -> Line:
    line = a_line(mechanism, is_ciphered)
    line.client.send(GET_THRESHOLD)
    line.run()
    return line


def releasing(mechanism: Mechanism, is_ciphered: bool) -> Line:
    line = a_line(mechanism, is_ciphered)
    line.client.send(Release())
    return line


SITUATIONS: list[Callable[[Mechanism, bool], Line]] = [idle, asked, proving, a_line, busy, releasing]


def everything_said(mechanism: Mechanism, is_ciphered: bool) -> list[bytes]:
    """Every APDU of a whole association, in both directions."""
    line = a_line(mechanism, is_ciphered)
    line.ask(SET_3300, SetResponse(DataAccess.SUCCESS))
    line.ask(GET_THRESHOLD, VALUE)
    line.server.send(DataNotification(1, bytes(12), data.u8(1)))
    line.client.send(Release())
    line.run()
    return [*line.seen, bytes.fromhex("d80106000002bd"), bytes.fromhex("d80101")]


SAID = {case: everything_said(*case) for case in MECHANISMS}
cases = st.sampled_from(MECHANISMS)
situations = st.sampled_from(SITUATIONS)


@st.composite
def mutations(draw: st.DrawFn, valid: list[bytes]) -> bytes:
    """A valid APDU with octets changed, cut out, doubled or put in."""
    apdu = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(apdu) - 1)))
        match draw(st.sampled_from(["change", "cut", "insert", "end"])):
            case "change" if apdu:
                apdu[at] = draw(st.integers(0, 255))
            case "cut":
                del apdu[at : at + draw(st.integers(1, 8))]
            case "insert":
                apdu[at:at] = draw(st.binary(max_size=6))
            case _:
                del apdu[at:]
    return bytes(apdu)


def survives(line: Line, apdu: bytes) -> None:
    for end in (line.client, line.server):
        with suppress(RemoteProtocolError):
            end.receive(apdu)
        assert all(isinstance(answer, bytes) and answer for answer in end.outgoing())


@given(cases, situations, st.binary(max_size=120))
def test_any_octets(case: tuple[Mechanism, bool], situation: Callable[[Mechanism, bool], Line], apdu: bytes) -> None:
    survives(situation(*case), apdu)


@given(cases, situations, st.data())
def test_any_change_of_valid_apdus(
    case: tuple[Mechanism, bool], situation: Callable[[Mechanism, bool], Line], draw: st.DataObject
) -> None:
    survives(situation(*case), draw.draw(mutations(SAID[case])))


@given(cases, situations, st.data())
def test_valid_apdus_in_any_order(
    case: tuple[Mechanism, bool], situation: Callable[[Mechanism, bool], Line], draw: st.DataObject
) -> None:
    line = situation(*case)
    for apdu in draw.draw(st.lists(st.sampled_from(SAID[case]), max_size=6)):
        survives(line, apdu)


@given(situations, st.data(), st.integers(1000, 0xFFFF_FFFF), st.booleans())
def test_any_octets_sealed_with_the_right_key(
    situation: Callable[[Mechanism, bool], Line], draw: st.DataObject, counter: int, from_client: bool
) -> None:
    """A peer that holds the keys, and whose software is broken."""
    case = MECHANISMS[0]
    plain = draw.draw(st.one_of(st.binary(max_size=60), mutations(SAID[case])))
    title = CLIENT if from_client else METER
    sealed = Cipher(KEYS).seal(plain, title, counter)
    survives(situation(*MECHANISMS[2]), b"\xdb\x08" + title.octets + bytes((len(sealed),)) + sealed)


@given(st.data(), st.booleans())
def test_any_initiate_sealed_with_the_right_key(draw: st.DataObject, from_client: bool) -> None:
    plain = draw.draw(
        mutations([bytes.fromhex("01000000065f1f0400007e1f04b0"), bytes.fromhex("0800065f1f0400007c1f04000007")])
    )
    sealed = Cipher(KEYS).seal(plain, CLIENT if from_client else METER, 5000)
    information = (b"\x21" if from_client else b"\x28") + bytes((len(sealed),)) + sealed
    if from_client:
        apdu = acse.encode_request(
            acse.AssociationRequest(
                context=3, title=CLIENT.octets, mechanism=5, authentication=bytes(8), information=information
            )
        )
    else:
        apdu = acse.encode_answer(
            acse.AssociationAnswer(
                context=3,
                diagnostic=14,
                title=METER.octets,
                mechanism=5,
                authentication=bytes(8),
                information=information,
            )
        )
    survives(asked(*MECHANISMS[2]), apdu)


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_stream_into_the_wrapper_and_the_gateway(pieces: list[bytes]) -> None:
    reader = wrapper.WrapperReader(apdu_max=64)
    with suppress(RemoteProtocolError):
        for piece in pieces:
            for frame in reader.feed(piece):
                gateway.take(frame.apdu)


@pytest.mark.parametrize("end", [a_client(), a_server()], ids=["client", "server"])
def test_an_empty_apdu_is_refused(end: Connection) -> None:
    with pytest.raises(RemoteProtocolError):
        end.receive(b"")


def test_the_examples_are_a_whole_association() -> None:
    """Nine APDUs, two more with HLS, and two exceptions."""
    assert [len(SAID[case]) for case in MECHANISMS] == [11, 11, 13]
