"""What is left after kills, beside readers, and on a full disk: the old or the new, and all that is not zuoci's."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import zuoci
from zuoci.text.folder import FILES, read_files

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNER = Path(__file__).with_name("runner.py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the runner forks"),
]


def run(*arguments: object) -> dict[str, Any]:
    """What the runner counted."""
    done = subprocess.run(
        [sys.executable, str(RUNNER), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_save_that_is_killed_before_any_of_its_calls_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    scenarios = ["first", "replace-back", "end-of-run", "first-run", "next-run"]
    counts = run("calls", tmp_path, *scenarios)
    assert list(counts) == scenarios
    for scenario in scenarios:
        assert counts[scenario]["kills"] > 10
        assert counts[scenario]["old"] > 0
        assert counts[scenario]["new"] > 0


@pytest.mark.parametrize("kind", ["fresh", "replace"])
def test_runs_killed_at_random_moments_end_as_if_they_had_been_left_alone(tmp_path: Path, kind: str) -> None:
    counts = run("kills", tmp_path, 8, 1, kind)
    assert counts["kills"] >= 8
    assert counts["ends"] > 0
    assert counts["reads"] > 0


def test_readers_see_one_save_or_another_while_a_model_is_replaced(tmp_path: Path) -> None:
    counts = run("readers", tmp_path, 40, 0)
    assert counts["killed"] > 0
    assert counts["reads"] > 0


def test_never_more_than_one_holds_a_lock(tmp_path: Path) -> None:
    counts = run("locks", tmp_path, 4, 300)
    assert counts["held"] >= 300


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 600 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_loses_neither_the_old_model_nor_the_new(tmp_path: Path, small_disk: Path) -> None:
    counts = run("full", tmp_path, small_disk)
    assert counts["failed"] > 5
    assert counts["saved"] > 0


def test_a_limit_of_the_size_of_files_loses_neither_the_old_model_nor_the_new(
    model: zuoci.CharLM, folder: Path
) -> None:
    """The limit of `ulimit -f`: whoever is not root can try this."""
    before = read_files(folder, FILES)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(
            zuoci.ModelFolderError, match=r"cannot be saved: File too large; and there is no other place"
        ):
            zuoci.save(model, folder, overwrite=True, keep=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_files(folder, FILES) == before
    assert [entry.name for entry in folder.parent.iterdir()] == ["model"]
