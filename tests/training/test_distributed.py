"""Several processes train as several threads of one do. Two of them run here, over gloo, as torchrun starts them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.training import ranks as scenarios
from tests.training.ranks import LANES, PLAIN, WHOLE, corpus, drive, pause, tuning

import zuoci
from zuoci.model.threads import core_count
from zuoci.training import evaluation, memory
from zuoci.training.distributed import LostProcessError, Ranks, is_follower, joined
from zuoci.training.gradients import Workers
from zuoci.training.job import Job
from zuoci.training.machine import settings_for
from zuoci.training.minibatches import Minibatches
from zuoci.training.pace import Pace, Shape, ways_of

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

CPU = torch.device("cpu")
SETTINGS = [f"--{name.replace('_', '-')}={value}" for name, value in WHOLE.items()]


def torchrun(*words: object) -> CompletedProcess[str]:
    """Two processes, with a port that is free."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*command, *map(str, words)], capture_output=True, encoding="utf-8", errors="replace", timeout=900, check=False
    )


def scenario(name: str, *words: object) -> CompletedProcess[str]:
    return torchrun(scenarios.__file__, name, *words)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module", autouse=True)
def short_lanes() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LANES.items():
            patch.setattr(evaluation, name, value)
        yield


@pytest.fixture(scope="module")
def death(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CompletedProcess[str]]:
    """The folder of a run whose second process died, and how it ended."""
    home = tmp_path_factory.mktemp("runs")
    folder = home / "of a process that died"
    corpus(home)
    words = ["train", home / "songs.txt", "--recipe", "lyrics", *SETTINGS, "--out", folder, "--save-every", "0"]
    return folder, scenario("death", *words)


@pytest.fixture(scope="module")
def home(death: tuple[Path, CompletedProcess[str]]) -> Path:
    """Runs of two processes."""
    home = death[0].parent
    drive(Job(home / "of one process", device="cpu"), {**PLAIN, "threads": 1}, pause)
    done = scenario("runs", home)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def losses(home: Path) -> dict[str, list[float]]:
    return json.loads((home / "losses.json").read_text())


def test_two_processes_train_as_two_threads_do(home: Path, losses: dict[str, list[float]]) -> None:
    read, nll = 0, evaluation._nll  # pyright: ignore[reportPrivateUsage]

    def counted(*arguments: Any) -> Any:
        nonlocal read
        read += 1
        return nll(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "_nll", counted)
        assert drive(Job(home / "one", device="cpu"), WHOLE) == losses["whole"]
    assert weights(home / "one") == weights(home / "whole")
    shares = [int((home / f"read by {rank}").read_text()) for rank in (0, 1)]
    assert sum(shares) == read
    assert min(shares) > read // 3


def test_two_processes_go_on_from_a_model_as_one_does(home: Path, losses: dict[str, list[float]]) -> None:
    assert drive(Job(home / "tuned by one", device="cpu"), tuning(home / "whole")) == losses["tuned"]
    assert weights(home / "tuned by one") == weights(home / "tuned")
    read = [zuoci.load(home / name).mixture for name in ("tuned", "tuned by one")]
    assert read[0] is not None
    assert read[1] is not None
    assert read[0].to_arrays().keys() == read[1].to_arrays().keys()


def test_a_run_of_two_processes_that_was_paused_ends_in_one_as_if_it_had_not_been(home: Path) -> None:
    assert zuoci.load_run(home / "paused").now.progress.step == 5
    drive(Job(home / "paused", device="cpu", resume=True), {})
    assert weights(home / "paused") == weights(home / "whole")


def test_a_run_of_one_process_keeps_its_curve_in_two(home: Path, losses: dict[str, list[float]]) -> None:
    whole = drive(Job(home / "plain", device="cpu"), {**PLAIN, "threads": 1})
    assert losses["of one process"] == pytest.approx(whole[5:], rel=1e-5)
    assert len(whole) == 12


def test_the_first_process_decides_for_all_when_a_run_ends(home: Path, losses: dict[str, list[float]]) -> None:
    assert len(losses["stopped"]) == 3
    assert losses["stopped"] == losses["whole"][:3]
    assert losses["timed"]
    assert zuoci.load(home / "timed").vocabulary == zuoci.load(home / "whole").vocabulary


def test_a_process_that_dies_ends_the_run(death: tuple[Path, CompletedProcess[str]]) -> None:
    folder, ended = death
    assert ended.returncode
    message = "error: another of the 2 processes of this run has ended, or cannot be reached; resume the run that is"
    assert f"{message} saved in {folder}\n" in ended.stderr
    assert ended.stderr.count(" songs, ") == 1  # only the first process prints


def test_a_run_resumes_after_a_process_died(losses: dict[str, list[float]]) -> None:
    assert losses["of a process that died"] == losses["whole"][5:]


def test_an_interrupt_saves_the_run_of_all(tmp_path: Path) -> None:
    corpus(tmp_path)
    endless = [*SETTINGS, "--steps=1000000"]
    done = scenario(
        "interrupt", "train", tmp_path / "songs.txt", "--recipe", "lyrics", *endless, "--out", tmp_path / "model"
    )
    step = zuoci.load_run(tmp_path / "model").now.progress.step
    assert step >= 6
    assert done.stderr.count(f"stopped after {step:,} steps, and saved; continue with: ") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "songs.txt"]


@pytest.mark.parametrize(("batch_size", "threads", "size"), [(5, 2, 2), (7, 5, 3), (4, 4, 4), (16, 6, 4)])
@pytest.mark.parametrize("sampling", ["random", "consecutive"])
def test_each_process_reads_its_sequences_and_no_others(
    batch_size: int, threads: int, size: int, sampling: Any
) -> None:
    config = zuoci.TrainConfig(batch_size=batch_size, seq_len=3, sampling=sampling)
    ids = torch.arange(200)

    def epoch(columns: slice) -> list[torch.Tensor]:
        return [
            batch.inputs
            for batch in Minibatches(ids, config, torch.Generator().manual_seed(1), columns).rest_of_epoch(0)
        ]

    parts = [epoch(Workers(threads, Ranks(rank, size)).columns(batch_size)) for rank in range(size)]
    assert all(inputs.shape[1] < batch_size for part in parts for inputs in part)
    for whole, *shares in zip(epoch(slice(None)), *parts, strict=True):
        assert torch.equal(torch.cat(shares, 1), whole)


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zuoci.training.pace.core_count", lambda: 3)

    def measured(shape: Shape, *wanted: Any) -> Pace:
        return Pace(ways_of(shape, *wanted)[0], 1.0, {})

    monkeypatch.setattr("zuoci.training.machine.measure", measured)

    def threads(processes: int, device: str = "cpu", **settings: Any) -> int:
        config, _ = settings_for(
            zuoci.ModelConfig(),
            zuoci.TrainConfig(precision="float32", **settings),
            100,
            torch.device(device),
            Ranks(size=processes),
        )
        return config.threads

    assert [threads(1), threads(2), threads(2, threads=4), threads(4, threads=1), threads(8)] == [3, 6, 4, 4, 16]
    assert threads(2, "meta") == 2  # a GPU has one
    assert [Workers(7, Ranks(rank, 3)).numbers for rank in range(3)] == [range(2), range(2, 4), range(4, 7)]
    with pytest.raises(zuoci.SettingsError, match="batch_size must be at least the number of processes: got 3 for 4"):
        threads(4, batch_size=3)


def test_processes_of_a_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zuoci.model.threads.sys.platform", "linux")

    def processors(_: int) -> range:
        return range(1000, 1008)

    monkeypatch.setattr("zuoci.model.threads.os.sched_getaffinity", processors, raising=False)
    found: list[int] = []
    for given, processes in (("1", "2"), ("1", "1"), ("", "3"), ("3", "2"), ("", "16")):
        monkeypatch.setenv("OMP_NUM_THREADS", given)  # torchrun sets 1 for several processes
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
        core_count.cache_clear()
        found.append(core_count())
    core_count.cache_clear()
    assert found == [4, 1, 2, 3, 1]


def test_each_machine_has_memory_for_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    config = zuoci.TrainConfig(batch_size=64, precision="float32", threads=4)
    model, of_two = zuoci.ModelConfig(), [Ranks(0, 2, 0, 2), Ranks(1, 2, 1, 2)]
    half = config.model_copy(update={"batch_size": 32, "threads": 2})
    needed = memory.needed_bytes(model, half, 3000)

    def available(_: torch.device) -> int:
        return 2 * needed - 1

    monkeypatch.setattr(memory, "available_bytes", available)
    with pytest.raises(zuoci.SettingsError, match="batch_size 64"):
        memory.check_memory(model, config, 3000, CPU, of_two[0])
    memory.check_memory(model, config, 3000, CPU, of_two[1])
    memory.check_memory(model, config, 3000, torch.device("meta"), of_two[0])


def test_a_run_resumes_with_more_threads_and_with_fewer(tmp_path: Path) -> None:
    """As it has to where each GPU, or each of more processes, is one."""
    run = zuoci.Run(corpus(tmp_path), zuoci.resolve("lyrics", WHOLE), device="cpu")
    zuoci.save_run(run, tmp_path / "model")
    stored = zuoci.load_run(tmp_path / "model")
    more = stored.resume(corpus(tmp_path), device="cpu", ranks=Ranks(1, 3))
    assert (more.config.threads, more.workers.numbers) == (3, range(1, 2))
    zuoci.save_run(more, tmp_path / "more")
    fewer = zuoci.load_run(tmp_path / "more")
    fewer = fewer.resume(corpus(tmp_path), device="cpu")
    assert fewer.config.threads == 3
    tensors = [each.capture().tensors for each in (run, more, fewer)]
    assert tensors[1].keys() - tensors[0].keys() == {"dropout.2"}
    for name, value in tensors[0].items():
        assert torch.equal(value, tensors[1][name])
        assert torch.equal(value, tensors[2][name])


def test_what_torchrun_says_about_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_follower()
    monkeypatch.setenv("RANK", "1")
    assert not is_follower()  # other programs use that name as well
    with joined() as ranks:
        assert ranks == Ranks()
        assert ranks.first
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    assert is_follower()
    for name, value in {"WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(zuoci.SettingsError, match="2 processes were started on a machine with 1 GPUs"), joined():
        pass


def test_a_lost_connection_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> None:
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(torch.distributed, "broadcast_object_list", lost)
    with pytest.raises(LostProcessError, match="another of the 3 processes"):
        Ranks(0, 3).send(1.0)
