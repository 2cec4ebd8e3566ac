"""Why the system cannot start here, in a sentence: what the machine, the settings or a file stand in the way with."""

import asyncpg
from pydantic import ValidationError
from pydantic_settings import SettingsError

from aforo.adapters.key_vault import KeyVaultUnusable
from aforo.adapters.listening import PortTaken
from aforo.adapters.postgres.backup import BackupUnusable
from aforo.adapters.postgres.embedded.errors import EmbeddedPostgresError
from aforo.adapters.postgres.migrations import DatabaseTooNew
from aforo.adapters.reply_receiver import NoFreePort
from aforo.domain.meter_models import ModelError
from aforo.engine.ports import StoreUnavailable
from aforo.simulator.town_file import TownError

_SAID_WELL = (
    *(
        BackupUnusable,
        DatabaseTooNew,
        EmbeddedPostgresError,
        KeyVaultUnusable,
        ModelError,
        NoFreePort,
        PortTaken,
        SettingsError,
        StoreUnavailable,
        TownError,
    ),
    *(OSError, UnicodeDecodeError),
)
"""Their texts say what to do, or name the file."""


def words_of(error: Exception) -> str | None:
    """None: it is our own mistake, and deserves its traceback."""
    if isinstance(error, ValidationError):
        return "; ".join(_setting(wrong["loc"], wrong["msg"]) for wrong in error.errors(include_input=False))
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return f"the database refuses: {error}"
    if isinstance(error, ConnectionError):
        return f"the database cannot be reached: {error.strerror or error}"
    return str(error) or type(error).__name__ if isinstance(error, _SAID_WELL) else None


def _setting(place: tuple[int | str, ...], words: str) -> str:
    """The variable that it was set by; never what it was set to, which may be a password."""
    name = "_".join(str(part) for part in place[:1]).upper()
    return f"AFORO_{name}: {words}"
