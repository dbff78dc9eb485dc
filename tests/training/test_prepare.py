"""Corpora that are written by `prepare`: what is in them, and what training makes of them."""

from __future__ import annotations

import itertools
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.processes import run

import zuoci
from zuoci.text import shards, streaming
from zuoci.text.duplicates import folded
from zuoci.text.read_config import ReadConfig
from zuoci.text.shards import PreparedCorpus, StoredArray, StoredIds
from zuoci.text.sources import is_prepared
from zuoci.training import prepare as module
from zuoci.training.job import Job
from zuoci.training.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = {"epochs": 2, "hidden_size": 8, "embedding_size": 4, "batch_size": 8, "seq_len": 16, "threads": 1}


@pytest.fixture(scope="module")
def lyrics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with 60 songs."""
    file = tmp_path_factory.mktemp("lyrics") / "lyrics.txt"
    file.write_text("".join(song.text for song in zuoci.load_lyrics("zh").songs[:60]), "utf-8", newline="")
    return file


@pytest.fixture(scope="module")
def prepared(lyrics: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedCorpus:
    """These songs, prepared in small pieces: several shards, which are unmapped all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "PART", 4096)
        patch.setattr(module, "_SHARD", 2000)
        patch.setattr(module, "_TOGETHER", 700)
        corpus, notes = prepare([lyrics], tmp_path_factory.mktemp("prepared") / "corpus")
    assert notes == []
    assert len(corpus.manifest.shards) > 3
    return corpus


def training_text(corpus: PreparedCorpus) -> str:
    vocabulary = zuoci.Vocabulary(corpus.manifest.characters)
    ids = corpus.encode(vocabulary)
    return vocabulary.decode(ids[torch.arange(len(ids))])


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n"), max_size=30),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([0.0, 0.3]),
)
def test_the_songs_are_those_of_the_text(pieces: list[str], validation: float) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SHARD", 50)
        patch.setattr(module, "_TOGETHER", 20)
        file = Path(folder, "a.txt")
        file.write_text("春\n\n" + "\n\n".join(pieces), "utf-8", newline="")
        songs = [song.text for song in zuoci.read_corpus(file).songs]
        corpus, _ = prepare([file], Path(folder, "corpus"), validation=validation)
        corpus.verify()
        opened = PreparedCorpus.open(Path(folder, "corpus"))
        assert opened.manifest == corpus.manifest
        parts = module.HeldApart(validation)
        trained = list(parts.to_train_on(songs))
        assert training_text(opened) == "".join(trained)
        assert opened.held_apart == "".join(parts.apart)
        assert len(opened) == len(trained) + len(parts.apart) == len(songs) - parts.left_out
        assert [song.text for song in opened.beginning.songs] == trained
        assert opened.manifest.characters == "".join(dict.fromkeys("".join([*trained, *parts.apart])))


@pytest.mark.parametrize("sampling", ["random", "consecutive"])
def test_training_ends_with_the_bytes_of_the_text_in_memory(
    lyrics: Path, prepared: PreparedCorpus, sampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_MOST_AREAS", 3)
    corpus = zuoci.read_corpus(lyrics)
    apart = {song for song in corpus.songs if song.text in prepared.held_apart}
    in_memory = replace(corpus, songs=tuple(replace(song, held_apart=song in apart) for song in corpus.songs))
    settings = zuoci.resolve("lyrics", {**SMALL, "sampling": sampling, "keep": "best"})
    ends: list[zuoci.EndReport] = []
    for each in (in_memory, prepared):
        *_, end = zuoci.Run(each, settings, device="cpu")
        assert isinstance(end, zuoci.EndReport)
        ends.append(end)
    weights, others = (end.model.state_dict() for end in ends)
    assert all(torch.equal(value, others[name]) for name, value in weights.items())
    figures, other_figures = ({**end.as_dict(), "train_seconds": 0, "characters_per_second": 0} for end in ends)
    assert figures == other_figures
    assert ends[0].validation
    assert ends[0].validation.characters > 100


def test_the_model_of_a_prepared_corpus_says_that_it_has_no_hashes(prepared: PreparedCorpus, tmp_path: Path) -> None:
    settings = zuoci.resolve("lyrics", {**SMALL, "epochs": 1})
    *_, end = zuoci.train(prepared, settings, device="cpu")
    assert isinstance(end, zuoci.EndReport)
    folder = zuoci.save_trained(end, tmp_path / "model")
    assert zuoci.Fingerprint.find(folder) is None
    assert "fingerprint" not in (folder / "README.md").read_text("utf-8")


def test_counts_are_of_the_beginning(prepared: PreparedCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zuoci.training.split.BEGINNING", 900)
    *_, end = zuoci.train(prepared, zuoci.resolve("lyrics", {**SMALL, "epochs": 1}), device="cpu")
    assert isinstance(end, zuoci.EndReport)
    assert end.baseline
    assert end.baseline.protocol.endswith("Kneser–Ney 5-gram of the first 900 characters")


@pytest.mark.parametrize("sampling", ["random", "consecutive"])
def test_a_run_goes_on_exactly_without_reading_the_corpus_again(
    prepared: PreparedCorpus, sampling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = zuoci.resolve("lyrics", {**SMALL, "sampling": sampling})
    *_, whole = zuoci.Run(prepared, settings, device="cpu")
    with Job(tmp_path / "model", device="cpu") as job:
        job.prepare(prepared, settings, sources=[str(prepared.folder)])
        for event in job:
            if isinstance(event, zuoci.StepReport) and event.step == 5:
                job.pause()
    monkeypatch.setattr(PreparedCorpus, "verify", None)  # it would be called in vain
    with Job(tmp_path / "model", resume=True, device="cpu") as job:
        job.prepare(PreparedCorpus.open(prepared.folder))
        *_, end = job
    assert isinstance(whole, zuoci.EndReport)
    assert isinstance(end, zuoci.EndReport)
    weights, others = whole.model.state_dict(), end.model.state_dict()
    assert all(torch.equal(value, others[name]) for name, value in weights.items())


def test_a_run_does_not_go_on_with_another_corpus(prepared: PreparedCorpus, lyrics: Path, tmp_path: Path) -> None:
    settings = zuoci.resolve("lyrics", SMALL)
    first = zuoci.Run(prepared, settings, device="cpu")
    next(iter(first))
    zuoci.save_run(first, tmp_path / "model")
    (tmp_path / "other.txt").write_text(lyrics.read_text("utf-8") + "多一行\n", "utf-8")
    other, _ = prepare([tmp_path / "other.txt"], tmp_path / "other")
    with pytest.raises(zuoci.SettingsError, match="was trained on another text"):
        zuoci.load_run(tmp_path / "model").resume(other, device="cpu")


def test_versions_of_a_song_stay_on_one_side() -> None:
    songs = [f"song {n}\nthe longest line of song {n}\nthe end\n\n" for n in range(60)]
    versions = [song.upper().replace("THE END", "again") for song in songs]
    parts = module.HeldApart(0.2)
    trained = list(parts.to_train_on([*songs, *versions]))
    assert 0.15 < len(parts.apart) / 60 < 0.25

    def lines(texts: list[str]) -> set[str]:
        return {folded(text.split("\n")[1]) for text in texts}

    assert not lines(trained) & lines(parts.apart)
    assert parts.left_out == len(parts.apart)
    assert len(trained) == 2 * (60 - len(parts.apart))


def test_no_more_is_held_apart_than_an_evaluation_can_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_APART", 500)
    parts = module.HeldApart(0.5)
    list(parts.to_train_on(f"song number {n} has a line\n\n" for n in range(200)))
    assert 400 < sum(map(len, parts.apart)) <= 500


def test_a_text_without_empty_lines_is_held_apart_in_parts(tmp_path: Path) -> None:
    file = tmp_path / "novel.txt"
    text = "".join(f"paragraph {n} of a long book without empty lines\n" for n in range(9000))
    file.write_text(text, "utf-8")
    corpus, _ = prepare([file], tmp_path / "corpus")
    assert corpus.character_count == len(text)
    assert 0.03 < len(corpus.held_apart) / len(text) <= 0.1
    assert corpus.held_apart.startswith("paragraph ")


def test_more_characters_than_two_bytes_count(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    characters = "".join(map(chr, [*range(0x4E00, 0x9000), *range(0x20000, 0x2A000), *range(0xAC00, 0xD000)]))
    assert len(characters) > 1 << 16
    text = "\n".join([characters[at : at + 100] for at in range(0, len(characters), 100)])
    file.write_text(text, "utf-8")
    corpus, _ = prepare([file], tmp_path / "corpus", validation=0.0)
    assert training_text(corpus) == text
    assert corpus.manifest.shards[-1].bytes == 4


class Killed(BaseException):
    """What a test raises in place of a kill."""


@pytest.mark.parametrize("before", [False, True], ids=["new", "replaced"])
def test_a_kill_leaves_the_former_corpus_or_none(
    lyrics: Path, before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill at every write; nothing of what it left stays after the next preparation."""
    monkeypatch.setattr(module, "_TOGETHER", 2000)
    folder, old = tmp_path / "corpus", tmp_path / "old.txt"
    old.write_text("山前有路\n路上有人\n\n", "utf-8")
    if before:
        prepare([old], folder, validation=0.0)
    add, replace_durably = module.NumberFiles.add, module.replace_durably
    monkeypatch.setattr(module, "_sweep", print)  # a process that was killed does not tidy up
    for at in itertools.count():
        left = [at]

        def count(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        def counted_add(self: Any, *rest: Any, count: Callable[[], None] = count) -> None:
            count()
            add(self, *rest)

        def counted_replace(*rest: Any, count: Callable[[], None] = count) -> None:
            count()
            replace_durably(*rest)

        monkeypatch.setattr(module.NumberFiles, "add", counted_add)
        monkeypatch.setattr(module, "replace_durably", counted_replace)
        try:
            prepare([lyrics], folder, overwrite=before)
            break
        except Killed:
            if before:
                corpus = PreparedCorpus.open(folder)
                corpus.verify()
                assert training_text(corpus) == old.read_text("utf-8")
            else:
                assert not is_prepared(folder)
    assert len(list(folder.iterdir())) > 20  # of all that were killed
    monkeypatch.undo()
    corpus, _ = prepare([old], folder, validation=0.0, overwrite=True)
    assert {file.name for file in folder.iterdir()} == {"corpus.json", *(file.name for file in corpus.manifest.files)}


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("山前有路\n\n".encode() * 300_000 + b"\xff\xff\n")
    with pytest.raises(zuoci.CorpusError, match=r"from byte [\d,]+ on, cannot be read"):
        prepare([file], tmp_path / "corpus")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_the_memory_of_a_preparation_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PART", 20_000)
    monkeypatch.setattr(module, "_TOGETHER", 20_000)
    monkeypatch.setattr(module, "MOST_APART", 2000)
    peaks: list[int] = []
    for songs in (2_000, 20_000):
        file = tmp_path / f"{songs}.txt"
        file.write_text("".join(f"song {n}\nhas a line of {n * n}\n\n" for n in range(songs)), "utf-8")
        tracemalloc.start()
        corpus, _ = prepare([file], tmp_path / str(songs))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(corpus) == songs
    assert peaks[1] < peaks[0] + 100_000  # the second text is half a megabyte longer


def test_pages_that_were_read_do_not_add_up(tmp_path: Path) -> None:
    """All of 128 MiB are read in random order, and at no time are more than 80 MiB of them in this process."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux says how much of a process are pages of files")

    def mapped() -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("RssFile"))

    count, name = 1 << 26, "ids-00000000-00000.bin"
    np.full(count, 7, np.uint16).tofile(tmp_path / name)
    ids = StoredIds(tmp_path, [StoredArray(name=name, count=count, bytes=2, sha256="")], 8)
    before, most = mapped(), 0
    starts = torch.randperm(count >> 12, generator=torch.Generator().manual_seed(1)).view(-1, 128) << 12
    for at in starts:
        assert int(ids[at + torch.arange(1 << 12).unsqueeze(1)].sum()) == 7 * 128 << 12
        most = max(most, mapped())
    assert most < before + (80 << 10)


def test_only_a_corpus_is_replaced_and_only_its_files(lyrics: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    corpus, _ = prepare([lyrics], folder)
    with pytest.raises(zuoci.CorpusError, match="holds a corpus already"):
        prepare([lyrics], folder)
    (folder / "notes.txt").write_text("mine", "utf-8")
    (folder / "ids-mine.bin").write_text("mine", "utf-8")
    prepare([lyrics], folder, overwrite=True, validation=0.0)
    assert (folder / "notes.txt").exists()
    assert (folder / "ids-mine.bin").exists()
    assert not any((folder / file.name).exists() for file in corpus.manifest.files)
    for name, message in [("taken", "is not a corpus"), ("file", "is not a folder")]:
        (tmp_path / "taken").mkdir(exist_ok=True)
        (tmp_path / "taken" / "song.txt").write_text("la\n", "utf-8")
        (tmp_path / "file").write_text("la\n", "utf-8")
        with pytest.raises(zuoci.CorpusError, match=message):
            prepare([lyrics], tmp_path / name, overwrite=True)


def flip(folder: Path, pattern: str) -> None:
    """Changes one bit in the middle of a file."""
    file = next(folder.glob(pattern))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("pattern", "contents", "message"),
    [
        ("ids-*", "flip", r"ids-\w+-\d+\.bin is damaged: its checksum is another one"),
        ("songs-*", "flip", r"songs-\S+ is damaged: its checksum is another one"),
        ("apart-*", "ab", "is damaged: it has 2 bytes, and should have"),
        ("ids-*", None, "is damaged: No such file"),
        ("corpus.json", "flip", r"corpus\.json is damaged"),
        ("corpus.json", '{"format": "zuoci-corpus"}', r"corpus\.json is damaged"),
    ],
)
def test_damage_is_one_line(
    prepared: PreparedCorpus, tmp_path: Path, pattern: str, contents: str | None, message: str
) -> None:
    """A file has a bit that was changed, has other contents, or is missing."""
    folder = tmp_path / "corpus"
    shutil.copytree(prepared.folder, folder)
    if contents == "flip":
        flip(folder, pattern)
    elif contents is None:
        next(folder.glob(pattern)).unlink()
    else:
        next(folder.glob(pattern)).write_text(contents)
    with pytest.raises(zuoci.CorpusError, match=f"{message}[^\n]*; prepare the corpus again$"):
        PreparedCorpus.open(folder).verify()


def test_damage_that_a_resumed_run_meets_is_one_line(prepared: PreparedCorpus, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(prepared.folder, folder)
    corpus = PreparedCorpus.open(folder)
    file = folder / corpus.manifest.shards[0].name
    file.write_bytes(b"\xff" * file.stat().st_size)
    with pytest.raises(zuoci.CorpusError, match="is damaged: an id in it belongs to no character"):
        list(zuoci.Run(corpus, zuoci.resolve("lyrics", SMALL), device="cpu"))


@pytest.mark.parametrize("setting", [{"join_lines": True}, {"max_characters": 100}])
def test_settings_that_change_the_text_are_refused(prepared: PreparedCorpus, setting: dict[str, object]) -> None:
    with pytest.raises(zuoci.CorpusError, match="a prepared corpus cannot be changed"):
        zuoci.Run(prepared, zuoci.resolve("lyrics", {**SMALL, **setting}), device="cpu")


def test_other_commands_say_what_the_folder_is(prepared: PreparedCorpus, lyrics: Path) -> None:
    for sources in ([prepared.folder], [lyrics, prepared.folder]):
        with pytest.raises(zuoci.CorpusError, match="was made by zuoci prepare, and only zuoci train reads it"):
            zuoci.read_corpus(sources)


def test_a_folder_with_a_corpus_in_it(prepared: PreparedCorpus, tmp_path: Path) -> None:
    shutil.copytree(prepared.folder, tmp_path / "songs" / "corpus")
    (tmp_path / "songs" / "a.txt").write_text("la la\n", "utf-8")
    found = zuoci.read_corpus(tmp_path / "songs")
    assert found.text == "la la\n"
    assert found.notes == (f"{tmp_path / 'songs'}: left out 1 models and corpora that zuoci wrote (corpus)",)


def test_reading_settings_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("山前有路\n\n" * 9, "big5")
    corpus, notes = prepare([tmp_path / "a.txt"], tmp_path / "corpus", ReadConfig(encoding="big5"), validation=0.0)
    assert PreparedCorpus.open(tmp_path / "corpus").config == corpus.config == ReadConfig(encoding="big5")
    assert notes == [f"{tmp_path / 'a.txt'}: read as big5"]


def test_the_commands(lyrics: Path, tmp_path: Path) -> None:
    done = run("prepare", lyrics, "--out", "corpus", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"schema": "zuoci.prepare/1"' in done.stdout
    assert "the corpus is in corpus; train on it: zuoci train corpus" in done.stderr
    words = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    done = run("train", "corpus", "--recipe", "lyrics", "--out", "model", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "of the songs are held apart\nnote: no hashes of a prepared corpus are kept" in done.stderr
    assert (tmp_path / "model" / "config.json").exists()
    flip(tmp_path / "corpus", "ids-*")
    done = run("train", "corpus", "--out", "other", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "other").exists()
