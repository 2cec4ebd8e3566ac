"""The CSV of meters and concentrators: read whole or not at all, every mistake named, no key ever repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.adapters import registry_csv
from aforo.adapters.registry_csv import (
    CONCENTRATOR_COLUMNS,
    METER_COLUMNS,
    METER_OPTIONS,
    InvalidRows,
    RowError,
    concentrators_of,
    meters_of,
    read_csv,
    read_json,
)
from aforo.domain.devices import Address, Concentrator, Framing, Link, Meter
from registry_rows import AUTHENTICATION_KEY, KEY, OpenVault, a_concentrator_row, a_direct_row, a_meter_row, csv_of

MODELS = ("class71", "class71-watts")


def meters(text: str) -> list[Meter]:
    return meters_of(read_csv(text, METER_COLUMNS, METER_OPTIONS), OpenVault(), models=MODELS)


def concentrators(text: str) -> list[Concentrator]:
    return concentrators_of(read_csv(text, CONCENTRATOR_COLUMNS), OpenVault())


def errors(text: str) -> tuple[RowError, ...]:
    with pytest.raises(InvalidRows) as raised:
        meters(text)
    return raised.value.errors


def places(text: str) -> list[tuple[int, str]]:
    return [(wrong.line, wrong.column) for wrong in errors(text)]


def test_a_delegated_meter_needs_no_address_and_no_keys() -> None:
    (meter,) = meters(csv_of(a_meter_row()))

    assert (meter.number, meter.link, meter.concentrator, meter.address) == ("M-1", Link.DELEGATED, "C-1", None)
    assert not meter.security.has_keys
    assert meter.commissioned


def test_what_is_empty_has_its_default() -> None:
    (meter,) = meters(csv_of(a_meter_row()))

    assert meter.model == "class71"
    assert meter.contracted_power_w == meter.max_power_w == 10_000
    assert meter.time_zone == "America/Santiago"
    assert meter.protected is False


def test_optional_columns_are_taken_over() -> None:
    row = a_meter_row(
        contracted_power_w="6000", time_zone="America/Punta_Arenas", protected="true", model="class71-watts"
    )

    (meter,) = meters(csv_of(row))

    assert (meter.contracted_power_w, meter.time_zone, meter.protected) == (6000, "America/Punta_Arenas", True)
    assert meter.model == "class71-watts"


def test_a_direct_meter_has_its_address_its_title_and_wrapped_keys() -> None:
    (meter,) = meters(csv_of(a_direct_row(client_sap="1", server_sap="17")))

    assert meter.address == Address("127.0.0.1", 4059, 1, 17)
    assert meter.security.system_title.hex().upper() == "4D4D4D0000BC614E"
    assert meter.security.encryption_key == b"wrapped:" + bytes.fromhex(KEY)
    assert meter.security.authentication_key == b"wrapped:" + bytes.fromhex(AUTHENTICATION_KEY)


def test_a_transparent_meter_has_access_points_without_an_address() -> None:
    (meter,) = meters(csv_of(a_meter_row(link="transparent", server_sap="16")))

    assert meter.address == Address("", 0, 1, 16)


def test_a_meter_that_is_linked_to_nothing_can_be_registered() -> None:
    """Its orders are refused with a cause of their own."""
    (meter,) = meters(csv_of(a_meter_row(concentrator="")))

    assert meter.concentrator is None


def test_a_concentrator_is_read_with_its_keys_and_zone() -> None:
    row = a_concentrator_row(encryption_key=KEY, authentication_key=AUTHENTICATION_KEY, time_zone="Pacific/Easter")

    (one,) = concentrators(csv_of(row))

    assert (one.number, one.address, one.time_zone) == ("C-1", Address("10.0.0.7", 4059, 1, 1), "Pacific/Easter")
    assert one.security.has_keys


def test_semicolons_a_byte_order_mark_blank_lines_and_spaces_are_no_mistakes() -> None:
    text = "\ufeff" + csv_of(a_meter_row(max_power_w=" 9000 "), separator=";").replace("\n", "\r\n") + "\r\n;;\r\n"

    (meter,) = meters(text)

    assert meter.max_power_w == 9000


def test_columns_may_stand_in_any_order() -> None:
    row = a_meter_row()

    (meter,) = meters(csv_of(dict(reversed(row.items()))))

    assert meter.number == "M-1"


WRONG_CELLS = [
    *(("meter_number", wrong) for wrong in ("", "a b", "/etc", "ñ", "x" * 65)),
    *(("usage_point", wrong) for wrong in ("x" * 65, "a\tb")),
    *(("link", wrong) for wrong in ("", "radio", "delegated transparent")),
    *(("concentrator", wrong) for wrong in ("a b", "x" * 65)),
    *(("host", wrong) for wrong in ("a b", "http://x", "-x")),
    *(("port", wrong) for wrong in ("0", "65536", "4059.0", "-1", "x", "٤٠٥٩", "9" * 5000)),
    ("model", "unknown"),
    *(("client_sap", wrong) for wrong in ("65536", "one")),
    *(("server_sap", wrong) for wrong in ("-1", "0x11")),
    *(("system_title", wrong) for wrong in ("4D4D4D", "4D4D4D0000BC614EFF", "ZZ4D4D0000BC614E")),
    *(("encryption_key", wrong) for wrong in ("00", KEY[:-1], KEY + "00", "G" + KEY[1:], KEY * 2)),
    *(("authentication_key", wrong) for wrong in ("00", KEY[:-2] + "  x")),
    *(("commissioned", wrong) for wrong in ("", "maybe", "2")),
    *(("max_power_w", wrong) for wrong in ("", "0", "10kW", "2500.5", "10000001")),
    *(("contracted_power_w", wrong) for wrong in ("0", "lots")),
    *(("time_zone", wrong) for wrong in ("Iquique", "../../etc/passwd", "Europe", "Chile/Nowhere")),
    ("protected", "perhaps"),
    ("framing", "radio"),
    *(("physical_device", wrong) for wrong in ("0", "16382", "1/17")),
]


@pytest.mark.parametrize(("column", "wrong"), WRONG_CELLS)
def test_a_wrong_cell_is_named_by_line_and_column_and_never_repeated(column: str, wrong: str) -> None:
    given = csv_of(a_direct_row(meter_number="M-0") | dict.fromkeys(METER_OPTIONS, ""),
                   a_direct_row() | dict.fromkeys(METER_OPTIONS, "") | {column: wrong})  # fmt: skip

    found = errors(given)

    assert (3, column) in [(error.line, error.column) for error in found]
    for error in found:
        assert error.es
        assert error.en
        assert len(wrong) < 4 or wrong not in error.es + error.en


def test_every_column_has_a_wrong_cell_among_the_cases() -> None:
    assert {column for column, _ in WRONG_CELLS} == {*METER_COLUMNS, *METER_OPTIONS}


@pytest.mark.parametrize("missing", ["encryption_key", "authentication_key"])
def test_one_key_without_the_other_is_a_mistake_at_the_missing_one(missing: str) -> None:
    assert places(csv_of(a_direct_row(**{missing: ""}))) == [(2, missing)]


@pytest.mark.parametrize("missing", ["host", "port"])
def test_a_direct_meter_without_an_address_is_a_mistake(missing: str) -> None:
    assert places(csv_of(a_direct_row(**{missing: ""}))) == [(2, missing)]


def test_a_direct_meter_with_a_concentrator_is_a_mistake() -> None:
    assert places(csv_of(a_direct_row(concentrator="C-1"))) == [(2, "concentrator")]


@pytest.mark.parametrize("framing", list(Framing))
def test_a_direct_meter_says_how_its_line_is_framed(framing: Framing) -> None:
    (meter,) = meters(csv_of(a_direct_row() | {"framing": framing.value.upper()}))

    assert meter.address is not None
    assert (meter.address.framing, meter.address.physical_device) == (framing, None)


def test_an_hdlc_meter_may_share_its_line_and_then_names_its_physical_device() -> None:
    row = a_direct_row(server_sap="130") | {"framing": "hdlc", "physical_device": "17"}

    (meter,) = meters(csv_of(row))

    assert meter.address is not None
    assert (meter.address.server_sap, meter.address.physical_device) == (130, 17)


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"framing": "hdlc", "client_sap": "128"}, "client_sap"),
        ({"framing": "hdlc", "server_sap": "128"}, "server_sap"),
        ({"framing": "hdlc", "server_sap": "16384", "physical_device": "17"}, "server_sap"),
        ({"framing": "udp", "physical_device": "17"}, "physical_device"),
        ({"framing": "", "physical_device": "17"}, "physical_device"),
    ],
)
def test_an_address_that_its_framing_does_not_have_is_a_mistake(changes: dict[str, str], column: str) -> None:
    assert places(csv_of(a_direct_row() | {"framing": "", "physical_device": ""} | changes)) == [(2, column)]


def test_a_number_given_twice_is_a_mistake_of_its_second_line() -> None:
    (error,) = errors(csv_of(a_meter_row(), a_meter_row(meter_number="M-2"), a_meter_row()))

    assert (error.line, error.column) == (4, "meter_number")
    assert error.en == "It already stands further up."


def test_all_mistakes_of_all_lines_are_told_at_once() -> None:
    text = csv_of(a_meter_row(link="x", max_power_w="y"), a_meter_row(meter_number="M-2"), a_meter_row(commissioned=""))

    assert places(text) == [(2, "link"), (2, "max_power_w"), (4, "commissioned"), (4, "meter_number")]


def test_a_line_with_too_many_or_too_few_cells_is_named_by_its_line() -> None:
    text = csv_of(a_meter_row()) + "M-2,UP\n" + ",".join(["x"] * 20) + "\n"

    assert places(text) == [(3, ""), (4, "")]


def test_a_quoted_line_break_does_not_move_the_line_numbers() -> None:
    text = csv_of(a_meter_row(usage_point='"a\nb"'), a_meter_row(meter_number="M-2", link="x"))

    assert (4, "link") in places(text)


def test_a_missing_an_unknown_and_a_repeated_column_are_named() -> None:
    heading = [*METER_COLUMNS[1:], "colour", "link"]

    assert places(",".join(heading) + "\n") == [(1, "meter_number"), (1, "colour"), (1, "link")]


def test_a_file_without_a_heading_does_not_have_its_keys_repeated() -> None:
    text = csv_of(a_direct_row()).partition("\n")[2]

    told = " ".join(f"{error.column} {error.es} {error.en}" for error in errors(text))

    assert KEY not in told
    assert AUTHENTICATION_KEY not in told


def test_an_empty_file_lacks_every_column() -> None:
    assert places("") == [(1, column) for column in METER_COLUMNS]


def test_a_file_of_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_csv, "ROWS_MAX", 2)

    assert places(csv_of(*(a_meter_row(meter_number=f"M-{number}") for number in range(3)))) == [(4, "")]


def test_of_very_many_mistakes_only_the_first_are_listed_and_all_are_counted() -> None:
    text = csv_of(*(a_meter_row(meter_number=f"M-{number}", link="x") for number in range(registry_csv.ERRORS_MAX + 5)))

    with pytest.raises(InvalidRows) as raised:
        meters(text)

    assert len(raised.value.errors) == registry_csv.ERRORS_MAX
    assert raised.value.total == registry_csv.ERRORS_MAX + 5


def test_json_rows_are_read_as_the_csv_is() -> None:
    row = {"meter_number": "M-1", "link": "direct", "host": "127.0.0.1", "port": 4059, "commissioned": True,
           "max_power_w": 9000, "concentrator": None}  # fmt: skip

    (meter,) = meters_of(read_json([row], METER_COLUMNS, METER_OPTIONS), OpenVault(), models=MODELS)

    assert (meter.address, meter.commissioned, meter.max_power_w) == (Address("127.0.0.1", 4059), True, 9000)


@pytest.mark.parametrize("document", [None, {}, "x", [1], [[]], [{"colour": "red"}]])
def test_json_of_another_shape_is_refused(document: object) -> None:
    with pytest.raises(InvalidRows):
        read_json(document, METER_COLUMNS, METER_OPTIONS)


@pytest.mark.parametrize("value", [[1], {"a": 1}, 1.5])
def test_a_json_value_that_no_cell_can_hold_is_a_mistake_in_its_column(value: object) -> None:
    row = {"meter_number": "M-1", "link": "delegated", "commissioned": True, "max_power_w": value}

    with pytest.raises(InvalidRows) as raised:
        meters_of(read_json([row], METER_COLUMNS, METER_OPTIONS), OpenVault(), models=MODELS)

    assert [(error.line, error.column) for error in raised.value.errors] == [(1, "max_power_w")]


def told(text: str) -> list[RowError]:
    """The mistakes; none when the text could be read."""
    try:
        meters(text)
    except InvalidRows as invalid:
        return [*invalid.errors]
    return []


@given(st.text(max_size=400))
def test_no_text_has_a_heading_by_chance_so_it_is_refused_with_reasons(text: str) -> None:
    assert told(text)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters=',"\r\n;'), max_size=40), min_size=14, max_size=14))
def test_no_mistake_in_any_row_repeats_its_key(cells: list[str]) -> None:
    cells[10] = KEY

    found = told(",".join(METER_COLUMNS) + "\n" + ",".join(cells) + "\n")

    assert found
    assert not any(KEY in error.en + error.es + error.column for error in found)
