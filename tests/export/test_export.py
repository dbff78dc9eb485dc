from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci.cli import main
from zuoci.export.html import bundle, export_html, page_document, window_hashes
from zuoci.export.onnx import export_onnx
from zuoci.export.quantisation import quantise
from zuoci.model.mixture import Mixture
from zuoci.model.ngram import NGram
from zuoci.training.evaluation import evaluate
from zuoci.writing.line_judge import LineJudge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def block(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.fixture
def counted(corpus: zuoci.Corpus) -> zuoci.CharLM:
    """An untrained model, mixed with the counts of the corpus."""
    config = zuoci.ModelConfig(hidden_size=12, embedding_size=5)
    model = zuoci.CharLM(config, zuoci.Vocabulary(corpus.text)).initialise(torch.Generator().manual_seed(1)).eval()
    ids = model.vocabulary.encode(corpus.text).numpy()
    V = len(model.vocabulary)
    model.mixture = Mixture.fit([NGram.of(ids, V, 3)], ids, np.full(len(ids) - 1, 1 / V))
    return model


@given(st.lists(st.floats(-9, 9, width=32), min_size=6, max_size=6))
def test_int8_is_half_a_step_off_at_most(values: list[float]) -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=2), zuoci.Vocabulary("abc")).initialise(torch.Generator())
    with torch.no_grad():
        model.output.weight.copy_(torch.tensor(values).view(3, 2))
    weight = quantise(model, "int8").model.output.weight
    step = model.output.weight.abs().amax(1, keepdim=True) / 127
    assert ((weight - model.output.weight).abs() <= step * 0.5001 + 1e-37).all()  # below it, float32 has fewer digits
    assert torch.equal(quantise(model, "int8").model.output.bias, model.output.bias)


def test_float16_says_what_it_cannot_hold(make_model: Callable[..., zuoci.CharLM]) -> None:
    model = make_model()
    with torch.no_grad():
        model.output.weight[0, 0] = 1e6
    with pytest.raises(zuoci.SettingsError, match=r"output\.weight holds 1e\+06, .* choose int8"):
        quantise(model, "float16")


def test_the_page_is_one_file_that_can_load_nothing(model: zuoci.CharLM, tmp_path: Path) -> None:
    file = tmp_path / "song.html"
    title = "</script><b>&"
    figures = export_html(model, file, title=title, rhymes={"山": "<!--", "Q": "x"}, fingerprint=of_text("山" * 9))
    page = file.read_text("utf-8")
    assert figures == {"precision": "int8", "bytes": file.stat().st_size, "loss": None}
    assert "<b>" not in page
    loads = r"""(?:src|href)=(?!"data:,")|url\(|@import (?!{)|https?:"""  # @import {…} is a type in a comment
    assert not re.search(loads, page.replace('id="model">', "", 1))
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found
    assert found[1].startswith("default-src 'none'; ")
    for pattern in (r'<script type="module">(.*?)</script>', r"<style>(.*?)</style>"):
        body = re.search(pattern, page, re.DOTALL)
        assert body
        digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in found[1]
    data = block(page)
    assert data["title"] == title
    assert data["rhymes"] == {"山": "<!--"}
    assert data["characters"] == model.vocabulary.characters
    assert len(base64.b64decode(data["fingerprint"])) == 5  # all windows are alike
    before = file.read_bytes()
    export_html(model, file, title=title, rhymes={"山": "<!--"}, fingerprint=of_text("山" * 9), overwrite=True)
    assert file.read_bytes() == before


def test_what_the_precision_costs_is_measured(model: zuoci.CharLM, corpus: zuoci.Corpus, tmp_path: Path) -> None:
    loss = export_html(model, tmp_path / "song.html", text=corpus.text + "€")["loss"]
    ids = model.vocabulary.encode(corpus.text)
    assert loss["before"]["perplexity"] == evaluate(model, ids).perplexity
    assert loss["after"]["perplexity"] == evaluate(quantise(model, "int8").model, ids).perplexity
    assert loss["after"]["perplexity"] == pytest.approx(loss["before"]["perplexity"], rel=0.01)
    assert block((tmp_path / "song.html").read_text("utf-8"))["loss"] == loss


def test_what_the_precision_costs_is_measured_with_the_counts(
    counted: zuoci.CharLM, corpus: zuoci.Corpus, tmp_path: Path
) -> None:
    loss = export_html(counted, tmp_path / "song.html", text=corpus.text)["loss"]
    ids = counted.vocabulary.encode(corpus.text)
    assert loss["before"]["perplexity"] == evaluate(counted, ids).perplexity
    assert loss["after"]["perplexity"] == pytest.approx(loss["before"]["perplexity"], rel=0.01)
    assert (
        loss["after"]["protocol"]
        == loss["before"]["protocol"]
        == "the given text, state carried through, mixed with counts"
    )
    counted.mixture = None
    assert evaluate(counted, ids).perplexity > 2 * loss["after"]["perplexity"]


def test_the_page_holds_the_counts(counted: zuoci.CharLM, model: zuoci.CharLM) -> None:
    assert counted.mixture
    packed = page_document(counted)["mixture"]
    data = base64.b64decode(packed["data"])
    expected = counted.mixture.to_arrays()
    assert [entry["name"] for entry in packed["arrays"]] == list(expected)
    for entry, values in zip(packed["arrays"], expected.values(), strict=True):
        little_endian = np.dtype(entry["type"]).newbyteorder("<")
        got = np.frombuffer(data, little_endian, math.prod(entry["shape"]), entry["at"])
        np.testing.assert_array_equal(got.reshape(entry["shape"]), values)
    assert len(data) == sum(values.nbytes for values in expected.values())
    assert page_document(model)["mixture"] is None


def test_the_page_holds_the_judge_of_lines_in_the_models_order(make_model: Callable[..., zuoci.CharLM]) -> None:
    judge = LineJudge.of_base("zh")
    assert judge
    model = make_model("\n山路Ω", embedding_size=2)
    packed = page_document(model, judge=judge)["judge"]
    data = base64.b64decode(packed["weights"])
    weights = judge.weights_for(model.vocabulary.characters)
    for entry in packed["tensors"]:
        values = np.frombuffer(data, entry["type"], math.prod(entry["shape"]), entry["at"]).reshape(entry["shape"])
        if "scales" in entry:  # the judge has 8 bits already: none is lost
            values = values * np.frombuffer(data, "<f4", len(values), entry["scales"])[:, None]
        np.testing.assert_allclose(values, weights.pop(entry["name"]), rtol=1e-6)
    assert not weights
    ids = model.vocabulary.encode("路Ω")
    embedding = judge.weights_for(model.vocabulary.characters)["embedding"][ids.tolist()]
    np.testing.assert_array_equal(embedding[0], judge.weights_for("路")["embedding"][0])
    assert embedding[0].any()
    assert not embedding[1].any()
    assert page_document(model)["judge"] is None


def test_modules_are_bundled_once_and_before_their_users() -> None:
    sources = {
        "page/main.js": 'import { a as first } from "./a.js";\nimport { b } from "../shared/b.js";\nfirst + b;',
        "page/a.js": 'import { b } from "../shared/b.js";\nexport const a = b + 1;\n',
        "shared/b.js": "export const b = 1;\nconst c = 0;\n",
    }
    script = bundle("page/main.js", sources.__getitem__)
    assert script.index("const $shared_b =") < script.index("const $page_a =")
    assert script.count("const c = 0") == 1
    assert "const { a: first } = $page_a;" in script
    assert "return { b };" in script


def test_every_window_has_its_hash() -> None:
    hashes = window_hashes(of_text("山前路上人在唱歌里有山前路上人在唱歌里有"))
    assert len(hashes) == 10  # of 13 windows, three come again
    assert hashes.max() < 2**40
    assert not len(window_hashes(of_text("山前路上人在唱")))


@pytest.mark.parametrize("embedding", [{}, {"embedding_size": 5}, {"embedding_size": 5, "tie_embedding": True}])
@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "gru", "lstm"])
def test_the_onnx_graph_is_the_model(
    make_model: Callable[..., zuoci.CharLM], tmp_path: Path, cell: str, embedding: dict[str, Any]
) -> None:
    model = make_model(cell=cell, num_layers=2, **embedding)
    size = export_onnx(model, tmp_path / "step.onnx")
    assert size == (tmp_path / "step.onnx").stat().st_size
    session = onnxruntime.InferenceSession(tmp_path / "step.onnx", providers=["CPUExecutionProvider"])
    names = ["hidden", "cell"] if cell == "lstm" else ["hidden"]
    assert [value.name for value in session.get_inputs()] == ["ids", *names]
    assert [value.name for value in session.get_outputs()] == ["logits", *(f"next_{name}" for name in names)]
    assert session.get_modelmeta().custom_metadata_map["characters"] == model.vocabulary.characters
    for batch in (1, 3):
        state = model.initial_state(batch)
        arrays = [part.numpy() for part in state]
        for step in range(3):
            ids = torch.arange(step, step + batch)
            with torch.no_grad():
                logits, state = model(ids.unsqueeze(0), state)
            got = [
                np.asarray(value)
                for value in session.run(None, {"ids": ids.numpy(), **dict(zip(names, arrays, strict=True))})
            ]
            arrays = got[1:]
            np.testing.assert_allclose(got[0], logits[0].numpy(), rtol=1e-4, atol=1e-5)
            for array, part in zip(arrays, state, strict=True):
                np.testing.assert_allclose(array, part.numpy(), rtol=1e-4, atol=1e-5)


def test_the_onnx_graph_is_the_network_alone(counted: zuoci.CharLM, tmp_path: Path) -> None:
    export_onnx(counted, tmp_path / "counted.onnx")
    counted.mixture = None
    export_onnx(counted, tmp_path / "alone.onnx")
    assert (tmp_path / "counted.onnx").read_bytes() == (tmp_path / "alone.onnx").read_bytes()


def test_a_file_that_exists_is_kept(model: zuoci.CharLM, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("mine")
    for export in (export_html, export_onnx):
        with pytest.raises(zuoci.SettingsError, match="exists already"):
            export(model, file)
        with pytest.raises(zuoci.SettingsError, match="name a file in a folder that exists"):
            export(model, tmp_path / "none" / "file")
    assert file.read_text() == "mine"
    export_onnx(model, file, overwrite=True)
    assert file.read_bytes() != b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["zuoci", "export", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_command_exports_both(
    folder: Path, corpus: zuoci.Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, graph, text = (folder.parent / name for name in ("song.html", "song.onnx", "songs.txt"))
    text.write_text(corpus.text, "utf-8")
    wanted = [folder, "--html", page, "--onnx", graph, "--text", text, "--precision", "float16"]
    assert command(monkeypatch, *wanted) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(
        r"the page is in .*, weights in float16; perplexity [\d.]+ before and [\d.]+ after, over 299 ", err
    )
    assert "the ONNX graph is in" in err
    assert block(page.read_text("utf-8"))["title"] == folder.name
    assert command(monkeypatch, *wanted) == 2
    assert command(monkeypatch, *wanted, "--overwrite") == 0


def test_the_command_says_that_a_graph_has_no_counts(
    counted: zuoci.CharLM, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    note = "the graph is the network alone: the counts that the model is mixed with are not in it"
    assert command(monkeypatch, folder, "--onnx", folder.parent / "alone.onnx") == 0
    assert note not in capsys.readouterr().err
    mixed = zuoci.save(counted, folder.parent / "mixed")
    assert command(monkeypatch, mixed, "--onnx", folder.parent / "mixed.onnx") == 0
    assert note in " ".join(capsys.readouterr().err.split())


def test_the_command_says_what_it_needs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, folder) == 2
    assert "nothing to export: name a file with --html, --onnx or both" in capsys.readouterr().err
    assert command(monkeypatch, folder, "--onnx", folder.parent / "x", "--text", folder) == 2
    assert "give --html too" in capsys.readouterr().err


def of_text(text: str) -> zuoci.Fingerprint:
    return zuoci.Fingerprint.of(zuoci.Corpus((zuoci.Song("songs.txt", text),)))
