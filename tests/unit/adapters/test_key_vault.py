"""The key vault: keys that open under their key-encryption key alone, and a file that only its owner can read."""

import os
from pathlib import Path

import pytest

from aforo.adapters.key_vault import FileKeyVault, KeyVaultUnusable
from aforo.dlms.keys import Key
from aforo.engine.memory import MemoryEntropy
from aforo.engine.ports import KeyVault, KeyVaultMismatch

KEY = Key(bytes(range(16)))
ENTROPY = MemoryEntropy()


def a_vault(kek: bytes = bytes(32)) -> KeyVault:
    return FileKeyVault(kek)


def test_wrapping_is_aes_key_wrap() -> None:
    """RFC 3394, 4.3 (128 bits of key data with a 256-bit KEK) and 4.6 (256 bits)."""
    vault = a_vault(bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"))
    data = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    long = data + bytes.fromhex("000102030405060708090A0B0C0D0E0F")

    assert vault.wrap(Key(data)).hex().upper() == "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7"
    assert vault.wrap(Key(long)).hex().upper() == (
        "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
    )


@pytest.mark.parametrize("octets", [16, 32])
def test_a_wrapped_key_opens_again(octets: int) -> None:
    key = Key(MemoryEntropy().octets(octets))

    assert a_vault().unwrap(a_vault().wrap(key)) == key


def test_equal_keys_give_equal_wrapped_ones() -> None:
    """So that a registry can tell whether keys were changed without opening them."""
    assert a_vault().wrap(KEY) == a_vault().wrap(Key(KEY.octets)) != a_vault().wrap(Key(bytes(16)))


@pytest.mark.parametrize("cut", [0, 1, 8, 16, 23])
def test_a_wrapped_key_that_is_cut_does_not_open(cut: int) -> None:
    with pytest.raises(KeyVaultMismatch):
        a_vault().unwrap(a_vault().wrap(KEY)[:cut])


def test_a_wrapped_key_with_any_bit_turned_does_not_open() -> None:
    wrapped = a_vault().wrap(KEY)

    for bit in range(8 * len(wrapped)):
        damaged = (int.from_bytes(wrapped, "big") ^ 1 << bit).to_bytes(len(wrapped), "big")
        with pytest.raises(KeyVaultMismatch):
            a_vault().unwrap(damaged)


def test_another_key_encryption_key_does_not_open_it_and_the_error_tells_no_octet_of_it() -> None:
    wrapped = a_vault().wrap(KEY)

    with pytest.raises(KeyVaultMismatch) as caught:
        a_vault(b"\1" * 32).unwrap(wrapped)

    assert wrapped.hex() not in str(caught.value)
    assert caught.value.__suppress_context__


def test_no_repr_tells_the_key_encryption_key() -> None:
    vault = a_vault(b"\xab" * 32)

    assert repr(vault) == str(vault) == "FileKeyVault(hidden)"
    assert not hasattr(vault, "__dict__")


def test_the_file_is_made_once_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        first = FileKeyVault.open(tmp_path / "kek", ENTROPY)
    finally:
        os.umask(before)
    second = FileKeyVault.open(tmp_path / "kek", ENTROPY)

    assert second.unwrap(first.wrap(KEY)) == KEY
    assert [path.name for path in tmp_path.iterdir()] == ["kek"]
    assert (tmp_path / "kek").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "kek").read_bytes()) == 32


def test_a_key_given_in_hexadecimal_digits_comes_before_the_file(tmp_path: Path) -> None:
    vault = FileKeyVault.open(tmp_path / "kek", ENTROPY, kek="00" * 32)

    assert vault.unwrap(a_vault().wrap(KEY)) == KEY
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["00", "0" * 63, "g" * 64, "00" * 33])
def test_what_is_not_64_hexadecimal_digits_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyVaultUnusable) as caught:
        FileKeyVault.open(tmp_path / "kek", ENTROPY, kek=text)

    assert "64 hexadecimal digits" in str(caught.value)
    assert len(text) < 3 or text not in str(caught.value)


@pytest.mark.parametrize("octets", [0, 31, 33])
def test_a_file_of_another_length_is_refused_and_left_alone(tmp_path: Path, octets: int) -> None:
    path = tmp_path / "kek"
    path.write_bytes(b"\1" * octets)
    path.chmod(0o600)

    with pytest.raises(KeyVaultUnusable, match="restore it from a backup"):
        FileKeyVault.open(path, ENTROPY)

    assert path.read_bytes() == b"\1" * octets


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    FileKeyVault.open(tmp_path / "kek", ENTROPY)
    (tmp_path / "kek").chmod(mode)

    with pytest.raises(KeyVaultUnusable, match="chmod 600"):
        FileKeyVault.open(tmp_path / "kek", ENTROPY)


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    FileKeyVault.open(tmp_path / "elsewhere", ENTROPY)
    (tmp_path / "kek").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")

    for name in ("kek", "dangling"):
        with pytest.raises(KeyVaultUnusable, match="cannot be read"):
            FileKeyVault.open(tmp_path / name, ENTROPY)
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_in_its_place_and_a_folder_that_is_missing_are_told(tmp_path: Path) -> None:
    with pytest.raises(KeyVaultUnusable, match="cannot be read"):
        FileKeyVault.open(tmp_path, ENTROPY)
    with pytest.raises(KeyVaultUnusable, match="can be made"):
        FileKeyVault.open(tmp_path / "missing" / "kek", ENTROPY)


def test_a_file_that_another_process_has_just_made_is_taken_and_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kek"
    link = os.link

    def overtaken(source: Path, target: Path) -> None:
        if not target.exists():
            target.write_bytes(bytes(32))
            target.chmod(0o600)
        link(source, target)

    monkeypatch.setattr(os, "link", overtaken)

    vault = FileKeyVault.open(path, ENTROPY)

    assert vault.unwrap(a_vault().wrap(KEY)) == KEY
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_crash_left_unfinished_does_not_stand_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", crash)
        broken.setattr(os, "link", crash)
        with pytest.raises(KeyVaultUnusable, match="Input/output error"):
            FileKeyVault.open(tmp_path / "kek", ENTROPY)
    assert len(list(tmp_path.iterdir())) == 1

    first = FileKeyVault.open(tmp_path / "kek", ENTROPY)

    assert FileKeyVault.open(tmp_path / "kek", ENTROPY).unwrap(first.wrap(KEY)) == KEY
