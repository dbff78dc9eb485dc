from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import zuoci
from zuoci.model.quantisation import decode, encode

if TYPE_CHECKING:
    from pathlib import Path


def test_a_number_is_at_most_half_a_step_off() -> None:
    weight = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    weight[2] = 0.0
    weights = {"weight": weight, "bias": torch.arange(3.0)}
    again = decode(encode(weights))
    step = weight.abs().amax(1, keepdim=True) / 127
    assert ((again["weight"] - weight).abs() <= step / 2 + 1e-6).all()
    assert torch.equal(again["bias"], weights["bias"])
    assert decode(weights).keys() == weights.keys()


def test_a_model_in_8_bits_is_a_quarter_of_the_size(model: zuoci.CharLM, tmp_path: Path) -> None:
    large, small = (zuoci.save(model, tmp_path / str(bits), in_8_bits=bits) for bits in (False, True))
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (large, small)]
    assert sizes[1] < sizes[0] * 0.6  # a tiny model has as many bytes of names
    loaded = zuoci.load(small)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=value.abs().max().item() / 200, rtol=0)


@pytest.mark.parametrize("scale", [None, torch.ones(3), torch.ones(2, 1), torch.ones(24, 1, dtype=torch.int32)])
def test_scales_that_do_not_fit(model: zuoci.CharLM, tmp_path: Path, scale: Any) -> None:
    file = zuoci.save(model, tmp_path / "m", in_8_bits=True) / "model.safetensors"
    tensors = load_file(file)
    del tensors["output.weight.scale"]
    save_file({**tensors, **({} if scale is None else {"output.weight.scale": scale})}, file)
    with pytest.raises(zuoci.ModelFolderError, match=r"damaged: the scales of output.weight are"):
        zuoci.load(tmp_path / "m")
