"""MasterDataLinkageConfig, read against the published schema."""

import pytest

from aforo.cim.master_data_linkage import SCHEMA, LinkageRequest, read_linkage
from aforo.cim.message import Header
from aforo.cim.refusal import CimError
from aforo.cim.xml_reading import parse
from unit.cim.cim_situations import independent_schema

LINKAGE = """<m:CreateMasterDataLinkageConfig xmlns:m="http://iec.ch/TC57/2011/MasterDataLinkageConfigMessage"
    xmlns="http://iec.ch/TC57/2011/schema/message" xmlns:l="http://iec.ch/TC57/2011/MasterDataLinkageConfig#">
  <m:Header><Verb>create</Verb><Noun>MasterDataLinkageConfig</Noun><Source>CIS</Source><MessageID>1</MessageID></m:Header>
  <m:Payload><l:MasterDataLinkageConfig><l:EndDevice><l:mRID>C-1</l:mRID></l:EndDevice>
    <l:Meter><l:Names><l:name>M-1</l:name></l:Names></l:Meter><l:UsagePoint><l:mRID>UP-1</l:mRID></l:UsagePoint>
  </l:MasterDataLinkageConfig></m:Payload>
</m:CreateMasterDataLinkageConfig>"""
AT = "/CreateMasterDataLinkageConfig/Payload/MasterDataLinkageConfig"


def test_a_link_is_read_whole_and_complies_with_the_schema() -> None:
    independent_schema(SCHEMA).validate(LINKAGE)

    assert read_linkage(parse(LINKAGE.encode()), language="en") == LinkageRequest(
        header=Header(verb="create", noun="MasterDataLinkageConfig", source="CIS", message_id="1"),
        links=True,
        meter="M-1",
        usage_point="UP-1",
        concentrator="C-1",
        language="en",
        meter_at=f"{AT}/Meter",
        usage_point_at=f"{AT}/UsagePoint",
        concentrator_at=f"{AT}/EndDevice",
    )


def test_an_unlink_is_told_from_a_link() -> None:
    text = LINKAGE.replace("CreateM", "DeleteM").replace(">create<", ">delete<")

    assert not read_linkage(parse(text.encode()), language="en").links


METER = "<l:Meter><l:Names><l:name>M-1</l:name></l:Names></l:Meter>"
BOTH = ("<l:EndDevice><l:mRID>C-1</l:mRID></l:EndDevice>", "<l:UsagePoint><l:mRID>UP-1</l:mRID></l:UsagePoint>")


@pytest.mark.parametrize(
    ("replaced", "code", "at"),
    [
        ({">create<": ">delete<"}, "2.9", "/CreateMasterDataLinkageConfig/Header/Verb"),
        ({METER: ""}, "1.7", f"{AT}/Meter"),
        ({BOTH[0]: "", BOTH[1]: ""}, "1.7", f"{AT}/UsagePoint"),
        ({METER: METER * 2}, "3.1", f"{AT}/Meter[2]"),
        ({METER: f"{METER}<l:x/>"}, "1.8", f"{AT}/x"),
    ],
)
def test_a_link_that_cannot_be_is_refused_where_it_is_wrong(replaced: dict[str, str], code: str, at: str) -> None:
    text = LINKAGE
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)

    with pytest.raises(CimError) as refused:
        read_linkage(parse(text.encode()), language="es")

    assert (refused.value.refusal.code, refused.value.refusal.xpath) == (code, at)
