"""`aforo model`: what is shipped, and every fault of a file at once."""

import json
from pathlib import Path

import pytest

from aforo.app.main import main

GOOD = """name = "acme"
title = "ACME"
method = "registers"
thresholds = ["1-0:94.34.1.255", "1-0:94.34.2.255"]
"""


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFORO_MODELS", raising=False)


def test_the_shipped_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "list", "--json"]) == 0
    models = {row["name"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert set(models) == {
        *("class71", "class71-watts", "registers-prime"),
        *("class71-single-phase", "class71-three-phase"),
    }
    assert models["registers-prime"]["method"] == "registers"
    assert models["class71-watts"]["scale"] == "10^0 W"


def test_a_model_of_the_operators_is_listed_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "acme.toml").write_text(GOOD)
    monkeypatch.setenv("AFORO_MODELS", str(tmp_path))
    assert main(["model", "list"]) == 0
    assert "1-0:94.34.2.255" in capsys.readouterr().out


def test_a_good_file_has_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(GOOD)
    assert main(["model", "check", str(file)]) == 0
    assert "1 checked, 0 faults" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("", ["name is missing", "title is missing"], id="empty"),
        pytest.param("name = 1", ["name is missing or is not a text", "title is missing"], id="types"),
        pytest.param("name = ", ["Invalid value"], id="no TOML"),
        pytest.param(GOOD + "colour = 1", ["unknown key 'colour'"], id="unknown key"),
        pytest.param(GOOD + "scaler = 7", ["scaler is a power of ten from -6 to 6, not 7"], id="scaler"),
        pytest.param(GOOD + "scaler = true", ["scaler is a power of ten"], id="scaler, no number"),
        pytest.param(GOOD + 'ciphering = "no"', ["ciphering is auto"], id="ciphering"),
        pytest.param(GOOD + 'limiter = "0-0:17.0.0.255"', ["limiter is for method limiter"], id="two methods"),
        pytest.param(GOOD.replace("registers", "magic"), ["method is limiter or registers"], id="method"),
        pytest.param(GOOD.replace("registers", "limiter"), ["thresholds is for method registers"], id="unused"),
        pytest.param(GOOD.replace("34.2", "34.1"), ["names a register twice"], id="twice"),
        pytest.param(GOOD.replace("1-0:94.34.2.255", "1.0.94.34.1.255"), ["the same object"], id="same object"),
        pytest.param(GOOD.replace("34.2.255", "34.2.256"), ["is not an OBIS code"], id="no OBIS code"),
        pytest.param(GOOD.replace("acme", "a" * 200), ["name has 1 to"], id="long name"),
        pytest.param(GOOD + "control_mode = 7", ["control_mode is a whole number from 0 to 6, not 7"], id="mode"),
        pytest.param(GOOD + 'verify = "no"', ["verify is told, active, kept, not 'no'"], id="verify"),
        pytest.param(GOOD + "emergency_profile = 1", ["emergency_profile is for method limiter"], id="emergency"),
        pytest.param(GOOD + "emergency_profile = 0", ["from 1 to 65535", "for method limiter"], id="no profile"),
        pytest.param(GOOD + "profile = 1", ["profile is a table with code and columns"], id="no table"),
        pytest.param(
            GOOD + '[events]\ncolour = 1\ncolumns = ["0-0:1.0.0.255"]\nwords = {x = "y"}',
            [
                "events.colour is not known",
                "events.code is missing",
                "has 2 to 32 OBIS codes, not 1",
                "events.words gives",
            ],
            id="log",
        ),
        pytest.param(
            GOOD + '[profile]\ncode = "1-0:99.1.0.255"\ncolumns = ["0-0:1.0.0.255", "x"]',
            ["is not an OBIS code"],
            id="column",
        ),
        pytest.param(GOOD.replace("thresholds", "#"), ["thresholds has 1 to 32 OBIS codes, not 0"], id="none"),
    ],
)
def test_every_fault_is_told_with_the_file(
    text: str, faults: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    assert main(["model", "check", str(file), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["faults"]
    assert len(told) == len(faults)
    assert all(line.startswith(str(file)) and fault in line for line, fault in zip(told, faults, strict=True))


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff")
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * 70_000)
    assert main(["model", "check", str(tmp_path / "none.toml"), str(binary), str(huge)]) == 1
    out = capsys.readouterr().out
    assert "No such file" in out
    assert "not UTF-8" in out
    assert "at most 65536 octets" in out
