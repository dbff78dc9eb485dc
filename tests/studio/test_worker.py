"""A run in a process of its own, whatever becomes of the studio that started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from tests.processes import Process

import zuoci
from zuoci.studio import worker
from zuoci.studio.runs import worker_command
from zuoci.text.folder import is_model, is_unfinished
from zuoci.training import job as jobs

SETTINGS: dict[str, Any] = {
    "steps": 100_000, "hidden_size": 8, "embedding_size": 4, "batch_size": 2, "seq_len": 4, "threads": 1,
}  # fmt: skip
SONG = "".join(f"第{n}首\n山前{n}路\n路上{n}人\n人在唱{n}\n歌里有{n}\n\n" for n in "一二三四五六七八九十百千")


def prepare(place: Path, text: str = SONG, **settings: Any) -> dict[str, Any]:
    """Puts a job where the studio puts it."""
    (place / "corpus").mkdir(parents=True)
    (place / "corpus" / "000001.txt").write_text(text, "utf-8")
    names = {"bundled": None, "names": {"000001.txt": "歌.txt"}}
    (place / "corpus" / ".names.json").write_text(json.dumps(names), "utf-8")
    job = {"recipe": "lyrics", "settings": {**SETTINGS, **settings}, "openings": []}
    (place / "job.json").write_text(json.dumps(job), "utf-8")
    return job


@pytest.mark.parametrize(
    ("recipe", "settings", "base"),
    [
        ("auto", {}, "zh"),
        ("auto", {"base": "auto"}, "zh"),
        ("auto", {"base": "none"}, "none"),
        ("lyrics", {}, "none"),
        ("lyrics", {"base": "auto"}, "zh"),
        ("fast", {"base": "auto"}, "none"),
        ("lesson", {}, "none"),
    ],
)
def test_a_job_starts_from_the_base_model_that_fits(recipe: str, settings: dict[str, Any], base: str) -> None:
    assert worker.resolve(recipe, settings, text=SONG).training.base == base


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the worker tells, in this process."""
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(worker, "emit", lambda kind, **document: events.append({"event": kind, **document}))  # pyright: ignore
    return events


def begun(process: Any) -> None:
    """Waits until a worker has made some steps."""
    assert any(json.loads(line).get("step", 0) > 1 for line in process.stdout)


@pytest.mark.parametrize("how", ["its pipes break", "its output breaks, then a signal", "a signal", "a hangup signal"])
def test_a_studio_that_is_gone_loses_nothing(tmp_path: Path, how: str) -> None:
    prepare(tmp_path / "job")
    folders = (tmp_path / "job", tmp_path / "m")
    with Process(*folders, module="zuoci.studio.worker", stdin=PIPE, stdout=PIPE) as process:
        begun(process)
        if "break" in how:
            process.stdout.close()
        if "signal" in how:
            process.send_signal(signal.SIGHUP if "hangup" in how else signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0
    assert zuoci.load_run(tmp_path / "m").now.progress.step > 0


@pytest.mark.slow
def test_it_runs_as_the_studio_starts_it(tmp_path: Path) -> None:
    prepare(tmp_path / "job", steps=3)
    command = worker_command(tmp_path / "job", tmp_path / "m")
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout
        *_, last = process.stdout
        assert json.loads(last) == {"event": "finished"}
    assert process.returncode == 0
    assert is_model(tmp_path / "m")


def test_no_module_of_the_folder_it_is_started_in_is_imported(tmp_path: Path) -> None:
    """A folder of lyrics that somebody sent may hold a file of that name."""
    for name in ("numpy.py", "torch.py", "zuoci.py", "json.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    ended = subprocess.run(
        worker_command(tmp_path / "job", tmp_path / "m"),
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(zuoci.__file__).parents[1])},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert '"event": "failed"' in ended.stdout  # there is no job
    assert not (tmp_path / "ran").exists()


def test_it_pins_the_libraries_before_it_loads_them(tmp_path: Path) -> None:
    code = (
        "import os, runpy, sys, zuoci.model.threads as threads\n"
        "def pin(): print(sorted({'numpy', 'torch'} & set(sys.modules)), flush=True); os._exit(0)\n"
        "threads.pin_libraries = pin\n"
        "runpy.run_module('zuoci.studio.worker', run_name='__main__')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.stdout == "[]\n", ended.stderr


def test_a_save_that_fails_is_a_note_and_the_run_goes_on(
    tmp_path: Path, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*_: Any, **__: Any) -> None:
        raise zuoci.ModelFolderError("no room")

    monkeypatch.setattr(jobs, "save_run", save)
    job = prepare(tmp_path / "job", steps=30)
    commands = worker.Commands()
    commands.pause = True
    worker.train(job, tmp_path / "job", tmp_path / "m", commands)
    [note] = [event for event in told if event["event"] == "note"]
    assert (note["code"], note["params"]) == ("save_failed", {"error": "no room", "seconds": 30.0})
    assert note["text"] == "no room; training goes on, and the next save is tried in 30 s"
    assert told[0] == {"event": "started", "songs": 12, "characters": len(SONG)}
    assert told[-1] == {"event": "finished"}
    assert is_model(tmp_path / "m")


def test_a_pause_is_saved_before_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[tuple[str, bool]] = []

    def emit(kind: str, **_: Any) -> None:
        saved.append((kind, is_unfinished(tmp_path / "m")))

    monkeypatch.setattr(worker, "emit", emit)
    commands = worker.Commands()
    commands.pause = True
    job = prepare(tmp_path / "job")
    worker.train(job, tmp_path / "job", tmp_path / "m", commands)
    assert saved == [("started", False), ("step", True), ("paused", True)]


def test_a_sample_that_cannot_be_written_is_a_note(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    job = prepare(tmp_path / "job", "啊" * 1000, steps=3)  # whose every continuation is a copy
    worker.train(job, tmp_path / "job", tmp_path / "m", worker.Commands())
    assert told[-1] == {"event": "finished"}
    assert {event["event"] for event in told} >= {"samples", "note"}
    assert is_model(tmp_path / "m")


def test_a_run_that_ended_untold_is_told_as_finished(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    job = prepare(tmp_path / "job", steps=3)
    for _ in range(2):  # as if the first had been killed after its model was in its place
        told.clear()
        worker.train(job, tmp_path / "job", tmp_path / "m", worker.Commands())
        assert told[-1] == {"event": "finished"}


@pytest.mark.parametrize("content", ["", "{}", "[]", "null"])
def test_a_damaged_job_is_told(
    tmp_path: Path, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    prepare(tmp_path / "job")
    (tmp_path / "job" / "job.json").write_text(content, "utf-8")
    monkeypatch.setattr(sys, "argv", ["worker", str(tmp_path / "job"), str(tmp_path / "m")])
    monkeypatch.setattr(worker.Commands, "listen", lambda _: None)  # pyright: ignore
    with pytest.raises((ValueError, KeyError, TypeError)):
        worker.main()
    assert told[-1]["event"] == "failed"
    assert told[-1]["error"]["text"].startswith("the training process ended unexpectedly: ")
