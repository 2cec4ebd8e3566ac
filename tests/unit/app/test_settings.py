"""A setting that cannot be right is refused at the start, by name."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from aforo.app.settings import LOOPBACK, Settings


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above all AFORO_HOST: an empty one must not open the doors to every network."""
    monkeypatch.setenv("AFORO_HOST", "")

    assert Settings().host == LOOPBACK


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AFORO_TOKEN", "short"),
        ("AFORO_TOKEN", "a token with spaces in it"),
        ("AFORO_ALLOWED_REPLIES", '["nourl"]'),
        ("AFORO_MODELS", "no/such/folder"),
        ("AFORO_SYSTEM_TITLE", "41464F"),
        ("AFORO_RETRY_PLAN", "soon"),
        ("AFORO_ANSWER_WAIT_S", "0"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError) as refused:
        Settings()

    assert [error["loc"][0] for error in refused.value.errors()] == [name.removeprefix("AFORO_").lower()]


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFORO_TOKEN", "a-very-secret-token")
    monkeypatch.setenv("AFORO_DATABASE_URL", "postgresql://u:pw@localhost/d")
    monkeypatch.setenv("AFORO_MODELS", str(tmp_path))

    shown = repr(Settings())

    assert "a-very-secret-token" not in shown
    assert "pw@" not in shown
