"""traceparent: vectors of W3C Trace Context, sections 3.2 and 3.2.2, and what is none."""

import pytest

from aforo.adapters.trace_context import traceparent_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OURS = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("header", [OURS, f" {OURS} ", f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-more"])
def test_what_is_one_is_written_as_version_00_writes_it(header: str) -> None:
    assert traceparent_of(header) == OURS


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f"{OURS}-more",
        f"{OURS}\r\nx: y",
    ],
)
def test_what_is_none_is_left_aside(header: str) -> None:
    assert traceparent_of(header) == ""
