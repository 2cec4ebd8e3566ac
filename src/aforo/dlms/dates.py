"""date-time of 12 octets (IEC 62056-6-2, clause 4.1.6.1).

year(2) month day weekday hour minute second hundredths deviation(2) status. deviation: minutes from local time to UTC,
so Santiago in winter has +240. FF, or 8000 for the deviation, means unspecified.
"""

from datetime import UTC, datetime, timedelta, timezone

from aforo.dlms.errors import LocalProtocolError, malformed

OCTETS = 12
_UNSPECIFIED_DEVIATION = -0x8000
_DST = 0x80
_DEVIATION_MAX = 840


def encode(at: datetime) -> bytes:
    """An aware moment in its own zone; what is finer than hundredths of a second is cut off."""
    offset = at.utcoffset()
    if offset is None:
        raise LocalProtocolError("a moment without a zone is ambiguous")
    deviation = -int(offset.total_seconds() // 60)
    status = _DST if at.dst() else 0
    return (
        at.year.to_bytes(2, "big")
        + bytes((at.month, at.day, at.isoweekday(), at.hour, at.minute, at.second, at.microsecond // 10_000))
        + deviation.to_bytes(2, "big", signed=True)
        + bytes((status,))
    )


def decode(octets: bytes) -> datetime | None:
    """Aware. None when parts of it, or its deviation, are unspecified. Raises RemoteProtocolError (MALFORMED)."""
    if len(octets) != OCTETS:
        raise malformed(f"a date-time has {OCTETS} octets, not {len(octets)}")
    year = int.from_bytes(octets[0:2], "big")
    month, day, _, hour, minute, second, hundredths = octets[2:9]
    deviation = int.from_bytes(octets[9:11], "big", signed=True)
    if year == 0xFFFF or 0xFF in (month, day, hour, minute, second) or deviation == _UNSPECIFIED_DEVIATION:
        return None
    if not 1 < year < 9999:
        raise malformed(f"the year {year}, which has no time in every zone")
    if abs(deviation) > _DEVIATION_MAX:
        raise malformed(f"a deviation of {deviation} minutes")
    zone = timezone(timedelta(minutes=-deviation)) if deviation else UTC
    try:
        microsecond = 0 if hundredths == 0xFF else hundredths * 10_000
        return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=zone)
    except ValueError as wrong:
        raise malformed(f"a date-time that does not exist: {wrong}") from None
