"""aforo local: a meter at a serial port of this machine, by an optical head or a cable (interface I0)."""

import importlib
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aforo.app.commands.key_options import suite_0_keys_of, title_of
from aforo.app.commands.options import AsJson
from aforo.app.console_output import CommandFailed, WrongUsage, language, say_json, say_pairs, say_table
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.mode_e import ClientSignOnSettings
from aforo.domain.causes import CAUSES
from aforo.domain.devices import Address, Framing
from aforo.domain.meter_models import GENERIC, LogLayout, MeterModel
from aforo.flow.device_client import DeviceLost

if TYPE_CHECKING:
    from aforo.app.local_logs import LogRow
    from aforo.app.local_reading import LocalReading

commands = typer.Typer(no_args_is_help=True, help="A meter at a serial port of this machine.")


_Port = Annotated[str, typer.Option(metavar="PATH", help="Serial port of the optical head or cable.")]
_Speed = Annotated[
    int | None,
    typer.Option(metavar="BAUD", help="HDLC at once at this speed. Default: sign-on of IEC 62056-21, mode E."),
]
_SpeedMax = Annotated[int, typer.Option(metavar="BAUD", help="No higher speed is chosen in the sign-on.")]
_Device = Annotated[
    str, typer.Option(metavar="NUMBER", help="Device address of the sign-on, where several meters share the line.")
]
_Client = Annotated[
    int, typer.Option(metavar="N", min=0, max=127, help="Client that the keys are for; without keys it is 16.")
]
_Server = Annotated[int, typer.Option(metavar="N", min=0, max=0x3FFF, help="Logical device.")]
_Physical = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=0x3FFD, help="HDLC lower address, where the meter needs one.")
]
_EncryptionKey = Annotated[
    str | None,
    typer.Option(metavar="EK", envvar="AFORO_LOCAL_KEY", help="Encryption key in hex. Better in AFORO_LOCAL_KEY."),
]
_AuthenticationKey = Annotated[
    str | None,
    typer.Option(
        metavar="AK",
        envvar="AFORO_LOCAL_AUTHENTICATION_KEY",
        help="Authentication key in hex. Better in AFORO_LOCAL_AUTHENTICATION_KEY.",
    ),
]
_Title = Annotated[
    str | None, typer.Option(metavar="HEX", help="The meter's system title. Default: as the meter tells it.")
]
_Profile = Annotated[
    int | None, typer.Option(metavar="HOURS", min=1, max=744, help="With keys: the load profile of the last hours too.")
]
_Events = Annotated[bool, typer.Option("--events", help="With keys: the event log too.")]
_Model = Annotated[str, typer.Option(metavar="NAME", help="Meter model, as in a meter import.")]


@commands.callback()
def _local() -> None:
    """So that `read` is a command of its own, though it is the only one."""


@commands.command()
def read(
    *,
    port: _Port,
    speed: _Speed = None,
    speed_max: _SpeedMax = 19200,
    device: _Device = "",
    client: _Client = 1,
    server: _Server = 1,
    physical_device: _Physical = None,
    key: _EncryptionKey = None,
    authentication_key: _AuthenticationKey = None,
    title: _Title = None,
    model: _Model = GENERIC,
    profile: _Profile = None,
    events: _Events = False,
    as_json: AsJson = False,
) -> int:
    """Show who the meter is and its clock; with keys also its limit and its switch. Nothing is changed.

    Needs no running system. Without keys the meter's public client is asked, which shows little.
    """
    reading = importlib.import_module("aforo.app.local_reading")  # no other command has to wait for it
    try:
        signing_on = ClientSignOnSettings(device_address=device, speed_max=speed_max)
    except LocalProtocolError as wrong:
        raise WrongUsage(str(wrong)) from None
    access = reading.LocalAccess(
        address=Address(port, 0, client, server, Framing.HDLC, physical_device),
        sign_on=signing_on if speed is None else speed,
        keys=suite_0_keys_of(key, authentication_key),
        title=title_of(title) if title else None,
        model=_model(model),
        logs=reading.LogsWanted(None if profile is None else timedelta(hours=profile), events),
    )
    _check_logs(access.model, access.logs)
    found = _read(reading, access)
    document, logs = _document(found), _logs(found, access.model)
    if as_json:
        say_json({**document, **logs})
    else:
        say_pairs(document.items())
        for rows in logs.values():
            headings = tuple(rows[0]) if rows else ("at",)
            say_table(headings, [[str(row[key]) for key in headings] for row in rows])
    return 0


def _check_logs(model: MeterModel, wanted: Any) -> None:
    """Raises WrongUsage."""
    for name, layout, is_wanted in (
        ("--profile", model.profile, wanted.profile is not None),
        ("--events", model.events, wanted.events),
    ):
        if is_wanted and layout is None:
            raise WrongUsage(f"{name}: model {model.name} does not say how it lies; see --model")


def _logs(reading: "LocalReading", model: MeterModel) -> dict[str, list[dict[str, Any]]]:
    """Only those that were read. An event's number has its words beside it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, layout in (("profile", model.profile), ("events", model.events)):
        rows: list[LogRow] | None = getattr(reading.shown, name)
        if rows is not None and layout is not None:
            found[name] = [_log_row(row, layout) for row in rows]
    return found


def _log_row(row: "LogRow", layout: LogLayout) -> dict[str, Any]:
    shown = {
        "at": None if row.at is None else row.at.isoformat(),
        **{key: _plain(row.values[key]) for key in row.values},
    }
    if layout.words:
        number = row.values[layout.columns[1]]
        shown["event"] = layout.words.get(number) if isinstance(number, int) else None
    return shown


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _read(reading: Any, access: Any) -> "LocalReading":
    """Raises CommandFailed."""
    runner = importlib.import_module("asyncio").run
    clock = importlib.import_module("aforo.adapters.system_clock").SystemClock()
    entropy = importlib.import_module("aforo.adapters.system_entropy").SystemEntropy()
    try:
        found: LocalReading = runner(reading.read_locally(access, clock, entropy))
    except DeviceLost as lost:
        facts = CAUSES[lost.cause]
        words = facts.en if language() == "en" else facts.es
        raise CommandFailed(f"{words}: {lost.detail}", cause=lost.cause.value) from lost
    return found


def _model(name: str) -> MeterModel:
    models: dict[str, MeterModel] = importlib.import_module("aforo.adapters.meter_model_files").load_models()
    if name not in models:
        raise WrongUsage(f"--model: unknown; they are {', '.join(sorted(models))}")
    return models[name]


def _document(reading: "LocalReading") -> dict[str, Any]:
    """What was not shown is null."""
    identification, shown, readback = reading.identification, reading.shown, reading.shown.readback
    active = None if readback is None else readback.active_watts
    return {
        "manufacturer": None if identification is None else identification.manufacturer,
        "identification": None if identification is None else identification.text,
        "speed": reading.speed,
        "device_name": shown.device_name,
        "clock": None if shown.clock is None else shown.clock.isoformat(),
        "limit_w": None if readback is None else _number(readback.watts),
        "active_limit_w": None if active is None else _number(active),
        "emergency": None if readback is None else readback.emergency,
        "switch": None if readback is None or readback.breaker is None else readback.breaker.name.lower(),
    }


def _number(watts: Any) -> int | float:
    return int(watts) if watts == int(watts) else float(watts)
