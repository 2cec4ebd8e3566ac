"""The codec's benchmark, cut short: its rows, and what is said where a peer cannot be measured."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aforo.app import codec_bench, codec_peers
from aforo.app.codec_bench import DECODE, ENCODE, EXCHANGE, PROFILE, Row

NAMED = [ENCODE, DECODE, PROFILE, EXCHANGE]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_bench, "ROUNDS", 2)
    monkeypatch.setattr(codec_bench, "REPETITIONS", 1)
    monkeypatch.setattr(codec_bench, "EXCHANGES", 32)
    monkeypatch.setattr(codec_bench, "_timed", lambda operation: len([operation.call(a) for a in operation.prepare(2)]))


@pytest.fixture
def _peers(monkeypatch: pytest.MonkeyPatch) -> None:
    def figures(peer: codec_peers.Peer, given: dict[str, Any], **_: int) -> dict[str, float]:
        assert given["plain_set"].startswith("c101c10047")
        if peer is codec_peers.PEERS[1]:
            raise codec_peers.PeerAway("no package host here")
        return dict.fromkeys(NAMED, 30.0)

    monkeypatch.setattr(codec_bench, "figures_of", figures)


@pytest.mark.usefixtures("_peers")
def test_the_rows_have_the_promised_names_and_the_others_are_informative(capsys: pytest.CaptureFixture[str]) -> None:
    codec_bench.run(as_json=True)
    told = capsys.readouterr()
    rows = json.loads(told.out)
    assert [row["name"] for row in rows if not row.get("informative")] == NAMED
    assert all(set(row) >= {"name", "ours_us", "peers", "ratio_to_best_peer"} for row in rows)
    assert rows[0] == {
        "name": ENCODE, "ours_us": 2, "peers": {"dlms-cosem 25.1.0": 30.0}, "ratio_to_best_peer": None
    }  # fmt: skip
    assert rows[3]["ours_blocking_us"] > 0
    assert told.err.count("gurux-dlms 1.0.203 is not measured: no package host here") == 1


@pytest.mark.usefixtures("_peers")
def test_the_table_names_every_row_and_peer(capsys: pytest.CaptureFixture[str]) -> None:
    codec_bench.run(as_json=False)
    table = capsys.readouterr().out
    assert all(name in table for name in (*NAMED, "dlms-cosem 25.1.0", "gurux-dlms 1.0.203"))


def test_the_ratio_is_to_the_faster_peer_and_none_when_a_peer_is_away() -> None:
    assert Row("x", 2.0, {"a": 50.0, "b": 30.0}).ratio == 15.0
    assert Row("x", 2.0, {"b": 50.0}).ratio is None
    assert Row("x", 2.0).document()["ratio_to_best_peer"] is None


def test_without_the_worker_scripts_a_peer_is_told_to_be_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(codec_peers, "ROOT", tmp_path)
    with pytest.raises(codec_peers.PeerAway, match="with the sources only"):
        codec_peers.figures_of(codec_peers.PEERS[0], {}, port=1, exchanges=1)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("raise SystemExit('other octets than ours')", "its worker failed: other octets"),
        ("assert False", "AssertionError"),
    ],
)
def test_a_worker_that_fails_is_no_figure_but_a_reason(
    script: str, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / codec_peers.PEERS[0].worker).write_text(script)
    monkeypatch.setattr(codec_peers, "ROOT", tmp_path)
    monkeypatch.setattr(codec_peers, "_environment", lambda _: Path(sys.executable))
    with pytest.raises(codec_peers.PeerAway, match=why):
        codec_peers.figures_of(codec_peers.PEERS[0], {}, port=1, exchanges=1)
