"""The house rules that no tool knows: budgets, names, what a file may mention, what a lock may hold."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "aforo"
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
VAGUE = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
"""Words that say nothing about what a file holds, so that everything ends up in it."""

NOT_OURS = {".aforo", ".git", ".hypothesis", ".tools", ".venv", "__pycache__", "build", "dist"}
"""Where a tree without git (an archive, or no git installed) keeps what nobody wrote."""

BINARY = {".bin", ".gz", ".ico", ".png", ".woff2"}


@cache
def written_files() -> tuple[Path, ...]:
    """Every file that is tracked or would be: git's answer, or a walk where git has none (an archive)."""
    listing = [
        *("git", "-c", "safe.directory=*", "-C", str(ROOT)),
        *("ls-files", "-z", "--cached", "--others", "--exclude-standard"),
    ]
    try:
        names = subprocess.run(listing, capture_output=True, check=True).stdout.split(b"\0")
        files = [ROOT / name.decode() for name in names if name]
    except (OSError, subprocess.CalledProcessError):
        files = [path for path in ROOT.rglob("*") if not set(path.relative_to(ROOT).parts) & NOT_OURS]
    return tuple(sorted(path for path in files if path.is_file() and not path.is_symlink()))


def modules() -> list[Path]:
    return [path for path in written_files() if path.suffix == ".py" and path.is_relative_to(SOURCE)]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def mentions(pattern: re.Pattern[str], paths: Iterator[Path]) -> list[str]:
    """`file:line: match` of every line of these files in which the pattern occurs."""
    return [
        f"{shown(path)}:{number}: {found[0]}"
        for path in paths
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if (found := pattern.search(line))
    ]


def test_the_walk_finds_the_house() -> None:
    """Were it to find nothing, every test below would pass and mean nothing."""
    found = {shown(path) for path in written_files()}

    assert {"Makefile", "pyproject.toml", "requirements.lock", "src/aforo/__init__.py"} <= found
    assert shown(Path(__file__)) in found
    assert not {Path(name).parts[0] for name in found} & NOT_OURS


def test_files_stay_short() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in modules()}

    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def test_functions_stay_short() -> None:
    """From `def` to the last line, docstring included."""
    functions = (
        (f"{shown(path)}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )

    assert {name: lines for name, lines in functions if lines > FUNCTION_LINES_MAX} == {}


def test_file_names_say_what_is_inside() -> None:
    named = [path.relative_to(ROOT) for path in written_files() if path.suffix in {".py", ".sh", ".sql"}]
    vague = [
        str(path) for path in named if VAGUE & {word for part in path.parts for word in part.split(".")[0].split("_")}
    ]

    assert vague == []


def test_the_nine_steps_are_nine_files_that_say_which_they_are() -> None:
    """`stepN_*.py` opens with "Step N, From -> To", and each step begins where the one before it ended."""
    files = sorted((SOURCE / "flow").glob("step*.py"))
    docstrings = {path.name: ast.get_docstring(ast.parse(path.read_text())) or "" for path in files}
    said = {name: re.match(r"Step (\d), (\w+) -> (\w+)\b", text) for name, text in docstrings.items()}

    assert [name for name, opening in said.items() if not opening] == []
    steps = [(name, *opening.groups()) for name, opening in said.items() if opening]
    assert [number for _, number, _, _ in steps] == list("123456789")
    assert [name for name, number, _, _ in steps if not name.startswith(f"step{number}_")] == []
    assert [origin for _, _, origin, _ in steps[1:]] == [target for _, _, _, target in steps[:-1]]


def test_no_file_names_a_package_host_or_a_folder_of_one_machine() -> None:
    """What is written here must hold on every machine and behind every mirror."""
    hosts = "pypi|pythonhosted|npmjs|yarnpkg|crates|conda|devpi|artifactory"
    folders = r"root|work|workspace|(?:home|Users|tmp|opt|mnt)/\w+"
    pattern = re.compile(
        rf"\b(?:[\w-]+\.)*(?:{hosts})\.(?:org|io|com|net|dev)\b"
        rf"|(?:(?<![\w.*)\]}}<>~/-])|(?<=://))/(?:{folders})\b(?![.\w])"
        r"|(?:^|\s)--(?:extra-)?(?:index|index-url|find-links)[ =]\S"
    )

    assert mentions(pattern, (path for path in written_files() if path.suffix not in BINARY)) == []


def lock(name: str) -> dict[str, list[str]]:
    """The hashes of each pinned package by its name; any line that is neither pin nor hash fails."""
    pins: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text().replace(" \\\n", "\n").splitlines():
        pin = re.fullmatch(r"([a-z0-9][a-z0-9._-]*)==[\w.!+]+(?: ; [\w .'=!<>()]+)?", line)
        digest = re.fullmatch(r" {4}--hash=sha256:([0-9a-f]{64})", line)
        assert pin or digest, f"{name} holds something that is neither a pin nor a hash: {line}"
        if pin:
            pins[line] = []
        elif digest:
            pins[next(reversed(pins))].append(digest[1])
    return pins


@pytest.mark.parametrize("name", ["requirements.lock", "tools.lock"])
def test_a_lock_holds_pins_and_hashes_and_nothing_else(name: str) -> None:
    pins = lock(name)

    assert pins
    assert [pin for pin, hashes in pins.items() if not hashes] == []


def test_the_locks_cover_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    asked = {
        "requirements.lock": [
            *project["project"]["dependencies"],
            *groups["dev"],
            *project["build-system"]["requires"],
        ],
        "tools.lock": groups["tools"],
    }

    for name, wanted in asked.items():
        pinned = {pin.split("==")[0] for pin in lock(name)}
        names = {re.split(r"[\[<>=!~; ]", want)[0].lower().replace("_", "-") for want in wanted}
        assert names
        assert names - pinned == set(), f"{name} is out of date: run make lock"


def test_the_locks_hold_no_package_under_a_licence_that_binds_ours() -> None:
    """gurux and primestg are GPL and AGPL; dlms-cosem is MIT up to 21.3.2 only."""
    pins = list(lock("requirements.lock"))

    assert [pin for pin in pins if pin.startswith(("gurux", "primestg"))] == []
    assert [pin for pin in pins if pin.startswith("dlms-cosem")] == ["dlms-cosem==21.3.2"]


def test_the_documents_and_the_makefile_know_the_same_verbs() -> None:
    verbs = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        shown(path): set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)$", path.read_text(), re.MULTILINE))
        for path in written_files()
        if path.suffix == ".md"
    }
    known = {name: {either or other for either, other in found} for name, found in named.items()}

    assert {name: found - verbs for name, found in known.items() if found - verbs} == {}
    assert verbs - known["CONTRIBUTING.md"] == set()
