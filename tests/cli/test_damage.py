"""Every command on damaged model folders and odd arguments: a few lines and an exit code, never a traceback."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

import zuoci
from zuoci.cli import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = [
    "config.json",
    "model.safetensors",
    "vocabulary.json",
    "README.md",
    "fingerprint.safetensors",
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
    return end.save(tmp_path / "trained")


@pytest.fixture
def stopped(corpus: zuoci.Corpus, settings: zuoci.Settings, songs: Path, tmp_path: Path) -> Path:
    """A run that was stopped after its first evaluation."""
    run = zuoci.Run(corpus, settings, device="cpu")
    next(report for report in run if isinstance(report, zuoci.EvalReport))
    return zuoci.save_run(run, tmp_path / "stopped", sources=[str(songs)]).parent.parent


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process; a server that it would start is not started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zuoci.studio.app.run", lambda _, sockets: [socket.close() for socket in sockets])

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zuoci", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("1\n-\n= saved.txt\nq\n".encode())))
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
        "train on it": ["train", folder, "--out", tmp_path / "new", "--epochs", 1],
        "lesson": ["lesson", "--corpus", folder],
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
        "zeros": bytes(len(data)),
        "deep": b"[" * 100_000,
        "a number": b"5",
        "a text": b'"words"',
        "null": b"null",
        "a list": b"[1, 2]",
        "an object": b'{"a": {"b": 1}}',
        "a huge header": (2**62).to_bytes(8, "little") + data[8:],
    }
    try:
        documents = [json.loads(line) for line in ([data] if data.startswith(b"{\n") else data.splitlines())]
    except ValueError:
        return found
    for name, by in (("NaN", float("nan")), ("surrogates", "\ud800"), ("huge", 10**400), ("negative", -1), ("nulls", None)):
        found[name] = "\n".join(json.dumps(replaced(document, by)) for document in documents).encode()
    keys = documents[0] if isinstance(documents[0], dict) else {}
    found |= {f"without {key}": json.dumps({k: v for k, v in keys.items() if k != key}).encode() for key in keys}
    return found


def all_damages(file: Path) -> dict[str, Callable[[], object]]:
    """Each damage of a file, as what does it; the file is taken away before."""
    writes = {name: lambda data=data: file.write_bytes(data) for name, data in damages(file.read_bytes()).items()}
    return {
        **writes,
        "missing": lambda: None,
        "a folder": lambda: file.mkdir(),
        "unreadable": lambda: file.symlink_to(file.name),  # in a circle, which stops the superuser too
    }


# (file, damage, command): faults of other parts of the program.
LEFT_OUT: set[tuple[str, str, str]] = set()


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_folder_is_an_answer_and_no_traceback(
    run: Callable[..., tuple[int, str, str]], trained: Path, stopped: Path, songs: Path, tmp_path: Path, name: str
) -> None:
    whole = stopped if "unfinished" in name else trained
    problems: list[str] = []
    for damage in all_damages(whole / name):
        folder = tmp_path / "damaged"
        for command, arguments in commands(folder, songs, tmp_path).items():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(whole, folder)
            todo = all_damages(folder / name)[damage]
            (folder / name).unlink()
            todo()
            if os.environ.get("X"): print(name, damage, command, file=sys.__stderr__)
            try:
                code, out, err = run(*arguments)
            except BaseException as error:
                problems.append(f"{name} | {damage} | {command}: {type(error).__name__}: {str(error)[:150]!r}")
                continue
            if not (code == 0 or (code in {1, 2} and err.count("error:") == 1 and len(err) < 1000)):
                problems.append(f"{name} | {damage} | {command}: {code} {err[:300]!r}")
            shutil.rmtree(tmp_path / "new", ignore_errors=True)
    assert not problems, "\n" + "\n".join(problems)
