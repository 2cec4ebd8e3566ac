"""Links of meters: to a usage point and a concentrator, by a message of the commercial system."""

from msgspec.structs import replace

from aforo.cim.master_data_linkage import LinkageRequest
from aforo.cim.message import INFORM, Reply, ReplyError, Result
from aforo.cim.refusal import CimError, Refusal
from aforo.domain.devices import Link, Meter
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber
from aforo.engine.ports import Clock, DeviceRegistry

_LINKED = ("El medidor está enlazado.", "The meter is linked.")
_UNLINKED = ("El enlace terminó.", "The link is over.")


class LinkDesk:
    def __init__(self, registry: DeviceRegistry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock

    async def link(self, request: LinkageRequest) -> Reply:
        """Durable when it returns. Orders that wait are routed anew before they are sent. Raises CimError."""
        meter = (await self._registry.meters([MeterNumber(request.meter)])).get(MeterNumber(request.meter))
        if meter is None:
            es, en = "El medidor no está registrado.", "The meter is not registered."
            raise CimError(Refusal(code="2.4", es=es, en=en, xpath=request.meter_at))
        changed = await self._linked(meter, request) if request.links else _unlinked(meter, request)
        if changed != meter:
            await self._registry.put_meters([changed], self._clock.now())
        words = (_LINKED if request.links else _UNLINKED)[request.language == "en"]
        return Reply(Result.OK, (ReplyError("0.0", INFORM, words),))

    async def _linked(self, meter: Meter, request: LinkageRequest) -> Meter:
        changed = replace(meter, usage_point=request.usage_point or meter.usage_point)
        if not request.concentrator:
            return changed
        if meter.link is Link.DIRECT:
            es, en = "El medidor es punto a punto.", "The meter is direct: it has no concentrator."
            raise _mismatch(es, en, request.concentrator_at)
        number = ConcentratorNumber(request.concentrator)
        if await self._registry.concentrator(number) is None:
            es, en = "El concentrador no está registrado.", "The concentrator is not registered."
            raise _mismatch(es, en, request.concentrator_at)
        return replace(changed, concentrator=number)


def _unlinked(meter: Meter, request: LinkageRequest) -> Meter:
    """What is undone is what there is: else another link would be cut than the sender means."""
    for told, now, at in (
        (request.usage_point, meter.usage_point, request.usage_point_at),
        (request.concentrator, meter.concentrator or "", request.concentrator_at),
    ):
        if told and told != now:
            raise _mismatch("El medidor no está enlazado con eso.", "The meter is not linked to that.", at)
    return replace(
        meter,
        usage_point="" if request.usage_point else meter.usage_point,
        concentrator=None if request.concentrator else meter.concentrator,
    )


def _mismatch(es: str, en: str, at: str) -> CimError:
    return CimError(Refusal(code="2.29", es=es, en=en, xpath=at))
