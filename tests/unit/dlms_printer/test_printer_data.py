"""COSEM data in words: every type, and what is recognised inside."""

import pytest

from aforo.dlms.printer_data import TYPES, date_time_words
from unit.dlms_printer.accounts import nodes, printed, told, value

GET_RESPONSE = bytes.fromhex("c401c100")
VALUES = [
    ("00", "null-data"),
    ("0301", "boolean true"),
    ("040ca5f0", "bit-string 101001011111"),
    ("05fffffff6", "double-long -10"),
    ("0600000ce4", "double-long-unsigned 3300"),
    ("0900", "octet-string 0 octets"),
    ("0903010203", "octet-string 3 octets: 010203"),
    ("09034d2d31", 'octet-string 3 octets: 4d2d31 = "M-1"'),
    ("09060000110000ff", "octet-string 6 octets: 0000110000ff = 0-0:17.0.0.255"),
    ("0a034d2d31", 'visible-string "M-1"'),
    ("0a021b5b", "visible-string 2 octets: 1b5b"),
    ("0a01f1", "visible-string 1 octet: f1"),
    ("0c02c3b1", 'utf8-string "ñ"'),
    ("0d15", "bcd 21"),
    ("0ff6", "integer -10"),
    ("10fff6", "long -10"),
    ("11ff", "unsigned 255"),
    ("12ffff", "long-unsigned 65535"),
    ("14fffffffffffffff6", "long64 -10"),
    ("15ffffffffffffffff", "long64-unsigned 18446744073709551615"),
    ("1602", "enum 2"),
    ("173fc00000", "float32 1.5"),
    ("183ff8000000000000", "float64 1.5"),
    ("1907ea0b19030433000000f080", "date-time 2026-11-25 Wednesday 04:51:00.00, UTC-04:00, daylight saving"),
    ("19" + "00" * 12, "date-time 000000000000000000000000, which is none"),
    ("1a07ea0b1903", "date 2026-11-25 Wednesday"),
    ("1b0433ffff", "time 04:51:**"),
    ("ff", "don't-care"),
]


@pytest.mark.parametrize(("octets", "words"), VALUES)
def test_a_value_in_words(octets: str, words: str) -> None:
    assert value(told(GET_RESPONSE + bytes.fromhex(octets)), "data") == words


def test_every_type_that_is_read_is_among_the_examples() -> None:
    assert {bytes.fromhex(octets)[0] for octets, _ in VALUES} | {1, 2, 0x13} == set(TYPES)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        pytest.param("ffffffffffffffffff800000", "****-**-** **:**:**, no deviation", id="nothing specified"),
        pytest.param(
            "07eafdfeff020000ff8000ff", "2026-daylight saving ends-last day 02:00:00, no deviation", id="rule"
        ),
        pytest.param("07ea0b190304330000ff8801", "2026-11-25 Wednesday 04:51:00.00, UTC+02:00, invalid", id="east"),
    ],
)
def test_a_date_time_with_open_parts(octets: str, words: str) -> None:
    assert date_time_words(bytes.fromhex(octets)) == words


@pytest.mark.parametrize("octets", ["07ea0d19030433000000f000", "07ea0b19030460000000f000", "07ea0b190304330000700000"])
def test_octets_that_are_no_date_time_are_not_called_one(octets: str) -> None:
    assert date_time_words(bytes.fromhex(octets)) is None


def test_structures_are_indented_and_numbered() -> None:
    tree = told(GET_RESPONSE + bytes.fromhex("0202 0101 0202 120001 1101 0900"))
    assert [line[26:] for line in printed(tree).splitlines()[4:]] == [
        "    data: structure of 2",
        "      1: array of 1",
        "        1: structure of 2",
        "          1: long-unsigned 1",
        "          2: unsigned 1",
        "      2: octet-string 0 octets",
    ]


def test_a_structure_that_breaks_off_says_so_once() -> None:
    tree = told(GET_RESPONSE + bytes.fromhex("0202 0202 0202 1101 12"))
    assert value(tree, "not decoded").startswith("12: ")
    assert nodes(tree, "cut short") == []


def test_structures_too_deep_are_not_followed() -> None:
    assert "levels of structures" in value(told(GET_RESPONSE + b"\x02\x01" * 1000 + b"\x00"), "not decoded")


def test_more_elements_than_octets_are_not_believed() -> None:
    assert "elements in 1 octet" in value(told(GET_RESPONSE + bytes.fromhex("0184ffffffff00")), "not decoded")


def test_a_compact_array_is_told_element_by_element() -> None:
    octets = bytes.fromhex("c401c100 13 02020100021109 09 0102 02aabb 0304 0155")
    shown = [line.split("  ", 1)[1].strip() for line in printed(told(octets)).splitlines()[4:]]
    assert shown == [
        "data: compact-array of 2",
        "type description: structure of (array of 2 (unsigned), octet-string)",
        "length: 9 octets",
        "1: structure of 2",
        "1: array of 2",
        "1: unsigned 1",
        "2: unsigned 2",
        "2: octet-string 2 octets: aabb",
        "2: structure of 2",
        "1: array of 2",
        "1: unsigned 3",
        "2: unsigned 4",
        '2: octet-string 1 octet: 55 = "U"',
    ]


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param("13 00 01 aa", id="elements without octets"),
        pytest.param("13 01ffff01ffff01ffff00 01 aa", id="far more elements than octets"),
        pytest.param("13 06 05 0000000100", id="half an element"),
        pytest.param("13 13 00", id="of compact-arrays"),
    ],
)
def test_a_compact_array_that_cannot_be_read_is_shown_as_it_is(wire: str) -> None:
    octets = bytes.fromhex(f"c401c100{wire}")
    assert value(told(octets), "not decoded").startswith(bytes.fromhex(wire).hex())
