"""`aforo town`: a town by itself on real sockets, read by a DLMS client that is not ours."""

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dlms_cosem import cosem, enumerations
from dlms_cosem.clients.dlms_client import DlmsClient

from aforo.adapters.key_vault import FileKeyVault
from aforo.adapters.meter_model_files import load_models
from aforo.adapters.registry_csv import (
    CONCENTRATOR_COLUMNS,
    METER_COLUMNS,
    METER_OPTIONS,
    concentrators_of,
    meters_of,
    read_csv,
)
from aforo.app.main import main

TOWN = """\
name = "a street"
[[concentrator]]
number = "CT-1"
meters = 3
first_meter = 101
[[concentrator]]
number = "TR-1"
link = "transparent"
meters = 2
first_meter = 201
[[meter]]
number = "301"
"""
POWER = cosem.Obis(1, 0, 1, 7, 0, 255)
SAP_ASSIGNMENT = cosem.Obis(0, 0, 41, 0, 0, 255)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("town")
    file = folder / "town.toml"
    file.write_text(TOWN, encoding="utf-8")
    command = [sys.executable, "-m", "aforo", "town", "run", str(file), "--registry", str(folder / "r"), "--json"]
    command += ["--local", "102", "--local", "301"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = "".join(iter(process.stdout.readline, "}\n")) + "}"
        assert (json.loads(told)["meters"], json.loads(told)["concentrators"]) == (6, 2)
        (folder / "local.json").write_text(json.dumps(json.loads(told)["local"]), encoding="utf-8")
        yield folder / "r"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def rows_of(registry: Path) -> dict[str, dict[str, str]]:
    with (registry / "access.csv").open(encoding="utf-8") as file:
        return {row["meter_number"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("number", ["102", "202", "301"])
def test_a_client_that_is_not_ours_reads_any_meter_ciphered_and_without_a_gateway(registry: Path, number: str) -> None:
    row = rows_of(registry)[number]
    client = DlmsClient.with_tcp_transport(
        row["host"],
        int(row["port"]),
        int(row["client_sap"]),
        int(row["server_sap"]),
        authentication_method=enumerations.AuthenticationMechanism.HLS_GMAC,
        encryption_key=bytes.fromhex(row["encryption_key"]),
        authentication_key=bytes.fromhex(row["authentication_key"]),
        client_system_title=b"NOTOURS1",
        client_initial_invocation_counter=10,
    )

    with client.session() as session:
        power = session.get(cosem.CosemAttribute(enumerations.CosemInterface.REGISTER, POWER, 2))

    assert power[0] == 0x06
    assert 0 < int.from_bytes(power[1:], "big") < 20_000


@pytest.mark.parametrize("number", ["102", "301"])
def test_a_meter_s_local_port_is_a_serial_port_for_the_field_crew_s_tool(
    registry: Path, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice: whoever has left it is signed on anew."""
    port = json.loads((registry.parent / "local.json").read_text(encoding="utf-8"))[number]
    row = rows_of(registry)[number]
    keys = ["--key", row["encryption_key"], "--authentication-key", row["authentication_key"]]

    for given in ([], keys):
        assert main(["local", "read", "--port", port, "--device", number, *given, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["device_name"].endswith(number)


def test_a_meter_that_is_not_in_the_town_has_no_local_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "town.toml").write_text(TOWN, encoding="utf-8")

    assert main(["town", "run", str(tmp_path / "town.toml"), "--local", "999"]) == 1
    assert "there is no meter 999" in capsys.readouterr().err


def test_a_concentrator_lists_its_meters_as_logical_devices(registry: Path) -> None:
    row = rows_of(registry)["101"]
    client = DlmsClient.with_tcp_transport(row["host"], int(row["port"]), 16, 1)

    with client.session() as session:
        devices = session.get(cosem.CosemAttribute(enumerations.CosemInterface.SAP_ASSIGNMENT, SAP_ASSIGNMENT, 2))

    for number, sap in (("101", 0x100), ("102", 0x101), ("103", 0x102)):
        assert b"\x12" + sap.to_bytes(2, "big") + b"\x09\x03" + number.encode() in devices


def test_what_it_writes_can_be_imported_and_is_for_its_owner_only(registry: Path) -> None:
    vault = FileKeyVault(bytes(32))
    concentrators, meters = (
        (registry / name).read_text(encoding="utf-8") for name in ("concentrators.csv", "meters.csv")
    )
    assert len(concentrators_of(read_csv(concentrators, CONCENTRATOR_COLUMNS), vault)) == 2
    assert len(meters_of(read_csv(meters, METER_COLUMNS, METER_OPTIONS), vault, models=load_models())) == 6
    for file in registry.iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_a_town_is_made_and_checked_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new.toml"

    assert main(["town", "new", "--meters", "300", "--seed", "5", "--set", "not_in_table=0.1", "-o", str(file)]) == 0
    assert main(["town", "check", str(file)]) == 0
    file.write_text(file.read_text(encoding="utf-8").replace("line_delay_ms", "line_delay"), encoding="utf-8")
    capsys.readouterr()

    assert main(["town", "check", str(file)]) == 1
    assert "unknown key 'line_delay'" in capsys.readouterr().out
    assert main(["town", "new", "--set", "nothing=1"]) == 2
    assert main(["town", "new", "--set", "protected"]) == 2
