"""Whole trees, as they are printed, of octets from other stacks and from the standard's grammar."""

import pytest

from aforo.dlms import Keys, SystemTitle, wrapper
from unit.dlms.associations import CLIENT, KEYS, OTHER_KEYS
from unit.dlms_printer.accounts import nodes, printed, told, value

SET_3300 = bytes.fromhex("c101c100470000110000ff04000600000ce4")
"""Made alike by two other stacks, plain and ciphered (title 4845530000000001, counter 1, keys 00..0F and D0..DF)."""

SEALED = bytes.fromhex("30000000016a99c2331a628a85be11e6155a1b01e4fd3b34809ba8f2fcb7dcf1c45039")
GLO_3300 = b"\xc9\x23" + SEALED
GENERAL_GLO_3300 = bytes.fromhex("db084845530000000001") + b"\x23" + SEALED
GATEWAY = bytes.fromhex("e600083030303030303031")

SET_TREE = """\
c101                        set-request: normal
c1                            invoke-id-and-priority: 1, confirmed, high priority
0047                          class: 71 Limiter
0000110000ff                  logical name: 0-0:17.0.0.255
04                            attribute: 4 threshold_normal
00                            selective access: none
0600000ce4                    data: double-long-unsigned 3300"""
SEALED_TREE = """\
23                            length: 35 octets
30                            security control: 30: suite 0, authenticated, encrypted
00000001                      invocation counter: 1
6a99c2331a628a85be11e...      ciphered: 18 octets, the key fits, sent by 4845530000000001
c101                            set-request: normal
c1                                invoke-id-and-priority: 1, confirmed, high priority
0047                              class: 71 Limiter
0000110000ff                      logical name: 0-0:17.0.0.255
04                                attribute: 4 threshold_normal
00                                selective access: none
0600000ce4                        data: double-long-unsigned 3300
34809ba8f2fcb7dcf1c45039      authentication tag: 34809ba8f2fcb7dcf1c45039"""


def deeper(tree: str) -> str:
    return "\n".join(f"{line[:26]}  {line[26:]}" for line in tree.splitlines())


def tree_of(octets: bytes, keys: Keys | None = None, *titles: SystemTitle) -> str:
    """Without its first line, which counts the input."""
    first, _, rest = printed(told(octets, keys, titles)).partition("\n")
    assert first.strip() == f"input: {len(octets)} octets"
    return rest


def test_a_plain_set_request() -> None:
    assert tree_of(SET_3300) == SET_TREE


def test_a_glo_set_request_is_opened_with_its_key_and_title() -> None:
    assert tree_of(GLO_3300, KEYS, CLIENT) == f"c9                          glo-set-request\n{SEALED_TREE}"


def test_a_general_glo_set_request_tells_its_title_itself() -> None:
    head = """\
db                          general-glo-ciphering
084845530000000001            system title: 4845530000000001 ("HES")
"""
    assert tree_of(GENERAL_GLO_3300, KEYS) == head + SEALED_TREE


def test_a_request_behind_a_gateway() -> None:
    head = """\
e6                          gateway request
00                            network: 0
083030303030303031            device address: "00000001"
"""
    assert tree_of(GATEWAY + SET_3300) == head + deeper(SET_TREE)


def test_wrapper_frames_in_a_row() -> None:
    octets = wrapper.encode(16, 1, SET_3300) + wrapper.encode(1, 16, bytes.fromhex("c501c103"))
    answer = """
0001000100100004            wrapper frame: from 1 to 16, 4 octets
c501                          set-response: normal
c1                              invoke-id-and-priority: 1, confirmed, high priority
03                              result: read-write-denied (3)"""
    frame = "0001001000010012            wrapper frame: from 16 to 1, 18 octets\n"
    assert tree_of(octets) == frame + deeper(SET_TREE) + answer


def test_all_layers_at_once() -> None:
    tree = told(wrapper.encode(16, 1, GATEWAY + GENERAL_GLO_3300), KEYS)
    assert value(tree, "device address") == '"00000001"'
    assert value(tree, "data") == "double-long-unsigned 3300"


def test_without_a_key_the_ciphered_octets_are_counted() -> None:
    assert value(told(GLO_3300), "ciphered") == "18 octets, no key given"


@pytest.mark.parametrize(
    ("octets", "keys", "titles"),
    [
        pytest.param(GENERAL_GLO_3300, OTHER_KEYS, (), id="another key"),
        pytest.param(GLO_3300, KEYS, (SystemTitle(bytes(8)),), id="another title"),
        pytest.param(GLO_3300[:-1] + b"\x00", KEYS, (CLIENT,), id="another tag"),
    ],
)
def test_a_key_that_does_not_fit_is_said_and_opens_nothing(
    octets: bytes, keys: Keys, titles: tuple[SystemTitle, ...]
) -> None:
    (ciphered,) = nodes(told(octets, keys, titles), "ciphered")
    assert ciphered.value.startswith("18 octets, the key does not fit")
    assert ciphered.children == ()


def test_of_several_titles_the_one_that_fits_is_named() -> None:
    tree = told(GLO_3300, KEYS, (SystemTitle(bytes(8)), CLIENT))
    assert value(tree, "ciphered") == "18 octets, the key fits, sent by 4845530000000001"


def test_a_key_without_a_title_says_what_is_missing() -> None:
    assert value(told(GLO_3300, KEYS), "ciphered").endswith("the system title of its sender is not known")


def test_the_green_books_get_of_the_clock() -> None:
    """IEC 62056-5-3: title 4D4D4D0000BC614E, counter 01234567, keys 00..0F and D0..DF."""
    octets = bytes.fromhex("c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b")
    tree = told(octets, KEYS, (SystemTitle.from_hex("4d4d4d0000bc614e"),))
    assert value(tree, "invocation counter") == "19088743"
    assert value(tree, "class") == "8 Clock"
    assert value(tree, "attribute") == "2 time"
