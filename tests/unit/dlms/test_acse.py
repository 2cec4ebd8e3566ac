"""AARQ, AARE, RLRQ, RLRE: published bytes, and dlms-cosem 21.3.2 reading ours and ours reading its."""

import pytest
from dlms_cosem import enumerations
from dlms_cosem.protocol import acse as oracle
from dlms_cosem.protocol import xdlms as oracle_services
from dlms_cosem.protocol.xdlms.conformance import Conformance as OracleConformance
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, RemoteProtocolError, acse, xdlms
from aforo.dlms.acse import AssociationAnswer, AssociationRequest
from aforo.dlms.events import Conformance
from unit.dlms.associations import CLIENT, METER

INITIATE = bytes.fromhex("01000000065f1f0400007e1f04b0")
INITIATED = bytes.fromhex("0800065f1f0400007c1f04000007")
PLAIN_AARQ = bytes.fromhex("601da109060760857405080101be10040e01000000065f1f0400007e1f04b0")
LLS_AARQ = bytes.fromhex(
    "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0"
)
PLAIN_AARE = bytes.fromhex("6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400007c1f04000007")


def test_the_green_books_associations_without_ciphering_are_made_and_read() -> None:
    """Lowest level, and low level with the password 12345678 (Green Book, examples of AARQ and AARE)."""
    plain = AssociationRequest(context=1, information=INITIATE)
    with_password = AssociationRequest(context=1, mechanism=1, authentication=b"12345678", information=INITIATE)
    answer = AssociationAnswer(context=1, information=INITIATED)
    assert (acse.encode_request(plain), acse.decode_request(PLAIN_AARQ)) == (PLAIN_AARQ, plain)
    assert (acse.encode_request(with_password), acse.decode_request(LLS_AARQ)) == (LLS_AARQ, with_password)
    assert (acse.encode_answer(answer), acse.decode_answer(PLAIN_AARE)) == (PLAIN_AARE, answer)


def test_dlms_cosem_reads_our_hls_request() -> None:
    ours = AssociationRequest(
        context=3, title=CLIENT.octets, mechanism=5, authentication=b"K56iVagY", information=INITIATE
    )
    read = oracle.ApplicationAssociationRequest.from_bytes(acse.encode_request(ours))
    assert (read.ciphered, read.system_title, read.authentication_value) == (True, CLIENT.octets, b"K56iVagY")
    assert read.authentication is enumerations.AuthenticationMechanism.HLS_GMAC
    assert read.user_information.content.client_max_receive_pdu_size == 1200


def test_dlms_cosem_reads_our_hls_answer() -> None:
    ours = AssociationAnswer(
        context=3, diagnostic=14, title=METER.octets, mechanism=5, authentication=b"P6wRJ21F", information=INITIATED
    )
    read = oracle.ApplicationAssociationResponse.from_bytes(acse.encode_answer(ours))
    assert (read.ciphered, read.system_title, read.authentication_value) == (True, METER.octets, b"P6wRJ21F")
    assert read.result is enumerations.AssociationResult.ACCEPTED
    assert read.result_source_diagnostics is enumerations.AcseServiceUserDiagnostics.AUTHENTICATION_REQUIRED


@given(st.binary(min_size=8, max_size=30), st.integers(0, 0xFFFF))
def test_we_read_what_dlms_cosem_asks(challenge: bytes, max_pdu: int) -> None:
    theirs = oracle.ApplicationAssociationRequest(
        ciphered=True,
        system_title=CLIENT.octets,
        authentication=enumerations.AuthenticationMechanism.HLS_GMAC,
        authentication_value=challenge,
        user_information=oracle.UserInformation(
            content=oracle_services.InitiateRequest(
                proposed_conformance=OracleConformance(get=True, set=True, general_protection=True),
                client_max_receive_pdu_size=max_pdu,
            )
        ),
    ).to_bytes()
    read = acse.decode_request(theirs)
    assert (read.context, read.title, read.mechanism, read.authentication) == (3, CLIENT.octets, 5, challenge)
    initiate = xdlms.decode_initiate_request(read.information)
    assert initiate.conformance == Conformance.GET | Conformance.SET | Conformance.GENERAL_PROTECTION
    assert initiate.max_pdu == max_pdu
    assert acse.encode_request(read) == theirs


@given(
    st.builds(
        AssociationRequest,
        context=st.sampled_from([1, 3]),
        title=st.one_of(st.just(b""), st.binary(min_size=8, max_size=8)),
        mechanism=st.integers(1, 7),
        authentication=st.binary(max_size=64),
        information=st.binary(max_size=200),
    )
)
def test_a_request_comes_back_as_it_was_long_lengths_included(request: AssociationRequest) -> None:
    assert acse.decode_request(acse.encode_request(request)) == request


@given(
    st.builds(
        AssociationAnswer,
        context=st.sampled_from([1, 3]),
        result=st.integers(0, 2),
        diagnostic=st.integers(0, 14),
        title=st.one_of(st.just(b""), st.binary(min_size=8, max_size=8)),
        mechanism=st.integers(1, 7),
        authentication=st.binary(max_size=64),
        information=st.binary(max_size=200),
    )
)
def test_an_answer_comes_back_as_it_was(answer: AssociationAnswer) -> None:
    assert acse.decode_answer(acse.encode_answer(answer)) == answer


def test_a_diagnostic_of_the_provider_is_read_too() -> None:
    """[2] acse-service-provider in place of [1] acse-service-user."""
    wire = PLAIN_AARE.replace(bytes.fromhex("a305a103020100"), bytes.fromhex("a305a203020102"))
    assert acse.decode_answer(wire).diagnostic == 2


@pytest.mark.parametrize("tag", [acse.RLRQ, acse.RLRE])
@pytest.mark.parametrize("information", [b"", INITIATE])
def test_a_release_comes_back_as_it_was(tag: int, information: bytes) -> None:
    assert acse.decode_release(acse.encode_release(tag, information), tag) == information


def test_dlms_cosem_reads_our_release() -> None:
    assert oracle.ReleaseResponse.from_bytes(acse.encode_release(acse.RLRE)).reason.value == 0


@pytest.mark.parametrize("reason", ["6200", "6203800100"])
def test_a_release_without_a_reason_is_taken(reason: str) -> None:
    assert acse.decode_release(bytes.fromhex(reason), acse.RLRQ) == b""


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "60",
        "6000",
        "61",
        PLAIN_AARQ.hex() + "00",
        PLAIN_AARQ.hex()[:-2],
        PLAIN_AARQ.hex().replace("060760857405080101", "060760857405080201"),
        PLAIN_AARQ.hex().replace("601da1", "601da6"),
        "6016" + "a109060760857405080101" * 2,
    ],
)
def test_a_request_that_breaks_the_grammar_is_refused(wire: str) -> None:
    """Among them: another prefix of the context's name, and a field given twice."""
    with pytest.raises(RemoteProtocolError) as refused:
        acse.decode_request(bytes.fromhex(wire))
    assert refused.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize(
    "change",
    [("a203020100", "a203020300"), ("a203020100", "a203040100"), ("a305a103020100", "a305a303020100")],
    ids=["length", "type", "choice"],
)
def test_an_answer_that_breaks_the_grammar_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        acse.decode_answer(bytes.fromhex(PLAIN_AARE.hex().replace(*change)))
    assert refused.value.code is ErrorCode.MALFORMED
