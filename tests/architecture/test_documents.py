"""The documents say what the code does, or the build fails."""

import re

import pytest

from aforo.app.reference_pages import PAGES
from architecture.test_house import ROOT, shown, written_files

REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_the_one_that_the_code_makes(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [path for path in written_files() if path.suffix == ".md"]
    dead = [
        f"{shown(path)}: {link}"
        for path in documents
        for link in LINK.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]

    assert documents
    assert dead == []


def test_every_decision_is_in_the_index_and_has_its_five_parts() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    parts = (
        "**Context.**",
        "**Decision.**",
        "**Rejected.**",
        "**Consequences.**",
        "**How we would know it was wrong.**",
    )
    missing = {
        path.name: [part for part in parts if part not in path.read_text(encoding="utf-8")] for path in decisions
    }

    assert [path.name for path in decisions if path.name not in index] == []
    assert {name: lacking for name, lacking in missing.items() if lacking} == {}


def test_the_readme_begins_with_the_two_commands_that_are_all_the_set_up() -> None:
    top = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:15]

    assert [line.split("#")[0].strip() for line in top if line.startswith("make ")] == ["make demo", "make test"]
