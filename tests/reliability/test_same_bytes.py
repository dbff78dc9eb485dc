"""The same seed gives the same bytes: in any process, on a busy machine, whatever number of threads libraries take."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from tests import processes

from zuoci.model.threads import core_count, one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    import zuoci

DRIVER = Path(__file__).with_name("sameness.py")
RUNS = 7  # each promise comes first once, in a process whose libraries have computed nothing yet
# What a user, or a library by itself, may ask of the libraries: none of it may show in the results.
ENVIRONMENTS = [
    {},
    {"OMP_NUM_THREADS": "1"},
    {"OMP_NUM_THREADS": "3"},
    {"MKL_NUM_THREADS": "1"},
    {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell"},
    {"MKL_DYNAMIC": "FALSE", "OMP_DYNAMIC": "TRUE"},
]


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} × {names[0] if names else platform.processor() or platform.machine()}"


def kept(run: int) -> dict[str, str]:
    """The hash of each promise, in a fresh process."""
    environment = {**os.environ, **ENVIRONMENTS[run % len(ENVIRONMENTS)]}
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(run)],
        capture_output=True, text=True, encoding="utf-8", env=environment, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def busy() -> Iterator[None]:
    """Processes that keep all cores busy."""
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(process.kill)
        yield


@pytest.fixture(scope="module")
def quiet_hashes() -> dict[str, str]:
    """Those of the first half of the runs, two at a time; they have to agree."""
    return same(range(RUNS // 2))


def same(runs: range) -> dict[str, str]:
    with ThreadPoolExecutor(2) as pool:
        first, *others = pool.map(kept, runs)
    for run, other in enumerate(others, 1):
        assert other == first, f"run {runs[run]} with {ENVIRONMENTS[runs[run] % len(ENVIRONMENTS)]}, on {processor()}"
    return first


@pytest.mark.slow
def test_each_promise_is_kept_in_fresh_processes(
    quiet_hashes: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for precision in ("float32", "bfloat16"):
        assert quiet_hashes[f"resume, {precision}"] == quiet_hashes[f"train, {precision}"]
    with capsys.disabled():
        print(f"\nsame bytes in {RUNS} fresh processes, half of them on a busy machine: {processor()}")


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_each_promise_is_kept_beside_busy_processes(quiet_hashes: dict[str, str]) -> None:
    assert same(range(RUNS // 2, RUNS)) == quiet_hashes


def test_one_thread_can_be_nested() -> None:
    usual = torch.get_num_threads()
    with one_thread():
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == usual


def test_the_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, expected in (("3", 3), ("2,1", 2), ("0", None), ("many", None), ("", None)):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        core_count.cache_clear()
        assert core_count() == expected or (expected is None and 1 <= core_count() <= (os.cpu_count() or 1))
    core_count.cache_clear()


@pytest.mark.slow
def test_the_first_step_of_a_process_is_always_the_same(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    """There a library chooses its code, while two threads use it. Without `settle_libraries` one run in ten differed on
    an Intel processor with AVX-512."""
    songs = tmp_path / "songs.txt"
    songs.write_text(corpus.text, "utf-8")
    size = ["--hidden-size", "16", "--embedding-size", "8", "--batch-size", "4", "--seq-len", "8", "--threads", "2"]
    weights: set[bytes] = set()
    for k in range(12):  # forked from a process that has computed nothing
        done = processes.run("train", songs, "--epochs", "1", *size, "--out", tmp_path / f"{k}")
        assert done.returncode == 0, done.stderr
        weights.add((tmp_path / f"{k}" / "model.safetensors").read_bytes())
    assert len(weights) == 1
