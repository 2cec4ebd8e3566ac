"""`aforo decode`: what goes in, what comes out, and that no key ever does."""

import io
import json

import pytest

from aforo.app.commands.decode import OCTETS_MAX
from aforo.app.main import main

KEY = "000102030405060708090a0b0c0d0e0f"
AUTHENTICATION_KEY = "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
TITLE = "4845530000000001"
SET_3300 = "c101c100470000110000ff04000600000ce4"
GLO_3300 = "c92330000000016a99c2331a628a85be11e6155a1b01e4fd3b34809ba8f2fcb7dcf1c45039"
"""Made alike by two other stacks with these keys, this title and counter 1."""

WITH_KEYS = ("--key", KEY, "--authentication-key", AUTHENTICATION_KEY)


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFORO_DECODE_KEY", raising=False)
    monkeypatch.delenv("AFORO_DECODE_AUTHENTICATION_KEY", raising=False)


def test_octets_become_a_tree_with_their_hex_beside(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", SET_3300]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "                          input: 18 octets"
    assert lines[3] == "0047                          class: 71 Limiter"
    assert lines[-1] == "0600000ce4                    data: double-long-unsigned 3300"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["C5 01 C1 00"], id="spaces"),
        pytest.param(["c5", "01", "c1", "00"], id="several words"),
        pytest.param(["c5:01:c1:00"], id="colons"),
        pytest.param(["0xC501C100"], id="one 0x"),
        pytest.param(["0xc5, 0x01, 0xc1, 0x00"], id="many 0x"),
        pytest.param(["c501\n  c100\n"], id="lines"),
    ],
)
def test_hex_is_taken_as_people_have_it(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", *words]) == 0
    assert "result: success (0)" in capsys.readouterr().out


def test_a_hyphen_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("c5 01\nc1 00\n"))
    assert main(["decode", "-"]) == 0
    assert "set-response: normal" in capsys.readouterr().out


def test_standard_input_that_is_no_text_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xc5\x01"), encoding="utf-8"))
    assert main(["decode", "-"]) == 2
    assert "not text" in capsys.readouterr().err


def test_json_is_the_same_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "c501c103", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    (response,) = tree["children"]
    assert (tree["label"], tree["value"], tree["from"], tree["to"]) == ("input", "4 octets", 0, 4)
    assert (response["label"], response["value"], response["octets"]) == ("set-response", "normal", "c501")
    assert response["children"][1] == {
        "label": "result", "value": "read-write-denied (3)", "from": 3, "to": 4, "octets": "03", "children": [],
    }  # fmt: skip


def test_keys_open_what_is_ciphered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", GLO_3300, *WITH_KEYS, "--title", "00" * 8, "--title", TITLE]) == 0
    assert "data: double-long-unsigned 3300" in capsys.readouterr().out


def test_keys_come_from_the_environment_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFORO_DECODE_KEY", KEY)
    monkeypatch.setenv("AFORO_DECODE_AUTHENTICATION_KEY", AUTHENTICATION_KEY)
    assert main(["decode", GLO_3300, "--title", TITLE]) == 0
    assert "the key fits" in capsys.readouterr().out


def test_a_wrong_key_is_said_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ("--key", KEY[::-1], "--authentication-key", AUTHENTICATION_KEY)
    assert main(["decode", GLO_3300, *wrong, "--title", TITLE]) == 0
    assert "the key does not fit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        pytest.param(["c5zz"], "'z' is no hexadecimal digit", id="no hex"),
        pytest.param(["c50"], "3 hexadecimal digits are not whole octets", id="half an octet"),
        pytest.param([""], "there are no octets to decode", id="nothing"),
        pytest.param(["00" * (OCTETS_MAX + 1)], f"more than {OCTETS_MAX} octets", id="too many"),
        pytest.param([" " * 6 * OCTETS_MAX + "00"], f"more than {OCTETS_MAX} octets", id="too much between"),
        pytest.param(["c5", "--key", KEY], "go together", id="one key alone"),
        pytest.param(["c5", "--key", KEY[2:], *WITH_KEYS[2:]], "--key: an AES key has 16", id="short key"),
        pytest.param(["c5", "--key", KEY * 2, *WITH_KEYS[2:]], "are of one suite", id="keys of two suites"),
        pytest.param(["c5", "--key", KEY[:-1] + "g", *WITH_KEYS[2:]], "--key: a key is written in", id="key, no hex"),
        pytest.param(["c5", "--title", KEY], "--title: a system title is 16", id="title"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_wrong_argument_is_one_line_and_repeats_no_key(
    words: list[str], complaint: str, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", *words, *(["--json"] if as_json else [])]) == 2
    out, err = capsys.readouterr()
    assert complaint in (json.loads(out)["error"] if as_json else err)
    assert as_json or (err.count("\n") == 1 and not out)
    assert KEY[2:20] not in out + err


def test_what_is_printed_holds_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in ([], ["--json"]):
        assert main(["decode", GLO_3300, *WITH_KEYS, "--title", TITLE, *as_json]) == 0
        shown = capsys.readouterr().out
        assert KEY[:12] not in shown
        assert AUTHENTICATION_KEY[:12] not in shown


def test_the_longest_input_is_decoded(capsys: pytest.CaptureFixture[str]) -> None:
    elements = OCTETS_MAX - len(bytes.fromhex("c401410001 83000000"))
    assert main(["decode", f"c40141000183{elements:06x}" + "00" * elements]) == 0
    assert f"data: array of {elements}" in capsys.readouterr().out
