"""Whatever octets it is given, the printer tells a tree in which none of them is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import Keys, Mechanism, SystemTitle, gateway, wrapper
from aforo.dlms.security import Cipher
from unit.dlms.associations import CLIENT, KEYS, METER, OTHER_KEYS
from unit.dlms.test_anything_received import MECHANISMS, SAID, mutations
from unit.dlms_printer.accounts import nodes, printed, told

TITLES = (CLIENT, METER)
APDUS = [apdu for case in MECHANISMS for apdu in SAID[case]]
WRAPPED = [wrapper.encode(16, 1, gateway.add_request(b"00000001", apdu)) for apdu in APDUS]
keys = st.sampled_from([None, KEYS, OTHER_KEYS])


@pytest.mark.parametrize("octets", [*APDUS, *WRAPPED], ids=lambda octets: octets[:9].hex())
def test_cut_short_at_every_length(octets: bytes) -> None:
    for end in range(len(octets)):
        tree = told(octets[:end], KEYS, TITLES)
        assert nodes(tree, "cut short") or nodes(tree, "not decoded")
        assert printed(tree)


@pytest.mark.parametrize("case", MECHANISMS)
def test_a_whole_association_is_decoded_without_a_rest(case: tuple[Mechanism, bool]) -> None:
    octets = b"".join(wrapper.encode(16, 1, apdu) for apdu in SAID[case])
    tree = told(octets, KEYS)
    assert len(nodes(tree, "wrapper frame")) == len(SAID[case])
    assert nodes(tree, "not decoded") == []


@given(st.binary(max_size=200), keys)
def test_any_octets(octets: bytes, known: Keys | None) -> None:
    assert printed(told(octets, known, TITLES))


@given(mutations([*APDUS, *WRAPPED]), keys)
def test_any_change_of_valid_octets(octets: bytes, known: Keys | None) -> None:
    assert printed(told(octets, known, TITLES))


@given(st.one_of(st.binary(max_size=80), mutations(APDUS)))
def test_any_octets_sealed_with_the_right_key(plain: bytes) -> None:
    sealed = Cipher(KEYS).seal(plain, CLIENT, 5)
    tree = told(b"\xdb\x08" + CLIENT.octets + bytes((0x81, len(sealed))) + sealed, KEYS)
    assert printed(tree)


@given(st.integers(0, 255), st.binary(max_size=40), st.sampled_from([0, 1, 2]))
def test_any_tag_and_form_with_any_octets_behind(tag: int, octets: bytes, form: int) -> None:
    assert printed(told(bytes((tag, form)) + octets, KEYS, TITLES))


def test_apdus_within_apdus_have_a_bound() -> None:
    tree = told(b"\xe6\x00\x01\x31" * 2000)
    assert len(nodes(tree, "gateway request")) == 4
    assert "within each other" in nodes(tree, "not decoded")[0].value


def test_titles_met_are_kept_up_to_a_bound() -> None:
    """An input of AARQs only must not make every ciphered APDU behind them cost one attempt for each."""
    titles = [SystemTitle(bytes((65, 65, 65, 0, 0, 0, 0, n))) for n in range(50)]
    aarqs = [bytes.fromhex("600c a60a0408") + title.octets for title in titles]
    sealed = Cipher(KEYS).seal(bytes.fromhex("c501c100"), titles[-1], 1)
    early = Cipher(KEYS).seal(bytes.fromhex("c501c100"), titles[0], 1)
    apdus = [*aarqs, *(b"\xcd" + bytes((len(each),)) + each for each in (sealed, early))]
    ciphered = nodes(told(b"".join(wrapper.encode(16, 1, apdu) for apdu in apdus), KEYS), "ciphered")
    assert [len(node.children) for node in ciphered] == [1, 0]
