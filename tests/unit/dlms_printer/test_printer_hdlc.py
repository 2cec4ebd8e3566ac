"""HDLC frames in words: of the standard's bytes, of whole conversations, and cut and changed in every place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import Keys, Mechanism, SystemTitle
from aforo.dlms.hdlc import Address, Frame, LinkParameters
from aforo.dlms.hdlc.control import Kind, encode_control
from aforo.dlms.hdlc.frames import encode
from unit.dlms.associations import CLIENT, KEYS, METER
from unit.dlms.test_anything_received import MECHANISMS, SAID, mutations
from unit.dlms_printer.accounts import nodes, printed, told, value
from unit.dlms_printer.test_printer_secrets import HOLDERS, shows_the_secret
from unit.dlms_printer.test_printer_trees import GENERAL_GLO_3300, SET_3300

SNRM = bytes.fromhex("7ea0070321930f017e")
"""Of client 16 to server 1, as public traces of other stacks begin."""

HES, DEVICE = Address(16), Address(1, 17)
COMMAND, RESPONSE = b"\xe6\xe6\x00", b"\xe6\xe7\x00"


def framed(apdu: bytes, *, size: int = 2000, number: int = 0, to_meter: bool = True) -> bytes:
    """In segments of at most so many octets."""
    octets = (COMMAND if to_meter else RESPONSE) + apdu
    parts = [octets[at : at + size] for at in range(0, len(octets), size)]
    ends = (DEVICE, HES) if to_meter else (HES, DEVICE)
    frames = [
        Frame(*ends, encode_control(Kind.I, is_final=True, send=(number + at) % 8), part, at + 1 < len(parts))
        for at, part in enumerate(parts)
    ]
    return b"".join(map(encode, frames))


def test_a_frame_part_by_part() -> None:
    """Its first line counts the input."""
    assert printed(told(framed(SET_3300))).splitlines()[1:] == [
        "7ea01f                      HDLC frame: 31 octets",
        "0223                          destination: 1/17",
        "21                            source: 16",
        "10                            control: I, number 0, expects 0, poll/final",
        f"{framed(SET_3300)[7:9].hex()}                          header check sequence: fits",
        "                              information: 21 octets",
        "e6e600                          LLC header: command",
        "c101                            set-request: normal",
        "c1                                invoke-id-and-priority: 1, confirmed, high priority",
        "0047                              class: 71 Limiter",
        "0000110000ff                      logical name: 0-0:17.0.0.255",
        "04                                attribute: 4 threshold_normal",
        "00                                selective access: none",
        "0600000ce4                        data: double-long-unsigned 3300",
        f"{framed(SET_3300)[-3:-1].hex()}                          frame check sequence: fits",
        "7e                            flag",
    ]


def test_a_set_mode_frame() -> None:
    tree = told(SNRM)
    assert value(tree, "control") == "SNRM, poll/final"
    assert value(tree, "frame check sequence") == "fits"


def test_what_two_stations_agree_on() -> None:
    frame = encode(Frame(HES, DEVICE, encode_control(Kind.UA, is_final=True), LinkParameters().encode()))
    assert value(told(frame), "parameters") == "at most 128 octets and 1 frames out, 128 octets and 1 frames in"


def test_a_rejected_frame_says_which_and_why() -> None:
    """Information of an FRMR (ISO/IEC 13239): the control field, V(S) and V(R), and bit Y, too long."""
    frame = encode(Frame(HES, DEVICE, Kind.FRMR, bytes.fromhex("102204")))
    assert value(told(frame), "rejected").startswith("control 10: ")
    assert "INFORMATION_TOO_LONG" in value(told(frame), "rejected")


def test_information_where_none_belongs_is_not_shown() -> None:
    frame = encode(Frame(HES, DEVICE, encode_control(Kind.RR, receive=1), b"abc"))
    assert "information in a frame of kind RR" in value(told(frame), "not decoded")


def test_a_changed_octet_is_told_by_the_check_sequence() -> None:
    frame, other = framed(SET_3300), framed(SET_3300[:-1] + b"\xe5")
    tree = told(other[:-3] + frame[-3:])
    assert value(tree, "frame check sequence") == f"does not fit, {other[-3:-1].hex()} would"
    assert value(tree, "header check sequence") == "fits"
    assert value(tree, "information") == "21 octets of a frame that is not whole, not shown"


def test_segments_are_joined_and_deciphered() -> None:
    tree = told(framed(GENERAL_GLO_3300, size=20) + framed(bytes.fromhex("c501c100"), to_meter=False), KEYS)
    assert [node.value for node in nodes(tree, "segment")] == ["20 octets, not shown", "20 octets, not shown"]
    assert value(tree, "last segment") == "9 octets, not shown; with those before it 49 octets"
    assert value(tree, "data") == "double-long-unsigned 3300"
    assert value(tree, "result") == "success (0)"


def test_a_lost_segment_leaves_no_apdu() -> None:
    frames = [framed(GENERAL_GLO_3300, size=20)[at : at + 32] for at in (0, 32, 64)]
    tree = told(frames[0] + frames[2], KEYS)
    assert "no LLC header" in value(tree, "not decoded")
    assert nodes(tree, "ciphered") == []


def test_frames_that_share_a_flag_are_both_read() -> None:
    frames = framed(SET_3300)[:-1] + framed(bytes.fromhex("c501c100"), to_meter=False)
    tree = told(frames)
    assert len(nodes(tree, "HDLC frame")) == 2
    assert value(tree, "result") == "success (0)"


@pytest.mark.parametrize("case", MECHANISMS)
@pytest.mark.parametrize("size", [30, 2000])
def test_whole_associations_are_decoded_without_a_rest(case: tuple[Mechanism, bool], size: int) -> None:
    tree = told(b"".join(framed(apdu, size=size) for apdu in SAID[case]), KEYS)
    assert nodes(tree, "not decoded") == []
    assert len(nodes(tree, "LLC header")) == len(SAID[case])


@pytest.mark.parametrize("size", [9, 2000])
@pytest.mark.parametrize("octets", HOLDERS, ids=lambda octets: octets[:6].hex())
def test_no_secret_shows_at_any_length(octets: bytes, size: int) -> None:
    frames = framed(octets, size=size)
    assert not any(shows_the_secret(frames[:end]) for end in range(len(frames) + 1))
    assert not any(shows_the_secret(frames[:at] + frames[at + 1 :]) for at in range(1, len(frames)))


FRAMES = [framed(apdu, size=size) for case in MECHANISMS for apdu in SAID[case] for size in (30, 2000)]


@pytest.mark.parametrize("octets", [framed(SET_3300), framed(SET_3300, size=8)], ids=["whole", "segments"])
def test_cut_short_at_every_length(octets: bytes) -> None:
    for end in range(1, len(octets) - 1):
        tree = told(octets[:end], KEYS)
        assert nodes(tree, "cut short") or nodes(tree, "not decoded") or nodes(tree, "segment")


@given(mutations(FRAMES), st.sampled_from([None, KEYS]), st.sampled_from([(), (CLIENT, METER)]))
def test_any_change_of_valid_frames(octets: bytes, keys: Keys | None, titles: tuple[SystemTitle, ...]) -> None:
    assert printed(told(octets, keys, titles))


@given(st.binary(max_size=60))
def test_any_octets_behind_a_flag(octets: bytes) -> None:
    assert printed(told(b"\x7e" + octets, KEYS))
