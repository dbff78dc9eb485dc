from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from zuoci import CharLM, ModelConfig, ModelFolderError, Vocabulary, load, save

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_saved_model_is_the_same_model(cell: str, tmp_path: Path) -> None:
    config = ModelConfig.model_validate({"cell": cell, "hidden_size": 7, "num_layers": 2, "dropout": 0.25})
    model = CharLM(config, Vocabulary("作词\n。x")).initialise(torch.Generator().manual_seed(0))
    loaded = load(save(model, tmp_path / "deep" / "model"))
    assert loaded.config == config
    assert loaded.vocabulary == model.vocabulary
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_saving_twice_gives_the_same_bytes_and_leaves_nothing_beside(model: CharLM, tmp_path: Path) -> None:
    first, second = save(model, tmp_path / "a"), save(model, tmp_path / "b")
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert sorted(file.name for file in first.iterdir()) == [
        "README.md", "config.json", "model.safetensors", "vocabulary.json",
    ]  # fmt: skip


def test_a_model_is_replaced_only_when_asked(model: CharLM, folder: Path) -> None:
    with pytest.raises(ModelFolderError, match="holds a model already"):
        save(model, folder)
    with torch.no_grad():
        model.output.bias.fill_(3.0)
    save(model, folder, overwrite=True)
    assert load(folder).output.bias[0] == 3.0
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_model_is_never_replaced(model: CharLM, tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "novel").mkdir()
    (tmp_path / "novel" / "chapter.txt").write_text("mine", "utf-8")
    (tmp_path / "file").write_text("mine", "utf-8")
    for name in ("novel", "file", "file/below"):
        with pytest.raises(ModelFolderError, match=r"choose another|not a folder"):
            save(model, tmp_path / name, overwrite=overwrite)
    assert (tmp_path / "novel" / "chapter.txt").read_text("utf-8") == "mine"
    assert (tmp_path / "file").read_text("utf-8") == "mine"


def test_an_empty_folder_may_be_filled(model: CharLM, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert load(save(model, tmp_path / "empty")).vocabulary == model.vocabulary


@pytest.mark.parametrize("call", ["fsync", "open", "rename"])
def test_a_full_disk_leaves_the_former_model_and_no_rubbish(
    model: CharLM, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target: Any = os if call == "fsync" else type(folder)
    before = (folder / "model.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(target, call, full)
        with pytest.raises(ModelFolderError, match="cannot be saved: No space left on device"):
            save(model, folder, overwrite=True)
    assert (folder / "model.safetensors").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_weights_that_are_no_numbers_are_neither_saved_nor_loaded(model: CharLM, folder: Path) -> None:
    with torch.no_grad():
        model.output.bias[2] = float("nan")
    with pytest.raises(ModelFolderError, match=r"cannot be saved: output\.bias"):
        save(model, folder.with_name("other"))
    weights = load_file(folder / "model.safetensors")
    weights["output.bias"][0] = float("inf")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ModelFolderError, match=r"damaged: output\.bias holds values"):
        load(folder)


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **changes}), "utf-8")


def test_damaged_folders_are_clear_errors(folder: Path, tmp_path: Path) -> None:
    def damaged(message: str, name: str, data: bytes | None) -> None:
        file = folder / name
        before = file.read_bytes()
        file.unlink() if data is None else file.write_bytes(data)
        with pytest.raises(ModelFolderError, match=message) as error:
            load(folder)
        assert "\n" not in str(error.value)
        file.write_bytes(before)

    weights = (folder / "model.safetensors").read_bytes()
    damaged("is damaged", "model.safetensors", weights[:-10])
    damaged("is damaged", "model.safetensors", b"")
    damaged("holds no model", "model.safetensors", None)
    damaged("cannot be read", "vocabulary.json", None)
    damaged("vocabulary is damaged", "vocabulary.json", b"{}")
    damaged("is damaged", "config.json", b"{")
    damaged("zuoci did not write", "config.json", b"{}")
    damaged("is damaged", "config.json", b'{"format": "zuoci-model"}')
    with pytest.raises(ModelFolderError, match="does not exist"):
        load(tmp_path / "nowhere")
    with pytest.raises(ModelFolderError, match="holds no model"):
        load(tmp_path)
    edit(folder / "config.json", vocab_size=3)
    with pytest.raises(ModelFolderError, match="does not belong to"):
        load(folder)
    edit(folder / "config.json", version=9)
    with pytest.raises(ModelFolderError, match="version 9 of the format; this zuoci reads 1"):
        load(folder)


def test_weights_of_another_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    edit(folder / "config.json", model={**config["model"], "hidden_size": 13})
    with pytest.raises(ModelFolderError, match="is damaged"):
        load(folder)
