"""A run whose terminal is closed, or whose output nobody reads any more, is not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from zuoci.text.folder import is_model, is_unfinished

if TYPE_CHECKING:
    from pathlib import Path

    import zuoci

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="a pty and a shell")]

SMALL = ["--hidden-size", "16", "--embedding-size", "8", "--batch-size", "4", "--seq-len", "8", "--seed", "3"]
TRAIN = [sys.executable, "-m", "zuoci", "train", "songs.txt", *SMALL, "--epochs", "300", "--save-every", "1000"]
RESUME = [sys.executable, "-m", "zuoci", "train", "--resume"]


@pytest.fixture
def songs(corpus: zuoci.Corpus, tmp_path: Path) -> Path:
    (tmp_path / "songs.txt").write_text(corpus.text, "utf-8")
    return tmp_path


def finished(folder: Path, name: str) -> bytes:
    """The weights of a run, which is resumed first if it was stopped."""
    if not is_model(folder / name):
        assert is_unfinished(folder / name), "neither the model nor the run is there"
        subprocess.run([*RESUME, "--out", name], cwd=folder, capture_output=True, check=True)
    return (folder / name / "model.safetensors").read_bytes()


def test_a_terminal_that_is_closed_stops_the_run_and_saves_it(songs: Path) -> None:
    subprocess.run([*TRAIN, "--out", "whole"], cwd=songs, capture_output=True, check=True)
    leader, follower = os.openpty()
    process = subprocess.Popen(
        [*TRAIN, "--out", "m"], cwd=songs, stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    )
    os.close(follower)
    seen = b""
    while b"held out" not in seen:  # training has begun
        seen += os.read(leader, 1 << 16)
    os.close(leader)
    process.send_signal(signal.SIGHUP)  # what the system sends to the leader of a session
    process.wait(timeout=120)
    assert process.returncode != 0
    assert is_unfinished(songs / "m")
    assert finished(songs, "m") == finished(songs, "whole")


def test_output_that_nobody_reads_any_more_loses_nothing(songs: Path) -> None:
    subprocess.run([*TRAIN, "--out", "whole"], cwd=songs, capture_output=True, check=True)
    shell = '"$@" 2>&1 | head -n 1'
    result = subprocess.run(
        ["sh", "-c", shell, "sh", *TRAIN, "--out", "m"], cwd=songs, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in result.stdout + result.stderr
    assert finished(songs, "m") == finished(songs, "whole")
