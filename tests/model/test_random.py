"""Each random stream has a key of its own."""

from __future__ import annotations

import itertools

import torch

from zuoci.model.random import key_of


def test_a_key_depends_on_all_parts_and_their_order() -> None:
    keys = [
        key_of(seed, *rest)
        for seed in (0, 1, 2**63 - 1)
        for rest in ((), (0,), (1,), ("dropout",), ("dropout", 0), ("dropout", 1), (0, "dropout"), ("other", 0), ("",))
    ]
    assert len(set(keys)) == len(keys)
    assert all(0 <= key < 2**64 for key in keys)
    assert key_of(-1) == key_of(2**64 - 1)


def test_keys_stay_the_same() -> None:
    """Texts and runs of earlier versions depend on them."""
    assert key_of() == 0
    assert key_of(0) == 0xE220A8397B1DCDAF
    assert key_of(1, 2, 3) == 0xD0734750FDE362B3
    assert key_of(0, "dropout", 0) == 0xD45A75DA80E8A114


def test_streams_do_not_repeat_those_of_other_seeds_or_indices() -> None:
    keys = [key_of(seed, "dropout", index) for seed, index in itertools.product(range(20), range(20))]
    seeds = [*keys, *range(40)]
    first = [tuple(torch.empty(4).uniform_(generator=torch.Generator().manual_seed(seed)).tolist()) for seed in seeds]
    assert len(set(first)) == len(seeds)
