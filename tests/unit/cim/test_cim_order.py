"""Orders and questions: what is read from them, and every refusal with its code and path."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.cim import client, schemas
from aforo.cim.control_requests import ControlRequest, GetRequest, Option
from aforo.cim.end_device_controls import read_create, read_get
from aforo.cim.message import Header
from aforo.cim.power import NoPower, watts_of_command
from aforo.cim.refusal import CimError
from aforo.cim.soap import open_envelope
from unit.cim.cim_situations import (
    CONTROL_AT,
    LIMIT,
    MONDAY_ORDER,
    OPTION,
    QUESTION,
    asked,
    changed,
    check_independently,
    only,
)

VALUE_AT = f"{CONTROL_AT}/PowerLimit/value"
COMMAND_AT = f"{CONTROL_AT}/EndDeviceAction/command"
TYPE = '<e:EndDeviceControlType ref="3.15.139.13"/>'
ACTION = "<e:EndDeviceAction><e:command>%s</e:command></e:EndDeviceAction>"
NAMES = "<e:Names><e:name>M-1</e:name></e:Names>"
CONTROL = "<e:EndDeviceControl>"
PAYLOAD = MONDAY_ORDER[MONDAY_ORDER.index("<m:Payload>") : MONDAY_ORDER.index("</m:Payload>") + 12]
HEADER = MONDAY_ORDER[MONDAY_ORDER.index("<m:Header>") : MONDAY_ORDER.index("</m:Header>") + 11]


def test_the_golden_order_is_read_whole() -> None:
    request = asked()

    assert request == ControlRequest(
        header=Header(
            verb="create",
            noun="EndDeviceControls",
            timestamp="2026-11-25T12:00:00Z",
            source="commercial",
            async_reply=True,
            reply_address="http://127.0.0.1:8099/replies",
            message_id="1001",
            correlation_id="7001",
        ),
        number="OS-1",
        meter="M-1",
        watts=Decimal(2500),
        control_type="3.15.139.13",
        reason="deuda",
        options=(Option("priority", "high"),),
        language="es",
        meter_at=f"{CONTROL_AT}/EndDevices/Names/name",
        watts_at=VALUE_AT,
        control_type_at=f"{CONTROL_AT}/EndDeviceControlType/@ref",
        number_at=f"{CONTROL_AT}/issuerTrackingID",
    )


def test_soap_1_2_is_understood_too() -> None:
    envelope = changed(("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"))

    assert only(read_create(open_envelope(envelope).message, language="es")) == asked()


@pytest.mark.parametrize(
    ("command", "watts"),
    [("2500", "2500"), (" 2500.0 ", "2500.0"), ("2500 W", "2500"), ("2.5 kW", "2500"), ("3KW", "3000")],
)
def test_a_limit_may_be_a_command_text_in_watts_or_with_its_unit(command: str, watts: str) -> None:
    request = asked((TYPE, ACTION % command + TYPE), (LIMIT, ""))

    assert (request.watts, request.watts_at) == (Decimal(watts), COMMAND_AT)


def test_an_action_after_the_control_type_is_read_as_one_before_it() -> None:
    """Where a commercial head-end's clients put it."""
    assert asked((TYPE, TYPE + ACTION % "2500"), (LIMIT, "")) == asked((TYPE, ACTION % "2500" + TYPE), (LIMIT, ""))


def test_a_limit_given_twice_is_accepted_when_both_agree() -> None:
    assert asked((TYPE, ACTION % "2500 W" + TYPE)).watts == 2500


@pytest.mark.parametrize("code", ["3.15.139.13", "0.15.139.13", "16.15.139.13"])
def test_the_first_part_of_the_control_code_is_not_compared(code: str) -> None:
    assert asked(("3.15.139.13", code)).control_type == code


@pytest.mark.parametrize(
    ("device", "at"),
    [
        ("<e:mRID>M-1</e:mRID>", "mRID"),
        (f"<e:mRID>M-1</e:mRID>{NAMES}", "Names/name"),
        (f"<e:mRID>6c1f4b0e-6b0e-4c6e-9a53-0f5a0e1d2c3b</e:mRID>{NAMES}", "Names/name"),
    ],
)
def test_a_meter_is_known_by_mrid_or_by_name(device: str, at: str) -> None:
    request = asked((NAMES, device))

    assert (request.meter, request.meter_at) == ("M-1", f"{CONTROL_AT}/EndDevices/{at}")


CREATE = "/CreateEndDeviceControls"
REFUSALS = [
    pytest.param([(HEADER, "")], "1.5", f"{CREATE}/Header/Verb", id="no header"),
    pytest.param([("<Noun>EndDeviceControls</Noun>", "")], "1.5", f"{CREATE}/Header/Noun", id="no noun"),
    pytest.param([("commercial", "  ")], "1.5", f"{CREATE}/Header/Source", id="blank source"),
    pytest.param([("<MessageID>1001</MessageID>", "")], "1.5", f"{CREATE}/Header/MessageID", id="no message id"),
    pytest.param([(">create<", ">cancel<")], "2.9", f"{CREATE}/Header/Verb", id="another verb"),
    pytest.param([(">EndDeviceControls<", ">MeterConfig<")], "2.5", f"{CREATE}/Header/Noun", id="another noun"),
    pytest.param(
        [("<Timestamp>", "<Context>TESTING</Context><Timestamp>")], "5.2", f"{CREATE}/Header/Context", id="a rehearsal"
    ),
    pytest.param([(PAYLOAD, "")], "1.7", CONTROL_AT, id="no payload"),
    pytest.param([(f"<e:EndDevices>{NAMES}</e:EndDevices>", "")], "1.7", f"{CONTROL_AT}/EndDevices/Names/name",
                 id="no meter"),
    pytest.param([(NAMES, "")], "1.7", f"{CONTROL_AT}/EndDevices/Names/name", id="a meter without number"),
    pytest.param([(TYPE, "")], "1.7", f"{CONTROL_AT}/EndDeviceControlType", id="no control type"),
    pytest.param([("true<", "perhaps<")], "1.8", f"{CREATE}/Header/AsyncReplyFlag", id="a flag that is none"),
    pytest.param([(CONTROL, f"{CONTROL}<e:colour/>")], "1.8", f"{CONTROL_AT}/colour", id="an unknown element"),
    pytest.param([("OS-1", "N" * 65)], "1.8", f"{CONTROL_AT}/issuerTrackingID", id="a long number"),
    pytest.param(
        [(TYPE, ACTION % "1" + TYPE + ACTION % "2")], "1.8", f"{CONTROL_AT}/EndDeviceAction[2]", id="two actions"
    ),
    pytest.param([(NAMES, f"{NAMES}<e:Names><e:name>M-2</e:name></e:Names>")], "2.4", f"{CONTROL_AT}/EndDevices",
                 id="a meter with two names"),
    pytest.param([(NAMES, f"<e:mRID>M-2</e:mRID>{NAMES}")], "2.4", f"{CONTROL_AT}/EndDevices",
                 id="a meter whose mRID is another number"),
    pytest.param([("<a:unit>W</a:unit>", "")], "5.2", f"{CONTROL_AT}/PowerLimit/unit", id="no unit"),
    pytest.param([("<a:unit>W</a:unit>", "<a:unit>VA</a:unit>")], "5.2", f"{CONTROL_AT}/PowerLimit/unit", id="VA"),
    pytest.param([("<a:multiplier>k<", "<a:multiplier>m<")], "5.2", f"{CONTROL_AT}/PowerLimit/multiplier", id="milli"),
    pytest.param([("2.5", "NaN")], "5.2", VALUE_AT, id="not a number"),
    pytest.param([("2.5", "INF")], "5.2", VALUE_AT, id="infinite"),
    pytest.param([("2.5", "1e3")], "5.2", VALUE_AT, id="an exponent"),
    pytest.param([("2.5", "2,5")], "5.2", VALUE_AT, id="a decimal comma"),
    pytest.param([("2.5", "٣")], "5.2", VALUE_AT, id="digits of another script"),
    pytest.param([(TYPE, ACTION % "2500 VA" + TYPE), (LIMIT, "")], "5.2", COMMAND_AT, id="a command in VA"),
    pytest.param([(TYPE, ACTION % "2499" + TYPE)], "5.2", VALUE_AT, id="two limits that differ"),
    pytest.param([(CONTROL, f"{CONTROL}<e:drProgramLevel>1</e:drProgramLevel>")], "5.2",
                 f"{CONTROL_AT}/drProgramLevel", id="a demand response level"),
    pytest.param([("</e:EndDevices>", "</e:EndDevices><e:UsagePoints/>")], "1.7",
                 f"{CONTROL_AT}/UsagePoints/Names/name", id="a usage point without number"),
    pytest.param([(TYPE, (ACTION % "2500").replace("</e:command>", "</e:command><e:duration>5</e:duration>") + TYPE)],
                 "5.2", f"{CONTROL_AT}/EndDeviceAction/duration", id="a duration"),
    pytest.param([(OPTION, f"<StartTime>2026-11-25T12:00:00Z</StartTime>{OPTION}")], "5.2",
                 f"{CREATE}/Request/StartTime", id="a start time"),
]  # fmt: skip


@pytest.mark.parametrize(("replacements", "code", "xpath"), REFUSALS)
def test_what_cannot_be_accepted_is_refused_with_code_words_and_path(
    replacements: list[tuple[str, str]], code: str, xpath: str
) -> None:
    with pytest.raises(CimError) as refused:
        asked(*replacements)

    refusal = refused.value.refusal
    assert (refusal.code, refusal.xpath) == (code, xpath)
    assert refusal.reason("es") != refusal.reason("en")
    assert refusal.reason("es").endswith(".")


def test_the_path_of_a_schema_error_is_right_with_default_namespaces_too() -> None:
    text = MONDAY_ORDER.replace("<e:reason>deuda</e:reason>", "<e:colour/>").replace("<e:", "<").replace("</e:", "</")
    text = text.replace("xmlns:e=", "xmlns=")

    with pytest.raises(CimError) as refused:
        only(read_create(open_envelope(text.encode()).message, language="es"))

    assert (refused.value.refusal.code, refused.value.refusal.xpath) == ("1.8", f"{CONTROL_AT}/colour")


def test_a_question_names_its_order_in_the_request_or_in_the_payload() -> None:
    by_id = read_get(open_envelope(QUESTION.encode()).message, language="es")
    payload = (
        '<m:Payload><e:EndDeviceControls xmlns:e="http://iec.ch/TC57/2011/EndDeviceControls#"><e:EndDeviceControl>'
        "<e:issuerTrackingID>OS-1</e:issuerTrackingID></e:EndDeviceControl></e:EndDeviceControls></m:Payload>"
    )
    request = '<m:Request><ID idType="issuerTrackingID">OS-1</ID></m:Request>'
    by_payload = read_get(open_envelope(changed((request, payload), text=QUESTION)).message, language="es")

    assert by_id == by_payload
    assert by_id.number == "OS-1"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('<ID idType="issuerTrackingID">OS-1</ID>', "", "1.6"),
        (">get<", ">create<", "2.9"),
        ("<Source>commercial</Source>", "", "1.5"),
        (' idType="issuerTrackingID"', ' kind="nickname"', "1.8"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(old: str, new: str, code: str) -> None:
    with pytest.raises(CimError) as refused:
        read_get(open_envelope(changed((old, new), text=QUESTION)).message, language="es")

    assert refused.value.refusal.code == code


TEXTS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40)


@given(
    number=TEXTS, meter=TEXTS, watts=st.integers(1, 10_000_000), reason=st.just("") | TEXTS,
    options=st.lists(st.builds(Option, TEXTS, TEXTS), max_size=3),
)  # fmt: skip
def test_what_a_client_writes_is_what_the_door_reads_and_complies_with_the_schema(
    number: str, meter: str, watts: int, reason: str, options: list[Option]
) -> None:
    header = Header(verb="create", noun="EndDeviceControls", source="commercial", message_id="1")
    request = ControlRequest(
        header=header,
        number=number,
        meter=meter,
        control_type="3.15.139.13",
        watts=Decimal(watts),
        reason=reason,
        options=tuple(options),
    )

    read = only(read_create(open_envelope(client.create_envelope(request)).message, language="es"))

    paths = {
        "meter_at": f"{CONTROL_AT}/EndDevices/Names/name",
        "watts_at": VALUE_AT,
        "number_at": f"{CONTROL_AT}/issuerTrackingID",
    }
    paths["control_type_at"] = f"{CONTROL_AT}/EndDeviceControlType/@ref"
    assert read == ControlRequest(**{name: getattr(request, name) for name in request.__struct_fields__} | paths)


def test_what_a_client_asks_is_what_the_door_reads() -> None:
    question = GetRequest(
        header=Header(verb="get", noun="EndDeviceControls", source="commercial", message_id="1"), number="OS-1"
    )

    assert read_get(open_envelope(client.get_envelope(question)).message, language="es") == question


def test_an_independent_validator_agrees_that_orders_and_questions_comply() -> None:
    check_independently(client.create_envelope(asked()))
    check_independently(MONDAY_ORDER.encode())
    check_independently(QUESTION.encode())


@pytest.mark.parametrize("text", ["", "W", "2500 MW", "2500 mW", "0x10", "1_000", "1" * 13, "2500W kW", "²"])
def test_a_command_that_is_no_power_is_not_guessed_at(text: str) -> None:
    with pytest.raises(NoPower):
        watts_of_command(text)


def test_the_published_schemas_import_each_other_at_the_door() -> None:
    imported = {
        name
        for schema in schemas.NAMES
        for name in schemas.NAMES
        if f'schemaLocation="?xsd={name}"'.encode() in schemas.published(schema)
    }

    tops = {service.top for service in schemas.SERVICES.values()}
    assert imported | tops == schemas.NAMES
    for path, service in schemas.SERVICES.items():
        assert f'schemaLocation="?xsd={service.top}"'.encode() in schemas.published_wsdl(path, "http://h/x")
