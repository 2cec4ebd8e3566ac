"""The embedded PostgreSQL under every account it must bear, each in its own process (`postgres_child.py`).

Nothing is pretended: real user namespaces, a real setuid, and a real seccomp filter that refuses `unshare`.
"""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from aforo.adapters.postgres.embedded import FolderUnusable, launcher
from edge.embedded_situations import (
    PATIENCE_S,
    Child,
    a_place,
    copy_of_a_stopped_cluster,
    copy_of_the_binaries,
    ended,
    holding,
    status_of,
    user_namespace,
)

KNOWN = pwd.getpwnam("nobody")
KNOWN_UIDS = {account.pw_uid for account in pwd.getpwall()}
UNKNOWN_UID = next(uid for uid in range(54321, 60000) if uid not in KNOWN_UIDS)
REFUSING = "--no-user-namespaces"
CAP_DAC_OVERRIDE = 1 << 1


def _user_namespaces_serve() -> bool:
    """They are allowed, and this clone can be read in one: root's power over other people's closed homes ends there."""
    read = ["unshare", "--user", "cat", launcher.__file__]
    return subprocess.run(read, check=False, capture_output=True).returncode == 0


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other accounts")
needs_user_namespaces = pytest.mark.skipif(
    not _user_namespaces_serve(), reason="no user namespace is allowed here, or none can read this clone"
)


needs_an_open_way = pytest.mark.skipif(
    not all(above.stat().st_uid == 0 or above.stat().st_mode & 1 for above in Path(launcher.__file__).parents),
    reason="this clone lies in another user's closed home, which root passes by its powers alone",
)


@pytest.fixture
def place() -> Iterator[Path]:
    with a_place() as folder:
        yield folder


@pytest.fixture
def used(place: Path) -> Path:
    return copy_of_a_stopped_cluster(place / "used")


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def assert_mapped(child: Child) -> None:
    """The postmaster is who its starter is, behind another number."""
    assert user_namespace(child.postmaster) != user_namespace(child.process)
    assert status_of(child.postmaster)["Uid"] == status_of(child.process)["Uid"]
    assert int(status_of(child.postmaster)["CapEff"], 16) == 0


def assert_lowered(child: Child, uid: int | None = None) -> None:
    """The postmaster is another account, with one of root's powers and no way to a second."""
    facts = status_of(child.postmaster)
    assert user_namespace(child.postmaster) == user_namespace(child.process)
    assert facts["Uid"].split()[0] != "0"
    assert uid is None or facts["Uid"].split()[0] == str(uid)
    for kind in ("CapAmb", "CapEff", "CapPrm"):
        assert int(facts[kind], 16) == CAP_DAC_OVERRIDE
    assert facts["Groups"] == ""


@needs_user_namespaces
def test_an_ordinary_account_runs_the_server_as_itself(place: Path) -> None:
    with holding(place, "--as", f"{KNOWN.pw_uid}:{KNOWN.pw_gid}") as child:
        assert user_namespace(child.postmaster) == user_namespace(child.process)
        assert child.facts["visits"] == 1


@needs_user_namespaces
def test_an_account_without_a_passwd_entry_is_mapped_to_one_that_has(place: Path) -> None:
    with holding(place, "--as", f"{UNKNOWN_UID}:{UNKNOWN_UID}") as child:
        assert_mapped(child)
    assert owners(place) == {os.geteuid()}


@needs_user_namespaces
def test_an_account_without_a_passwd_entry_that_may_not_be_mapped_is_told_so(place: Path) -> None:
    unknown = ("--as", f"{UNKNOWN_UID}:{UNKNOWN_UID}")

    with holding(place, *unknown, REFUSING) as child:
        assert child.facts["error"] == FolderUnusable.__name__
        assert f"uid {UNKNOWN_UID} is not in passwd" in child.facts["text"]
    with holding(place, *unknown) as child:  # Once made, a cluster needs no passwd entry.
        child.end()
    with holding(place, *unknown, REFUSING) as child:
        assert child.facts["visits"] == 2


@needs_root
@needs_user_namespaces
def test_root_is_mapped_and_no_owner_changes(place: Path) -> None:
    with holding(place) as child:
        assert_mapped(child)
        assert owners(place) == {0}


@needs_root
def test_root_without_user_namespaces_lowers_itself_and_keeps_the_folder_closed(place: Path) -> None:
    with holding(place / "folder", REFUSING) as child:
        assert_lowered(child)
        assert {path.name for path in (place / "folder").iterdir()} == {"lock", "server.log", "cluster"}
        assert (place / "folder").stat().st_uid == 0
        assert (place / "folder").stat().st_mode & 0o777 == 0o700
        assert 0 not in owners(place / "folder" / "cluster")


@needs_root
@needs_user_namespaces
def test_root_keeps_its_cluster_when_user_namespaces_are_taken_away_and_given_back(place: Path) -> None:
    visits = []
    with ExitStack() as ends:
        for options in ((), (REFUSING,), ()):
            child = ends.enter_context(holding(place, *options))
            visits.append(child.facts["visits"])
            child.end()

    assert visits == [1, 2, 3]


@needs_root
def test_root_works_inside_another_user_s_closed_home(place: Path) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)
    os.chown(home, KNOWN.pw_uid, KNOWN.pw_gid)

    with holding(home / "clone" / "data") as child:
        assert_lowered(child)
        assert child.facts["visits"] == 1
    assert (home / "clone").stat().st_uid == 0


@needs_root
def test_root_without_user_namespaces_runs_binaries_that_lie_in_a_closed_home(place: Path) -> None:
    """PostgreSQL looks for its own binary by access(), which does not count capabilities unless told to."""
    home = place / "home"
    home.mkdir(mode=0o700)

    with holding(place / "data", REFUSING, binaries=copy_of_the_binaries(home)) as child:
        assert_lowered(child)
        assert child.facts["visits"] == 1


@needs_an_open_way
@needs_root
def test_root_that_may_not_become_anybody_is_told_so(place: Path) -> None:
    """A container without capabilities."""
    with holding(place, REFUSING, "--no-capabilities") as child:
        assert child.facts["error"] == FolderUnusable.__name__
        assert "does not run as root" in child.facts["text"]


@needs_root
def test_root_runs_another_account_s_cluster_as_that_account(used: Path) -> None:
    """So that its owner finds it usable afterwards."""
    for path in (used, *used.rglob("*")):
        os.chown(path, UNKNOWN_UID, UNKNOWN_UID)

    with holding(used) as child:
        assert_lowered(child, UNKNOWN_UID)
    assert owners(used) == {UNKNOWN_UID}


@needs_root
def test_a_lowered_server_ends_with_its_killed_parent_and_starts_again(place: Path) -> None:
    with holding(place, REFUSING) as child:
        postmaster = child.postmaster
        child.kill()
        assert ended(postmaster, within_s=PATIENCE_S)

    with holding(place, REFUSING) as again:
        assert again.facts["visits"] == 2
