"""Kills runs and saves in child processes, with readers beside, and checks what is left. A script:

    runner.py kills FOLDER COUNT SEED [replace]   kills `zuoci train` at COUNT random moments
    runner.py calls FOLDER SCENARIO …             kills a save before each of its system calls in turn
    runner.py readers FOLDER SAVES SEED           replaces a model SAVES times, some of them killed, beside readers
    runner.py locks FOLDER PROCESSES TIMES        takes a lock again and again
    runner.py full FOLDER DISK                    saves on a disk (a small one, mounted there) with ever less room

It prints a JSON document of what it counted, or ends with the first promise that was broken. By hand, for a figure:

    python tests/reliability/runner.py kills /tmp/kills 1000 0 replace

Each child is a fork, so that torch is imported once.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import zuoci
from zuoci.model.checkpoint import load_for_writing
from zuoci.model.lock import locked
from zuoci.text.corpus import Song
from zuoci.text.folder import FILES, UNFINISHED, is_model, is_unfinished, read_files
from zuoci.training.metrics import read_metrics

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = "山前{n}路\n路上{n}人\n人在唱{n}\n歌里有{n}\n"
CORPUS = zuoci.Corpus(tuple(Song("songs.txt", f"第{n}首\n{LINES.format(n=n)}\n") for n in "一二三四五六七八九十百千"))
SMALL = "--hidden-size 16 --embedding-size 8 --batch-size 4 --seq-len 8 --sampling random --keep best --threads 2"
TRAIN = ["train", "songs.txt", "--out", "m", "--save-every", "0", "--epochs", "6", "--seed", "3", *SMALL.split()]
RESUME = ["train", "--resume", "--out", "m", "--save-every", "0"]

# What zuoci did not write, in the folder of the model and beside it, and must never touch.
INSIDE = ["notes.txt", "songs/a.txt", "logs/events.out", ".m.old", "training/.other.tmp", ".mine.tmp/x"]
BESIDE = [
    ".m.old", ".m.backup.tmp", ".m.mine.tmp/x", ".vim.old", ".m-0.1.0123abcd.tmp/config.json", ".m.0123abcd.tmp/diary",
    ".m.0123ABCD.tmp/config.json", ".m.89abcdef.old/x",
]  # fmt: skip


class BrokenPromiseError(Exception):
    """A promise that was not kept."""


def hold(condition: object, promise: str) -> None:
    """Ends with a promise that was not kept."""
    if not condition:
        raise BrokenPromiseError(promise)


class World:
    """A folder with a place `m` for a model, and with files that are none of zuoci's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.m = folder / "m"
        self.foreign: dict[Path, bytes] = {}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "songs.txt").write_text(CORPUS.text, "utf-8")
        self.add(folder, BESIDE)

    def add(self, folder: Path, names: list[str]) -> None:
        """Puts files somewhere that are none of zuoci's."""
        for name in names:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(f"mine: {name}".encode())
            self.foreign[file] = file.read_bytes()

    def check(self) -> None:
        """Makes sure that the foreign files are there, byte for byte."""
        for file, data in self.foreign.items():
            hold(file.is_file() and file.read_bytes() == data, f"{file} is as it was")

    def check_tidy(self) -> None:
        """Makes sure that nothing of zuoci is left but the model, and at most a lock that is not marked as its own.

        A save that is killed between making its lock file and marking it leaves an empty one.
        """
        known = {"songs.txt", "m", *(name.split("/")[0] for name in BESIDE)}
        lock = self.folder / ".m.lock"
        if lock.is_file() and not lock.read_bytes():
            known.add(lock.name)
        left = {entry.name for entry in self.folder.iterdir() if not entry.name.startswith("log")} - known
        inside = (
            {str(file.relative_to(self.m)) for file in self.m.rglob("*") if file.is_file()}
            if self.m.exists()
            else set[str]()
        )
        left |= inside - set(FILES) - {str(file.relative_to(self.m)) for file in self.foreign if self.m in file.parents}
        hold(not left, f"nothing else is left: {sorted(left)}")

    def model(self) -> dict[str, bytes]:
        """The files of the model, as a reader sees them; {} if there is none."""
        return read_files(self.m, [name for name in FILES if name != UNFINISHED]) if is_model(self.m) else {}


def fork(work: Callable[[], object]) -> int:
    """The pid of a child that does something, and ends with code 0 if that went well."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid


def ends(pid: int) -> int:
    """Waits for a child; its exit code, or the negative number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def zuoci_command(world: World, arguments: list[str]) -> None:
    """What the command line does; what it prints goes to a file."""
    from zuoci.cli import main

    os.chdir(world.folder)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["zuoci", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise


# --- kills at random moments -----------------------------------------------------------------------------------------


def kills(folder: Path, count: int, seed: int, replace: bool) -> dict[str, int]:
    """Kills `zuoci train` at random moments and resumes it, over and over; each end is that of a run left alone."""
    for module in ("rich.progress", "zuoci.cli.train", "zuoci.training.trainer"):
        importlib.import_module(module)  # what is imported late, once for all children
    fresh = [*TRAIN, "--overwrite"] if replace else TRAIN
    alone = World(folder / "alone")
    hold(ends(fork(lambda: zuoci_command(alone, TRAIN))) == 0, f"a run ends: {alone.folder / 'log'}")
    wanted = timeless(alone.model())
    world = World(folder / "world")
    source = random.Random(seed)
    counts = {"kills": 0, "ends": 0, "reads": 0}
    began: list[Path] = []
    while counts["kills"] < count or not counts["ends"]:
        start(world, replace)
        before = world.model()
        reader = Reader(world, [before, None])
        while True:
            if is_unfinished(world.m) and not began:
                world.add(world.m, INSIDE)
                began.append(world.m)
            pid = fork(lambda: zuoci_command(world, RESUME if is_unfinished(world.m) else fresh))
            if counts["kills"] < count:
                time.sleep(source.uniform(0.0, 1.0))
                os.kill(pid, signal.SIGKILL)
            code = ends(pid)
            counts["kills"] += code == -signal.SIGKILL
            hold(code in (0, -signal.SIGKILL), f"a run ends or is killed, and not {code}: {world.folder / 'log'}")
            world.check()
            now = world.model()
            hold(now == before or timeless(now) == wanted, "the folder holds the old or the new")
            if timeless(now) == wanted and code == 0:
                break
        counts["ends"] += 1
        counts["reads"] += reader.end()
        world.check_tidy()
        shutil.rmtree(world.m)
        for file in [file for file in world.foreign if world.m in file.parents]:
            del world.foreign[file]
        began.clear()
    hold("Traceback" not in (world.folder / "log").read_text("utf-8"), f"no traceback: {world.folder / 'log'}")
    return counts


def start(world: World, replace: bool) -> None:
    """Puts an old model to its place, with files of somebody's beside it."""
    if replace:
        save_as(world, "old")
        world.add(world.m, INSIDE)


def timeless(files: dict[str, bytes]) -> dict[str, Any]:
    """The files of a model without the times in them."""
    whole: dict[str, Any] = {name: data for name, data in files.items() if name.endswith("safetensors")}
    texts = {name: data.decode() for name, data in files.items() if name not in whole}
    texts.pop("README.md", None)
    return whole | {
        name: re.sub(r'"(seconds|train_seconds|characters_per_second)": [-+.\de]+', "", text)
        for name, text in texts.items()
    }


# --- readers ---------------------------------------------------------------------------------------------------------


class Reader:
    """A process that reads a model and its run in a loop, and says at its end how often."""

    def __init__(self, world: World, known: list[dict[str, bytes] | None]) -> None:
        """Begins.

        Args:
            world: where the model is.
            known: what it may find: the files of models; {}: none; None: any one, but always the same.
        """
        self._read, write = os.pipe()
        parent = os.getpid()

        def work() -> None:
            os.close(self._read)
            allowed = [frozenset(files.items()) for files in known if files is not None]
            reads = 0
            while not reads or (signal.SIGTERM not in signal.sigpending() and os.getppid() == parent):
                read_once(world, allowed, one_more=len(allowed) < len(known))
                reads += 1
            os.write(write, str(reads).encode())

        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # also before the child has begun
        self._pid = fork(work)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        os.close(write)

    def end(self) -> int:
        """Ends it; how often it read."""
        os.kill(self._pid, signal.SIGTERM)
        hold(ends(self._pid) == 0, "a reader sees the old or the new, and never an error or a mixture (see above)")
        with os.fdopen(self._read) as stream:
            return int(stream.read())


def read_once(world: World, allowed: list[frozenset[tuple[str, bytes]]], *, one_more: bool) -> None:
    """Reads everything that there is, by all ways there are."""
    found = frozenset(world.model().items())
    if found not in allowed:
        hold(one_more and found, "all files are of the same save")
        allowed.append(found)
        hold(len(allowed) <= 3, "there are no more than the old and the new")
    nothing = "does not exist|holds no model|holds a run that was stopped"
    result = attempt(lambda: load_for_writing(world.m), nothing)
    if result:
        model, fingerprint, _ = result
        pairs = {(files.get("vocabulary.json"), files.get("fingerprint.safetensors")) for files in map(dict, allowed)}
        pair = (model.vocabulary.to_json().encode(), fingerprint.to_bytes() if fingerprint else None)
        hold(pair in pairs or one_more, "the vocabulary and the fingerprint are of the same save")
        hold(all(np.isfinite(array).all() for array in model.arrays.values()), "weights are sound")
    attempt(lambda: read_metrics(world.m), "holds nothing to draw")
    attempt(lambda: zuoci.load_run(world.m), "holds nothing to resume")
    attempt(lambda: zuoci.Fingerprint.find(world.m), "")


def attempt(read: Callable[[], Any], allowed: str) -> Any:
    """What a reader gets; None if it says that there is nothing."""
    try:
        return read()
    except zuoci.ModelFolderError as error:
        hold(allowed and re.search(allowed, str(error)), f"a reader never gets an error such as: {error}")
        return None


def readers(folder: Path, saves: int, seed: int) -> dict[str, int]:
    """Replaces a model again and again by two others, beside two readers; each third save is killed."""
    world = World(folder)
    known: list[dict[str, bytes]] = []
    for which in ("old", "new"):
        save_as(world, which)
        known.append(world.model())
    world.add(world.m, INSIDE)
    source = random.Random(seed)
    beside = [Reader(world, [*known]) for _ in range(2)]
    killed = 0
    for number in range(saves):
        pid = fork(lambda number=number: save_as(world, ("old", "new")[number % 2]))
        if number % 3 == 2:
            time.sleep(source.uniform(0.0, 0.05))
            os.kill(pid, signal.SIGKILL)
        code = ends(pid)
        killed += code < 0
        hold(code in (0, -signal.SIGKILL), f"a save ends or is killed, and not {code}")
        hold(world.model() in known, "the folder holds one of the two")
        world.check()
    save_as(world, "old")
    world.check_tidy()
    return {"saves": saves, "killed": killed, "reads": sum(reader.end() for reader in beside)}


# --- a kill before each system call of a save ------------------------------------------------------------------------


def save_as(world: World, which: str, *, keep: bool = False) -> None:
    """Saves one of two models that share no byte; the old one has no fingerprint, the new one no card's text."""
    old = which == "old"
    vocabulary = zuoci.Vocabulary(CORPUS.text[:60] if old else CORPUS.text)
    config = zuoci.ModelConfig(hidden_size=8 if old else 12)
    model = zuoci.CharLM(config, vocabulary).initialise(torch.Generator().manual_seed(int(old)))
    score = {"nll": 1.0, "bits_per_char": 1.0, "perplexity": 2.7, "characters": 9, "protocol": which}
    figures = {"step": 1, "epoch": 1.0, "characters": 9, "seconds": 0.1, "learning_rate": 0.1, "best": True}
    zuoci.save(
        model,
        world.m,
        report={"train": score, "verdict": which},
        metrics=[{**figures, "train": score, "validation": None}] * (2 if old else 1),
        card=which if old else "",
        fingerprint=None if old else zuoci.Fingerprint.of(CORPUS),
        overwrite=True,
        keep=keep,
    )


def save_a_run(world: World, steps: int) -> None:
    """Saves a run after some steps."""
    settings = {"hidden_size": 8, "embedding_size": 4, "batch_size": 4, "seq_len": 8, "threads": 1, "seed": 1}
    run = zuoci.Run(CORPUS, zuoci.resolve("lyrics", {**settings, "epochs": 2}), device="cpu")
    for report in run:
        if isinstance(report, zuoci.StepReport) and report.step == steps:
            break
    for name in ("seconds", "elapsed", "began", "evaluated_at"):  # all else is the same each time
        setattr(run.progress, name, 0.0)
    zuoci.save_run(run, world.m)


SCENARIOS: dict[str, tuple[Callable[[World], object] | None, Callable[[World], object]]] = {
    "first": (None, lambda world: save_as(world, "new")),
    "replace": (lambda world: save_as(world, "old"), lambda world: save_as(world, "new")),
    "replace-back": (lambda world: save_as(world, "new"), lambda world: save_as(world, "old")),
    "end-of-run": (lambda world: save_a_run(world, 1), lambda world: save_as(world, "new")),
    "first-run": (None, lambda world: save_a_run(world, 1)),
    "next-run": (lambda world: save_a_run(world, 1), lambda world: save_a_run(world, 2)),
}


def calls(folder: Path, scenario: str) -> dict[str, int]:
    """Kills a save before each of its calls. What a reader finds then is the old or the new, and the next save ends."""
    before, work = SCENARIOS[scenario]
    world = World(folder)
    if before:
        before(world)
        world.add(world.m, INSIDE)
        shutil.copytree(world.m, folder / "log-before")
    old = contents(world)
    work(world)
    new = contents(world)
    hold(old != new, "old and new differ")
    counts = {"kills": 0, "old": 0, "new": 0}
    for number in range(1, 1000):
        shutil.rmtree(world.m, ignore_errors=True)
        if before:
            shutil.copytree(folder / "log-before", world.m)
        code = ends(fork(lambda number=number: (die_before(number, world.folder), work(world))))
        world.check()
        seen = contents(world)
        hold(seen in (old, new), f"before call {number}: the folder holds the old or the new")
        if code == 0:
            hold(seen == new, "a save that ends has saved")
            break
        hold(code == -signal.SIGKILL, f"a save ends or is killed, and not {code}")
        counts["kills"] += 1
        counts["old" if seen == old else "new"] += 1
        with locked(world.m):
            hold(contents(world) == seen, f"before call {number}: putting right changes nothing that a reader sees")
        if (folder / ".m.lock").exists():
            hold((folder / ".m.lock").read_bytes() == b"", "a lock stays only if its maker was killed before its mark")
            (folder / ".m.lock").unlink()
        world.check_tidy()
        work(world)
        hold(contents(world) == new, f"before call {number}: the next save ends the same")
        world.check()
        world.check_tidy()
    return counts


def contents(world: World) -> dict[str, bytes]:
    """The model and the run of a folder, as a reader sees them."""
    return read_files(world.m, FILES)


class Torn(io.BufferedIOBase):
    """A file of which half a write can be on the disk."""

    def __init__(self, stream: Any, count: Callable[[], None]) -> None:
        self.stream = stream
        self.count = count

    def write(self, data: Any) -> int:
        self.count()
        half = len(data) // 2
        self.stream.write(data[:half])
        self.stream.flush()
        self.count()
        return half + self.stream.write(data[half:])

    def flush(self) -> None:
        if not self.stream.closed:
            self.stream.flush()

    def fileno(self) -> int:
        return self.stream.fileno()

    def close(self) -> None:
        self.stream.close()


def die_before(number: int, folder: Path) -> None:
    """Makes this process kill itself before the `number`th call that changes something in a folder."""
    left = number
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def count(path: object = None) -> None:
        nonlocal left
        if isinstance(path, (str, os.PathLike)) and not os.path.abspath(path).startswith(str(folder)):  # noqa: PTH100
            return
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        opened_to_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & writes
        if opened_to_write or event in ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate", "os.link"):
            count(arguments[0])

    fsync, path_open = os.fsync, Path.open

    def counted_fsync(descriptor: int) -> None:
        count()
        fsync(descriptor)

    def torn_open(self: Path, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        stream = path_open(self, mode, *arguments, **more)
        return Torn(stream, count) if "w" in mode or "x" in mode else stream

    os.fsync = counted_fsync
    Path.open = torn_open  # pyright: ignore[reportAttributeAccessIssue]
    sys.addaudithook(audit)


# --- a full disk -----------------------------------------------------------------------------------------------------


def full(folder: Path, disk: Path) -> dict[str, int]:
    """Replaces a model on a disk that has little room, or none: what was there stays, the new is kept elsewhere."""
    world = World(disk)
    save_as(world, "new")
    new = world.model()
    save_as(world, "old")
    world.add(world.m, INSIDE)
    old = world.model()
    counts = {"failed": 0, "saved": 0}
    filler = disk / "log-filler"
    for kilobytes in range(0, 60, 4):
        with filler.open("wb", buffering=0) as stream:
            with contextlib.suppress(OSError):
                while stream.write(bytes(4096)):
                    pass
            stream.truncate(max(stream.tell() - kilobytes * 1024, 0))
        said = save_and_say(world)
        filler.unlink()
        world.check()
        if said == "saved":
            hold(world.model() == new, "a save that ends has saved")
            counts["saved"] += 1
            save_as(world, "old")
            continue
        counts["failed"] += 1
        hold("No space left on device" in said, f"a full disk is said in one line: {said}")
        hold(world.model() == old, "the old model stays")
        kept = re.search(r"the model is kept in (.+)$", said)
        hold(kept and "\n" not in said, f"the error says where the model is kept: {said}")
        assert kept
        hold(read_files(kept[1], FILES) == new, "the model is kept whole")
        shutil.rmtree(kept[1])
        world.check_tidy()
    return counts


def save_and_say(world: World) -> str:
    """Saves as the end of a run does, and gives the error."""
    try:
        save_as(world, "new", keep=True)
    except zuoci.ModelFolderError as error:
        return str(error)
    return "saved"


# --- locks ------------------------------------------------------------------------------------------------------------


def locks(folder: Path, processes: int, times: int) -> dict[str, int]:
    """Lets processes take the lock of a folder again and again; each makes a file while it holds it."""
    folder.mkdir(parents=True, exist_ok=True)

    def take() -> None:
        left = times
        while left:
            try:
                with locked(folder / "m"):
                    (folder / "held").open("x").close()
                    (folder / "held").unlink()
                    left -= 1
            except zuoci.ModelFolderError as error:
                hold("another zuoci trains into" in str(error), f"a lock is free or not: {error}")

    children = [fork(take) for _ in range(processes)]
    hold(all(ends(child) == 0 for child in children), "never more than one holds a lock (see above)")
    hold({entry.name for entry in folder.iterdir()} <= {".m.lock"}, "nothing else is left")
    return {"held": processes * times}


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    more = sys.argv[3:]
    torch.set_num_threads(1)  # a process with threads of its own cannot be forked
    if what == "kills":
        counts = kills(folder, int(more[0]), int(more[1]), more[2:] == ["replace"])
    elif what == "calls":
        counts = {scenario: calls(folder / scenario, scenario) for scenario in more}
    elif what == "locks":
        counts = locks(folder, int(more[0]), int(more[1]))
    elif what == "readers":
        counts = readers(folder, int(more[0]), int(more[1]))
    else:
        counts = full(folder, Path(more[0]).resolve())
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
