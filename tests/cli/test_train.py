"""`zuoci train`: whatever becomes of its terminal, its pipes and its disk, a trained model is not lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests import processes

import zuoci
from zuoci.cli.train import _read  # pyright: ignore[reportPrivateUsage]
from zuoci.text.terminal import quote

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

SIZES = ["--hidden-size", "16", "--embedding-size", "8", "--batch-size", "4", "--seq-len", "8"]
SMALL = ["--recipe", "lyrics", "--epochs", "2", *SIZES]


@pytest.fixture
def songs(corpus: zuoci.Corpus, tmp_path: Path) -> Path:
    path = tmp_path / "songs.txt"
    path.write_text(corpus.text, "utf-8")
    return path


def train(cwd: Path, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return processes.run("train", *arguments, *SMALL, cwd=cwd, **options)


@pytest.fixture
def full() -> Iterator[int]:
    """A device that takes nothing."""
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("no /dev/full")
    with open("/dev/full", "w") as device:  # noqa: PTH123
        yield device.fileno()


def test_without_a_source_it_says_how_many_songs_are_held_apart(capsys: pytest.CaptureFixture[str]) -> None:
    corpus = _read(["en"])
    assert corpus == zuoci.load_lyrics("en", choruses="once")
    apart = sum(song.held_apart for song in corpus.songs)
    assert f"{len(corpus)} songs, " in (said := capsys.readouterr().err)
    assert said.endswith(f" different ones; {apart} of the songs are held apart\n")


posix = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")


@posix
@pytest.mark.parametrize("closed", [["stderr"], ["stdout"], ["stdin", "stdout", "stderr"]], ids="+".join)
def test_a_model_is_saved_although_streams_are_closed(songs: Path, tmp_path: Path, closed: list[str]) -> None:
    result = train(tmp_path, songs, "--out", "m", closed=closed)
    assert "Traceback" not in result.stderr + result.stdout
    assert result.returncode == 0, result.stderr
    assert zuoci.load(tmp_path / "m")


@posix
@pytest.mark.parametrize(("streams", "code"), [(["stdout"], 1), (["stderr"], 0), (["stdout", "stderr"], 1)])
def test_a_model_is_saved_although_a_disk_is_full(
    songs: Path, tmp_path: Path, full: int, streams: list[str], code: int
) -> None:
    result = train(tmp_path, songs, "--out", "m", **dict.fromkeys(streams, full))
    assert "Traceback" not in result.stderr + result.stdout
    assert result.returncode == code, result.stderr
    assert zuoci.load(tmp_path / "m")


@posix
def test_a_model_is_saved_although_the_reader_of_both_streams_has_gone(songs: Path, tmp_path: Path) -> None:
    read, write = os.pipe()
    with processes.Process("train", songs, "--out", "m", *SMALL, cwd=tmp_path, stdout=write, stderr=write) as process:
        os.close(write)
        with os.fdopen(read) as pipe:
            said = pipe.readline()
        assert process.wait() == 1
    assert said
    assert "Traceback" not in said
    assert train(tmp_path, songs, "--out", "read").returncode == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("m", "read")]
    assert weights[0] == weights[1]


@posix
def test_json_is_alone_on_stdout_when_stderr_is_closed(songs: Path, tmp_path: Path) -> None:
    result = train(tmp_path, songs, "--out", "m", "--json", closed=["stderr"])
    assert json.loads(result.stdout)["model"] == "m"


@pytest.mark.slow
@posix
def test_json_is_json_in_every_terminal(songs: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "zuoci", "train", songs.rename(tmp_path / "歌😀.txt"), "--out", "模型😀", "--json"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run([*words, *SMALL], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert json.loads(result.stdout)["model"] == "模型😀"


def test_a_folder_that_is_not_named_is_one_that_nobody_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zuoci.cli.train import _open_job  # pyright: ignore[reportPrivateUsage]

    monkeypatch.chdir(tmp_path)
    (tmp_path / "lyrics-model-2").symlink_to("nowhere")
    with ExitStack() as stack:
        folders = [_open_job(stack, None).folder.name for _ in range(3)]
        with pytest.raises(zuoci.ModelFolderError, match="another zuoci trains into"):
            _open_job(stack, tmp_path / "lyrics-model")
    assert folders == ["lyrics-model", "lyrics-model-3", "lyrics-model-4"]


@contextmanager
def in_a_terminal(cwd: Path, *arguments: object) -> Generator[tuple[processes.Process, int]]:
    """Trains in a terminal of its own; begins when the training has. The terminal is closed by whoever asks for it."""
    terminal, its = os.openpty()
    streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), its)
    with processes.Process("train", *SMALL, *arguments, cwd=cwd, terminal=True, **streams) as process:
        os.close(its)
        seen = b""
        while b"characters/s" not in seen:
            seen += os.read(terminal, 1000)
        yield process, terminal


@posix
@pytest.mark.parametrize("number", [None, signal.SIGHUP, signal.SIGTERM])
def test_a_terminal_that_is_closed_pauses_a_run(songs: Path, tmp_path: Path, number: signal.Signals | None) -> None:
    arguments = (songs, "--save-every", "10000", "--out", "m", "--epochs", "100000")
    with in_a_terminal(tmp_path, *arguments) as (process, terminal):
        if number:
            process.send_signal(number)
        os.close(terminal)
        assert process.wait() in (128 + signal.SIGHUP, 128 + signal.SIGTERM)
    assert zuoci.load_run(tmp_path / "m").now.progress.step > 0


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_a_run_whose_folder_is_gone(songs: Path, tmp_path: Path, number: signal.Signals) -> None:
    arguments = (songs, "--save-every", "0", "--out", "m", "--epochs", "100000")
    with in_a_terminal(tmp_path, *arguments) as (process, terminal):
        saves: set[int] = set()  # the first one makes the folder; one of the others finds it gone
        while len(saves) < 3:
            with suppress(FileNotFoundError):
                saves.add((tmp_path / "m" / "training" / "unfinished.safetensors").stat().st_mtime_ns)
            os.read(terminal, 1000)
        (tmp_path / "m").rename(tmp_path / "moved")
        process.send_signal(number)
        said = b""
        with suppress(OSError):  # the end of a terminal
            while data := os.read(terminal, 1000):
                said += data
        os.close(terminal)
        assert process.wait() == 128 + number
    assert b"the run is kept in" in said
    assert zuoci.load_run(tmp_path / "m-2").now.progress.step > 0


@pytest.mark.slow
@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of forkpty")
def test_what_nohup_ignores_is_ignored(songs: Path, tmp_path: Path) -> None:
    import pty

    command = f"trap '' HUP; exec {sys.executable} -m zuoci train {songs} --out m {' '.join(SMALL)} --epochs 40"
    pid, terminal = pty.fork()  # pyright: ignore
    if not pid:
        os.chdir(tmp_path)
        os.execvp("bash", ["bash", "-c", command])
    seen = b""
    while b"characters/s" not in seen:
        seen += os.read(terminal, 1000)
    os.close(terminal)  # and all that it prints from now on has nowhere to go
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 1)
    assert zuoci.load(tmp_path / "m")


@pytest.mark.parametrize("text", ["x.x." * 500, "啊" * 2000, "0123456789" * 200, "一\n" * 1000])
def test_a_sample_that_cannot_be_written_is_a_note(tmp_path: Path, text: str) -> None:
    (tmp_path / "songs.txt").write_text(text, "utf-8")
    result = train(tmp_path, "songs.txt", "--out", "m", "--save-every", "0")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert zuoci.load(tmp_path / "m")


@posix
def test_file_names_that_are_no_utf8(songs: Path, tmp_path: Path) -> None:
    name = os.fsdecode("歌誠.txt".encode("gbk"))
    try:
        songs.rename(tmp_path / name)
    except OSError:
        pytest.skip("this file system has only names in UTF-8")
    out = os.fsdecode("模型".encode("gbk"))
    result = train(tmp_path, name, "--out", out, "--save-every", "0", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["model"] == out
    assert list(zuoci.Fingerprint.load(tmp_path / out).names) == ["歌誠.txt"]


def test_logs_inside_the_models_folder(songs: Path, tmp_path: Path) -> None:
    result = train(tmp_path, songs, "--out", "m", "--tensorboard", "m/logs")
    assert result.returncode == 0, result.stderr
    assert zuoci.load(tmp_path / "m")


@pytest.mark.parametrize(
    "name", ["README.md", "Config.json", "model.safetensors/x", "training/report.json", ".zuoci.new", "../link"]
)
def test_a_log_in_the_place_of_a_file_of_the_model_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    from zuoci.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("m")
    monkeypatch.setattr(sys, "argv", ["zuoci", "train", *SMALL, "--out", "m", "--tensorboard", f"m/{name}"])
    if name.startswith(".."):
        monkeypatch.setattr(sys, "argv", [*sys.argv[:-1], "link/.zuoci.new"])
    with pytest.raises(SystemExit, match=r"^2$"):
        main()
    assert "the model has a file there; name another folder" in str(capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


@pytest.mark.slow
def test_a_log_that_cannot_be_written_is_a_note(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from zuoci.cli import main
    from zuoci.training.metrics import TensorBoard

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TensorBoard, "_log", full)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["zuoci", "train", str(songs), *SMALL, "--out", "m", "--tensorboard", "logs"])
    with pytest.raises(SystemExit, match=r"^0$"):
        main()
    errors = str(capsys.readouterr().err)
    assert errors.count("note: the log in logs cannot be written: No space left on device") == 1
    assert zuoci.load(tmp_path / "m")


@posix
@pytest.mark.parametrize("name", ["a\x1b[31mb'c\\d", "a\nb", "歌\x07", "a\x9bb", "\udcb8\udce8", "a\u202eb"])
def test_words_of_commands_hold_no_control_characters(name: str) -> None:
    word = quote(name)
    assert word.isprintable()
    shown = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout
    assert os.fsdecode(shown) == name


class TestSettings:
    @pytest.fixture
    def run(self, tmp_path: Path, songs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
        from zuoci.cli import main

        def call(*arguments: str) -> tuple[Any, str]:
            monkeypatch.chdir(tmp_path)
            monkeypatch.setattr(sys, "argv", ["zuoci", "train", str(songs), *arguments])
            try:
                main()
            except SystemExit as stop:
                return stop.code, capsys.readouterr().err
            return 0, capsys.readouterr().err

        return call

    @pytest.mark.parametrize("out", [".", "./", "", "/", ".."])
    def test_a_folder_without_a_name(self, run: Any, out: str) -> None:
        code, errors = run("--out", out)
        assert code == 2
        assert "cannot be the folder of a model; name another one, as ./my-model" in errors
        assert len(errors.splitlines()) == 1

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--max-grad-norm", "inf"], "max_grad_norm must be a finite number: got inf"),
            (["--until-perplexity", "inf"], "until_perplexity must be a finite number: got inf"),
            (["--learning-rate", "nan"], "learning_rate must be a finite number: got nan"),
            (["--dropout", "0.9999999"], "dropout must be less than or equal to 0.999: got 0.9999999"),
            (["--save-every", "inf"], "save_every must be a number of seconds"),
            (["--hidden-size", "16384", "--num-layers", "64"], "training would need about"),
        ],
    )
    def test_numbers_beyond_their_bounds(self, run: Any, tmp_path: Path, arguments: list[str], words: str) -> None:
        code, errors = run("--recipe", "lyrics", *SIZES[2:], *arguments)
        assert code == 2
        assert words in errors.splitlines()[-1]
        assert "Traceback" not in errors
        assert [path.name for path in tmp_path.iterdir()] == ["songs.txt"]

    @pytest.mark.parametrize(
        ("recipe", "flags", "words"),
        [
            ('"none"', [], "there is no recipe 'none'"),
            ("[1]", [], "there is no recipe [1]"),
            ('""', [], "there is no recipe ''"),
        ],
    )
    def test_a_recipe_in_a_file_is_checked(
        self, run: Any, tmp_path: Path, recipe: str, flags: list[str], words: str
    ) -> None:
        (tmp_path / "run.toml").write_text(f"recipe = {recipe}\n", "utf-8")
        code, errors = run("--config", "run.toml", *flags)
        assert code == 2
        assert words in errors

    def test_the_recipe_that_is_used_is_the_one_that_is_recorded(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "run.toml").write_text('recipe = "lyrics"\nepochs = 1\n', "utf-8")
        for flags, used in (([], "lyrics"), (["--recipe", "fast"], "fast")):
            code, errors = run("--config", "run.toml", *flags, *SIZES, "--out", used)
            assert code == 0, errors
            config = json.loads((tmp_path / used / "config.json").read_text("utf-8"))["training"]
            assert (config["recipe"], config["sampling"]) == (used, "random" if used == "fast" else "consecutive")
        with pytest.raises(zuoci.SettingsError, match="two recipes are named, 'fast' and 'lyrics'"):
            zuoci.resolve("fast", {"recipe": "lyrics"})

    def test_commands_that_are_printed_can_be_pasted(self, run: Any, tmp_path: Path) -> None:
        code, errors = run(*SMALL, "--out", "my songs; rm x", "--prefix", "山 前")
        assert code == 0, errors
        assert errors.splitlines()[-1].endswith("write with it: zuoci write 'my songs; rm x' '山 前'")
        assert (tmp_path / "my songs; rm x").is_dir()
        code, errors = run(*SMALL, "--out", "dash", "--prefix=-山")
        assert code == 0, errors
        assert errors.splitlines()[-1].endswith("zuoci write dash -- -山")
