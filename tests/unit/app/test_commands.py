"""What every command prints, as a table and as JSON, and with which code it ends."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import ValidationError

from aforo.adapters.key_vault import KeyVaultUnusable
from aforo.adapters.listening import PortTaken
from aforo.adapters.operator_documents import concentrator_document, fact_document, meter_document
from aforo.adapters.postgres.embedded.errors import FolderInUse
from aforo.app import main as main_module
from aforo.app.main import main
from aforo.app.running_system import RunningSystem, announce
from aforo.app.settings import Settings
from aforo.domain.causes import Cause
from aforo.domain.devices import Address, Concentrator, DeviceSecurity
from aforo.domain.identifiers import ConcentratorNumber
from aforo.domain.order import Fact
from aforo.domain.order_states import OrderState
from aforo.engine.ports import StoreUnavailable
from cases import WEDNESDAY, a_meter, an_order
from registry_rows import KEY, a_concentrator_row, a_direct_row, a_meter_row, csv_of
from stub_system import TOKEN, URL, StubSystem, shown

A_CONCENTRATOR = Concentrator(
    number=ConcentratorNumber("C-1"), address=Address("10.0.0.7", 4059), security=DeviceSecurity(b"12345678")
)
RECEIVED = fact_document(
    Fact(1, WEDNESDAY, "Legacy", "Integration", "OrderReceived",
         {"order": "OS-1", "source": "CIS", "kind": "LIMIT", "meter": "M-1", "limit_w": 2500})
)  # fmt: skip


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    for name in ("AFORO_DATA", "AFORO_URL", "AFORO_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Of a system that runs."""
    announce(tmp_path, RunningSystem(URL, TOKEN, os.getpid()))
    return tmp_path


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> StubSystem:
    stub = StubSystem()
    stub.install(monkeypatch)
    return stub


@pytest.fixture
def run(data: Path, system: StubSystem) -> Callable[..., int]:
    def command(*words: str) -> int:
        return main([*words, "--data", str(data)])

    return command


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "rows.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_meters_are_imported_with_the_token_of_the_running_system(
    run: Callable[..., int], system: StubSystem, file: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    system.gives("POST", "meters", {"meters": 2}, 201)
    rows = [a_meter_row(), a_direct_row(meter_number="M-2")]

    assert run("meter", "import", file(csv_of(*rows))) == 0

    assert capsys.readouterr().out == "2 meters imported\n"
    assert system.sent == rows
    assert system.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_concentrators_are_imported_and_counted_in_json(
    run: Callable[..., int], system: StubSystem, file: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    system.gives("POST", "concentrators", {"concentrators": 1}, 201)

    assert run("concentrator", "import", file(csv_of(a_concentrator_row())), "--json") == 0

    assert json.loads(capsys.readouterr().out) == {"imported": 1, "kind": "concentrators"}


def test_a_wrong_heading_is_told_before_anything_is_sent(
    run: Callable[..., int], system: StubSystem, file: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = file("meter_number\nM-1\n")

    assert run("meter", "import", path) == 1

    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"{path}:1: usage_point: This column is missing."
    assert told[-1] == f"aforo: nothing was imported: 13 errors in {path}"
    assert system.requests == []


def test_what_the_system_finds_wrong_is_told_by_the_line_of_the_file(
    run: Callable[..., int], system: StubSystem, file: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"row": 2, "column": "model", "es": "Modelo desconocido.", "en": "Unknown model."}
    system.gives("POST", "meters", {"detail": "x", "errors": [wrong], "total": 1}, 422)
    text = csv_of(a_direct_row(), a_direct_row(meter_number="M-2")).replace("\nM-2", "\n\n\nM-2")

    assert run("meter", "import", file(text), "--json") == 1

    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["errors"] == [{"line": 5, "column": "model", "es": "Modelo desconocido.", "en": "Unknown model."}]
    assert captured.err == ""
    assert KEY not in captured.out


@pytest.mark.parametrize("octets", [b"", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_one_line_and_no_traceback(
    run: Callable[..., int], tmp_path: Path, octets: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.csv"
    if octets is not None:
        path.write_bytes(octets)

    assert run("meter", "import", str(path)) in (1, 2)

    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "number", "document"),
    [("meter", "M-1", meter_document(a_meter())), ("concentrator", "C-1", concentrator_document(A_CONCENTRATOR))],
)
def test_show_gives_what_the_registry_knows(
    run: Callable[..., int],
    system: StubSystem,
    capsys: pytest.CaptureFixture[str],
    word: str,
    number: str,
    document: dict[str, Any],
) -> None:
    system.gives("GET", f"{word}s/{number}", document)

    assert run(word, "show", number, "--json") == 0
    assert json.loads(capsys.readouterr().out) == document

    assert run(word, "show", number) == 0
    assert number in capsys.readouterr().out


def test_a_meter_that_is_not_there_is_told_and_ends_with_1(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("meter", "show", "M-9") == 1
    assert capsys.readouterr().err == "aforo: There is no such thing.\n"

    assert run("meter", "show", "M-9", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"error": "There is no such thing.", "exit": 1}


def test_lists_say_how_to_go_on(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.gives("GET", "meters", {"meters": [meter_document(a_meter())], "next": "M-1"})
    system.gives("GET", "concentrators", {"concentrators": [concentrator_document(A_CONCENTRATOR)], "next": None})

    assert run("meter", "list", "--limit", "1") == 0
    assert capsys.readouterr().out.endswith("more: --after M-1\n")
    assert system.requests[-1].url.params["limit"] == "1"

    assert run("concentrator", "list") == 0
    assert "10.0.0.7" in capsys.readouterr().out


def test_an_order_is_shown_with_all_nine_steps(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.orders = [shown(an_order(), RECEIVED)]

    assert run("order", "show", "OS-1") == 0

    out = capsys.readouterr().out
    assert "Order OS-1 from CIS: power limit, meter M-1, 2500 W" in out
    assert out.count("not yet") == 8
    assert "OS-1: validated" in out


def test_an_order_in_json_has_a_row_for_every_step_and_words_in_both_languages(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    order = an_order(OrderState.FAILED, cause=Cause.METER_UNREACHABLE)
    system.orders = [shown(order, RECEIVED, delivery="answered")]

    assert run("order", "show", "OS-1", "--json") == 0

    document = json.loads(capsys.readouterr().out)
    assert [step["step"] for step in document["steps"]] == list(range(1, 10))
    assert [step["happened"] for step in document["steps"]] == [True] + [False] * 8
    assert document["steps"][0]["es"].startswith("Orden OS-1 de CIS")
    assert (document["state"], document["cause"]["code"]) == ("FAILED", "METER_UNREACHABLE")
    assert document["deliveries"][0]["state"] == "answered"


def test_orders_are_listed_as_a_table_and_as_json(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    order = {**shown(an_order(OrderState.FAILED, cause=Cause.WRONG_KEY))}
    system.gives("GET", "orders", {"orders": [order], "next": "7"})

    assert run("order", "list") == 0
    out = capsys.readouterr().out
    assert "WRONG_KEY" in out
    assert "more: --after 7" in out

    assert run("order", "list", "--after", "7", "--json") == 0
    assert json.loads(capsys.readouterr().out)["next"] == "7"
    assert system.requests[-1].url.params["after"] == "7"


def test_spanish_is_spoken_where_the_locale_says_so(
    run: Callable[..., int],
    system: StubSystem,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("AFORO_LANGUAGE")
    monkeypatch.setenv("LC_ALL", "es_CL.UTF-8")
    system.orders = [shown(an_order(OrderState.FAILED, cause=Cause.WRONG_KEY), RECEIVED)]

    assert run("order", "show", "OS-1") == 0

    out = capsys.readouterr().out
    assert "Las claves del equipo" in out
    assert "Orden OS-1 de CIS: límite de potencia" in out
    assert "no ocurrió" in out


def test_without_a_running_system_every_command_says_how_to_start_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "aforo: no aforo runs here: start it with `aforo up`, or name one with --url\n"

    for words in (
        ["meter", "list"],
        ["order", "show", "X"],
        ["limit", "M-1", "2kW"],
        ["limit", "M-1", "2kW", "--wait"],
    ):
        assert main([*words, "--data", str(tmp_path)]) == 1
        assert capsys.readouterr().err == told


def test_a_system_that_does_not_listen_is_told_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["meter", "list", "--url", "http://127.0.0.1:9"]) == 1

    assert capsys.readouterr().err.startswith("aforo: no aforo runs at http://127.0.0.1:9")


def test_a_token_in_the_environment_goes_before_the_one_of_the_folder(
    run: Callable[..., int], system: StubSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFORO_TOKEN", "another")

    run("meter", "list")

    assert system.requests[-1].headers["authorization"] == "Bearer another"


def test_the_token_of_the_folder_is_not_sent_to_another_address(run: Callable[..., int], system: StubSystem) -> None:
    run("meter", "list", "--url", "http://127.0.0.1:9999")

    assert "authorization" not in system.requests[-1].headers


def test_a_refused_token_says_what_to_set(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.gives("GET", "meters", {"detail": "x"}, 401)

    assert run("meter", "list") == 1

    assert "set AFORO_TOKEN" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(500, text="no")])
def test_something_else_that_answers_there_is_told(
    run: Callable[..., int], system: StubSystem, answer: httpx.Response, capsys: pytest.CaptureFixture[str]
) -> None:
    system.answers["GET", "/api/v1/meters"] = answer

    assert run("meter", "list") == 1

    assert "is not aforo" in capsys.readouterr().err


WRONG_USAGE = [
    ([], None),
    (["nothing"], "No such command"),
    (["meter", "show"], "Missing argument"),
    (["meter", "list", "--limit", "0"], "greater than or equal to 1"),
    (["meter", "list", "--nothing"], "No such option"),
    (["meter", "list", "--url", "127.0.0.1:8080"], "--url is an address"),
    (["meter", "list", "--url", "http:///x"], "--url is an address"),
    (["limit", "M-1"], "Missing argument"),
    (["limit", "M-1", "2500"], "has no unit; write 2500W or 2500kW"),
    (["limit", "M-1", "2.5 horses"], "write W or kW"),
    (["limit", "M-1", "0.5W"], "whole number of watts"),
    (["limit", "M-1", "2kW", "--priority", "urgent"], "high"),
    (["limit", "M-1", "2kW", "--not-after", "tomorrow"], "date and time with its zone"),
    (["limit", "M-1", "2kW", "--not-after", "2026-11-25T18:00"], "date and time with its zone"),
    (["limit", "M-1", "2kW", "--special", " "], "--special says why"),
    (["limit", "M-1", "2kW", "--wait-timeout", "0"], "greater than or equal to 1"),
    (["up", "--town", "nowhere.toml"], "nowhere.toml"),
    (["up", "--port", "70000"], "less than or equal to 65535"),
    (["bench"], None),
    (["bench", "orders", "--meters", "0"], "greater than or equal to 1"),
]


@pytest.mark.parametrize(("words", "told"), WRONG_USAGE)
def test_wrong_usage_is_one_line_that_says_what_would_be_right(
    words: list[str], told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2

    captured = capsys.readouterr()
    if told is None:
        assert "Usage: aforo" in captured.out
    else:
        assert told in captured.err
        assert captured.err.startswith("aforo: ")
        assert captured.err.count("\n") == 1
        assert captured.out == ""


COMMANDS = [
    *(["demo"], ["up"], ["limit"], ["bench", "codec"], ["bench", "orders"], ["order", "show"], ["order", "list"]),
    *([word, verb] for word in ("meter", "concentrator") for verb in ("import", "show", "list")),
]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_and_knows_json(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0

    out = capsys.readouterr().out
    assert f"Usage: aforo {' '.join(words)}" in out
    assert "--json" in out


def test_the_help_of_the_import_names_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["meter", "import", "--help"]) == 0

    said = capsys.readouterr().out
    assert all(name in said for name in a_meter_row())


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("aforo 0.")


def test_demo_up_and_bench_are_given_what_they_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def module(name: str) -> Any:
        def note(*given: Any, **named: Any) -> int:
            asked.append((name, *given, named))
            return 7 if name == "demo" else 0

        return SimpleNamespace(run=note, up=note)

    monkeypatch.setattr(main_module, "_module", module)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert main(["demo", "--json"]) == 7
    assert main(["up", "--port", "8181", "--data", "there"]) == 0
    assert main(["bench", "codec"]) == 0
    assert main(["bench", "orders", "--concentrators", "3", "--meters", "4", "--json"]) == 0
    assert main(["bench", "campaign", "--orders", "2000"]) == 0

    assert asked == [
        ("demo", tmp_path / "aforo" / "demo", True, {}),
        ("system", Path("there"), 8181, None, False, {}),
        ("codec_bench", {"as_json": False}),
        ("order_bench", {"as_json": True, "link": None, "concentrators": 3, "meters": 4, "full": False}),
        ("campaign_bench", {"orders": 2000, "full": False, "as_json": False}),
    ]


def test_an_interrupt_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module, "_module", interrupted)

    assert main(["bench", "codec"]) == 130
    assert capsys.readouterr().err == ""


WORLD = [
    (PortTaken("127.0.0.1:8080 cannot be listened on"), "127.0.0.1:8080 cannot be listened on"),
    (FolderInUse(Path("there"), 7), "there is already in use by process 7; stop it, or choose another folder"),
    (KeyVaultUnusable("AFORO_KEK is 64 hexadecimal digits"), "AFORO_KEK is 64 hexadecimal digits"),
    (StoreUnavailable("the database cannot be reached"), "the database cannot be reached"),
    (PermissionError(13, "Permission denied", "there"), "[Errno 13] Permission denied: 'there'"),
    (ConnectionRefusedError(111, "Connection refused"), "the database cannot be reached: Connection refused"),
    (asyncpg.InvalidPasswordError("wrong password"), "the database refuses: wrong password"),
]


@pytest.mark.parametrize(("error", "told"), WORLD)
def test_what_keeps_the_system_from_starting_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, told: str
) -> None:
    monkeypatch.setattr(main_module, "_module", failing(error))

    assert main(["up"]) == 1
    assert capsys.readouterr().err == f"aforo: {told}\n"


def test_a_wrong_setting_is_named_and_what_it_holds_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFORO_WINDOW", "hunter2")
    with pytest.raises(ValidationError) as raised:
        Settings()
    monkeypatch.setattr(main_module, "_module", failing(raised.value))

    assert main(["up"]) == 1

    told = capsys.readouterr().err
    assert told.startswith("aforo: AFORO_WINDOW: ")
    assert "hunter2" not in told


def test_a_mistake_of_ours_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_module, "_module", failing(KeyError("ours")))

    with pytest.raises(KeyError):
        main(["up"])


def failing(error: Exception) -> Callable[[str], Any]:
    def module(_: str) -> Any:
        raise error

    return module
