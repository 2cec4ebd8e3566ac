"""Our client and our server together: every suite, mechanism, form of protection and kind of key."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from aforo.dlms import (
    Associate,
    AssociationEstablished,
    AssociationRejected,
    Ciphering,
    ClientSettings,
    Connection,
    CounterRange,
    DataAccess,
    DataNotification,
    ErrorCode,
    GetResponse,
    Key,
    Keys,
    LocalProtocolError,
    Mechanism,
    Release,
    RemoteProtocolError,
    Secret,
    ServerSettings,
    SetResponse,
    data,
)
from aforo.dlms.general_keys import (
    GeneralKeys,
    Sending,
    Signing,
    UnderAgreedKey,
    UnderIdentifiedKey,
    UnderStaticKeys,
    UnderWrappedKey,
)
from aforo.dlms.public_keys import PrivateKey
from unit.dlms.associations import CLIENT, GET_THRESHOLD, METER, SET_3300, Line, refused

OCTETS = {0: 16, 1: 16, 2: 32}
COORDINATE = {1: 32, 2: 48}
HLS = [mechanism for mechanism in Mechanism if mechanism >= Mechanism.HLS_MANUFACTURER]
KINDS = ["identified", "wrapped", "agreed", "static"]
LONG = GetResponse(DataAccess.SUCCESS, data.octets(bytes(range(256)) * 4))
VALUE = GetResponse(DataAccess.SUCCESS, data.u32(3300))


def key(suite: int, number: int) -> Key:
    return Key(bytes(number + each for each in range(OCTETS[suite])))


def private(suite: int, number: int) -> PrivateKey:
    return PrivateKey(bytes((number,)) * COORDINATE[suite], suite)


def keys(suite: int, *, dedicated: bool = False) -> Keys:
    return Keys(key(suite, 1), key(suite, 101), dedicated=key(suite, 51) if dedicated else None)


def general(suite: int, kind: str, *, of_client: bool) -> GeneralKeys:
    own, peer = (3, 4) if of_client else (4, 3)
    master = key(suite, 151)
    sending: Sending = UnderIdentifiedKey()
    if kind == "wrapped":
        sending = UnderWrappedKey(key(suite, 201 if of_client else 221))
    if suite == 0:
        return GeneralKeys(sending=sending, master=master)
    if kind == "agreed":
        sending = UnderAgreedKey(private(suite, own + 10), private(suite, own + 20), private(suite, peer).public)
    elif kind == "static":
        sending = UnderStaticKeys(private(suite, own), private(suite, peer).public)
    return GeneralKeys(
        sending=sending,
        master=master,
        own_static=private(suite, own),
        peer_signer=private(suite, peer + 20).public,
        peer_static=private(suite, peer).public,
    )


def ends(suite: int = 0, mechanism: Mechanism = Mechanism.HLS_GMAC, **changes: Any) -> Line:
    """kind: of general-ciphering keys.   ciphered: False for none.   dedicated, signs_services: as they say."""
    kind, is_ciphered = changes.pop("kind", None), changes.pop("ciphered", True)
    dedicated = changes.pop("dedicated", False)
    built = []
    for of_client in (True, False):
        settings: dict[str, Any] = {
            "suite": suite,
            "mechanism": mechanism,
            "title": CLIENT if of_client else METER,
            "keys": keys(suite, dedicated=dedicated and of_client) if is_ciphered else None,
            "counters": CounterRange(1, 10_000),
            "challenge": b"K56iVagY" if of_client else b"P6wRJ21F",
            "password": Secret(b"0123456789ABCDEF"),
            **changes,
        }
        if suite:
            own, peer = (21, 22) if of_client else (22, 21)
            settings["signing"] = Signing(private(suite, own), private(suite, peer).public)
        if kind is not None:
            settings |= {"ciphering": Ciphering.GENERAL_CIPHERING, "general": general(suite, kind, of_client=of_client)}
        built.append(Connection((ClientSettings if of_client else ServerSettings)(**settings)))
    client, server = built
    return Line(client, server)


def carry_an_order(line: Line) -> None:
    line.client.send(Associate())
    line.run()
    assert isinstance(line.told_client[-1], AssociationEstablished), line.told_client
    assert line.told_client[-1].peer_title == METER
    assert line.ask(SET_3300, SetResponse(DataAccess.SUCCESS)) == SetResponse(DataAccess.SUCCESS)
    assert line.ask(GET_THRESHOLD, VALUE) == VALUE
    assert line.ask(GET_THRESHOLD, LONG) == LONG
    line.server.send(note := DataNotification(7, b"", data.u8(1)))
    line.run()
    assert note in line.told_client
    line.client.send(Release())
    line.run()
    assert (line.client.is_associated, line.server.is_associated) == (False, False)
    assert max(map(len, line.seen)) <= 1024


def _possible() -> Iterator[tuple[int, Mechanism]]:
    for suite, mechanism in product(OCTETS, Mechanism):
        if suite or mechanism is not Mechanism.HLS_ECDSA:
            yield suite, mechanism


@pytest.mark.parametrize(("suite", "mechanism"), list(_possible()))
def test_an_order_goes_through_in_every_suite_by_every_mechanism(suite: int, mechanism: Mechanism) -> None:
    carry_an_order(ends(suite, mechanism))


@pytest.mark.parametrize("mechanism", [each for each in HLS if each is not Mechanism.HLS_GMAC])
def test_high_level_security_needs_no_ciphering(mechanism: Mechanism) -> None:
    line = ends(1 if mechanism is Mechanism.HLS_ECDSA else 0, mechanism, ciphered=False)
    carry_an_order(line)
    assert any(SET_3300.data in apdu for apdu in line.seen)


@pytest.mark.parametrize("suite", OCTETS)
@pytest.mark.parametrize(
    ("ciphering", "tags"),
    [
        (Ciphering.GLO, [0xD1, 0xD5, 0xD0, 0xD4]),
        (Ciphering.GENERAL_GLO, [0xDC] * 4),
        (Ciphering.AUTO, [0xDC] * 4),
    ],
)
def test_a_dedicated_key_protects_the_services_and_not_the_association(
    suite: int, ciphering: Ciphering, tags: list[int]
) -> None:
    line = ends(suite, dedicated=True, ciphering=ciphering)
    carry_an_order(line)
    services = [apdu for apdu in line.seen if apdu[0] not in (0x60, 0x61, 0x62, 0x63, 0xE0)]
    assert [apdu[0] for apdu in services[2:6]] == tags
    assert not any(key(suite, 51).octets in apdu for apdu in line.seen)


@pytest.mark.parametrize(("suite", "kind"), [(0, "identified"), (0, "wrapped"), *product((1, 2), KINDS)])
@pytest.mark.parametrize("signs", [False, True], ids=["", "signed"])
def test_general_ciphering_goes_through_under_every_kind_of_key(suite: int, kind: str, signs: bool) -> None:
    if suite == 0 and signs:
        pytest.skip("suite 0 has no signatures")
    line = ends(suite, kind=kind, signs_services=signs)
    carry_an_order(line)
    services = {apdu[0] for apdu in line.seen} - {0x60, 0x61, 0x62, 0x63, 0xE0}
    assert services == ({0xDF} if signs else {0xDD})
    assert not any(SET_3300.data in apdu for apdu in line.seen)


@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("ciphering", [Ciphering.GLO, Ciphering.GENERAL_GLO])
def test_services_are_signed_around_their_ciphering(suite: int, ciphering: Ciphering) -> None:
    line = ends(suite, ciphering=ciphering, signs_services=True)
    carry_an_order(line)
    assert 0xDF in {apdu[0] for apdu in line.seen}


@pytest.mark.parametrize("mechanism", HLS)
def test_a_client_without_the_secret_is_rejected_and_one_that_sends_our_challenge_back_too(
    mechanism: Mechanism,
) -> None:
    suite = 1 if mechanism is Mechanism.HLS_ECDSA else 0
    honest = ends(suite, mechanism, ciphered=mechanism is Mechanism.HLS_GMAC)
    honest.client.send(Associate())
    aarq = honest.client.outgoing()[0]
    honest.server.receive(aarq)
    aare = honest.server.outgoing()[0]
    stranger = ends(suite, mechanism, ciphered=mechanism is Mechanism.HLS_GMAC, password=Secret(b"another secret."))
    stranger.client.send(Associate())
    stranger.client.outgoing()
    stranger.client.receive(aare)
    proof = stranger.client.outgoing()[0]
    if mechanism in (Mechanism.HLS_GMAC, Mechanism.HLS_ECDSA):  # keyed by something else than the password
        proof = proof[:-1] + bytes((proof[-1] ^ 1,))
    with pytest.raises(RemoteProtocolError) as refused_:
        honest.server.receive(proof)
    assert refused_.value.code in (ErrorCode.AUTHENTICATION_FAILED, ErrorCode.WRONG_TAG)
    mirror = ends(suite, mechanism, ciphered=mechanism is Mechanism.HLS_GMAC, challenge=b"K56iVagY")
    mirror.client.send(Associate())
    mirror.server.receive(mirror.client.outgoing()[0])
    assert refused(mirror.client, mirror.server.outgoing()[0]) is ErrorCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize("mechanism", [each for each in HLS if each is not Mechanism.HLS_GMAC])
def test_a_server_that_proves_nothing_is_rejected_by_the_client(mechanism: Mechanism) -> None:
    line = ends(1 if mechanism is Mechanism.HLS_ECDSA else 0, mechanism, ciphered=False)
    line.client.send(Associate())
    line.server.receive(line.client.outgoing()[0])
    line.client.receive(line.server.outgoing()[0])
    invoke = line.client.outgoing()[0][2]
    rejected = line.client.receive(bytes((0xC7, 1, invoke, 0, 1, 0)) + data.octets(bytes(32)))
    assert isinstance(rejected, AssociationRejected)
    assert (rejected.by_peer, line.client.is_associated) == (False, False)


def _every_bit(apdu: bytes) -> Iterator[bytes]:
    for place in range(len(apdu) * 8):
        flipped = bytearray(apdu)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)


@pytest.mark.parametrize(
    "changes",
    [
        {"ciphering": Ciphering.GLO},
        {"ciphering": Ciphering.GENERAL_GLO},
        {"ciphering": Ciphering.GLO, "dedicated": True},
        {"ciphering": Ciphering.GENERAL_GLO, "dedicated": True},
        {"kind": "identified"},
        {"kind": "wrapped"},
        {"kind": "agreed"},
        {"kind": "static"},
        {"kind": "static", "signs_services": True},
    ],
    ids=str,
)
def test_not_one_bit_of_a_protected_request_can_be_changed(changes: dict[str, Any]) -> None:
    """Every flipped bit is refused, and the request itself is taken afterwards."""
    line = ends(1, **changes)
    line.client.send(Associate())
    line.run()
    line.client.send(SET_3300)
    sealed = line.client.outgoing()[0]
    codes = set()
    for forged in _every_bit(sealed):
        with pytest.raises(RemoteProtocolError) as caught:
            line.server.receive(forged)
        codes.add(caught.value.code)
        line.server.outgoing()
    assert codes <= {
        ErrorCode.WRONG_TAG, ErrorCode.MALFORMED, ErrorCode.UNSUPPORTED, ErrorCode.NOT_CIPHERED, ErrorCode.WRONG_PEER,
        ErrorCode.AUTHENTICATION_FAILED, ErrorCode.UNEXPECTED_APDU,
    }  # fmt: skip
    assert line.server.receive(sealed) == SET_3300
    line.server.send(SetResponse(DataAccess.SUCCESS))
    assert refused(line.server, sealed) is ErrorCode.REPLAY


@pytest.mark.parametrize("changes", [{"dedicated": True}, {"kind": "wrapped"}, {"signs_services": True}], ids=str)
def test_less_protection_than_was_agreed_is_refused(changes: dict[str, Any]) -> None:
    """The same services under the global key alone, as an association without the change would send them."""
    less = ends(1, Mechanism.NONE)
    less.client.send(Associate())
    less.run()
    less.client.send(SET_3300)
    line = ends(1, Mechanism.NONE, **changes)
    line.client.send(Associate())
    line.run()
    assert refused(line.server, less.client.outgoing()[0]) is ErrorCode.NOT_CIPHERED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mechanism": Mechanism.HLS_SHA256, "password": None}, "secret"),
        ({"mechanism": Mechanism.HLS_MD5, "password": None}, "secret"),
        ({"mechanism": Mechanism.HLS_SHA256, "title": None, "keys": None, "password": Secret(b"x")}, "system title"),
        ({"mechanism": Mechanism.HLS_ECDSA}, "signing keys"),
        ({"signs_services": True}, "signing needs keys"),
        ({"ciphering": Ciphering.GENERAL_CIPHERING}, "general-ciphering"),
        ({"suite": 2}, "keys of 32 octets"),
        ({"suite": 7}, "no security suite 7"),
    ],
)
def test_what_a_mechanism_needs_is_asked_for_when_it_is_set_up(changes: dict[str, Any], why: str) -> None:
    given = {"title": CLIENT, "keys": keys(0), "counters": CounterRange(1, 9), "challenge": b"K56iVagY", **changes}
    with pytest.raises(LocalProtocolError, match=why):
        ClientSettings(**given)
