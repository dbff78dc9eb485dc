"""What zuoci does not write is never touched; one writer at a time; readers change nothing; damage is one line."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import zuoci
from zuoci import CharLM, ModelFolderError, load, save
from zuoci.model import checkpoint, destination, replacing
from zuoci.model.checkpoint import forget_run
from zuoci.model.destination import check_destination
from zuoci.model.figures import load_card, load_metrics, load_report
from zuoci.model.lock import locked
from zuoci.text.folder import FILES, NEW, UNFINISHED, is_model, is_unfinished, read_files
from zuoci.training.metrics import read_metrics

if TYPE_CHECKING:
    from collections.abc import Callable


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, but for the locks."""
    entries = (entry for entry in folder.rglob("*") if entry.suffix != ".lock")
    return {str(entry.relative_to(folder)): entry.read_bytes() if entry.is_file() else None for entry in entries}


@pytest.fixture
def run(corpus: zuoci.Corpus, settings: zuoci.Settings) -> zuoci.Run:
    return zuoci.Run(corpus, settings, device="cpu")


@pytest.fixture
def end(corpus: zuoci.Corpus, settings: zuoci.Settings) -> zuoci.EndReport:
    *_, end = zuoci.train(corpus, settings, device="cpu")
    assert isinstance(end, zuoci.EndReport)
    return end


STRANGERS = [
    ".m.old/x", ".m.tmp/config.json", ".m.backup.tmp", ".m.mine.tmp/x", ".m.0123456.tmp/config.json",
    ".m.0123ABCD.tmp/config.json", ".m.0123abcd.tmp.bak", ".m-0.1.0123abcd.tmp/config.json",
    ".m.0123abcd.old/config.json", ".m.1123abcd.tmp/diary.txt", ".m.2123abcd.tmp/training/diary.txt", ".m.3123abcd.tmp",
    ".x.0123abcd.tmp/config.json", "m/.mine.tmp", "m/.zuoci.tmp",
    "m/.zuoci.0123abcd.tmp/config.json", "m/.zuoci.stage.0123abcd.tmp/config.json", "m/training/.x.tmp",
    "m/training/.unfinished.safetensors.tmp",
    "m/training/.unfinished.safetensors.0123abcd.tmp/x",
]  # fmt: skip


def test_only_what_zuoci_wrote_is_swept_and_only_by_a_writer(model: CharLM, tmp_path: Path) -> None:
    save(model, tmp_path / "m")
    for name in STRANGERS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, "utf-8")
    (tmp_path / ".m.4123abcd.tmp").symlink_to(tmp_path / "m")
    kept = tree(tmp_path)
    ours = [".m.5123abcd.tmp/config.json", ".m.6123abcd.tmp/training/report.json", "m/.zuoci.0123abcd.new/README.md"]
    ours += ["m/training/.unfinished.safetensors.1123abcd.tmp"]
    for name in ours:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, "utf-8")
    left = tree(tmp_path)
    load(tmp_path / "m")
    read_files(tmp_path / "m", FILES)
    with pytest.raises(ModelFolderError, match="nothing to resume"):
        zuoci.load_run(tmp_path / "m")
    with pytest.raises(ModelFolderError, match="nothing to draw"):
        read_metrics(tmp_path / "m")
    with pytest.raises(ModelFolderError, match="holds a model already"):
        check_destination(tmp_path / "m")
    assert tree(tmp_path) == left  # readers change nothing
    with locked(tmp_path / "m"):
        assert tree(tmp_path) == kept
    save(model, tmp_path / "m", overwrite=True)
    assert tree(tmp_path) == kept


def test_a_reader_of_a_name_that_is_missing_takes_no_stranger_for_it(tmp_path: Path) -> None:
    (tmp_path / ".vim.old").mkdir()
    (tmp_path / ".vim.0123abcd.tmp").mkdir()
    with pytest.raises(ModelFolderError, match="vim does not exist"):
        load(tmp_path / "vim")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".vim.0123abcd.tmp", ".vim.old"]


def test_replacing_keeps_everything_else_and_the_folder_itself(model: CharLM, folder: Path) -> None:
    names = ["notes.txt", "songs/a.txt", "logs/x", "training/mine.txt", ".git/config"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, "utf-8")
    folder.chmod(0o750)
    before = folder.stat()
    save(model, folder, overwrite=True, report={"verdict": "new"})
    assert (folder.stat().st_ino, folder.stat().st_mode) == (before.st_ino, before.st_mode)
    assert [(folder / name).read_text("utf-8") for name in names] == names
    assert load_report(folder) == {"verdict": "new"}
    save(model, folder, overwrite=True)
    assert load_report(folder) == {}  # what the new one does not have is not that of the old one
    assert [(folder / name).read_text("utf-8") for name in names] == names


def test_a_log_in_the_folder_of_the_model_is_no_obstacle(end: zuoci.EndReport, run: zuoci.Run, tmp_path: Path) -> None:
    for name, saves in (("short", 0), ("long", 1)):
        with locked(tmp_path / name):
            check_destination(tmp_path / name)
            (tmp_path / name / "logs").mkdir(parents=True)
            (tmp_path / name / "logs" / "events").write_text("log", "utf-8")
            for _ in range(saves):
                zuoci.save_run(run, tmp_path / name)
            zuoci.save_trained(end, tmp_path / name, overwrite=is_unfinished(tmp_path / name))
        assert is_model(tmp_path / name)
        assert not is_unfinished(tmp_path / name)
        assert (tmp_path / name / "logs" / "events").read_text("utf-8") == "log"


@pytest.mark.parametrize("name", ["model.safetensors", "README.md", "training/report.json", "fingerprint.safetensors"])
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_stands_where_a_file_has_to_be_is_refused_before_training(
    run: zuoci.Run, tmp_path: Path, name: str, kind: str
) -> None:
    folder = tmp_path / "m"
    zuoci.save_run(run, folder)
    entry = folder / name
    if kind == "folder":
        entry.mkdir()
    elif kind == "link":
        (tmp_path / "thesis.txt").write_text("mine", "utf-8")
        entry.symlink_to(tmp_path / "thesis.txt")
    else:
        entry.write_text("mine", "utf-8")
    before = tree(tmp_path)
    with pytest.raises(ModelFolderError, match=rf"{name} is in the way: .* choose another folder"):
        check_destination(folder, overwrite=True)
    assert tree(tmp_path) == before


def test_weights_that_another_program_wrote_are_not_replaced(model: CharLM, tmp_path: Path) -> None:
    folder = tmp_path / "llama"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}', "utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")
    before = tree(folder)
    with pytest.raises(ModelFolderError, match=r"model.safetensors is in the way"):
        save(model, folder, overwrite=True)
    assert tree(folder) == before


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    long = "n" * 250  # a folder of this name can be made, but not what is written beside it first
    with pytest.raises(ModelFolderError, match=r"cannot be made: File name too long; choose another"):
        check_destination(tmp_path / long)
    with pytest.raises(ModelFolderError, match="cannot hold a model"):
        check_destination("/")
    with pytest.raises(ModelFolderError, match="cannot be the name of a folder"):
        check_destination("a\0b")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ModelFolderError, match="is not a folder"):
        check_destination(tmp_path / "dangling")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("spelling", [".", "", "./", "../m", "../m/."])
def test_the_current_folder_can_be_filled(
    model: CharLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    (tmp_path / "m").mkdir()
    monkeypatch.chdir(tmp_path / "m")
    check_destination(spelling)
    save(model, spelling)
    assert load(tmp_path / "m").config == model.config
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("name", [".zuoci.new", ".zuoci.0123abcd.new", ".Zuoci.x", ".m.0123abcd.tmp"])
def test_names_of_what_is_being_written_are_no_names_of_models(model: CharLM, tmp_path: Path, name: str) -> None:
    save(model, tmp_path / "m")
    before = tree(tmp_path)
    for place in (tmp_path / "m" / name, tmp_path / name):
        with pytest.raises(ModelFolderError, match="is a name that zuoci uses while it saves"):
            check_destination(place)
        with pytest.raises(ModelFolderError, match="is a name that zuoci uses while it saves"):
            save(model, place)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["zuoci", "zuoci.stage", "zuoci.new"])
def test_a_model_in_the_folder_of_a_model_is_left_alone_while_it_is_saved(
    model: CharLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    save(model, tmp_path / "m")
    write = checkpoint.write_durably

    def swept(file: Path, data: bytes) -> None:
        write(file, data)
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "write_durably", write)
            save(model, tmp_path / "m", overwrite=True)

    monkeypatch.setattr(checkpoint, "write_durably", swept)
    save(model, tmp_path / "m" / name)
    assert load(tmp_path / "m" / name).config == model.config


def test_a_folder_in_which_no_file_can_be_made_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(file: Path, _: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(destination, "write_durably", refused)  # as with umask 0777
    (tmp_path / "there").mkdir()
    for name in ("new", "there"):
        with pytest.raises(ModelFolderError, match="cannot be made: Permission denied"):
            check_destination(tmp_path / name)
    assert tree(tmp_path) == {"there": None}


def test_files_that_only_another_user_may_replace_are_refused_before_training(
    model: CharLM, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.chmod(0o1777)
    check_destination(folder, overwrite=True)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    before = tree(folder)
    with pytest.raises(ModelFolderError, match="cannot be replaced: it belongs to another user"):
        check_destination(folder, overwrite=True)
    with pytest.raises(ModelFolderError, match="cannot be replaced: it belongs to another user"):
        save(model, folder, overwrite=True)
    assert tree(folder) == before


@pytest.mark.parametrize("moved", [0, 1])
def test_a_save_that_failed_has_replaced_nothing_or_says_so(
    two: tuple[Callable[[int], Any], Path], monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    put, folder = two
    put(1)
    new = read_files(folder, FILES)
    put(0)
    old, replace, calls = tree(folder), replacing._replace, list[Path]()  # pyright: ignore[reportPrivateUsage]

    def refused(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) > moved:
            raise PermissionError(1, "Operation not permitted")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(replacing, "_replace", refused)
        with pytest.raises(ModelFolderError, match="cannot be saved: Operation not permitted") as error:
            put(1)
    assert ("holds the new model" in str(error.value)) == bool(moved)
    if moved:
        assert read_files(folder, FILES) == new
    else:
        # The new model has files that the old one has not, but not the other way round.
        assert tree(folder) == old


# --- gone, full, filled meanwhile ------------------------------------------------------------------------------------


def test_a_folder_that_is_gone_is_not_made_again_and_the_model_is_kept_beside(
    end: zuoci.EndReport, run: zuoci.Run, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    with locked(folder):
        check_destination(folder)
        zuoci.save_run(run, folder)
        folder.rename(tmp_path / "moved")
        with pytest.raises(ModelFolderError, match="m is gone: it was moved or removed"):
            zuoci.save_run(run, folder)
        with pytest.raises(ModelFolderError, match=r"m is gone: .*; the run is kept in .*m-2$"):
            zuoci.save_run(run, folder, keep=True)
        with pytest.raises(ModelFolderError, match=r"m is gone: .*; the model is kept in .*m-3$"):
            zuoci.save_trained(end, folder)
    assert not folder.exists()
    assert zuoci.load_run(tmp_path / "m-2").digest == run.split.digest
    assert load(tmp_path / "m-3").config == end.model.config
    assert is_unfinished(tmp_path / "moved")


def test_a_parent_that_is_gone_is_not_made_again(
    end: zuoci.EndReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with locked(tmp_path / "disk" / "m"):
        check_destination(tmp_path / "disk" / "m")
        (tmp_path / "disk").rename(tmp_path / "unplugged")
        with pytest.raises(ModelFolderError, match=r"m is gone: .*; the model is kept in ") as error:
            zuoci.save_trained(end, tmp_path / "disk" / "m")
    assert not (tmp_path / "disk").exists()
    kept = Path(str(error.value).rpartition("kept in ")[2])
    assert temporary in kept.parents
    assert load(kept).config == end.model.config


def test_a_folder_that_another_program_filled_meanwhile_stays(
    end: zuoci.EndReport, model: CharLM, run: zuoci.Run, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    with locked(folder):
        check_destination(folder)
        zuoci.save_run(run, folder)
        other = save(model, tmp_path / "other")
        for file in other.iterdir():
            file.rename(folder / file.name)
        before = tree(folder)
        with pytest.raises(ModelFolderError, match=r"holds another model than before.*; the model is kept in .*m-2$"):
            zuoci.save_trained(end, folder, overwrite=True)
    assert tree(folder) == before
    assert load(tmp_path / "m-2").config == end.model.config


def test_a_model_is_kept_also_if_its_folder_is_taken(end: zuoci.EndReport, tmp_path: Path) -> None:
    zuoci.save_trained(end, tmp_path / "m")
    (tmp_path / "m-2").write_text("mine", "utf-8")
    with pytest.raises(ModelFolderError, match=r"m holds a model already; .*; the model is kept in .*m-3$"):
        zuoci.save_trained(end, tmp_path / "m")
    with locked(tmp_path / "m"):
        pass
    assert load(tmp_path / "m-3").config == end.model.config


def test_what_is_being_written_is_not_made_again_if_it_is_removed(
    model: CharLM, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = checkpoint.write_durably

    def removed(file: Path, data: bytes) -> None:
        if file.name == "vocabulary.json":
            for other in file.parent.iterdir():
                other.unlink()
            file.parent.rmdir()
        write(file, data)

    before = tree(folder)
    monkeypatch.setattr(checkpoint, "write_durably", removed)
    for place in (folder, folder.with_name("new")):
        with pytest.raises(ModelFolderError, match="cannot be saved: No such file or directory"):
            save(model, place, overwrite=True)
    assert tree(folder.parent) == {"model": None, **{f"model/{name}": data for name, data in before.items()}}


def test_a_checkpoint_sweeps_nothing_and_a_run_is_forgotten_without_what_is_not_its_own(
    run: zuoci.Run, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    zuoci.save_run(run, folder)
    forget_run(folder)
    assert not folder.exists()
    zuoci.save_run(run, folder)
    (folder / "notes.txt").write_text("mine", "utf-8")
    forget_run(folder)
    assert tree(folder) == {"notes.txt": b"mine"}


# --- replacing, seen by a reader -------------------------------------------------------------------------------------


class Stopped(BaseException):
    """Instead of a kill."""


@pytest.fixture
def two(corpus: zuoci.Corpus, model: CharLM, tmp_path: Path) -> tuple[Callable[[int], Any], Path]:
    """A function that saves one of two models, which have not all files in common."""
    other = CharLM(zuoci.ModelConfig(hidden_size=5), zuoci.Vocabulary("山水")).initialise(
        torch.Generator().manual_seed(2)
    )
    fingerprint = zuoci.Fingerprint.of(corpus)

    def put(which: int) -> None:
        if which:
            save(model, tmp_path / "m", report={"verdict": "1"}, fingerprint=fingerprint, overwrite=True)
        else:
            save(other, tmp_path / "m", card="0", overwrite=True)

    return put, tmp_path / "m"


@pytest.mark.parametrize("which", [0, 1])
def test_between_any_two_calls_a_reader_sees_the_old_or_the_new(
    two: tuple[Callable[[int], Any], Path], monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    put, folder = two
    put(which)
    new = read_files(folder, FILES)
    put(1 - which)
    old = read_files(folder, FILES)
    seen: list[str] = []

    def look() -> None:
        found = read_files(folder, FILES)
        assert found in (old, new)
        seen.append("old" if found == old else "new")
        load(folder)
        assert is_model(folder)
        assert not is_unfinished(folder)

    for name in ("unlink", "rename", "replace", "rmdir", "mkdir"):
        call = getattr(Path, name)

        def looked(self: Path, *arguments: Any, call: Any = call, **more: Any) -> Any:
            look()
            result = call(self, *arguments, **more)
            look()
            return result

        monkeypatch.setattr(Path, name, looked)
    put(which)
    monkeypatch.undo()
    assert seen == sorted(seen, reverse=True)  # once the new, never the old again
    assert {"old", "new"} == set(seen)


@pytest.mark.parametrize("name", [*FILES[:-2], "config.json"])
def test_a_reader_reads_again_when_files_are_replaced_while_it_reads(
    two: tuple[Callable[[int], Any], Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A whole save between any two reads of one reader."""
    put, folder = two
    known: list[dict[str, bytes]] = []
    for which in (1, 0):
        put(which)
        known.append(read_files(folder, FILES))
    read, left = Path.read_bytes, [1]

    def late(self: Path) -> bytes:
        data = read(self)
        if self.name == Path(name).name and left:
            monkeypatch.undo()
            put(left.pop())
        return data

    monkeypatch.setattr(Path, "read_bytes", late)
    assert read_files(folder, FILES) in known


def test_what_a_killed_save_left_is_the_model_and_is_put_to_its_place_by_the_next_writer(
    two: tuple[Callable[[int], Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put, folder = two
    put(1)
    new = read_files(folder, FILES)
    put(0)

    def stop(*_: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(replacing, "_replace", stop)
        with pytest.raises(Stopped):
            put(1)
    assert (folder / NEW).is_dir()
    before = tree(folder)
    assert read_files(folder, FILES) == new
    assert load_report(folder) == {"verdict": "1"}
    assert load_card(folder) == ""
    assert zuoci.Fingerprint.find(folder)
    with pytest.raises(ModelFolderError, match="holds a model already"):
        check_destination(folder)
    assert tree(folder) == before
    with locked(folder):
        assert not (folder / NEW).exists()
    assert read_files(folder, FILES) == new
    assert sorted(file.name for file in folder.iterdir()) == sorted({Path(name).parts[0] for name in new})


# --- the lock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["thesis.txt", "nowhere.txt"])
def test_a_lock_is_not_opened_through_a_link(tmp_path: Path, target: str) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    (tmp_path / ".m.lock").symlink_to(tmp_path / target)
    with pytest.raises(ModelFolderError, match=r"m cannot be locked: .*\.m\.lock is a link"), locked(tmp_path / "m"):
        pass
    assert (tmp_path / "thesis.txt").read_text("utf-8") == "mine"
    assert not (tmp_path / "nowhere.txt").exists()


def test_a_lock_changes_no_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    os.link(tmp_path / "thesis.txt", tmp_path / ".m.lock")
    with locked(tmp_path / "m"):
        pass
    assert (tmp_path / "thesis.txt").read_text("utf-8") == "mine"
    assert (tmp_path / ".m.lock").read_text("utf-8") == "mine"
    for name, make in (("a", Path.mkdir), ("b", os.mkfifo)):
        make(tmp_path / f".{name}.lock")
        with pytest.raises(ModelFolderError, match="or not a file; move it away"), locked(tmp_path / name):
            pass


def test_whoever_waits_for_a_lock_that_was_removed_does_not_hold_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the first holder lets go and a third process gets the lock."""
    import filelock

    lock = filelock.lock_descriptor
    first, third = locked(tmp_path / "m"), locked(tmp_path / "m")
    first.__enter__()

    waits = [True]

    def late(descriptor: int, **more: Any) -> bool:
        if not waits:
            return lock(descriptor, **more)
        waits.clear()
        first.__exit__(None, None, None)
        third.__enter__()
        return lock(descriptor, **more)  # of a file that has no name any more

    monkeypatch.setattr(filelock, "lock_descriptor", late)
    with pytest.raises(ModelFolderError, match="another zuoci trains into"), locked(tmp_path / "m"):
        pass
    assert (tmp_path / ".m.lock").exists()
    third.__exit__(None, None, None)
    with locked(tmp_path / "m"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_that_a_killed_process_left_is_taken_and_one_of_somebody_stays(tmp_path: Path) -> None:
    for content, stays in ((b"zuoci\n", False), (b"", True), (b"zuoci\nand more", True)):
        (tmp_path / ".m.lock").write_bytes(content)
        with locked(tmp_path / "m"):
            assert (tmp_path / ".m.lock").read_bytes() == content
        assert (tmp_path / ".m.lock").exists() == stays


def test_all_names_of_a_folder_share_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "m").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "direct").symlink_to(tmp_path / "a" / "m")
    monkeypatch.chdir(tmp_path / "a")
    with locked(tmp_path / "a" / "m"):
        for other in ("m", "./m", "m/", "../a/m", tmp_path / "link" / "m", tmp_path / "direct", "m/../m"):
            with pytest.raises(ModelFolderError, match="another zuoci trains into"), locked(other):
                pass


def _try(folder: Path, answers: Any) -> None:
    try:
        with locked(folder):
            answers.put("locked")
    except ModelFolderError as error:
        answers.put(str(error))


def test_a_save_by_another_process_is_refused_while_one_trains(model: CharLM, folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    with locked(folder):
        save(model, folder, overwrite=True)  # by the one that holds the lock
        other = context.Process(target=_try, args=(folder, answers))
        other.start()
        assert "another zuoci trains into" in answers.get(timeout=120)
        other.join()


# --- damage ----------------------------------------------------------------------------------------------------------


def damaged(read: Callable[[], object], file: Path, data: bytes, message: str = "") -> None:
    """Reading is refused in one line, which names the file."""
    before = file.read_bytes() if file.exists() else None
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    with pytest.raises(ModelFolderError, match=message or "damaged") as error:
        read()
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)
    file.write_bytes(before) if before is not None else file.unlink()


DEEP = b"[" * 100_000
NO_JSON = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b'{"a": "\\ud800"}',
    DEEP,
    b"1" * 5000,
]


@pytest.mark.parametrize("data", NO_JSON)
def test_documents_that_are_damaged(folder: Path, data: bytes) -> None:
    damaged(lambda: load(folder), folder / "config.json", data, "damaged|zuoci did not write")
    damaged(lambda: load(folder), folder / "vocabulary.json", data)
    damaged(lambda: load_report(folder), folder / "training/report.json", data)
    if data:
        damaged(lambda: load_metrics(folder), folder / "training/metrics.jsonl", data)
        damaged(lambda: read_metrics(folder), folder / "training/metrics.jsonl", data)


def test_other_damage_is_said_in_one_line(folder: Path, tmp_path: Path) -> None:
    damaged(lambda: load_card(folder), folder / "README.md", b"\xb8\xe8", "it is not UTF-8")
    characters = json.loads((folder / "vocabulary.json").read_text("utf-8"))
    characters["characters"][-1] = "\ud800"
    surrogate = json.dumps(characters).encode()
    damaged(lambda: load(folder), folder / "vocabulary.json", surrogate, "is no character")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    huge = {**config, "model": {**config["model"], "hidden_size": 16_384}}
    before = (folder / "config.json").read_bytes()
    (folder / "config.json").write_text(json.dumps(huge), "utf-8")
    with pytest.raises(ModelFolderError, match=r"weight_ih_l0 must have the shape \[49152, 5\]: got \[36, 5\]"):
        load(folder)
    (folder / "config.json").write_bytes(before)
    wrong = {**config, "model": {**config["model"], "cell": "transformer"}}
    damaged(lambda: load(folder), folder / "config.json", json.dumps(wrong).encode(), "damaged: cell: ")
    score = {"train": {"nll": "low"}}
    damaged(lambda: load_report(folder), folder / "training/report.json", json.dumps(score).encode(), "train.nll")
    damaged(lambda: load_metrics(folder), folder / "training/metrics.jsonl", b'{"step": 1}\n', "Field required")
    (folder / "vocabulary.json").unlink()
    os.mkfifo(folder / "vocabulary.json")
    with pytest.raises(ModelFolderError, match=r"vocabulary.json cannot be read: vocabulary.json is no file"):
        load(folder)


CHANGES: list[Callable[[dict[str, Any]], object]] = [
    lambda tensors: tensors.pop(next(iter(tensors))),
    lambda tensors: tensors.update(more=torch.zeros(1)),
    lambda tensors: tensors.update({next(iter(tensors)): torch.zeros(2, 3)}),
    lambda tensors: tensors.update({name: value.to(torch.int32) for name, value in tensors.items()}),
]


@pytest.mark.parametrize("change", CHANGES)
def test_wrong_and_missing_tensors(folder: Path, run: zuoci.Run, tmp_path: Path, change: Any) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    with pytest.raises(
        ModelFolderError, match=r"model.safetensors is damaged: \S+ (is missing|must|does not)"
    ) as error:
        load(folder)
    assert "\n" not in str(error.value)
    file = zuoci.save_run(run, tmp_path / "run")
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    tensors = load_file(file)
    assert zuoci.load_run(tmp_path / "run").digest == run.split.digest
    change(tensors)
    save_file(tensors, file, metadata)
    with pytest.raises(ModelFolderError, match=r"unfinished.safetensors is damaged: .*; start a new run"):
        zuoci.load_run(tmp_path / "run")


def test_a_run_of_sources_whose_names_are_no_unicode(run: zuoci.Run, tmp_path: Path) -> None:
    name = os.fsdecode(b"/songs/\xb8\xe8.txt")
    zuoci.save_run(run, tmp_path / "run", sources=[name])
    assert zuoci.load_run(tmp_path / "run").sources == [name]
    first = (tmp_path / "run" / UNFINISHED).read_bytes()
    for _ in range(8):
        zuoci.save_run(run, tmp_path / "run", sources=[name])
        assert (tmp_path / "run" / UNFINISHED).read_bytes() == first  # the same run, the same bytes
