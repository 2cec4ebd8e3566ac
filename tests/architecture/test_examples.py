"""The examples speak of what there is."""

import json
import re

import yaml

from aforo.adapters.metrics import Metrics
from aforo.app.processes import PROCESSES
from aforo.app.settings import Settings
from architecture.test_house import ROOT
from cases import WEDNESDAY
from unit.app.backlogs import an_idle_backlog


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    page = Metrics().page(an_idle_backlog(WEDNESDAY)).decode()
    told = set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))
    dashboard = json.loads((ROOT / "examples" / "grafana" / "aforo.json").read_text(encoding="utf-8"))
    asked = {name for panel in dashboard["panels"] for name in re.findall(r"aforo_\w+", panel["targets"][0]["expr"])}

    assert asked
    assert {name.removesuffix("_bucket") for name in asked} - told == set()


def test_each_unit_runs_a_process_that_there_is() -> None:
    units = sorted((ROOT / "examples" / "systemd").glob("*.service"))
    commands = [
        re.search(r"^ExecStart=.*\baforo (\w+)", unit.read_text(encoding="utf-8"), re.MULTILINE) for unit in units
    ]

    assert [command[1] for command in commands if command is not None] == ["headend", "integration"]
    assert {"headend", "integration"} < set(PROCESSES)


def test_the_compose_file_runs_processes_that_there_are_with_settings_that_there_are() -> None:
    """Read, not run: it takes containers."""
    services = yaml.safe_load((ROOT / "examples" / "compose" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    ours = {name: service for name, service in services.items() if "command" in service}
    known = {f"AFORO_{name.upper()}" for name in Settings.model_fields}

    assert {service["command"][0] for service in ours.values()} == {"headend", "integration"}
    assert {"headend", "integration"} < set(PROCESSES)
    for service in ours.values():
        assert {name for name in service["environment"] if name.startswith("AFORO_")} - known == set()
        assert {"AFORO_DATABASE_URL", "AFORO_KEK"} <= set(service["environment"])
