"""Our client and our server together: every mechanism, every way of ciphering."""

from typing import Any

import pytest

from aforo.dlms import (
    AssociationEstablished,
    Ciphering,
    Conformance,
    CounterRange,
    DataAccess,
    DataNotification,
    GetResponse,
    Key,
    Keys,
    LocalProtocolError,
    Mechanism,
    Release,
    SetResponse,
    data,
)
from aforo.dlms.settings import STANDARD_SERVICES
from unit.dlms.associations import CLIENT, GET_THRESHOLD, KEYS, METER, SET_3300, Line, a_client, a_server, associated

WITHOUT = STANDARD_SERVICES & ~Conformance.GENERAL_PROTECTION
SPOKEN = (Mechanism.NONE, Mechanism.LLS, Mechanism.HLS_GMAC)
GENERAL, GLO_SET, GLO_GET = 0xDB, 0xC9, 0xC8


def order(line: Line) -> None:
    """SET, GET, a notification, and the release."""
    value = GetResponse(DataAccess.SUCCESS, data.u32(3300))
    assert line.ask(SET_3300, SetResponse(DataAccess.SUCCESS)) == SetResponse(DataAccess.SUCCESS)
    assert line.ask(GET_THRESHOLD, value) == value
    line.server.send(note := DataNotification(0x0000_0007, b"", data.u8(1)))
    line.run()
    assert line.told_client[-1] == note
    line.client.send(Release())
    line.run()
    assert (line.client.is_associated, line.server.is_associated) == (False, False)


@pytest.mark.parametrize("mechanism", SPOKEN[:2])
def test_an_order_goes_through_without_ciphering(mechanism: Mechanism) -> None:
    line = associated(a_client(mechanism, keys=None), a_server(mechanism, keys=None))
    assert line.told_client == [AssociationEstablished(STANDARD_SERVICES, 1024, None)]
    order(line)
    assert [apdu[0] for apdu in line.seen] == [0x60, 0x61, 0xC1, 0xC5, 0xC0, 0xC4, 0x0F, 0x62, 0x63]


@pytest.mark.parametrize("mechanism", SPOKEN)
@pytest.mark.parametrize("ciphering", [Ciphering.AUTO, Ciphering.GLO, Ciphering.GENERAL_GLO])
@pytest.mark.parametrize("agreed", [True, False], ids=["general-protection", "without it"])
def test_an_order_goes_through_ciphered(mechanism: Mechanism, ciphering: Ciphering, agreed: bool) -> None:
    """AUTO follows the negotiated bit; GLO and GENERAL_GLO do not ask. The server answers in the client's form."""
    server = a_server(mechanism, conformance=STANDARD_SERVICES if agreed else WITHOUT)
    line = associated(a_client(mechanism, ciphering=ciphering), server)
    assert line.told_client == [AssociationEstablished(STANDARD_SERVICES if agreed else WITHOUT, 1024, METER)]
    assert [event.peer_title for event in line.told_server if isinstance(event, AssociationEstablished)] == [CLIENT]
    begin = len(line.seen)
    order(line)
    is_general = ciphering is Ciphering.GENERAL_GLO or (ciphering is Ciphering.AUTO and agreed)
    services = [GENERAL] * 4 if is_general else [GLO_SET, 0xCD, GLO_GET, 0xCC]
    assert [apdu[0] for apdu in line.seen[begin:]] == [*services, GENERAL, 0x62, 0x63]


def test_nothing_of_a_ciphered_association_is_readable() -> None:
    line = associated()
    order(line)
    for plain in (SET_3300.data, SET_3300.obis, bytes.fromhex("5f1f0400")):
        assert not any(plain in apdu for apdu in line.seen)


@pytest.mark.parametrize(
    ("ciphering", "head"), [(Ciphering.GLO, "c9"), (Ciphering.GENERAL_GLO, "db084845530000000001")]
)
def test_the_published_set_is_what_goes_over_the_line(ciphering: Ciphering, head: str) -> None:
    """Threshold 3300 under counter 1, as two other stacks write it."""
    client = a_client(Mechanism.NONE, ciphering=ciphering, counters=CounterRange(0, 1))
    line = associated(client, a_server(Mechanism.NONE))
    line.client.send(SET_3300)
    published = "2330000000016a99c2331a628a85be11e6155a1b01e4fd3b34809ba8f2fcb7dcf1c45039"
    assert line.client.outgoing()[0].hex() == head + published


def test_each_apdu_and_each_proof_has_a_counter_of_its_own() -> None:
    line = associated()
    line.ask(SET_3300, SetResponse(DataAccess.SUCCESS))
    assert (line.server.peer_counter, line.client.peer_counter) == (4, 4)


@pytest.mark.parametrize("floor", [-1, 700])
def test_the_highest_counter_of_the_peer_begins_at_the_floor(floor: int) -> None:
    assert a_client(peer_counter_floor=floor).peer_counter == floor
    assert a_server(Mechanism.NONE, keys=None, peer_counter_floor=floor).peer_counter == floor


SHORT_NAMES = Conformance(1 << 20)
"""The service READ, which is for short names: this core does not speak it."""


def test_both_ends_agree_on_what_both_can() -> None:
    client = a_client(conformance=Conformance.GET | Conformance.SET | SHORT_NAMES, max_pdu=500)
    line = associated(client, a_server(max_pdu=700))
    assert line.told_client == [AssociationEstablished(Conformance.GET | Conformance.SET, 700, METER)]
    assert line.told_server == [AssociationEstablished(Conformance.GET | Conformance.SET, 500, CLIENT)]


@pytest.mark.parametrize(
    "changes",
    [
        {"suite": 3},
        {"suite": 2},
        {"keys": Keys(KEYS.encryption, KEYS.authentication, dedicated=Key(bytes(32)))},
        {"keys": Keys(Key(bytes(32)), KEYS.authentication)},
        {"keys": Keys(KEYS.encryption, Key(bytes(32)))},
    ],
)
def test_security_that_is_not_spoken_is_refused_when_set_up(changes: dict[str, Any]) -> None:
    for build in (a_client, a_server):
        with pytest.raises(LocalProtocolError):
            build(**changes)
