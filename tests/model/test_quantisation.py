from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import zuoci
from zuoci.model.quantisation import decode, encode

if TYPE_CHECKING:
    from pathlib import Path


def test_a_number_is_at_most_half_a_step_off() -> None:
    weight = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    weight[2] = 0.0
    weights = {"weight": weight, "bias": np.arange(3.0, dtype=np.float32)}
    again = decode(encode(weights))
    step = np.abs(weight).max(1, keepdims=True) / 127
    assert (np.abs(again["weight"] - weight) <= step / 2 + 1e-6).all()
    assert np.array_equal(again["bias"], weights["bias"])
    assert decode(weights).keys() == weights.keys()


def test_a_model_in_8_bits_is_a_quarter_of_the_size(model: zuoci.CharLM, tmp_path: Path) -> None:
    large, small = (zuoci.save(model, tmp_path / str(bits), in_8_bits=bits) for bits in (False, True))
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (large, small)]
    assert sizes[1] < sizes[0] * 0.6  # a tiny model has as many bytes of names
    loaded = zuoci.load(small)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=value.abs().max().item() / 200, rtol=0)


@pytest.mark.parametrize("scale", [None, np.ones(3), np.ones((2, 1)), np.ones((24, 1), np.int32)])
def test_scales_that_do_not_fit(model: zuoci.CharLM, tmp_path: Path, scale: Any) -> None:
    file = zuoci.save(model, tmp_path / "m", in_8_bits=True) / "model.safetensors"
    tensors = load_file(file)
    del tensors["output.weight.scale"]
    save_file({**tensors, **({} if scale is None else {"output.weight.scale": scale})}, file)
    with pytest.raises(zuoci.ModelFolderError, match=r"damaged: the scales of output.weight are"):
        zuoci.load(tmp_path / "m")
