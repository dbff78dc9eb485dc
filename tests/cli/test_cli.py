"""The command line: as a person runs it, in processes of their own, or (quicker) in this one."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from tests import processes

import zuoci
from zuoci.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = ["--epochs", "2", "--hidden-size", "16", "--embedding-size", "8", "--batch-size", "4", "--seq-len", "8"]


def zuoci_command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-m", "zuoci", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", env={**os.environ, **environment}, check=False,
    )  # fmt: skip


class Result(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Result]:
    """Runs a command in this process, in the folder `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["zuoci", *map(str, arguments)])
        code: Any = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return Result(code or 0, str(out), str(err))

    return call


@pytest.fixture
def songs(corpus: zuoci.Corpus, tmp_path: Path) -> Path:
    path = tmp_path / "songs.txt"
    path.write_text(corpus.text, "utf-8")
    return path


def test_help_answers_at_once() -> None:
    result = zuoci_command("--help", COLUMNS="100")
    seconds: list[float] = []
    for _ in range(3):
        start = os.times()
        zuoci_command("--help")
        end = os.times()
        seconds.append(end.children_user + end.children_system - start.children_user - start.children_system)
    assert min(seconds) < 0.3  # of a processor, so that other processes do not count
    for command in ("train", "write", "lesson"):
        assert command in result.stdout
    assert zuoci_command("--version").stdout.strip() == zuoci.__version__


def test_every_setting_is_an_option(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = run("train", "--help").stdout
    for config in (zuoci.ModelConfig, zuoci.TrainConfig):
        for name in config.model_fields:
            assert f"--{'from' if name == 'base' else name.replace('_', '-')} " in text


def test_train_then_write(songs: Path, tmp_path: Path) -> None:
    trained = processes.run("train", songs, *SMALL, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert re.search(r"epoch 2, perplexity \d+\.\d\d, held out \d+\.\d", trained.stderr)
    assert "the model is in lyrics-model" in trained.stderr
    assert trained.stdout.strip()
    written = processes.run("write", tmp_path / "lyrics-model", "山", "--length", 30)
    assert written.returncode == 0, written.stderr
    assert written.stdout.startswith("山")
    assert len(written.stdout) == 32
    assert processes.run("train", songs, *SMALL, cwd=tmp_path).returncode == 0
    assert (tmp_path / "lyrics-model-2").is_dir()


def test_json_of_both(run: Callable[..., Result], songs: Path, tmp_path: Path) -> None:
    trained = run("train", songs, "--out", tmp_path / "m", "--json", *SMALL)
    report = json.loads(trained.stdout)
    assert report["schema"] == "zuoci.train/1"
    assert report["model"] == str(tmp_path / "m")
    assert report["characters"] == len(songs.read_text("utf-8"))
    assert report["epochs"] == 2
    for key in ("vocab_size", "parameters", "steps", "train_seconds", "characters_per_second"):
        assert report[key] > 0
    for text in ("train", "validation"):
        assert {"nll", "bits_per_char", "perplexity", "protocol"} <= report[text].keys()

    arguments = ("write", tmp_path / "m", "山€", "--seed", 7, "--json")
    first, again = run(*arguments), run(*arguments)
    assert first.stdout == again.stdout
    document = json.loads(first.stdout)
    assert document["schema"] == "zuoci.write/1"
    assert document["unknown"] == "€"
    (text,) = document["texts"]
    assert text["seed"] == 7
    assert text["text"].startswith("山")
    assert text["nll"] > 0
    assert "never seen €; these characters are left out" in first.stderr


def test_precedence_is_recipe_then_file_then_flags(run: Callable[..., Result], songs: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("epochs = 1\nhidden_size = 24\nembedding_size = 8\nseq_len = 8\n", "utf-8")
    flags = ["--config", tmp_path / "run.toml", "--hidden-size", 12, "--batch-size", 4]
    result = run("train", songs, "--out", tmp_path / "m", *flags)
    assert result.returncode == 0, result.stderr
    config = json.loads((tmp_path / "m" / "config.json").read_text("utf-8"))
    assert config["model"]["hidden_size"] == 12
    assert config["model"]["embedding_size"] == 8
    assert config["training"]["epochs"] == 1
    assert config["training"]["sampling"] == zuoci.TrainConfig().sampling


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere.txt"], 1, "nowhere.txt does not exist"),
        (["empty.txt"], 1, "empty.txt holds no text"),
        (["short.txt"], 1, "the text is shorter than one minibatch"),
        (["bytes.txt"], 1, "bytes.txt is not UTF-8 from byte 3 on, and its encoding is in doubt"),
        (["songs.txt", "--epochs", "0"], 2, "epochs must be positive, unless steps or seconds is given"),
        (["songs.txt", "--batch-size", "-1"], 2, "batch_size must be greater than or equal to 1: got -1"),
        (["songs.txt", "--recipe", "none"], 2, "there is no recipe 'none'"),
        (["songs.txt", "--config", "none.toml"], 2, "none.toml cannot be read"),
        (["songs.txt", "--out", "taken"], 1, "taken exists and holds something that is not a model"),
        (["songs.txt", "--out", "songs.txt"], 1, "songs.txt exists and is not a folder"),
        (["songs.txt", "--learning-rate", "1e30", "--max-grad-norm", "1e30", "--cell", "rnn_relu"], 1, "diverged"),
        (["--language", "fr"], 1, "there are no bundled lyrics in 'fr'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run: Callable[..., Result], songs: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "short.txt").write_text("歌", "utf-8")
    (tmp_path / "bytes.txt").write_bytes(b"caf\xe9 \xff")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "novel.txt").write_text("mine", "utf-8")
    before = sorted(tmp_path.rglob("*"))
    small = SMALL if songs.name in arguments and "--epochs" not in arguments else []
    result = run("train", *small, *arguments)
    assert result.returncode == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 1, "nowhere does not exist; name the folder of a trained model"),
        (["model", "--greedy", "--temperature", "1"], 2, "exclude each other"),
        (["model", "--temperature", "0"], 2, "temperature must be greater than 0: got 0.0"),
        (["model", "--length", "0"], 2, "length must be greater than or equal to 1: got 0"),
    ],
)
def test_bad_wishes(run: Callable[..., Result], folder: Path, arguments: list[str], code: int, message: str) -> None:
    assert folder.name == "model"
    result = run("write", *arguments)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_wrong_use_exits_with_2(run: Callable[..., Result]) -> None:
    for arguments in (["compose-opera"], ["train", "--none"], ["write"], ["lesson", "--epochs", "many"]):
        result = run(*arguments)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


# zuoci, which a signal reaches in a certain step, however fast it is.
SIGNALLED = """
import os
from zuoci.cli import main
from zuoci.training.trainer import Run

step = Run._step


def signalled(run, batch):
    if run.progress.step == 20:
        os.kill(os.getpid(), {number})
    return step(run, batch)


Run._step = signalled
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_is_saved_and_ends_as_if_it_had_not_been_stopped(
    songs: Path, tmp_path: Path, number: int, code: int
) -> None:
    command = ["train", songs, *SMALL, "--epochs", "8", "--out"]
    whole = processes.run(*command, "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    (tmp_path / "signalled.py").write_text(SIGNALLED.format(number=int(number)), "utf-8")
    stopped = processes.run(*command, "m", module="signalled", cwd=tmp_path)
    assert stopped.returncode == code
    last = stopped.stderr.splitlines()[-1]
    assert re.fullmatch(r"stopped after \d+ steps, and saved; continue with: zuoci train --resume --out m", last)
    write = processes.run("write", "m", "山", cwd=tmp_path)
    assert write.returncode == 1
    assert "m holds a run that was stopped; finish it: zuoci train --resume --out m" in write.stderr
    again = processes.run("train", songs, "--out", "m", cwd=tmp_path)
    assert again.returncode == 1
    assert "m holds a run that was stopped; continue it with --resume" in again.stderr
    more = processes.run("train", "--resume", "--epochs", 3, "--out", "m", cwd=tmp_path)
    assert more.returncode == 2
    assert "--resume continues with the settings of the run" in more.stderr
    resumed = processes.run("train", "--resume", "--out", "m", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert weights(tmp_path / "m") == weights(tmp_path / "whole")
    assert resumed.stdout == whole.stdout
    finished = processes.run("train", "--resume", "--out", "m", cwd=tmp_path)
    assert finished.returncode == 1
    assert "m holds nothing to resume: its run is finished" in finished.stderr


@pytest.mark.slow
def test_a_full_disk_does_not_end_a_run(
    run: Callable[..., Result], songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saves in between fail and are tried again; the run goes on to its end."""
    from zuoci.model import checkpoint

    write, calls = checkpoint.write_durably, list[str]()

    def full(file: Path, data: bytes) -> None:
        calls.append(file.name)
        if "unfinished" in file.name:
            raise OSError(28, "No space left on device")
        write(file, data)

    monkeypatch.setattr(checkpoint, "write_durably", full)
    result = run("train", songs, *SMALL, "--out", "m", "--save-every", "0")
    assert result.returncode == 0
    assert "note: m/training/unfinished.safetensors cannot be saved: No space left on device" in result.stderr
    assert any("unfinished" in name for name in calls)
    assert zuoci.load(tmp_path / "m")


@pytest.mark.parametrize("length", [3, 5000])  # less and more than a stream keeps before it writes
def test_a_reader_that_goes_away_is_no_traceback(folder: Path, length: int) -> None:
    with processes.Process("write", folder, "--length", length, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait() == 1
        errors = process.stderr.read()
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


@pytest.mark.slow
def test_a_terminal_without_unicode_gets_escapes(folder: Path) -> None:
    result = zuoci_command("write", folder, "山", "--length", "3", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("\\u5c71")


def test_score_and_plot(run: Callable[..., Result], songs: Path, tmp_path: Path) -> None:
    assert run("train", songs, *SMALL, "--out", "m").returncode == 0
    (tmp_path / "new.txt").write_text("山前百人\n路上百歌X\n", "utf-8")
    plain = run("score", "m", "new.txt")
    assert plain.returncode == 0
    assert re.match(r"perplexity \d+\.\d\d, .* over 9 characters \(new.txt, state carried through\)\n", plain.stdout)
    assert "to compare" not in plain.stdout  # the figure of the run is of another text
    assert "note: to compare with an n-gram, name the training text with --corpus" in plain.stderr
    assert "note: 1 of 11 characters are not in the vocabulary of the model and were left out: X\n" in plain.stderr
    (tmp_path / "other.txt").write_text("山前 the rain is falling\n", "utf-8")
    assert "; the figure says little about the text" not in plain.stderr
    assert "the figure says little about the text" in run("score", "m", "other.txt").stderr
    result = run("score", "m", "new.txt", "--corpus", songs, "--window", 4, "--json")
    document = json.loads(result.stdout)
    assert document["schema"] == "zuoci.score/1"
    assert (document["characters"], document["unknown"]) == (9, 1)
    assert document["protocol"] == "new.txt, the state reset every 4 characters"
    assert document["perplexity"] == pytest.approx(math.exp(document["nll"]))
    assert document["bits_per_char"] == pytest.approx(document["nll"] / math.log(2))
    assert document["baseline"]["protocol"] == "new.txt, Kneser–Ney 5-gram"
    assert document["baseline"]["characters"] == 9
    (tmp_path / "one.txt").write_text("山", "utf-8")
    assert "is too short to be scored" in run("score", "m", "one.txt").stderr
    assert "nowhere does not exist" in run("score", "nowhere", "new.txt").stderr
    assert run("plot", "m", "-o", "c.svg").stderr == "the curve is in c.svg\n"
    assert (tmp_path / "c.svg").stat().st_size > 1000


def test_original_by_model_by_corpus_and_by_pipe(
    run: Callable[..., Result], songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("train", songs, *SMALL, "--out", "m").returncode == 0
    (tmp_path / "new.txt").write_bytes("新的歌里有三\r\n\r\n第四首\r\n山前五路\r\n路上五人".encode())
    by_corpus = run("original", songs, "new.txt", "--json")
    document = json.loads(by_corpus.stdout)
    assert document["schema"] == "zuoci.original/1"
    assert (document["characters"], document["longest_copied"], document["known_from"]) == (21, 12, 1)
    assert document["coverage"] == pytest.approx(19 / 21)
    first, second = document["spans"]
    assert first == {
        "start": 2, "length": 12, "words": 12, "text": "歌里有三\n\n第四首\n山前", "song": 3, "title": "第三首",
        "line": 5, "source": str(songs), "differs_in": [],
    }  # fmt: skip
    assert (second["start"], second["text"], second["song"]) == (10, "首\n山前五路\n路上五人", 5)
    by_model = json.loads(run("original", "m", "new.txt", "--json").stdout)
    unknown = [span | {"title": None, "source": "songs.txt"} for span in document["spans"]]
    assert by_model == document | {"known_from": 8, "spans": unknown}
    lines = run("original", songs, "new.txt").stdout.splitlines()
    assert lines[0] == "longest copied span: 12 characters; 90.5% of 21 characters lie in spans of 8 or more"
    assert lines[1] == "   12  song 3, 第三首, line 5: 歌里有三 /  / 第四首 / 山前"
    assert "song 3 (songs.txt), line 5: " in run("original", "m", "new.txt").stdout
    (tmp_path / "new.txt").write_text("山前五路 路上五人", "utf-8")
    assert "song 5, 第五首, line 2, but for blanks and punctuation: " in run("original", songs, "new.txt").stdout
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("路上人\n".encode())))
    assert run("original", "m", "-").stdout == (
        "longest copied span: at most 7 characters; 0.0% of 3 characters lie in spans of 8 or more\n"
    )


def test_a_text_in_doubt_is_refused_and_read_once_its_encoding_is_named(
    run: Callable[..., Result], songs: Path, tmp_path: Path
) -> None:
    assert run("train", songs, *SMALL, "--out", "m").returncode == 0
    (tmp_path / "new.txt").write_bytes("Née".encode("cp1252"))
    for command in (
        ("original", songs),
        ("score", "m"),
        ("corpus",),
        ("write", "m", "--like"),
        ("train", "--out", "n"),
        ("lesson", "--corpus"),
        ("export", "m", "--html", "m.html", "--text"),
    ):
        refused = run(*command, "new.txt")
        assert refused.returncode == 1
        assert re.search(
            r"error: \S*new\.txt is not UTF-8 from byte 1 on, and its encoding is in doubt", refused.stderr
        )
        assert refused.stderr.count("\n") == 1
        read = run(*command, "new.txt", "--encoding", "cp1252")
        assert "encoding" not in read.stderr or "read as cp1252" in read.stderr
        unknown = run(*command, "new.txt", "--encoding", "klingon")
        assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
        assert "there is no encoding 'klingon'; name one as Python does" in unknown.stderr
    assert "read as cp1252" in run("original", songs, "new.txt", "--encoding", "windows-1252").stderr


def test_a_model_without_a_fingerprint_and_other_questions_without_an_answer(
    run: Callable[..., Result], songs: Path, tmp_path: Path
) -> None:
    assert run("train", songs, *SMALL, "--out", "m", "--no-fingerprint").returncode == 0
    assert not (tmp_path / "m" / "fingerprint.safetensors").exists()
    assert "fingerprint" not in (tmp_path / "m" / "README.md").read_text("utf-8")
    for arguments, code, message in (
        (["m", songs], 1, "m holds no fingerprint.safetensors: the model was saved without; name the corpus instead"),
        (["nowhere", songs], 1, "nowhere does not exist"),
        ([songs, "nowhere"], 1, "nowhere does not exist"),
        ([songs, songs, "--least", 0], 2, "least must be at least 1: got 0"),
        ([songs], 2, "Missing argument"),
    ):
        result = run("original", *arguments)
        assert (result.returncode, result.stdout) == (code, "")
        assert message in result.stderr
        assert "Traceback" not in result.stderr
    assert zuoci.load(tmp_path / "m")


def test_original_names_what_a_base_has_read(run: Callable[..., Result], songs: Path, tmp_path: Path) -> None:
    from zuoci.text.window_filter import WindowFilter

    read = "云想衣裳花想容\n春风拂槛露华浓\n若非群玉山头见\n会向瑶台月下逢\n"
    assert run("train", songs, *SMALL, "--out", "m").returncode == 0
    windows = WindowFilter.of(read, name="zh", window=6, bits=8, known_from=13)
    (tmp_path / "m" / "base-windows.safetensors").write_bytes(windows.to_bytes())
    (tmp_path / "new.txt").write_text(f"甲乙丙{read[8:24]}", "utf-8")
    lines = run("original", "m", "new.txt").stdout.splitlines()
    assert lines[0].startswith("longest copied span: 15 characters")
    assert lines[1] == "   15  the text that the base model zh has read: 春风拂槛露华浓 / 若非群玉山头见"
    (tmp_path / "new.txt").write_text("甲乙丙", "utf-8")
    ending = "0.0% of 3 characters lie in spans of 8 or more, 13 or more of what zh has read\n"
    both = "longest copied span: at most 7 characters, or at most 12 of what zh has read; "
    assert run("original", "m", "new.txt").stdout == both + ending
    written = run("write", "m", "山", "--line-length", "3,3", "-n", 2, "--max-copy", 8)
    assert " characters, or at most 12 of what zh has read copied in a row, seed" in written.stdout
    assert "note: of what zh has read, copies are recognised from 13 characters on; shorter" in written.stderr
    assert "more than max_copy 8" in run("compose", "m", "--line-length", 3, "-n", 1, "--max-copy", 8).stderr
    for copies in ((), ("--max-copy", 12), ("--max-copy", 0)):
        assert "copies are recognised" not in run("write", "m", "山", "--length", 5, *copies).stderr
    (tmp_path / "m" / "fingerprint.safetensors").unlink()
    assert run("original", "m", "new.txt").stdout == "longest copied span: at most 12 characters; " + ending
    (tmp_path / "m" / "base-windows.safetensors").write_bytes(b"x")
    result = run("original", "m", "new.txt")
    assert result.returncode == 1
    assert "base-windows.safetensors is damaged" in result.stderr


def test_counts_of_a_model_are_scored_on_the_same_text(run: Callable[..., Result], songs: Path, tmp_path: Path) -> None:
    assert run("train", songs, *SMALL, "--counts", "--out", "m").returncode == 0
    (tmp_path / "new.txt").write_text("山前百人\n路上百歌\n", "utf-8")
    baseline = json.loads(run("score", "m", "new.txt", "--json").stdout)["baseline"]
    assert baseline["protocol"] == "new.txt, the counts of the model alone, Kneser–Ney 3-gram"
    model = zuoci.load(tmp_path / "m")
    assert model.mixture
    p = model.mixture.ngrams[0].probabilities(model.vocabulary.encode("山前百人\n路上百歌\n").numpy())
    assert baseline["nll"] == pytest.approx(-np.log(p[1:]).mean())
