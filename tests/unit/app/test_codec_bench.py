"""The codec's benchmark, cut short: what it prints, and that both stacks do the same work."""

import json
import sys

import pytest

from aforo.app import codec_bench


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_bench, "REPETITIONS", 1)
    monkeypatch.setattr(codec_bench, "_timed", lambda operation: len([operation.call(a) for a in operation.prepare(2)]))


def test_every_operation_runs_and_dlms_cosem_stands_beside_what_it_can_do() -> None:
    compared = {figure.operation: figure.other_us is not None for figure in codec_bench.measure()}
    assert compared == {
        "encode SET, plain": True,
        "encode SET, glo": False,
        "encode SET, general-glo": True,
        "decode SET-response, glo": False,
        "decode SET-response, general-glo": True,
        "decode GET-response, general-glo": True,
        "SET and GET within an association, both ends": False,
        "association (HLS 5), both ends": False,
        "association, SET and GET, both ends": False,
    }


def test_without_dlms_cosem_our_own_figures_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlms_cosem.cosem", None)
    assert {figure.other_us for figure in codec_bench.measure()} == {None}


def test_the_figures_are_printed_as_a_table_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    codec_bench.run(as_json=False)
    table = capsys.readouterr().out.splitlines()
    codec_bench.run(as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [line[:44].strip() for line in table[1:]] == [figure["operation"] for figure in told["figures"]]
    assert told["figures"][0] | {"operation": ""} == {
        "operation": "", "us": 2, "best": 2, "other_us": 2, "per_second": 500_000, "ratio": 1,
    }  # fmt: skip
