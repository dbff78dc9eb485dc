"""A run whose terminal is closed, or whose output nobody reads any more, is not lost."""

from __future__ import annotations

import os
import signal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from tests import processes

from zuoci.text.folder import is_model, is_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import zuoci

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="a pty and a shell")]

SMALL = ["--hidden-size", "16", "--embedding-size", "8", "--batch-size", "4", "--seq-len", "8", "--seed", "3"]
TRAIN = ["train", "songs.txt", *SMALL, "--epochs", "150", "--save-every", "1000"]


@pytest.fixture
def songs(corpus: zuoci.Corpus, tmp_path: Path) -> Path:
    (tmp_path / "songs.txt").write_text(corpus.text, "utf-8")
    return tmp_path


def finished(folder: Path, name: str) -> bytes:
    """The weights of a run, which is resumed first if it was stopped."""
    if not is_model(folder / name):
        assert is_unfinished(folder / name), "neither the model nor the run is there"
        resumed = processes.run("train", "--resume", "--out", name, cwd=folder)
        assert resumed.returncode == 0, resumed.stderr
    return (folder / name / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], bytes]:
    """The weights of a run on the songs of a folder that nothing befell."""

    @cache
    def weights(text: str) -> bytes:
        folder = tmp_path_factory.mktemp("whole")
        (folder / "songs.txt").write_text(text, "utf-8")
        result = processes.run(*TRAIN, "--out", "m", cwd=folder)
        assert result.returncode == 0, result.stderr
        return finished(folder, "m")

    return lambda folder: weights((folder / "songs.txt").read_text("utf-8"))


def test_a_terminal_that_is_closed_stops_the_run_and_saves_it(songs: Path, whole: Callable[[Path], bytes]) -> None:
    leader, follower = os.openpty()
    streams: Any = dict.fromkeys(("stdin", "stdout", "stderr"), follower)
    with processes.Process(*TRAIN, "--out", "m", cwd=songs, terminal=True, **streams) as process:
        os.close(follower)
        seen = b""
        while b"held out" not in seen:  # training has begun
            seen += os.read(leader, 1 << 16)
        os.close(leader)
        process.send_signal(signal.SIGHUP)  # what the system sends to the leader of a session
        assert process.wait() != 0
    assert is_unfinished(songs / "m")
    assert finished(songs, "m") == whole(songs)


def test_output_that_nobody_reads_any_more_loses_nothing(songs: Path, whole: Callable[[Path], bytes]) -> None:
    read, write = os.pipe()
    with (
        processes.Process(*TRAIN, "--out", "m", cwd=songs, stdout=write, stderr=write) as process,
        os.fdopen(read) as pipe,
    ):
        os.close(write)
        said = pipe.readline()
        pipe.close()
        process.wait()
    assert said
    assert "Traceback" not in said
    assert finished(songs, "m") == whole(songs)
