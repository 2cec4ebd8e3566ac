"""What comes in from anyone is bounded before it is understood."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.cim import soap
from aforo.cim.control_requests import ControlRequest
from aforo.cim.end_device_controls import read_create
from aforo.cim.namespaces import SOAP11, SOAP12
from aforo.cim.refusal import CimError, Refusal, UnreadableMessage
from aforo.cim.soap import EmptyBody, HeaderNotUnderstood, SoapFault, open_envelope
from aforo.cim.xml_reading import DEPTH_MAX, ELEMENTS_MAX, SIZE_MAX, parse, path_of, text_of
from unit.cim.cim_situations import MONDAY_ORDER, changed, only

ENVELOPE = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'>%s</s:Envelope>"
LAUGHS = (
    "<!DOCTYPE l [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(12))
    + "]><l x='&m;'>&m;</l>"
)


def read_or_refused(octets: bytes) -> ControlRequest | Refusal:
    try:
        return only(read_create(open_envelope(octets).message, language="en"))
    except CimError as error:
        return error.refusal


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE x><x/>",
        '<!DOCTYPE x SYSTEM "file:///etc/hostname"><x/>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p.dtd"> %p;]><x/>',
        LAUGHS,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_dtd_is_accepted_in_whatever_encoding(text: str, encoding: str) -> None:
    with pytest.raises(UnreadableMessage, match="DOCTYPE") as refused:
        parse(text.encode(encoding))

    assert refused.value.refusal.code == "1.8"


def test_an_entity_that_nobody_declared_is_an_error_and_no_text() -> None:
    with pytest.raises(UnreadableMessage):
        parse(b"<x>&e;</x>")


def test_a_message_may_be_as_large_as_the_limit_and_not_an_octet_larger() -> None:
    fitting = b"<x>" + b"a" * (SIZE_MAX - 7) + b"</x>"

    assert parse(fitting).tag == "x"
    with pytest.raises(UnreadableMessage, match="larger than 262144"):
        parse(fitting.replace(b"<x>", b"<x>b"))


def test_a_message_may_be_as_deep_as_the_limit_and_not_a_level_deeper() -> None:
    def nested(depth: int) -> bytes:
        return b"<x>" * depth + b"</x>" * depth

    assert parse(nested(DEPTH_MAX)).tag == "x"
    with pytest.raises(UnreadableMessage, match="deeper than 32"):
        parse(nested(DEPTH_MAX + 1))


def test_the_number_of_elements_is_bounded() -> None:
    assert len(parse(b"<x>" + b"<y/>" * (ELEMENTS_MAX - 1) + b"</x>")) == ELEMENTS_MAX - 1
    with pytest.raises(UnreadableMessage, match="over 5000"):
        parse(b"<x>" + b"<y/>" * ELEMENTS_MAX + b"</x>")


def test_a_comment_inside_a_number_does_not_cut_it_in_two() -> None:
    root = parse(b"<x><watts>25<!-- 1 --><?p q?>00</watts></x>")

    assert text_of(root, "watts") == "2500"


def test_a_path_names_elements_by_their_local_names_and_counts_twins() -> None:
    root = parse(b"<a:x xmlns:a='u'><a:y/><a:y><b/></a:y></a:x>")

    assert path_of(root[1][0]) == "/x/y[2]/b"


@given(st.binary(max_size=300))
def test_arbitrary_octets_are_refused_and_nothing_else_happens(octets: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        open_envelope(octets)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_order_is_read_or_refused_and_nothing_else_happens(data: st.DataObject) -> None:
    order = bytearray(MONDAY_ORDER.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(order) - 1))
        order[start : start + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=6))

    outcome = read_or_refused(bytes(order))

    assert isinstance(outcome, ControlRequest) or all((outcome.code, outcome.es, outcome.en))


@settings(max_examples=300)
@given(st.data())
def test_an_order_with_texts_in_strange_places_is_read_or_refused(data: st.DataObject) -> None:
    places = [place.span() for place in re.finditer(r"(?<=>)[^<>]+(?=</)", MONDAY_ORDER)]
    start, end = data.draw(st.sampled_from(places))
    letters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&")
    text = data.draw(st.text(letters, max_size=80) | st.sampled_from(["NaN", "-1", "1e9", "٣", "0", " ", "1.8", "]]>"]))

    outcome = read_or_refused((MONDAY_ORDER[:start] + text + MONDAY_ORDER[end:]).encode())

    assert isinstance(outcome, ControlRequest) or all((outcome.code, outcome.es, outcome.en))


@pytest.mark.parametrize(
    ("inside", "refusal"),
    [
        ("", "must hold one message"),
        ("<s:Body><a/><b/></s:Body>", "must hold one message"),
        ("<s:Header/>", "must hold one message"),
    ],
)
def test_an_envelope_without_exactly_one_message_is_unreadable(inside: str, refusal: str) -> None:
    with pytest.raises(UnreadableMessage, match=refusal):
        open_envelope((ENVELOPE % inside).encode())


def test_an_empty_body_is_told_apart_since_as_an_answer_it_is_good_news() -> None:
    with pytest.raises(EmptyBody):
        open_envelope((ENVELOPE % "<s:Body/>").encode())


def test_an_envelope_of_another_namespace_is_no_envelope() -> None:
    with pytest.raises(UnreadableMessage, match="no SOAP envelope"):
        open_envelope(changed(("http://schemas.xmlsoap.org/soap/envelope/", "urn:soap")))


def test_a_header_block_that_must_be_understood_is_not_passed_over() -> None:
    security = '<soap:Header><w:Security xmlns:w="urn:w" soap:mustUnderstand="1"/></soap:Header><soap:Body>'

    with pytest.raises(HeaderNotUnderstood):
        open_envelope(changed(("<soap:Body>", security)))
    assert open_envelope(changed(("<soap:Body>", security.replace('"1"', '"0"')))).message is not None


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
def test_a_fault_is_read_back_in_both_versions_of_soap(version: str) -> None:
    refusal = _refusal(b"<")
    octets = soap.fault(soap.Blame.CLIENT, refusal, language="en", version=version)

    with pytest.raises(SoapFault) as told:
        soap.open_answer(octets)

    assert told.value.code == ("Client" if version == SOAP11 else "Sender")
    assert told.value.text == "The message is not well-formed XML."


def _refusal(octets: bytes) -> Refusal:
    with pytest.raises(UnreadableMessage) as caught:
        parse(octets)
    return caught.value.refusal
