"""Every service and form by its grammar (IEC 62056-5-3, COSEMpdu), read to the last octet."""

import pytest

from aforo.dlms import ExceptionResponse, Key, Keys, acse, general_ciphering, xdlms
from aforo.dlms.acse import AssociationAnswer, AssociationRequest
from aforo.dlms.events import Conformance
from aforo.dlms.general_ciphering import Envelope, IdentifiedKey
from aforo.dlms.security import Cipher
from aforo.dlms.xdlms import Initiate
from unit.dlms.associations import CLIENT, KEYS, METER
from unit.dlms_printer.accounts import nodes, printed, told, value

FORMS = [
    ("c001c1 00080000010000ff02 00", "get-request: normal", "attribute: 2 time"),
    ("c001c1 00070100630100ff02 01 01 0201 1105", "get-request: normal", "selective access: by range (1)"),
    ("c002c1 00000007", "get-request: next", "block number: 7"),
    ("c003c1 02 00470000110000ff0400 00030100010800ff0300", "get-request: with-list", "attribute: 3 scaler_unit"),
    ("c102c1 00470000110000ff0400 00 00000001 02 0600", "set-request: with-first-datablock", "block: 2 octets: 0600"),
    ("c103c1 01 00000002 02 0ce4", "set-request: with-datablock", "last block: yes"),
    ("c104c1 01 00470000110000ff0400 01 0600000ce4", "set-request: with-list", "1: double-long-unsigned 3300"),
    ("c105c1 01 00470000110000ff0400 01 00000001 01 01", "set-request: with-list-and-first-datablock", "objects: 1"),
    ("c301c1 004600006003 0aff 01 01 0f00", "action-request: normal", "method: 1 remote_disconnect"),
    ("c301c1 004600006003 0aff 02 00", "action-request: normal", "parameters: none"),
    ("c302c1 00000002", "action-request: next-pblock", "block number: 2"),
    ("c303c1 01 0046000060030aff01 01 0f00", "action-request: with-list", "1: integer 0"),
    ("c304c1 0046000060030aff01 01 00000001 02 0f00", "action-request: with-first-pblock", "block: 2 octets: 0f00"),
    ("c305c1 01 0046000060030aff01 01 00000001 01 0f", "action-request: with-list-and-first-pblock", "objects: 1"),
    ("c306c1 01 00000002 01 00", "action-request: with-pblock", "block number: 2"),
    ("c401c1 00 0600000ce4", "get-response: normal", "data: double-long-unsigned 3300"),
    ("c401c1 01 03", "get-response: normal", "result: refused: read-write-denied (3)"),
    ("c402c1 00 00000001 00 03 010203", "get-response: with-datablock", "block: 3 octets: 010203"),
    ("c402c1 01 00000001 01 0f", "get-response: with-datablock", "result: refused: long-get-aborted (15)"),
    ("c403c1 02 00 1101 01 04", "get-response: with-list", "result: refused: object-undefined (4)"),
    ("c501c1 00", "set-response: normal", "result: success (0)"),
    ("c501c1 4d", "set-response: normal", "result: none of the standard (77)"),
    ("c502c1 00000003", "set-response: datablock", "block number: 3"),
    ("c503c1 00 00000003", "set-response: last-datablock", "result: success (0)"),
    ("c504c1 02 00 0c 00000003", "set-response: last-datablock-with-list", "2: type-unmatched (12)"),
    ("c505c1 02 00 0c", "set-response: with-list", "2: type-unmatched (12)"),
    ("c701c1 00 00", "action-response: normal", "return parameters: none"),
    ("c701c1 00 01 00 1101", "action-response: normal", "data: unsigned 1"),
    ("c702c1 01 00000001 01 11", "action-response: with-pblock", "block: 1 octet: 11"),
    ("c703c1 01 00 01 01 0b", "action-response: with-list", "result: refused: object-unavailable (11)"),
    ("c704c1 00000002", "action-response: next-pblock", "block number: 2"),
    ("c200 00030100010800ff02 0600000001", "event-notification-request", "time: none"),
    ("c201 0c07ea0b19030433000000f080 00030100010800ff02 1101", "event-notification-request",
     "date-time: 2026-11-25 Wednesday 04:51:00.00, UTC-04:00, daylight saving"),
    ("0f 40000001 00 0203 090430303031 09060000190900ff 0600000001", "data-notification",
     "2: octet-string 6 octets: 0000190900ff = 0-0:25.9.0.255"),
    ("d8 01 05", "exception-response", "service-error: deciphering-error (5)"),
    ("0e 01 06 02", "confirmed-service-error", "error: incompatible-conformance"),
    ("10 40000001 00", "data-notification-confirm", "long-invoke-id-and-priority: 1, confirmed"),
    ("d9 40000001 00 03 0100080000010000ff02 0500470000110000ff04011105 030046000060030aff01 03 00 0600000ce4 0f00",
     "access-request", "selective access: by range (1)"),
    ("da 40000001 00 01 01 01 00080000010000ff02 01 00 01 01 04", "access-response",
     "result: object-undefined (4)"),
    ("da 40000001 00 00 02 1101 00 02 0100 0300", "access-response", "2: action (3)"),
    ("df 0101 084845530000000001 084146520000000001 00 00 0d c001c1 00080000010000ff02 00 02 aabb",
     "general-signing", "signature: 2 octets, not checked"),
    ("e0 c1 0001 0000 02 c001", "general-block-transfer", "block-control: window 1, last block, streaming"),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "service", "words"), FORMS)
def test_a_form_is_read_to_its_end(octets: str, service: str, words: str) -> None:
    tree = told(bytes.fromhex(octets))
    said = [line[26:].strip() for line in printed(tree).splitlines()]
    assert said[1] == service
    assert words in said
    assert not nodes(tree, "not decoded")
    assert not nodes(tree, "cut short")


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        pytest.param("c009c1", "c1: this form is not spelled out", id="a form that there is not"),
        pytest.param("d900000001000107", "07: an access of kind 7", id="access of a kind that there is not"),
        pytest.param("aa01", "aa01: no APDU begins with AA", id="no tag of ours"),
        pytest.param("c501c10001", "01: 1 octet too many", id="octets behind the end"),
        pytest.param("0002", "0002: 2 octets expected, 0 there", id="cut wrapper header"),
        pytest.param("0002001000010001c0", "0002001000010001c0: wrapper version 2, not 1", id="wrapper version"),
        pytest.param("c401c1000b", "0b: data type 11", id="no data type"),
        pytest.param("c401c100131102", "131102: 2 octets announced, 0 there", id="cut compact-array"),
    ],
)
def test_what_is_not_decoded_is_shown_with_the_reason(octets: str, reason: str) -> None:
    assert value(told(bytes.fromhex(octets)), "not decoded") == reason


def test_a_broken_frame_does_not_hide_the_next() -> None:
    tree = told(bytes.fromhex("0001001000010003 c501c1 0001000100100004 c501c100"))
    assert value(tree, "cut short") == "1 octet expected, 0 there"
    assert [node.value for node in nodes(tree, "result")] == ["success (0)"]


def test_a_frame_that_is_not_all_there_is_read_as_far_as_it_goes() -> None:
    tree = told(bytes.fromhex("0001001000010012 c101c10047"))
    assert value(tree, "wrapper frame") == "from 16 to 1, 18 octets, of which 5 there"
    assert value(tree, "class") == "71 Limiter"


def test_an_exception_tells_the_counter_that_is_expected() -> None:
    tree = told(xdlms.encode_exception(ExceptionResponse(1, 6, 701)))
    assert value(tree, "state-error") == "service-not-allowed (1)"
    assert value(tree, "service-error") == "invocation-counter-error (6)"
    assert value(tree, "expected invocation counter") == "701"


def test_an_association_request_in_words() -> None:
    request = AssociationRequest(
        context=3,
        title=CLIENT.octets,
        mechanism=5,
        authentication=b"K56iVagY",
        information=xdlms.encode_initiate_request(Initiate(Conformance.GET | Conformance.GENERAL_PROTECTION, 0)),
    )
    tree = told(acse.encode_request(request))
    assert value(tree, "application-context-name") == "logical names with ciphering (2.16.756.5.8.1.3)"
    assert value(tree, "calling-AP-title") == '4845530000000001 ("HES")'
    assert value(tree, "sender-acse-requirements") == "authentication"
    assert value(tree, "mechanism-name") == "HLS, GMAC (2.16.756.5.8.2.5)"
    assert value(tree, "calling-authentication-value") == "challenge, 8 octets, not shown"
    assert value(tree, "proposed-conformance") == "general-protection, get"
    assert value(tree, "max-receive-pdu-size") == "no bound"


def test_a_refused_association_says_why() -> None:
    answer = AssociationAnswer(
        context=1, result=1, diagnostic=13, information=xdlms.encode_initiate_error(xdlms.INCOMPATIBLE_CONFORMANCE)
    )
    tree = told(acse.encode_answer(answer))
    assert value(tree, "result") == "rejected-permanent (1)"
    assert value(tree, "result-source-diagnostic") == "service user: authentication-failure (13)"
    assert value(tree, "error") == "incompatible-conformance"


def test_a_refusal_by_the_provider_says_so() -> None:
    tree = told(bytes.fromhex("610c a203020102 a305a203020102"))
    assert value(tree, "result") == "rejected-transient (2)"
    assert value(tree, "result-source-diagnostic") == "service provider: no-common-ACSE-version (2)"


@pytest.mark.parametrize(("octets", "words"), [("6203800101", "urgent (1)"), ("6303800101", "not-finished (1)")])
def test_a_release_says_why(octets: str, words: str) -> None:
    assert value(told(bytes.fromhex(octets)), "reason") == words


def test_the_titles_of_an_association_open_what_follows() -> None:
    aarq = acse.encode_request(AssociationRequest(context=3, title=CLIENT.octets))
    sealed = Cipher(KEYS).seal(bytes.fromhex("c001c100080000010000ff0200"), CLIENT, 7)
    frames = b"".join(
        b"\x00\x01\x00\x10\x00\x01" + len(apdu).to_bytes(2, "big") + apdu
        for apdu in (aarq, b"\xc8" + bytes((len(sealed),)) + sealed)
    )
    assert value(told(frames, KEYS), "class") == "8 Clock"


def test_authenticated_only_content_is_read_without_a_key() -> None:
    content = bytes.fromhex("1000000007c501c100") + bytes(12)
    tree = told(b"\xcd" + bytes((len(content),)) + content)
    assert value(tree, "content") == "its tag was not checked: no key given"
    assert value(tree, "result") == "success (0)"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("20 00000001 " + "00" * 12, "protects too little", id="no tag"),
        pytest.param("33 00000001 " + "00" * 13, "the keys are not of suite 3", id="suite that there is not"),
        pytest.param("32 00000001 " + "00" * 13, "the keys are not of suite 2", id="suite of longer keys"),
        pytest.param("b0 00000001 " + "00" * 13, "security control B0", id="compressed"),
    ],
)
def test_protection_that_is_not_spoken_is_named(content: str, words: str) -> None:
    octets = bytes.fromhex(content)
    (ciphered,) = nodes(told(b"\xc8" + bytes((len(octets),)) + octets, KEYS, [CLIENT]), "ciphered")
    assert words in ciphered.value
    assert ciphered.children == ()


@pytest.mark.parametrize("octets", ["d1 12 30 00000001 aa", "dc 00 12 30 00000001 aa"])
def test_the_dedicated_key_is_said_to_be_needed(octets: str) -> None:
    sealed = bytes.fromhex(octets) + bytes(12)
    assert "dedicated key" in value(told(sealed, KEYS, [CLIENT]), "ciphered")


@pytest.mark.parametrize("key", [None, IdentifiedKey()], ids=["no key named", "global unicast key"])
def test_general_ciphering_opens_with_its_envelope_authenticated(key: IdentifiedKey | None) -> None:
    envelope = Envelope(transaction=b"\x01", originator=CLIENT.octets, recipient=METER.octets)
    sealed = Cipher(KEYS).seal(bytes.fromhex("c501c100"), CLIENT, 7, envelope.encoded())
    apdu = general_ciphering.encode_ciphering(envelope, key, sealed)
    tree = told(apdu, KEYS)
    assert value(tree, "originator-system-title") == '4845530000000001 ("HES")'
    assert value(tree, "ciphered") == f"4 octets, the key fits, sent by {CLIENT}"
    assert value(tree, "result") == "success (0)"
    forged = apdu.replace(METER.octets, CLIENT.octets)
    assert "the key does not fit" in value(told(forged, KEYS), "ciphered")


@pytest.mark.parametrize("broadcast", [False, True])
@pytest.mark.parametrize("suite", [0, 1, 2])
def test_every_suite_opens_with_keys_of_its_length(suite: int, broadcast: bool) -> None:
    keys = Keys(Key(bytes(range(32))), Key(bytes(32))) if suite == 2 else KEYS
    sealed = Cipher(keys, suite=suite, is_broadcast=broadcast).seal(bytes.fromhex("c501c100"), CLIENT, 7)
    tree = told(b"\xcd" + bytes((len(sealed),)) + sealed, keys, [CLIENT])
    assert value(tree, "result") == "success (0)"


def test_a_wrapped_key_is_counted_and_not_shown() -> None:
    octets = bytes.fromhex("dd 00 00 00 00 00 01 01 00 08 a1a2a3a4a5a6a7a8 12 30 00000001 aa") + bytes(12)
    tree = told(octets, KEYS)
    assert value(tree, "key-info") == "wrapped (1)"
    assert value(tree, "wrapped key") == "8 octets, not shown"
    assert value(tree, "ciphered") == "1 octet, not deciphered: under a key that is wrapped"
    assert "a1a2" not in printed(tree)


def test_an_agreed_key_tells_its_scheme() -> None:
    octets = bytes.fromhex("dd 00 00 00 00 00 01 02 01 02 00 12 30 00000001 aa") + bytes(12)
    tree = told(octets, KEYS)
    assert value(tree, "key parameters") == "static unified model C(0e, 2s)"
    assert "a key that is agreed" in value(tree, "ciphered")


def test_key_information_of_no_kind_is_not_shown() -> None:
    tree = told(bytes.fromhex("dd 00 00 00 00 00 01 07 a1a2a3a4"))
    assert value(tree, "not decoded").startswith("4 octets, not shown")
