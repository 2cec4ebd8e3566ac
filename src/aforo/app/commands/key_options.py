"""Keys and titles as they are given on a command line. A refusal never repeats one."""

from aforo.app.console_output import WrongUsage
from aforo.dlms import Key, Keys, LocalProtocolError, SystemTitle

_SUITE_0_OCTETS = 16


def keys_of(encryption: str | None, authentication: str | None) -> Keys | None:
    """Of --key and --authentication-key, in hex, of any suite. None when neither is given. Raises WrongUsage."""
    if not encryption and not authentication:
        return None
    if not encryption or not authentication:
        raise WrongUsage("--key and --authentication-key go together: the tag needs both")
    keys = Keys(_key("--key", encryption), _key("--authentication-key", authentication))
    if len(keys.encryption) != len(keys.authentication):
        raise WrongUsage("--key and --authentication-key are of one suite: 16 octets each, or 32")
    return keys


def suite_0_keys_of(encryption: str | None, authentication: str | None) -> Keys | None:
    """The same, of suite 0 only. Raises WrongUsage."""
    keys = keys_of(encryption, authentication)
    if keys is not None and len(keys.encryption) != _SUITE_0_OCTETS:
        raise WrongUsage(f"security suite 0 has keys of {_SUITE_0_OCTETS} octets, not {len(keys.encryption)}")
    return keys


def _key(option: str, text: str) -> Key:
    try:
        return Key.from_hex(text)
    except LocalProtocolError as wrong:
        raise WrongUsage(f"{option}: {wrong}") from None


def title_of(text: str) -> SystemTitle:
    """Of --title, in hex. Raises WrongUsage."""
    try:
        return SystemTitle.from_hex(text)
    except LocalProtocolError:
        raise WrongUsage("--title: a system title is 16 hexadecimal digits") from None
