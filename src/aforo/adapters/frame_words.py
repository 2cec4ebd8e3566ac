"""What went over the line to a meter, in words, for whoever asks about an order. Keys and passwords are never shown."""

from collections.abc import Iterable
from typing import Any

from aforo.dlms import printer
from aforo.dlms.keys import Keys, SystemTitle
from aforo.domain.devices import DeviceSecurity, Meter
from aforo.domain.order import Fact
from aforo.engine.ports import KeyVault, KeyVaultMismatch
from aforo.flow.decision import HEADEND, METER


def visits_in_words(
    facts: Iterable[Fact], meter: Meter | None, *, own_title: SystemTitle, vault: KeyVault
) -> list[dict[str, Any]]:
    """One for each visit of which the frames are on record: attempt, at, frames.

    A visit that a concentrator made itself has none. meter: as it is registered now; a key that was changed since does
    not fit, which the words say.
    """
    keys, titles = _known(None if meter is None else meter.security, own_title, vault)
    return [
        {"attempt": fact.payload["attempt"], "at": fact.at.isoformat(), "frames": _frames(fact.payload, keys, titles)}
        for fact in facts
        if fact.payload.get("frames")
    ]


def _known(
    security: DeviceSecurity | None, own_title: SystemTitle, vault: KeyVault
) -> tuple[Keys | None, list[SystemTitle]]:
    titles = [own_title]
    if security is None:
        return None, titles
    if security.system_title:
        titles.append(SystemTitle(security.system_title))
    if not security.has_keys:
        return None, titles
    try:
        return Keys(vault.unwrap(security.encryption_key), vault.unwrap(security.authentication_key)), titles
    except KeyVaultMismatch:
        return None, titles


def _frames(payload: dict[str, Any], keys: Keys | None, titles: list[SystemTitle]) -> list[dict[str, Any]]:
    frames = payload["frames"]
    trees = printer.describe_each((bytes.fromhex(frame["octets"]) for frame in frames), keys, titles)
    return [
        {
            "from": HEADEND if frame["heard_at"] is None else METER,
            "heard_at": frame["heard_at"],
            "octets": frame["octets"],
            "words": [line.rstrip() for line in printer.lines(tree)],
        }
        for frame, tree in zip(frames, trees, strict=True)
    ]
