"""DATA/running.json: private, whole, and believed only while its process lives."""

import json
import os
import stat
from pathlib import Path

import pytest

from aforo.app.running_system import NAME, RunningSystem, announce, default_data, running_in, withdraw

HERE = RunningSystem("http://127.0.0.1:8080", "a-token-of-some-length", os.getpid())
GONE = RunningSystem("http://127.0.0.1:8081", "another-token-of-a-length", 2**22 + 1)
"""Above the highest process id that Linux gives by default."""


def test_an_announced_system_is_found_as_it_was_announced(tmp_path: Path) -> None:
    announce(tmp_path, HERE)

    assert running_in(tmp_path) == HERE


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        announce(tmp_path, HERE)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_it_holds_url_token_and_process_and_leaves_no_other_file(tmp_path: Path) -> None:
    announce(tmp_path, HERE)

    written = json.loads((tmp_path / NAME).read_text())
    assert written == {"url": HERE.url, "token": HERE.token, "process": HERE.process}
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_one_whose_process_is_gone_is_not_found_and_is_replaced(tmp_path: Path) -> None:
    announce(tmp_path, GONE)
    assert running_in(tmp_path) is None

    announce(tmp_path, HERE)

    assert running_in(tmp_path) == HERE


def test_a_half_written_one_of_a_crash_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.{HERE.process}").write_text("{")

    announce(tmp_path, HERE)

    assert running_in(tmp_path) == HERE


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    (tmp_path / NAME).symlink_to(elsewhere)
    (tmp_path / f".{NAME}.{HERE.process}").symlink_to(elsewhere)

    announce(tmp_path, HERE)

    assert elsewhere.read_text() == "untouched"
    assert running_in(tmp_path) == HERE


def test_it_is_withdrawn_at_a_clean_end(tmp_path: Path) -> None:
    announce(tmp_path, HERE)

    withdraw(tmp_path, HERE)

    assert list(tmp_path.iterdir()) == []


def test_the_one_of_another_process_is_not_withdrawn(tmp_path: Path) -> None:
    announce(tmp_path, HERE)

    withdraw(tmp_path, GONE)

    assert running_in(tmp_path) == HERE


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 1, "token": "x", "process": "x"}', "\0" * 5000])
def test_what_is_not_ours_announces_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)

    assert running_in(tmp_path) is None


@pytest.mark.parametrize("process", [0, -1, 10**30])
def test_no_process_has_such_a_number(tmp_path: Path, process: int) -> None:
    (tmp_path / NAME).write_text(json.dumps({"url": "http://x", "token": "x", "process": process}))

    assert running_in(tmp_path) is None


def test_a_folder_that_does_not_exist_announces_nothing(tmp_path: Path) -> None:
    assert running_in(tmp_path / "nowhere") is None


def test_the_token_does_not_show_in_a_repr() -> None:
    assert HERE.token not in repr(HERE)


@pytest.mark.parametrize(
    ("named", "shared", "expected"),
    [
        ("here", "there", Path("here")),
        (None, "there", Path("there/aforo")),
        (None, None, Path("~/.local/share/aforo").expanduser()),
        ("", "", Path("~/.local/share/aforo").expanduser()),
    ],
)
def test_the_data_folder_is_named_by_the_environment_or_usual(
    monkeypatch: pytest.MonkeyPatch, named: str | None, shared: str | None, expected: Path
) -> None:
    for name, value in (("AFORO_DATA", named), ("XDG_DATA_HOME", shared)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)

    assert default_data() == expected
