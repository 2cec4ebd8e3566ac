"""Each dialect against its golden files: an order as its senders write it, and the answer as they get it."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from string import Template

import pytest
from lxml import etree
from msgspec.structs import replace

from aforo.cim import schemas
from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest
from aforo.cim.control_response import AnsweredControl, ControlResponse, Readback, response_header
from aforo.cim.dialect import BadDialect, Dialects, sample_request, shipped, with_folder
from aforo.cim.end_device_controls import Item, read_create
from aforo.cim.message import Header, Reply, ReplyError, Result, timestamp
from aforo.cim.refusal import CimError
from aforo.cim.schemas import check_against_schema
from aforo.cim.translation import Asked, read_request, write_answer
from aforo.cim.xml_reading import parse
from unit.cim.cim_situations import independent_schema, only

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"
WORDS = {
    "timestamp": timestamp(NOW),
    "source": "commercial",
    "reply_address": "http://127.0.0.1:8099/replies",
    "message_id": "1001",
    "correlation_id": "7001",
    "number": "OS-1",
    "reason": "deuda",
    "watts": "2500",
    "meter": "M-1",
    "usage_point": "UP-1",
}
NAMES = sorted(shipped().by_name)
TOP = {name: schemas.SERVICES[shipped().by_name[name].path].top for name in NAMES}
HEADER = Header(
    verb="create",
    noun="EndDeviceControls",
    timestamp=WORDS["timestamp"],
    source="commercial",
    async_reply=True,
    reply_address=WORDS["reply_address"],
    message_id="1001",
    correlation_id="7001",
)
LIMIT_ORDER = ControlRequest(
    header=HEADER, number="OS-1", meter="M-1", control_type="3.15.139.13", watts=Decimal(2500), reason="deuda"
)
EXPECTED = {
    **dict.fromkeys(NAMES, LIMIT_ORDER),
    "meter-config": replace(LIMIT_ORDER, reason=""),
    "usage-point-config": replace(LIMIT_ORDER, number="", meter="", usage_point="UP-1", reason=""),
    "meter-readings": replace(LIMIT_ORDER, number="", control_type="3.15.139.46", watts=None, reason=""),
}
"""What the golden order of each means, wherever it stood."""


def sample(name: str, *replacements: tuple[str, str], **words: str) -> bytes:
    text = Template(sample_request(name)).substitute({**WORDS, **words})
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def read(name: str, octets: bytes, known: Dialects | None = None) -> Asked:
    message = parse(octets)
    spoken = (known or shipped()).find(message, name)
    assert spoken is not None
    return read_request(message, *spoken, language="es")


def order_in(name: str, octets: bytes) -> ControlRequest:
    asked = read(name, octets)
    assert isinstance(asked, tuple)
    return only(asked)


def items(asked: Asked) -> tuple[Item, ...]:
    assert isinstance(asked, tuple)
    return asked


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_order_of_a_dialect_is_the_order_that_it_means(name: str) -> None:
    found = order_in(name, sample(name))

    bare = replace(found, dialect="iec", root="CreateEndDeviceControls", part="")
    assert replace(bare, meter_at="", watts_at="", control_type_at="", number_at="") == EXPECTED[name]
    assert found.dialect == name


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_order_complies_with_the_published_schema_of_its_dialect(name: str) -> None:
    octets = sample(name)
    if name == "command-text":  # EndDeviceAction stands where its senders put it, and not where the schema wants it
        with pytest.raises(CimError):
            check_against_schema(parse(octets), TOP[name])
        return
    check_against_schema(parse(octets), TOP[name])
    independent_schema(TOP[name]).validate(octets.decode())


@pytest.mark.parametrize("name", NAMES)
def test_every_path_of_a_refusal_lies_in_the_message_as_it_came(name: str) -> None:
    octets = sample(name)
    found = order_in(name, octets)

    paths = [found.meter_at, found.watts_at, found.control_type_at]
    root = parse(octets)
    for path in paths:
        steps = path.removesuffix("/@ref").split("/")[2:]
        node = root
        for step in steps:
            local, _, number = step.rstrip("]").partition("[")
            twins = [child for child in node if etree.QName(child).localname == local]
            if not twins:  # what is missing is told where it belongs
                assert step == steps[-1] == "PowerLimit"
                break
            node = twins[int(number or 1) - 1]


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_of_a_dialect_is_its_golden_one_and_complies_with_its_schema(name: str) -> None:
    answer = etree.tostring(write_answer(final_answer(), shipped().by_name[name]))

    check_against_schema(parse(answer), TOP[name])
    independent_schema(TOP[name]).validate(answer.decode())
    element = parse(answer)
    etree.indent(element)
    assert etree.tostring(element, encoding="unicode") + "\n" == (GOLDEN / f"{name}.answer.xml").read_text()


def final_answer() -> ControlResponse:
    header = response_header(HEADER, identifier="2d711642-b726-8044-a162-7ca9fbac32f5", at=timestamp(NOW))
    readback = Readback(before=Decimal(9900), threshold=Decimal(2500), breaker="connected", read_at=timestamp(NOW))
    control = AnsweredControl(
        number="OS-1", meter="M-1", control_type="3.15.139.13", watts=Decimal(2500), readback=readback
    )
    reply = Reply(Result.OK, (ReplyError("0.0", "INFORM", "El medidor muestra el límite.", "VERIFIED"),), "OS-1")
    return ControlResponse(header, reply, (control,))


@pytest.mark.parametrize(
    ("name", "old", "new", "code", "at"),
    [
        ("meter-config", ">true</c:needs", ">false</c:needs", "5.2", "rcdInfo/needsPowerLimitCheck"),
        ("meter-config", "<c:unit>W</c:unit>", "<c:unit>VA</c:unit>", "5.2", "rcdInfo/powerLimit/unit"),
        ("meter-config", "<m:Payload>", "<m:Payload><m:x/>", "1.8", "ChangeMeterConfig/Payload/x"),
        ("meter-config", "<msg:Verb>change", "<msg:Verb>create", "2.9", "ChangeMeterConfig/Header/Verb"),
        ("meter-config", ">MeterConfig</msg:Noun>", ">Meter</msg:Noun>", "2.5", "ChangeMeterConfig/Header/Noun"),
        ("meter-config", "<msg:MessageID>1001</msg:MessageID>", "", "1.8", "ChangeMeterConfig/Header/CorrelationID"),
        ("meter-readings", "1.1.121.0", "1.1.124.0", "5.2", "GetMeterReadings/ReadingType/Names/name"),
        ("name-value", "powerLimit</m:name>", "powerLimits</m:name>", "1.8", "EndDeviceControl/attribute[3]/name"),
        ("name-value", "<m:value>2500", "<m:value>much", "5.2", "EndDeviceControl/attribute[3]/value"),
        ("draft-2009", ">2500<", ">lots<", "5.2", "EndDeviceControl/description"),
        ("iec-2017", ">2500<", ">lots<", "5.2", "EndDeviceControl/EndDeviceAction/command"),
        ("generic", "m:Payload", "m:Request", "1.7", "RequestMessage/Payload/EndDeviceControls/EndDeviceControl"),
    ],
)
def test_what_a_dialect_says_wrong_is_refused_where_it_was_said(
    name: str, old: str, new: str, code: str, at: str
) -> None:
    with pytest.raises(CimError) as refused:
        read(name, sample(name, (old, new)))

    refusal = refused.value.refusal
    assert (refusal.code, refusal.xpath[-len(at) :]) == (code, at)


def test_an_element_that_a_dialect_does_not_carry_out_is_refused_and_not_left_aside() -> None:
    table = (Path(__file__).parent / "golden" / "careless.toml").read_text()
    assert "description" not in table
    known = with_folder(Path(__file__).parent / "golden")

    with pytest.raises(CimError) as refused:
        read("careless", sample("draft-2009"), known)

    assert (refused.value.refusal.code, refused.value.refusal.xpath.rpartition("/")[2]) == ("5.2", "description")


def test_several_meters_in_one_message_are_an_order_each() -> None:
    text = sample("meter-config").decode()
    meter = text[text.index("      <c:Meter>") : text.index("</c:Meter>") + len("</c:Meter>")]
    other = meter.replace("M-1", "M-2").replace("OS-1", "OS-2").replace(">2500<", ">much<")
    asked = items(read("meter-config", text.replace(meter, f"{meter}\n{other}").encode()))

    assert isinstance(asked[0], ControlRequest)
    assert not isinstance(asked[1], ControlRequest)
    assert (asked[0].number, asked[1].number, asked[1].meter) == ("OS-1", "OS-2", "M-2")
    assert asked[1].refusal.xpath.endswith("MeterConfig/Meter[2]/ConnectDisconnectFunction/rcdInfo/powerLimit/value")


@pytest.mark.parametrize("name", ["iec-2017", "generic"])
def test_a_dialect_that_only_renames_has_every_operation(name: str) -> None:
    def asking(verb: str) -> bytes:
        in_root = [("Create", verb.title())] if name == "iec-2017" else []
        return sample(name, (">create<", f">{verb}<"), *in_root)

    cancel, get = read(name, asking("cancel")), read(name, asking("get"))
    assert isinstance(cancel, CancelRequest)
    assert (cancel.number, cancel.reason) == ("OS-1", "deuda")
    assert isinstance(get, GetRequest)
    assert get.number == "OS-1"


@pytest.mark.parametrize(
    ("text", "code", "watts"),
    [
        ("SET POWER LIMIT 2500 W", "3.15.139.13", 2500),
        ("limit=2.5 kW", "3.15.139.13", 2500),
        ("Remove limit", "3.15.0.55", None),
        ("DISCONNECT", "3.31.0.23", None),
        ("reconnect", "3.31.0.18", None),
        ("READ LIMIT", "3.15.139.46", None),
    ],
)
def test_a_command_in_words_is_the_order_that_it_says(text: str, code: str, watts: int | None) -> None:
    found = order_in("command-text", sample("command-text", ("SET POWER LIMIT 2500 W", text)))

    assert (found.control_type, found.watts) == (code, watts)


def test_words_that_are_no_known_command_are_not_guessed_at() -> None:
    with pytest.raises(CimError) as refused:
        read("command-text", sample("command-text", ("SET POWER LIMIT 2500 W", "LIMIT TO SOMETHING LOW")))

    assert refused.value.refusal.code == "5.2"


def test_a_dialect_is_found_by_its_root_verb_and_noun_or_by_who_speaks_it() -> None:
    draft, ours = parse(sample("draft-2009")), parse(sample("iec"))

    found = shipped().find(draft)
    assert found is not None
    assert found[0].name == "draft-2009"
    assert shipped().find(ours) is None
    spoken = shipped().find(ours, "command-text")
    assert spoken is not None
    assert spoken[0].name == "command-text"
    assert shipped().find(parse(sample("generic", (">create<", ">close<")))) is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[answer]", "[answers]", "'answer' is missing"),
        ('becomes = "create"', 'becomes = "make"', "becomes is one of"),
        ('type = "d:type"', 'typ = "d:type"', "no typ"),
        ('type = "d:type"', 'type = "d:type["', "Invalid expression"),
    ],
)
def test_a_dialect_file_that_cannot_be_says_why(tmp_path: Path, old: str, new: str, told: str) -> None:
    (tmp_path / "mine.toml").write_text((GOLDEN / "careless.toml").read_text().replace(old, new))

    with pytest.raises(BadDialect, match=f"mine.toml.*{told}"):
        with_folder(tmp_path)


def test_our_own_sample_is_read_without_any_dialect() -> None:
    found = only(read_create(parse(sample("iec")), language="es"))

    assert (found.number, found.meter, found.watts) == ("OS-1", "M-1", Decimal(2500))
