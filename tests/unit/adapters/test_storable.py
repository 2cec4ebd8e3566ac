"""What is certain to be read back from the database as it was written, and what only may be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.adapters.postgres.storable import is_kept, to_jsonb

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda part: st.lists(part) | st.tuples(part) | st.dictionaries(st.text(st.characters()) | st.integers(), part),
)


@given(values)
def test_what_is_certain_to_be_kept_is_kept(value: object) -> None:
    if is_kept(value):
        assert json.loads(to_jsonb(value)) == value
        assert to_jsonb(json.loads(to_jsonb(value))) == to_jsonb(value)


plain = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | plain,
    lambda part: st.lists(part) | st.dictionaries(plain, part),
)


@given(documents)
def test_what_can_be_stored_is_written_as_json_has_it(document: object) -> None:
    assert json.loads(to_jsonb(document)) == document


@pytest.mark.parametrize("value", ["", "Contador ES-1", {"watts": 2500, "names": ["á", None, True]}, 2**70])
def test_what_facts_hold_is_certain_to_be_kept(value: object) -> None:
    assert is_kept(value)


@pytest.mark.parametrize("value", ["\0", "\ud800", {"a": ["\0"]}, {"\0": 1}, {1: 2}, (1,), 1.5])
def test_what_the_database_may_hold_otherwise_is_not_certain(value: object) -> None:
    assert not is_kept(value)
