"""`aforo local read` at a pty with a simulated meter behind it: what is shown to whom, and what is said otherwise."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from aforo.adapters.system_entropy import SystemEntropy
from aforo.app.main import main
from aforo.simulator.meter import Meter
from unit.adapters.local_meter import LocalMeter, local_meter
from unit.simulator.driven_meter import KEYS, NOON, OTHER_KEYS, a_meter

WITH_KEYS = ("--key", KEYS.encryption.octets.hex(), "--authentication-key", KEYS.authentication.octets.hex())
WRONG_KEYS = (
    "--key",
    OTHER_KEYS.encryption.octets.hex(),
    "--authentication-key",
    OTHER_KEYS.authentication.octets.hex(),
)


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    monkeypatch.delenv("AFORO_LOCAL_KEY", raising=False)
    monkeypatch.delenv("AFORO_LOCAL_AUTHENTICATION_KEY", raising=False)


async def read(meter: Meter, *words: str, prepare: Callable[[LocalMeter], None] = lambda _: None) -> int:
    """The exit code. The command has a thread and a loop of its own, as in its process."""
    with local_meter(meter) as at_the_port:
        prepare(at_the_port)
        return await asyncio.to_thread(main, ["local", "read", "--port", at_the_port.port, "--json", *words])


async def test_without_keys_a_meter_shows_who_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert await read(a_meter()) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["manufacturer"], shown["identification"], shown["speed"]) == ("AFO", "SIM-1.0", 9600)
    assert (shown["device_name"], shown["clock"], shown["limit_w"]) == ("AFO0000020300001", None, None)


async def test_with_keys_it_shows_its_clock_its_limit_and_its_switch(capsys: pytest.CaptureFixture[str]) -> None:
    meter = a_meter(limit_w=4_500)

    assert await read(meter, *WITH_KEYS, "--speed-max", "4800") == 0

    shown = json.loads(capsys.readouterr().out)
    assert (shown["speed"], shown["device_name"], shown["clock"]) == (4800, "AFO0000020300001", NOON.isoformat())
    assert (shown["limit_w"], shown["active_limit_w"], shown["switch"]) == (4500, 4500, "connected")
    assert meter.threshold_w == 4_500


async def test_its_events_and_its_load_profile_are_shown_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    meter = a_meter(3_400, limit_w=2_500, min_over_threshold_s=60)
    meter.advance(NOON - timedelta(hours=2))
    meter.advance(NOON)

    model = ("--model", "class71-single-phase", "--profile", "1", "--events")
    assert await read(meter, *WITH_KEYS, *model) == 0

    shown = json.loads(capsys.readouterr().out)
    assert shown["events"] == [
        {"at": "2026-11-24T10:01:00+00:00", "0-0:96.11.0.255": 3, "event": "tripped: over the limit"}
    ]
    ends = [f"2026-11-24T{end}:00+00:00" for end in ("11:00", "11:15", "11:30", "11:45", "12:00")]
    assert shown["profile"] == [{"at": end, "1-0:1.4.0.255": 0} for end in ends]


async def test_a_log_whose_layout_the_model_does_not_tell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert await read(a_meter(), *WITH_KEYS, "--events") == 2
    assert "--events: model class71 does not say how it lies" in json.loads(capsys.readouterr().out)["error"]


async def test_no_two_readings_use_one_title_so_that_no_nonce_comes_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[bytes] = []
    octets = SystemEntropy.octets

    def noted(entropy: SystemEntropy, count: int) -> bytes:
        drawn.append(octets(entropy, count))
        return drawn[-1]

    monkeypatch.setattr(SystemEntropy, "octets", noted)
    meter = a_meter()
    for _ in range(2):
        assert await read(meter, *WITH_KEYS) == 0
    capsys.readouterr()
    titles = [one for one in drawn if len(one) == 5]
    assert len(set(titles)) == len(titles) == 2


async def test_other_keys_are_told_as_such_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert await read(a_meter(), *WRONG_KEYS) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["cause"] == "WRONG_KEY"
    assert WRONG_KEYS[1] not in told["error"]


async def test_a_speed_that_no_port_has_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert await read(a_meter(), "--speed", "0") == 1
    assert "cannot do 0 Bd" in json.loads(capsys.readouterr().out)["error"]


async def test_a_port_with_a_meter_of_another_kind_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def other(meter: LocalMeter) -> None:
        meter.says = b"/XMX5LGBBFFB231096081\r\n"

    assert await read(a_meter(), prepare=other) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["cause"] == "METER_UNREACHABLE"
    assert "offers no HDLC" in told["error"]


@pytest.mark.parametrize(
    "words",
    [
        ("--key", "00"),
        ("--key", "00" * 16),
        ("--key", "0g" * 16, "--authentication-key", "00" * 16),
        ("--title", "00"),
        ("--model", "unknown"),
        ("--device", "!"),
        ("--speed-max", "1234"),
    ],
)
def test_a_wrong_argument_is_told_before_the_port_is_opened(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["local", "read", "--port", "nowhere", *words]) == 2
    assert capsys.readouterr().err.startswith("aforo: ")
