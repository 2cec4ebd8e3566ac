"""Become the account PostgreSQL shall run under, tie our life to our parent's, then become PostgreSQL.

Run as a program of its own, never imported by the one that starts it:

    python -I -S launcher.py PARENT_PID ACCOUNT DEATH_SIGNAL PROGRAM ARGUMENT...
    python -I -S launcher.py PARENT_PID ACCOUNT DEATH_SIGNAL --check FOLDER PROGRAM

ACCOUNT is `self`, `mapped:UID:GID` or `lowered:UID:GID` (see `identity`). `--check` only tells, by its exit
status, whether that account can be had and may write in FOLDER and run PROGRAM by their absolute paths.

A program, because these calls change the whole process and may not be made between fork and exec of one that
has threads; and small, without `site`, because its 20 ms are part of every start.
"""

import ctypes
import os
import sys

REFUSED = 97
CHECK = "--check"

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    _call("prctl", option, *(ctypes.c_ulong(argument) for argument in padded))


def _write(path: str, text: str) -> None:
    # Not pathlib: it would double this program's start time.
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(text)


def _map_to(uid: int, gid: int) -> None:
    """Enter a user namespace in which our own account bears another number.

    To the outside nothing changes: files are opened and owned as before, so no owner or mode needs to change.
    Root's power over other people's files does end here.
    """
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {outer_uid} 1")
    _write("/proc/self/gid_map", f"{gid} {outer_gid} 1")


def _lower_to(uid: int, gid: int) -> None:
    """Become another account, keeping one of root's powers: to pass and read whatever lies in the way.

    The binaries, or the folder, may lie in a home that this account may not enter. Ambient capabilities
    survive the exec of an ordinary program; they are raised last, since a change of user clears them.
    NO_SETUID_FIXUP does two things: the change of user leaves us our capabilities to choose from, and
    access() goes on to count them; PostgreSQL asks access() whether its own binary can be run.
    """
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setresuid(uid, uid, uid)
    kept = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)
    _call("capset", header, effective_permitted_inheritable)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE)


def _become(account: str) -> None:
    way, _, numbers = account.partition(":")
    if way == "self":
        return
    uid, _, gid = numbers.partition(":")
    {"mapped": _map_to, "lowered": _lower_to}[way](int(uid), int(gid))


def _die_with(parent: int, signal: int) -> None:
    # After the change of user, which resets it. The parent may have gone before we asked: then nobody will
    # tell us.
    _prctl(_PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        sys.exit(REFUSED)


def _may_use(folder: str, program: str) -> bool:
    # Of a mapped account, whose capabilities end with exec: access() does not count them even before.
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK) and os.access(program, os.X_OK)


def main(arguments: list[str]) -> None:
    parent, account, signal, program, *rest = arguments
    try:
        _become(account)
        _die_with(int(parent), int(signal))
        if program == CHECK:
            sys.exit(0 if _may_use(*rest) else REFUSED)
        os.execv(program, [program, *rest])  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"aforo: {program} as {account}: {error}\n")
        sys.exit(REFUSED)


if __name__ == "__main__":
    main(sys.argv[1:])
