"""What `make fuzz` runs still runs: each target over its seeds and some mutations of them, without the fuzzer."""

import importlib.util
import sys
from contextlib import nullcontext
from pathlib import Path
from random import Random
from types import ModuleType, SimpleNamespace

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
SEEDS = [line.split() for line in (FUZZ / "seeds.txt").read_text().splitlines()]
MUTATIONS = 20


def loaded(script: str) -> ModuleType:
    """With a stand-in for atheris, which guides the choice of inputs and checks nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "atheris", SimpleNamespace(instrument_imports=lambda **_: nullcontext()))
        spec = importlib.util.spec_from_file_location(f"fuzz_{script}", FUZZ / f"{script}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def mutated(octets: bytes, chance: Random) -> bytes:
    changed = bytearray(octets)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(changed) or 1)
        changed[place : place + chance.randrange(2)] = chance.randbytes(chance.randrange(3))
    return bytes(changed)


def test_every_decoder_has_seeds_and_every_seed_a_decoder() -> None:
    assert {name for name, _ in SEEDS} == set(loaded("decoders").TARGETS)


@pytest.mark.parametrize("name", sorted({name for name, _ in SEEDS}))
def test_a_decoder_takes_its_seeds_and_what_is_like_them(name: str) -> None:
    decoders, chance = loaded("decoders"), Random(name)
    once = decoders.checked(decoders.TARGETS[name])
    for seed in (bytes.fromhex(octets) for of, octets in SEEDS if of == name):
        once(seed)
        for _ in range(MUTATIONS):
            once(mutated(seed, chance))


def test_the_soap_door_takes_whatever_comes_and_orders_are_made() -> None:
    door = loaded("soap_door")
    for number in range(200):
        door.one_input(number.to_bytes(2, "little"))

    assert door.counts["inputs"] == 200
    assert door.counts["orders"] > 0
