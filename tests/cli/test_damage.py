"""Every command on damaged model folders and odd arguments: a few lines and an exit code, never a traceback."""

from __future__ import annotations

import io
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

import zuoci
from zuoci.cli import main
from zuoci.text.window_filter import WindowFilter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from socket import socket

FILES = [
    "config.json",
    "model.safetensors",
    "vocabulary.json",
    "README.md",
    "fingerprint.safetensors",
    "base-windows.safetensors",
    "training/report.json",
    "training/metrics.jsonl",
    "training/unfinished.safetensors",
]


@pytest.fixture
def songs(corpus: zuoci.Corpus, tmp_path: Path) -> Path:
    path = tmp_path / "songs.txt"
    path.write_text(corpus.text, "utf-8")
    return path


@pytest.fixture
def trained(corpus: zuoci.Corpus, settings: zuoci.Settings, tmp_path: Path) -> Path:
    """A model with every file of the format."""
    *_, end = zuoci.train(corpus, settings, device="cpu")
    assert isinstance(end, zuoci.EndReport)
    folder = zuoci.save_trained(end, tmp_path / "trained")
    windows = WindowFilter.of(corpus.text, name="zh", window=3, bits=2, known_from=9)
    (folder / "base-windows.safetensors").write_bytes(windows.to_bytes())
    return folder


@pytest.fixture
def stopped(corpus: zuoci.Corpus, settings: zuoci.Settings, songs: Path, tmp_path: Path) -> Path:
    """A run that was stopped after its first evaluation."""
    run = zuoci.Run(corpus, settings, device="cpu")
    next(report for report in run if isinstance(report, zuoci.EvalReport))
    return zuoci.save_run(run, tmp_path / "stopped", sources=[str(songs)]).parent.parent


def close(_: object, sockets: list[socket]) -> None:
    for one in sockets:
        one.close()


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process; a server that it would start is not started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zuoci.server.run.run", close)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zuoci", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1\n-\n= saved.txt\nq\n")))
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        code: Any = stop.value.code
        return code, out, err

    return call


def commands(folder: Path, songs: Path, tmp_path: Path) -> dict[str, list[object]]:
    """Each command with a model's folder, by what it does."""
    out = tmp_path / "out"
    return {
        "write": ["write", folder, "山", "--length", 5, "-n", 2, "--json"],
        "compose": ["compose", folder, "-n", 1, "--overwrite"],
        "score": ["score", folder, songs],
        "original": ["original", folder, songs],
        "export html": ["export", folder, "--html", f"{out}.html", "--overwrite"],
        "export onnx": ["export", folder, "--onnx", f"{out}.onnx", "--overwrite"],
        "plot": ["plot", folder, "-o", f"{out}.svg", "--overwrite"],
        "train": ["train", "--resume", "--out", folder],
        "train on it": ["train", folder, "--out", tmp_path / "new", "--steps", 1, "--hidden-size", 4],
        "lesson": ["lesson", "--corpus", folder, "--epochs", 1],
        "serve": ["serve", folder, "--port", 0],
        "studio": ["studio", folder, "--models", tmp_path / "home", "--port", 0, "--no-browser"],
    }


def replaced(value: Any, by: Any) -> Any:
    """A document with another value in the place of every number and every text."""
    if isinstance(value, dict):
        return {key: replaced(part, by) for key, part in value.items()}
    return [replaced(part, by) for part in value] if isinstance(value, list) else by


def damages(data: bytes) -> dict[str, bytes]:
    """What can become of a file."""
    found = {
        "empty": b"",
        "cut": data[: len(data) // 2],
        "not UTF-8": b"\xff" + data,
        "a number": b"5",
        "a list": b"[1, 2]",
        "an object": b'{"a": {"b": 1}}',
    }
    try:
        documents = [json.loads(line) for line in ([data] if data.startswith(b"{\n") else data.splitlines())]
    except ValueError:
        return found
    found["deep"] = b"[" * 5_000
    for name, by in (("NaN", float("nan")), ("surrogates", "\ud800"), ("huge", 10**400), ("nulls", None)):
        found[name] = "\n".join(json.dumps(replaced(document, by)) for document in documents).encode()
    return found


def damage(file: Path, how: str, data: bytes | None) -> None:
    file.unlink()
    if data is not None:
        file.write_bytes(data)
    elif how == "a folder":
        file.mkdir()
    elif how == "unreadable":
        file.symlink_to(file.name)  # in a circle, which stops the superuser too


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_folder_is_an_answer_and_no_traceback(
    run: Callable[..., tuple[int, str, str]], trained: Path, stopped: Path, songs: Path, tmp_path: Path, name: str
) -> None:
    """Each damage meets a third of the commands, and each command a third of the damages."""
    whole = stopped if "unfinished" in name else trained
    ways: dict[str, bytes | None] = {**damages((whole / name).read_bytes())}
    ways |= dict.fromkeys(["missing", "a folder", "unreadable"])
    problems: list[str] = []
    for number, (how, data) in enumerate(ways.items()):
        for command, arguments in [*commands(tmp_path / "damaged", songs, tmp_path).items()][number % 3 :: 3]:
            shutil.copytree(whole, tmp_path / "damaged")
            damage(tmp_path / "damaged" / name, how, data)
            try:
                code, _, err = run(*arguments)
            except Exception as error:
                problems.append(f"{name}, {how}: {command}: {type(error).__name__}: {str(error)[:150]!r}")
            else:
                one_line = code in {1, 2} and err.count("error:") == 1 and err.count("\n") <= 5 and len(err) < 1500
                if code and not one_line:
                    problems.append(f"{name}, {how}: {command}: exit code {code}, {err[:300]!r}")
            shutil.rmtree(tmp_path / "damaged")
            shutil.rmtree(tmp_path / "new", ignore_errors=True)
    assert not problems, "\n" + "\n".join(problems)
