"""Which AARQs a server rejects, and with which diagnostic and initiate error."""

from typing import Any

import pytest

from aforo.dlms import (
    Associate,
    AssociationRejected,
    Conformance,
    ErrorCode,
    Mechanism,
    Secret,
    acse,
    xdlms,
)
from unit.dlms.associations import (
    METER,
    PLAIN,
    STRANGER,
    a_client,
    a_server,
    aarq,
    refused,
)

SHORT_NAMES = Conformance(1 << 20)
"""The service READ, which is for short names: this core does not speak it."""


@pytest.mark.parametrize(
    ("client", "server", "code", "diagnostic"),
    [
        pytest.param(PLAIN, {}, ErrorCode.NOT_CIPHERED, 2, id="context: plain where ciphered"),
        pytest.param({}, PLAIN, ErrorCode.NOT_CIPHERED, 2, id="context: ciphered where plain"),
        pytest.param({"mechanism": Mechanism.LLS}, {}, ErrorCode.AUTHENTICATION_FAILED, 11, id="another mechanism"),
        pytest.param({"mechanism": Mechanism.NONE}, {}, ErrorCode.AUTHENTICATION_FAILED, 12, id="no mechanism"),
        pytest.param({}, {"peer_title": STRANGER}, ErrorCode.WRONG_PEER, 3, id="a title that is not known"),
        pytest.param({"title": METER}, {}, ErrorCode.WRONG_PEER, 3, id="the server's own title"),
        pytest.param(
            {"mechanism": Mechanism.LLS, "password": Secret(b"87654321")},
            {"mechanism": Mechanism.LLS},
            ErrorCode.AUTHENTICATION_FAILED,
            13,
            id="a wrong password",
        ),
        pytest.param({"conformance": SHORT_NAMES}, {}, ErrorCode.UNSUPPORTED, 1, id="no service in common"),
        pytest.param({"max_pdu": 11}, {}, ErrorCode.UNSUPPORTED, 1, id="APDUs too short"),
    ],
)
def test_an_aarq_is_rejected_with_its_diagnostic(
    client: dict[str, Any], server: dict[str, Any], code: ErrorCode, diagnostic: int
) -> None:
    """Diagnostics of the ACSE service user (IEC 62056-5-3): permanently rejected, and the client is told so."""
    asking, asked = a_client(**client), a_server(**server)
    asking.send(Associate())
    assert refused(asked, asking.outgoing()[0]) is code
    (answer,) = asked.outgoing()
    assert (acse.decode_answer(answer).result, acse.decode_answer(answer).diagnostic) == (1, diagnostic)
    rejected = asking.receive(answer)
    assert isinstance(rejected, AssociationRejected)
    assert (rejected.diagnostic, rejected.by_peer) == (diagnostic, True)
    assert (asking.is_associated, asked.is_associated) == (False, False)


@pytest.mark.parametrize(
    ("client", "error"),
    [({"conformance": SHORT_NAMES}, 2), ({"max_pdu": 11}, 3)],
    ids=["incompatible-conformance", "pdu-size-too-short"],
)
def test_a_rejected_initiate_request_is_answered_with_its_error(client: dict[str, Any], error: int) -> None:
    server = a_server()
    refused(server, aarq(**client))
    assert acse.decode_answer(server.outgoing()[0]).information == bytes((0x0E, 1, 6, error))


def test_another_version_of_dlms_is_answered_with_its_error() -> None:
    initiate = xdlms.encode_initiate_request(xdlms.Initiate(Conformance.GET, 1024)).replace(b"\x06\x5f", b"\x05\x5f")
    server = a_server(**PLAIN)
    refused(server, acse.encode_request(acse.AssociationRequest(context=1, information=initiate)))
    assert acse.decode_answer(server.outgoing()[0]).information.hex() == "0e010601"


@pytest.mark.parametrize("octets", [0, 7, 65])
def test_a_challenge_of_another_length_is_no_challenge(octets: int) -> None:
    request = acse.decode_request(aarq())
    short = acse.AssociationRequest(
        context=3, title=request.title, mechanism=5, authentication=bytes(octets), information=request.information
    )
    assert refused(a_server(), acse.encode_request(short)) is ErrorCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize("title", [b"", b"1234567", b"123456789"])
def test_a_title_that_is_none_is_not_recognised(title: bytes) -> None:
    server, request = a_server(), acse.decode_request(aarq())
    nameless = acse.AssociationRequest(
        context=3,
        title=title,
        mechanism=5,
        authentication=request.authentication,
        information=request.information,
    )
    assert refused(server, acse.encode_request(nameless)) is ErrorCode.MALFORMED
    assert acse.decode_answer(server.outgoing()[0]).diagnostic == 3
