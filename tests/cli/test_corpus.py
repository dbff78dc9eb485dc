"""`zuoci corpus`, and that every command reads a text as training does; in this process."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import zuoci
from zuoci import lesson
from zuoci.cli import main
from zuoci.cli.original import _read as read_for_original  # pyright: ignore[reportPrivateUsage]
from zuoci.cli.write import text_of
from zuoci.text.amount import verdict
from zuoci.text.read_config import ReadConfig
from zuoci.training.split import split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LRC = "[ti:夜车]\n[00:00.00]词：陈某\n[00:10.00]雨落在站台\n[00:14.00]我说：别走\n[00:18.00]灯还亮着\n"
SUNG = "雨落在站台\n我说：别走\n灯还亮着\n"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zuoci", *map(str, arguments)])
        code: Any = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code or 0, str(out), str(err)

    return call


def test_a_corpus_is_shown_with_what_is_dropped(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text(LRC, "utf-8")
    (tmp_path / "2.txt").write_text("[Verse]\n风吹来\n天亮了\n[Chorus]\n人走了\n", "gb18030")
    (tmp_path / "3.txt").write_text(SUNG, "utf-8")
    code, out, _ = run("corpus", tmp_path)
    assert code == 0
    assert "3 songs, 9 lines" in out
    assert "1.txt (LRC, utf-8): 1 songs" in out
    assert "dropped 1 ID tags, 1 credit lines" in out
    assert "2.txt (plain text, gb18030)" in out
    assert "nearly the same: 夜车, 雨落在站台" in out
    assert "too little to train on" in out
    assert "词：陈某" not in out
    _, shown, _ = run("corpus", tmp_path, "--show-dropped")
    assert "      2  credit lines: 词：陈某\n" in shown
    _, raw, _ = run("corpus", tmp_path, "--json")
    document = json.loads(raw)
    assert document["schema"] == "zuoci.corpus/1"
    assert document["sections"] == {"verse": 1, "chorus": 1}
    assert document["files"][0]["lines"] == [[1, "ID tags", "[ti:夜车]"], [2, "credit lines", "词：陈某"]]
    assert (document["songs"], document["lines"]["count"]) == (3, 9)


def test_wrong_use_is_one_line(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, out, err = run("corpus", tmp_path / "nowhere.txt")
    assert (code, out) == (1, "")
    assert "nowhere.txt does not exist" in err
    (tmp_path / "a.txt").write_text(SUNG, "utf-8")
    assert run("corpus", tmp_path / "a.txt", "--max-members", "0")[0] == 2
    (tmp_path / "b.txt").write_bytes(b"%PDF")
    code, _, err = run("corpus", tmp_path)
    assert code == 1
    assert err.count("\n") == 1
    assert run("corpus", tmp_path, "--skip-unreadable")[0] == 0


def test_every_command_reads_a_text_as_training_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("song.lrc", "song.txt"):
        file = tmp_path / name
        file.write_text(LRC, "utf-8")
        assert zuoci.read_corpus(file).text == SUNG
        assert text_of(file) == SUNG.rstrip()  # write --like, --next, --rewrite, compose
        assert read_for_original(str(file)) == SUNG.rstrip()
        indices, _, characters, _ = lesson.load_data_jay_lyrics(file)
        assert "".join(characters[index] for index in indices) == SUNG.replace("\n", " ")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LRC.encode())))
    assert read_for_original("-") == SUNG.rstrip()


def test_versions_of_a_song_stay_on_one_side_of_the_split() -> None:
    songs: list[zuoci.Song] = []
    for n in "甲乙丙丁戊己庚辛壬癸子丑":
        lines = [f"{n}{k}" for k in "一二三四"]
        songs.append(zuoci.Song("a", "\n".join(lines) + "\n\n"))
        songs.append(zuoci.Song("b", "，\n".join([*lines[:3], f"{n}五"]) + "\n\n"))
    settings = zuoci.resolve("lyrics", {"validation_split": "songs", "validation": 0.25})
    for seed in range(5):
        parts = split(zuoci.Corpus(tuple(songs)), settings.training.model_copy(update={"seed": seed}))
        assert parts.validation
        for n in "甲乙丙丁戊己庚辛壬癸子丑":
            assert (n in parts.validation) != (n in parts.training)


def test_a_run_keeps_how_its_text_was_read(tmp_path: Path, settings: zuoci.Settings) -> None:
    text = "".join(f"[00:{k:02}.00]line {k} goes on\n[00:{k:02}.00]第{k}行在走\n" for k in range(50))
    (tmp_path / "a.lrc").write_text(text, "utf-8")
    corpus = zuoci.read_corpus(tmp_path / "a.lrc", ReadConfig(translations="all"))
    stored = zuoci.load_run(zuoci.save_run(zuoci.Run(corpus, settings, device="cpu"), tmp_path / "run").parent.parent)
    assert stored.reading == ReadConfig(translations="all")
    stored.resume(zuoci.read_corpus(tmp_path / "a.lrc", stored.reading), device="cpu")


def test_what_is_enough_is_said_in_words() -> None:
    words = [verdict(characters, 3) for characters in (100, 1000, 10_000, 100_000, 1_000_000)]
    assert len(set(words)) == 5
    assert all(
        word.startswith(f"{size} characters in 3 songs: ")
        for word, size in zip(words, ("100", "1,000", "10,000", "100,000", "1,000,000"), strict=True)
    )
