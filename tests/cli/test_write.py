"""`zuoci write` and `zuoci compose`, in this process."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zuoci
from zuoci import WriteConfig, Writer
from zuoci.cli import main
from zuoci.writing.form import count_syllables
from zuoci.writing.rhyme.scheme import Rhymes

if TYPE_CHECKING:
    from collections.abc import Callable

JUDGE = Rhymes()


def rhyme(first: str, second: str) -> bool:
    """Whether two lines have a rhyme group in common."""
    return not set(JUDGE.keys(first)).isdisjoint(JUDGE.keys(second))


SONG = "山前一路\n路上人\n\n人在唱\n歌里有\n"


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Result]:
    """Runs a command in the folder `tmp_path`, with a text typed into it."""
    monkeypatch.chdir(tmp_path)
    Path("song.txt").write_text(SONG, "utf-8")

    def call(*arguments: object, typed: Any = "") -> Result:
        monkeypatch.setattr(sys, "argv", ["zuoci", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed) if isinstance(typed, str) else typed)
        code: Any = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return Result(code or 0, str(out), str(err))

    return call


@pytest.fixture
def songs(corpus: zuoci.Corpus, tmp_path: Path) -> Path:
    path = tmp_path / "songs.txt"
    path.write_text(corpus.text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--length", 30, "--seed", 5, "--temperature", 1.5, "--top-k", 9, "--top-p", 0.9, "--min-p", 0], None),
        (["--greedy", "--length", 20], None),
        (["--ban", "山路", "--stop", "人", "--stop", "在", "--max-repeats", 0], {"stop": ("人", "在")}),
        (["--lines", 3, "--line-length", "4,3", "--stanza", 2, "--particles", 8], None),
        (["--acrostic", "山路人", "--line-opening", "2=路上"], {"line_opening": ("2=路上",)}),
        (["--word", "唱", "--rhyme", "AA", "--rhyme-standard", "xinyun", "--reading", "路=lu4", "--line-length", 5],
         {"word": ("唱",), "reading": ("路=lu4",)}),
        (["--max-copy", 3, "--corpus", "songs.txt", "--length", 40], {"corpus": None}),
    ],
)  # fmt: skip
def test_every_option_does_what_the_setting_does(
    run: Callable[..., Result], folder: Path, songs: Path, arguments: list[Any], settings: dict[str, Any] | None
) -> None:
    wished: dict[str, Any] = {}
    for name, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if str(name).startswith("--"):
            wished[name[2:].replace("-", "_")] = True if str(value).startswith("--") and name == "--greedy" else value
    wished.update(settings or {})
    corpus = zuoci.read_corpus([songs]) if wished.pop("corpus", "") is None else None
    for name in ("line_length", "stanza"):
        wished |= {name: str(wished[name])} if name in wished else {}
    expected = Writer.load(folder, corpus).write("", WriteConfig.model_validate(wished)).text
    result = run("write", folder, *arguments)
    assert (result.code, result.out) == (0, expected + "\n")


def test_the_best_of_several_come_first(run: Callable[..., Result], folder: Path) -> None:
    result = run("write", folder, "山€", "-n", 6, "--lines", 2, "--seed", 3, "--json")
    assert result.err == "note: the model has never seen €; these characters are left out\n"
    document = json.loads(result.out)
    texts = document["texts"]
    assert document["unknown"] == "€"
    assert len(texts) == 6
    assert [text["cost"] for text in texts] == sorted(text["cost"] for text in texts)
    plain = run("write", folder, "山", "-n", 6, "--lines", 2, "--seed", 3).out
    assert all(text["text"] in plain and f"seed {text['seed']}" in plain for text in texts)
    again = run("write", folder, "山", "--lines", 2, "--seed", texts[2]["seed"]).out
    assert again == texts[2]["text"] + "\n"


def test_the_form_of_a_song_where_nothing_else_is_said(run: Callable[..., Result], folder: Path) -> None:
    text = run("write", folder, "--like", "song.txt").out.rstrip("\n")
    assert [list(map(count_syllables, stanza.split("\n"))) for stanza in text.split("\n\n")] == [[4, 3], [3, 3]]
    text = run("write", folder, "--like", "song.txt", "--line-length", "2", "--lines", 3).out.rstrip("\n")
    assert [list(map(count_syllables, stanza.split("\n"))) for stanza in text.split("\n\n")] == [[2, 2], [2]]


def test_the_next_line(run: Callable[..., Result], folder: Path) -> None:
    Path("begun.txt").write_text("路上有人\n€山前\n", "utf-8")
    result = run("write", folder, "--next", "begun.txt", "-n", 3, "--line-length", 3, "--rhyme", "XAA")
    lines = [line.split("    ")[0] for line in result.out.splitlines()]
    assert [line[:4] for line in lines] == [" 1. ", " 2. ", " 3. "][: len(lines)]
    assert all(count_syllables(line[4:]) == 3 and rhyme(line[4:], "前") for line in lines)
    assert "note: the model has never seen €; these characters are left out" in result.err


def test_a_line_is_replaced_in_its_text(run: Callable[..., Result], folder: Path) -> None:
    result = run("write", folder, "--rewrite", "song.txt", "--line", 3)
    rows, before = result.out.split("\n"), SONG.split("\n")
    assert [row for n, row in enumerate(rows) if n != 3] == [row for n, row in enumerate(before) if n != 3]
    assert rows[3] != before[3]
    assert count_syllables(rows[3]) == 3
    document = json.loads(run("write", folder, "--rewrite", "song.txt", "--line", 3, "-n", 2, "--json").out)
    assert document["texts"][0]["fit"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--greedy", "--temperature", 1], "greedy and temperature exclude each other"),
        (["--greedy", "-n", 2], "greedy writes one text"),
        (["--line", 2], "rewrite and line belong together"),
        (["--rewrite", "song.txt"], "rewrite and line belong together"),
        (["--rewrite", "song.txt", "--line", 5], "line must be from 1 to 4, which the text has: got 5"),
        (["--rewrite", "song.txt", "--line", -1], "line must be from 1 to 4, which the text has: got -1"),
        (["--next", "song.txt", "山"], "rewrite and next go on from their own text"),
        (["--next", "song.txt", "--like", "song.txt"], "rewrite and next go on from their own text"),
        (["--like", "no such song"], "neither a file nor the title of a song"),
        (["--rhyme", "A?"], "a rhyme scheme is written in letters"),
        (["--line-length", "viele"], "a pattern is made of whole numbers"),
        (["--line-opening", "我说"], "a line opening is written as 3=我说"),
        (["--word", "\udcff\udcfe"], "word must be a valid string"),
        (["--word", ""], "a word that must appear stands within a line"),
        (["--reading", "长大"], "a reading is written as 长大=zhang3 da4"),
        (["--acrostic", "囧"], "the form asks for 囧, which the model has never seen"),
        (["--max-copy", 3], "max_copy 3 needs what the model was trained on"),
        (["--temperature", 0], "temperature"),
        (["--rhyme-standard", "平水韵"], "rhyme-standard"),
    ],
)
def test_wrong_use_is_one_line(run: Callable[..., Result], folder: Path, arguments: list[Any], message: str) -> None:
    result = run("write", folder, *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    if message != "rhyme-standard":  # typer's own, with the usage
        assert result.err.startswith("error: ")
        assert result.err.count("\n") == 1


def test_no_other_line_is_no_traceback(run: Callable[..., Result], tmp_path: Path) -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=2), zuoci.Vocabulary("山\n")).initialise(torch.Generator())
    Path("one.txt").write_text("山", "utf-8")
    result = run("write", zuoci.save(model, tmp_path / "one"), "--rewrite", "one.txt", "--line", 1)
    assert result.code == 1
    assert result.err.startswith("error: no other line was found")


# compose


def shown(result: Result) -> list[list[str]]:
    """The lines that were offered, each time."""
    offers: list[list[str]] = [[]]
    for row in result.err.splitlines():
        if row[:2].strip().isdecimal() and row[2:4] == ". ":
            offers[-1].append(row[4:].split("    ")[0])
        elif offers[-1]:
            offers.append([])
    return [offer for offer in offers if offer]


def test_a_dialogue(run: Callable[..., Result], folder: Path) -> None:
    typed = "1\nmy own 线\n'q\n-\n.\n+\n2\n= out.txt\n?\n\n99\nq\n"
    result = run("compose", folder, "-n", 3, "--line-length", 4, typed=typed)
    offers = shown(result)
    assert result.code == 0
    # first, after 1, after one's own, after 'q, after -, after ., after +, after 2
    assert len(offers) == 8
    assert all(count_syllables(line) == 4 for offer in offers for line in offer)
    assert offers[6] != offers[5]
    assert offers[4] == offers[2]
    assert result.out == "\n".join([offers[0][0], "my own 线", "", offers[6][1]]) + "\n"
    assert Path("out.txt").read_text("utf-8") == result.out
    assert "note: the model has never seen my own线; these characters are left out".replace(
        " ", ""
    ) in result.err.replace(" ", "")
    assert "choose a line from 1 to" in result.err


def test_a_dialogue_ends_with_its_input(run: Callable[..., Result], folder: Path) -> None:
    result = run("compose", folder, "song.txt", "-n", 1, typed="新的€一行")
    assert (result.code, result.out) == (0, SONG + "新的€一行\n")


def test_an_interrupted_dialogue_prints_its_text(run: Callable[..., Result], folder: Path) -> None:
    class Typed(io.StringIO):
        def readline(self, *_: Any) -> str:
            line = super().readline()
            if not line:
                raise KeyboardInterrupt
            return line

    result = run("compose", folder, "-n", 1, typed=Typed("山前\n"))
    assert (result.code, result.out) == (130, "山前\n")


def test_bytes_that_are_not_utf8_are_read_or_refused_in_a_dialogue(run: Callable[..., Result], folder: Path) -> None:
    data = "山\n".encode() + b"\xff\xfe\n" + "路上的人\n= 歌.txt\n".encode("gbk")
    result = run("compose", folder, "-n", 1, typed=io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
    assert (result.code, result.out) == (0, "山\n路上的人\n")
    assert "note: this is neither UTF-8 nor GB18030; type it again" in result.err
    assert "read as 路上的人" in result.err
    assert "saved in 歌.txt" in result.err
    if os.name != "nt":
        assert Path(os.fsdecode("歌.txt".encode("gbk"))).read_text("utf-8") == "山\n路上的人\n"


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM"])
@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_a_signal_ends_a_dialogue_and_saves_its_text(run: Callable[..., Result], folder: Path, name: str) -> None:
    number = getattr(signal, name)

    class Typed(io.StringIO):
        def readline(self, *_: Any) -> str:
            line = super().readline()
            if not line:
                os.kill(os.getpid(), number)
            return line

    before = signal.signal(number, signal.default_int_handler)  # it would end the test
    try:
        results = [run("compose", folder, "-n", 1, typed=Typed(f"山前{i}\n")) for i in (1, 2)]
    finally:
        signal.signal(number, before)
    assert [result.code for result in results] == [128 + number] * 2
    assert "the text is saved in song-unsaved.txt" in results[0].err
    assert "the text is saved in song-unsaved-2.txt" in results[1].err
    assert Path("song-unsaved.txt").read_text("utf-8") == "山前1\n"
    assert Path("song-unsaved-2.txt").read_text("utf-8") == "山前2\n"


def test_a_whole_form_can_be_composed(run: Callable[..., Result], folder: Path) -> None:
    result = run("compose", folder, "-n", 2, "--acrostic", "山路人", "--rhyme", "AAA", typed="1\n1\n1\nq\n")
    assert result.code == 0
    lines = result.out.split("\n")
    assert [line[0] for line in lines[:3]] == list("山路人")
    assert rhyme(lines[0], lines[1])
    assert rhyme(lines[1], lines[2])


def test_a_line_that_cannot_be_is_a_note(run: Callable[..., Result], folder: Path) -> None:
    result = run("compose", folder, "--rhyme", "AA", "--line-length", 2, typed="……\n1\n山前\nq\n")
    assert result.code == 0
    assert "note: no line was found that keeps the form" in result.err
    assert "choose a line from 1 to 0: got 1" in result.err
    assert result.out == "……\n山前\n"
    wrong = run("compose", folder, "--acrostic", "山囧", typed="q\n")
    assert (wrong.code, wrong.out, wrong.err.count("\n")) == (2, "", 1)


def test_a_place_that_cannot_be_written_is_a_note(run: Callable[..., Result], folder: Path) -> None:
    result = run("compose", folder, "-n", 1, typed="山\n= song.txt/inside.txt\n=.\nq\n")
    assert result.code == 0
    assert result.err.count("cannot be written") == 2
    assert result.out == "山\n"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=3), zuoci.Vocabulary("山前路，\n")).initialise(torch.Generator())
    return zuoci.save(model, tmp_path_factory.mktemp("m") / "model")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5), max_size=4))
def test_nothing_typed_is_lost(run: Callable[..., Result], saved: Path, lines: list[str]) -> None:
    own = [line.strip() for line in lines if line.strip() and "\x85" not in line]
    result = run("compose", saved, "-n", 1, "--line-length", 2, typed="".join(f"'{line}\n" for line in own))
    assert result.code == 0
    assert result.out == "\n".join(own) + "\n"


@pytest.mark.parametrize("typed", ["²", "①", "9" * 5000, "٣", "-1", "+1", "=", "''", "\x00"])
def test_odd_answers(run: Callable[..., Result], saved: Path, typed: str) -> None:
    result = run("compose", saved, "-n", 1, "--line-length", 2, typed=f"{typed}\nq\n")
    assert result.code == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--next", "song.txt", "--word", "山"], "word"),
        (["--rewrite", "song.txt", "--line", "1", "--acrostic", "山"], "acrostic"),
    ],
)
def test_what_would_be_ignored_is_refused(
    arguments: list[str], name: str, run: Callable[..., Result], folder: Path
) -> None:
    done = run("write", folder, *arguments)
    assert done.code == 2
    assert done.err.startswith(f"error: {name} has no effect on")


def test_compose_replaces_only_what_it_saved_itself(run: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("mine\n", "utf-8")
    (tmp_path / "link.txt").symlink_to(corpus)
    result = run("compose", folder, typed="一\n= corpus.txt\n= link.txt\n= new.txt\n二\n= new.txt\nq\n")
    assert result.code == 0
    assert corpus.read_text("utf-8") == "mine\n"
    assert "note: corpus.txt exists already; choose another name" in result.err
    assert "note: link.txt is a symbolic link" in result.err
    assert result.err.count("saved in new.txt") == 2
    assert (tmp_path / "new.txt").read_text("utf-8") == "一\n二\n"
    assert "exists already" in run("compose", folder, typed="三\n= new.txt\nq\n").err
    assert (tmp_path / "new.txt").read_text("utf-8") == "一\n二\n"
    assert "saved in new.txt" in run("compose", folder, "--overwrite", typed="三\n= new.txt\n= link.txt\nq\n").err
    assert (tmp_path / "new.txt").read_text("utf-8") == "三\n"
    assert corpus.read_text("utf-8") == "mine\n"


def test_plot_and_export_replace_only_when_asked(run: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    score = {"nll": 1.0, "bits_per_char": 1.4, "perplexity": 2.7, "characters": 10, "protocol": "the text"}
    when = {"step": 1, "epoch": 1.0, "characters": 10, "seconds": 1.0, "learning_rate": 0.1, "best": True}
    rows = [{**when, "train": score, "validation": None}]
    (folder / "training").mkdir(exist_ok=True)
    (folder / "training" / "metrics.jsonl").write_text(json.dumps(rows[0]) + "\n", "utf-8")
    for name, arguments in (
        ("a.svg", ["plot", folder, "-o", "a.svg"]),
        ("a.html", ["export", folder, "--html", "a.html"]),
        ("a.onnx", ["export", folder, "--onnx", "a.onnx"]),
    ):
        (tmp_path / name).write_text("mine", "utf-8")
        refused = run(*arguments)
        assert (refused.code, refused.out) == (2, "")
        assert f"{name} exists already" in refused.err
        assert (tmp_path / name).read_text("utf-8") == "mine"
        assert run(*arguments, "--overwrite").code == 0
        assert (tmp_path / name).read_bytes() != b"mine"
    assert run("export", folder, "--html", "b", "--onnx", "b").code == 2
    (tmp_path / "here").symlink_to(tmp_path)
    for page, graph in (("model/../b", "b"), ("here/b", "b"), ("./b", tmp_path / "b")):
        refused = run("export", folder, "--html", page, "--onnx", graph)
        assert (refused.code, refused.err) == (
            2,
            f"error: {Path(page)} cannot be both the page and the graph: name two files\n",
        )
    assert not (tmp_path / "b").exists()
    weights = (folder / "model.safetensors").read_bytes()
    assert run("export", folder, "--onnx", folder / "model.safetensors", "--overwrite").code == 2
    assert (folder / "model.safetensors").read_bytes() == weights


def test_a_voice_for_each_way_to_write(run: Callable[..., Result], tuned: Path, folder: Path) -> None:
    written = {voice: run("write", tuned, "山", "--length", 30, "--voice", voice).out for voice in (0, 0.5, 1)}
    assert len(set(written.values())) == 3
    composed = {voice: run("compose", tuned, "-n", 2, "--voice", voice, typed="q\n").err for voice in (0, 1)}
    assert composed[0] != composed[1] == run("compose", tuned, "-n", 2, typed="q\n").err
    for command in (["write"], ["compose"], ["serve"]):
        refused = run(*command, folder, "--voice", 0.5)
        assert refused.code == 2
        assert "voice needs a model that started from a base model" in refused.err
        assert "voice must be from 0" in run(*command, tuned, "--voice", "nan").err
