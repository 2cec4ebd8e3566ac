"""The account PostgreSQL runs under.

PostgreSQL refuses to run as root, and `initdb` refuses an account that is not in passwd. So, by who we are:

| we are                                   | way       | what happens                                      |
|------------------------------------------|-----------|---------------------------------------------------|
| an account in passwd                     | `SELF`    | nothing                                           |
| root, or an account not in passwd        | `MAPPED`  | a user namespace shows us as one that is there    |
| root, but no user namespace may be made, | `LOWERED` | we become such a one, keeping CAP_DAC_OVERRIDE;   |
| or it would not reach folder or binaries |           | it is given the cluster, not the folder around it |
| root, and the cluster is not root's      | `LOWERED` | we become the cluster's owner                     |

Mapped comes first because it changes no owner and no mode. But a mapped root is a plain account to the
kernel: it reaches what root owns, and not what lies in another user's closed home.
"""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aforo.adapters.postgres.embedded.errors import FolderUnusable

# Present on every common system, and neither is the account of a system PostgreSQL.
_PREFERRED_NAMES = ("daemon", "nobody")


class Way(StrEnum):
    """How the launcher gets to the account; the words are the launcher's."""

    SELF = "self"
    MAPPED = "mapped"
    LOWERED = "lowered"


@dataclass(frozen=True, slots=True)
class Identity:
    """uid, gid: what PostgreSQL sees itself as."""

    way: Way
    uid: int
    gid: int

    def __str__(self) -> str:
        return str(self.way) if self.way is Way.SELF else f"{self.way}:{self.uid}:{self.gid}"


def choose_identity(cluster: Path, may_use: Callable[[Identity], bool]) -> Identity:
    """Who is to run the server of `cluster`, which need not exist yet.

    may_use: tries whether an identity can be had, and reaches the folder and the binaries.
    Raises FolderUnusable when no account would do.
    """
    myself = Identity(Way.SELF, os.geteuid(), os.getegid())
    owner = _owner(cluster)
    if myself.uid == 0:
        return _for_root(owner, may_use)
    if _is_known(myself.uid):
        return myself
    mapped = _known_account(Way.MAPPED)
    if may_use(mapped):
        return mapped
    if owner is not None:
        return myself  # Only initdb looks itself up in passwd; the server does not.
    raise FolderUnusable(
        f"uid {myself.uid} is not in passwd, so initdb refuses it, and this system does not allow it a user "
        f"namespace. Give the uid a passwd entry, or use an external server by its URL."
    )


def _for_root(owner: os.stat_result | None, may_use: Callable[[Identity], bool]) -> Identity:
    if owner is not None and owner.st_uid != 0:
        return Identity(Way.LOWERED, owner.st_uid, owner.st_gid)
    mapped = _known_account(Way.MAPPED)
    return mapped if may_use(mapped) else _known_account(Way.LOWERED)


def _owner(cluster: Path) -> os.stat_result | None:
    try:
        return cluster.stat()
    except FileNotFoundError:
        return None


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _known_account(way: Way) -> Identity:
    accounts = {account.pw_name: account for account in pwd.getpwall() if account.pw_uid != 0}
    preferred = [accounts[name] for name in _PREFERRED_NAMES if name in accounts]
    chosen = next(iter([*preferred, *accounts.values()]), None)
    if chosen is None:
        raise FolderUnusable("passwd names no account but root, and PostgreSQL does not run as root: add one")
    return Identity(way, chosen.pw_uid, chosen.pw_gid)
