"""A process that holds an embedded server, to be put in another situation, or killed, by a test.

    python postgres_child.py FOLDER [--as UID:GID] [--no-user-namespaces] [--no-capabilities]

Prints one line of JSON: the server's facts, or the error. Then waits for the end of its input, and stops the
server.
"""

import argparse
import asyncio
import ctypes
import json
import platform
import struct
import sys
from pathlib import Path
from typing import Any

import asyncpg

from aforo.adapters.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError, launcher

UNSHARE_NUMBERS = {"x86_64": 272, "aarch64": 97}

_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_SECCOMP_MODE_FILTER = 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO_EPERM = 0x7FFF0000, 0x00050001


def refuse_user_namespaces() -> None:
    """From here on `unshare` answers EPERM, here and in all we start, as it does in most containers."""
    number = UNSHARE_NUMBERS[platform.machine()]
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, 0),  # The number of the system call.
            (_JUMP_IF_EQUAL, 0, 1, number),
            (_RETURN, 0, 0, _ERRNO_EPERM),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    held = ctypes.create_string_buffer(program, len(program))
    whole = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = ctypes.create_string_buffer(whole, len(whole))
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, arguments, 0, 0) == 0


def drop_capabilities() -> None:
    """Still uid 0, with none of its powers, now and in all we start."""
    libc = ctypes.CDLL(None, use_errno=True)
    capability = 0
    while libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    assert libc.capset(header, (ctypes.c_uint32 * 6)()) == 0


def become(account: str) -> None:
    """To aforo we are now this account. The kernel opens files for us as before, so any clone will do."""
    uid, gid = (int(number) for number in account.split(":"))
    launcher._map_to(uid, gid)


async def counted(server: EmbeddedPostgres) -> int:
    """How many times this folder was asked, this time included: what was committed before is still there."""
    connection = await asyncpg.connect(**server.connect_arguments())
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS visit (at timestamptz DEFAULT now())")
        await connection.execute("INSERT INTO visit DEFAULT VALUES")
        count: int = await connection.fetchval("SELECT count(*) FROM visit")
    finally:
        await connection.close()
    return count


def hold(folder: Path) -> None:
    try:
        with EmbeddedPostgres.start(folder) as server:
            visits = asyncio.run(counted(server))
            tell(process=server.process, seconds=server.started_in_seconds, visits=visits)
            sys.stdin.read()
    except EmbeddedPostgresError as error:
        tell(error=type(error).__name__, text=str(error))


def tell(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--as", dest="account")
    parser.add_argument("--no-user-namespaces", action="store_true")
    parser.add_argument("--no-capabilities", action="store_true")
    wanted = parser.parse_args()
    if wanted.account:
        become(wanted.account)
    if wanted.no_user_namespaces:
        refuse_user_namespaces()
    if wanted.no_capabilities:
        drop_capabilities()
    hold(wanted.folder)


if __name__ == "__main__":
    main()
