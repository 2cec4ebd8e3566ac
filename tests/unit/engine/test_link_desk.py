"""Links of meters: made, made again, undone; and never another one than is meant."""

from typing import Any

import pytest

from aforo.cim.master_data_linkage import LinkageRequest
from aforo.cim.message import Header
from aforo.cim.refusal import CimError
from aforo.domain.devices import Link, Meter
from aforo.engine.link_desk import LinkDesk
from unit.engine.engine_situations import HeadEnd
from unit.engine.virtual_time import in_virtual_time


def asked(**changes: Any) -> LinkageRequest:
    header = Header(verb="create", noun="MasterDataLinkageConfig", source="CIS", message_id="1")
    told = {"links": True, "meter": "M-1", "concentrator": "C-2", "language": "en", **changes}
    return LinkageRequest(header=header, meter_at="meter", usage_point_at="place", concentrator_at="device", **told)


class Scene:
    """M-1 behind C-1, M-9 direct."""

    def __init__(self) -> None:
        self.headend = HeadEnd()
        self.desk = LinkDesk(self.headend.registry, self.headend.clock)

    async def begin(self) -> "Scene":
        for number in ("C-1", "C-2"):
            await self.headend.concentrator(number)
        await self.headend.linked_meter(Link.DELEGATED)
        await self.headend.direct_meter("M-9")
        return self

    async def meter(self) -> Meter:
        (meter,) = (await self.headend.registry.meters(["M-1"])).values()  # type: ignore[list-item]
        return meter


def test_a_meter_is_linked_and_linked_again_and_unlinked() -> None:
    async def scene() -> None:
        here = await Scene().begin()

        first = await here.desk.link(asked(usage_point="UP-7"))
        await here.desk.link(asked(usage_point="UP-7"))
        linked = await here.meter()
        await here.desk.link(asked(links=False))
        unlinked = await here.meter()

        assert first.errors[0].reason == "The meter is linked."
        assert (linked.concentrator, linked.usage_point) == ("C-2", "UP-7")
        assert (unlinked.concentrator, unlinked.usage_point) == (None, "UP-7")

    in_virtual_time(scene())


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [
        ({"meter": "M-7"}, "2.4", "meter"),
        ({"concentrator": "C-9"}, "2.29", "device"),
        ({"meter": "M-9"}, "2.29", "device"),
        ({"links": False}, "2.29", "device"),
        ({"links": False, "concentrator": "", "usage_point": "UP-9"}, "2.29", "place"),
    ],
)
def test_what_cannot_be_linked_or_is_not_is_refused_and_nothing_changes(
    changes: dict[str, Any], code: str, at: str
) -> None:
    async def scene() -> None:
        here = await Scene().begin()
        before = await here.meter()

        with pytest.raises(CimError) as refused:
            await here.desk.link(asked(**changes))

        assert (refused.value.refusal.code, refused.value.refusal.xpath) == (code, at)
        assert await here.meter() == before

    in_virtual_time(scene())
