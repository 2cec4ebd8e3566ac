"""Keys at rest, wrapped under one key-encryption key (AES key wrap, RFC 3394), from a file or the environment."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from aforo.dlms.keys import Key
from aforo.engine.ports import Entropy, KeyVaultMismatch

KEK_OCTETS = 32


class KeyVaultUnusable(Exception):
    """The key-encryption key cannot be had; the text says what to do, and never holds any of it."""


class FileKeyVault:
    """See `aforo.engine.ports.KeyVault`."""

    __slots__ = ("_kek",)

    def __init__(self, kek: bytes) -> None:
        assert len(kek) == KEK_OCTETS, "a key-encryption key has 256 bits"
        self._kek = kek

    @classmethod
    def open(cls, path: Path, entropy: Entropy, *, kek: str = "") -> Self:
        """The key given in 64 hexadecimal digits, else the one in the file, which is made when absent (0600).

        Raises KeyVaultUnusable.
        """
        return cls(_from_hex(kek) if kek else _from_file(path, entropy))

    def wrap(self, key: Key) -> bytes:
        return aes_key_wrap(self._kek, key.octets)

    def unwrap(self, wrapped: bytes) -> Key:
        try:
            return Key(aes_key_unwrap(self._kek, wrapped))
        except (InvalidUnwrap, ValueError):
            raise KeyVaultMismatch("the wrapped key does not open under this key-encryption key") from None

    def __repr__(self) -> str:
        return "FileKeyVault(hidden)"


def _from_hex(text: str) -> bytes:
    with suppress(ValueError):
        kek = bytes.fromhex(text)
        if len(kek) == KEK_OCTETS:
            return kek
    raise KeyVaultUnusable(f"AFORO_KEK is {2 * KEK_OCTETS} hexadecimal digits")


def _from_file(path: Path, entropy: Entropy) -> bytes:
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as wrong:
        raise KeyVaultUnusable(f"the key-encryption key in {path} cannot be read: {wrong.strerror}") from wrong
    try:
        return _made(path, entropy)
    except OSError as wrong:
        raise KeyVaultUnusable(f"no key-encryption key can be made in {path}: {wrong.strerror}") from wrong


def _read(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if os.fstat(handle).st_mode & 0o077:
            raise KeyVaultUnusable(f"{path} can be read by others; chmod 600 it, and consider its keys known")
        kek = file.read(KEK_OCTETS + 1)
    if len(kek) != KEK_OCTETS:
        raise KeyVaultUnusable(f"{path} is not a key-encryption key of {KEK_OCTETS} octets; restore it from a backup")
    return kek


def _made(path: Path, entropy: Entropy) -> bytes:
    """On disk, whole, before anything is wrapped under it."""
    # Not named after the process: in a container its number is the same at every start, a crash's leftover included.
    unfinished = path.with_name(f"{path.name}.{entropy.octets(8).hex()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(entropy.octets(KEK_OCTETS))
            file.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(unfinished, path)  # unlike a rename, it does not replace one that another process has just made
    finally:
        unfinished.unlink()
    _sync(path.parent)
    return _read(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
