"""Random forms on tiny models, judged by what the issue says, in words of its own."""

from __future__ import annotations

import contextlib
import re
from functools import cache
from itertools import accumulate, cycle, islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pypinyin import Style, lazy_pinyin

import zuoci
from zuoci import CorpusIndex, SettingsError, WriteConfig, Writer
from zuoci.errors import WritingError, ZuociError
from zuoci.text.corpus import Song
from zuoci.writing.batch import Batch
from zuoci.writing.example import form_of
from zuoci.writing.form import Form, LinePlan, count_syllables, kind
from zuoci.writing.patterns import parse_line_openings, parse_numbers, parse_words
from zuoci.writing.rhyme.readings import rule_readings
from zuoci.writing.rhyme.scheme import Rhymes

if TYPE_CHECKING:
    from collections.abc import Callable

    from zuoci.writing.text import Lyrics

ALPHABETS = {
    "zh": "山前有路人在唱歌里天的方长江光安，。\n",
    "en": "abdeiklnostuvy ',-I\n",
    "mixed": "山前有路人在天 love你blue，！\n",
    "lesson": "山前有路人在唱歌里天的 ",
    "words alone": "aby\n",
    "no line end": "ab",
    "one": "啊",
    "one and its end": "啊\n",
    "marks": ",.!\n",
}


@cache
def writer_of(name: str, songs: str = "") -> Writer:
    """A writer with a tiny model with strong opinions."""
    vocabulary = zuoci.Vocabulary(ALPHABETS[name])
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=6, embedding_size=4), vocabulary)
    generator = torch.Generator().manual_seed(len(name))
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(torch.randn(param.shape, generator=generator))
    return Writer(model.eval(), CorpusIndex(zuoci.Corpus((Song("a.txt", songs),))) if songs else None)


def plan(config: WriteConfig, opening: str = "") -> list[LinePlan]:
    return Form.of(config).plan(opening)


def written(writer: Writer, opening: str, config: WriteConfig, most: int = 30_000) -> Lyrics:
    """What `write` gives, in a bounded number of steps."""
    batch: Batch[Lyrics] = Batch(writer.model.stepper, 1)
    batch.add(writer.steps(opening, config), config.sampling, config.rows)
    for _ in range(most):
        for _, result in batch.step():
            if isinstance(result, Exception):
                raise result
            return result
    raise AssertionError(f"no end after {most} steps")


# The independent judge

_COUNTED = re.compile("[\u4e00-\u9fff]|[A-Za-z0-9]+(?:['’-]+[A-Za-z0-9]+)*")
_TRACKS = "a ia ua|o e uo|ie ve|i v er|u|ai uai|ei uei|ao iao|ou iou|an ian uan van|en in uen vn|ang iang uang|eng ing ueng ong iong"  # fmt: skip  # noqa: E501
_XINYUN = "a ia ua|o e uo|ie ve|ai uai|ei uei|ao iao|ou iou|an ian uan van|en in uen vn|ang iang uang|eng ing ueng ong iong|i v er|-i|u"  # fmt: skip  # noqa: E501
_TONGYUN = "a ia ua|o uo|e ie ve|i -i|u|v|ai uai|ei uei|ao iao|ou iou|an ian uan van|en in uen vn|ang iang uang|eng ing ueng|ong iong|er"  # fmt: skip  # noqa: E501
_GROUPS = {"shisanzhe": _TRACKS.replace("i v er", "i -i v er"), "xinyun": _XINYUN, "tongyun": _TONGYUN}


def group_by_pypinyin(line: str, standard: str) -> int:
    """The number of the rhyme group of a line that ends in Chinese; −1 if pypinyin reads nothing there."""
    line = re.sub(r"\W+\Z", "", line)
    (final,) = lazy_pinyin(line, style=Style.FINALS, strict=True, errors="ignore")[-1:] or [""]
    (initial,) = lazy_pinyin(line, style=Style.INITIALS, strict=True, errors="ignore")[-1:] or [""]
    final = "-i" if final == "i" and initial in ("zh", "ch", "sh", "r", "z", "c", "s") else final.replace("ü", "v")
    return next((k for k, group in enumerate(_GROUPS[standard].split("|")) if final in group.split()), -1)


def rhyme(lines: list[str], standard: Any) -> bool:
    """Whether all lines rhyme with each other, none with its own last character or word."""
    ends = [_COUNTED.findall(line)[-1].lower() for line in lines]
    if len(set(ends)) < len(ends):
        return False
    # What the rules of readings decide, they decide unlike pypinyin: test_readings.
    if all(end >= "\u4e00" for end in ends) and not any(rule_readings(end) for end in ends):
        return len({group_by_pypinyin(line, standard) for line in lines}) == 1 and group_by_pypinyin(lines[0], standard) >= 0  # fmt: skip  # noqa: E501
    judge = Rhymes(standard)
    return all(set(judge.keys(one)) & set(judge.keys(other)) for one in lines for other in lines)


def assert_promises(lyrics: Lyrics, opening: str, config: WriteConfig, writer: Writer, songs: str) -> None:
    known, unknown = writer.vocabulary.adapt(opening)
    assert lyrics.unknown == unknown
    assert lyrics.text.startswith(known)
    lead = known[: known.rfind("\n") + 1]
    body = lyrics.text[len(lead) :]
    lines = [line for line in body.split("\n") if line]
    # Number of lines, and stanzas
    wished = config.lines or 1
    assert len(lines) == (config.lines or len(plan(config, known[len(lead) :])))
    assert len(lines) >= wished
    sizes = [size for size in (parse_numbers(config.stanza) if config.stanza else ()) if size]
    ends = set(accumulate(islice(cycle(sizes), len(lines)))) if sizes else set[int]()
    expected = "".join(line + ("\n\n" if n in ends else "\n") for n, line in enumerate(lines, 1))
    assert body == expected.rstrip("\n")
    # Lengths
    lengths = parse_numbers(config.line_length) if config.line_length else (0,)
    for line, length in zip(lines, cycle(lengths), strict=False):
        count = len(_COUNTED.findall(line))
        assert count == length or (not length and count > 0), (line, length)
        assert count_syllables(line) == count
    # What must stand where
    acrostic = [char for char in config.acrostic if char.strip()]
    assert [line[0] for line in lines[: len(acrostic)]] == acrostic
    starts = parse_line_openings(config.line_opening)
    assert all(lines[number - 1].startswith(start) for number, start in starts.items())
    assert all(any(word in line for line in lines) for word in config.word)
    # Rhyme
    scheme = re.sub("[^A-Z]", "", config.rhyme)
    for first in range(0, len(lines) if scheme else 0, len(scheme) or 1):
        couple = list(zip(scheme, lines[first : first + len(scheme)], strict=False))
        for letter in set(scheme) - {"X"}:
            same = [line for other, line in couple if other == letter]
            assert len(same) < 2 or rhyme(same, config.rhyme_standard), same
    # Bans: whatever the person did not write
    theirs = (
        known + config.acrostic + "".join(config.word) + "".join(starts.values()) + ("\n" if len(lines) > 1 else "")
    )
    assert all(char not in config.ban or char in theirs for char in body)
    # Copies: none but within what the person gave
    if config.max_copy and songs:
        text = lyrics.text if "\n" in writer.vocabulary else lyrics.text.replace("\n", " ")
        given = np.zeros(len(text), np.bool_)
        given[: len(known)] = True
        place = len(lead)
        for n, line in enumerate(lines):
            place = text.index(line if "\n" in writer.vocabulary else line.replace("\n", " "), place)
            start = max([starts.get(n + 1, ""), acrostic[n] if n < len(acrostic) else ""], key=len)
            given[place : place + len(start)] = True
            for word in config.word:
                for match in re.finditer(re.escape(word), line):
                    given[place + match.start() : place + match.end()] = True
            place += len(line)
        n = config.max_copy + 1
        for start in range(len(text) - n + 1):
            run = text[start : start + n]
            in_words = any(kind(char) == "letter" for char in run)  # counted otherwise: test_copy_length
            assert in_words or run not in songs or given[start : start + n].all(), run


@st.composite
def wishes(draw: st.DrawFn) -> tuple[str, str, str, dict[str, Any]]:
    """An alphabet, songs, an opening, and a form."""
    name = draw(st.sampled_from(sorted(ALPHABETS)))
    characters = ALPHABETS[name]
    visible = "".join(char for char in characters if char.strip()) or "a"
    inline = characters.replace("\n", "")
    some = st.text(visible, min_size=1, max_size=3)
    count = draw(st.integers(0, 5))
    form: dict[str, Any] = {"seed": draw(st.integers(0, 3)), "lines": count}

    def maybe(key: str, values: st.SearchStrategy[Any], among: int = 3) -> None:
        if draw(st.integers(1, among)) == 1:
            form[key] = draw(values)

    maybe("line_length", st.lists(st.integers(0, 6), min_size=1, max_size=3).map(lambda n: ",".join(map(str, n))), 2)
    maybe("stanza", st.lists(st.integers(0, 3), min_size=1, max_size=2).map(lambda n: ",".join(map(str, n))))
    maybe("acrostic", st.text(visible + "囧", min_size=1, max_size=max(count, 1)), 4)
    maybe("word", st.lists(some, max_size=2).map(tuple), 4)
    maybe("line_opening", st.lists(st.tuples(st.integers(1, 4), some), max_size=2).map(
        lambda pairs: tuple(f"{n}={text}" for n, text in pairs)), 4)  # fmt: skip
    if name not in ("one and its end", "words alone"):  # which take seconds to find that nothing rhymes
        maybe("rhyme", st.sampled_from(["AA", "AABB", "ABAB", "XAXA", "AAAA", "A", "X"]), 2)
    maybe("rhyme_standard", st.sampled_from(["shisanzhe", "xinyun", "tongyun"]))
    maybe("ban", st.text(characters, max_size=3), 4)
    maybe("temperature", st.sampled_from([1e-300, 0.05, 1.0, 3.0, 100.0]))
    maybe("top_k", st.integers(1, 4), 4)
    maybe("top_p", st.sampled_from([1e-9, 0.5]), 4)
    maybe("max_repeats", st.integers(0, 3), 4)
    maybe("greedy", st.just(True), 6)
    if "rhyme" in form and draw(st.integers(1, 6)) > 1:  # lines of any length can take seconds to give up
        form["line_length"] = draw(st.sampled_from(["3", "2,4", "5"]))
    songs = draw(st.text(characters, min_size=1, max_size=60)) if draw(st.integers(1, 3)) == 1 else ""
    if songs:
        maybe("max_copy", st.integers(1, 4), 1)
    opening = draw(st.just("") | st.text(inline + "€", max_size=3) | st.text(characters, max_size=6))
    return name, songs, opening, form


def keeps_every_promise(wish: tuple[str, str, str, dict[str, Any]]) -> None:
    name, songs, opening, form = wish
    config = WriteConfig(**form)
    if not config.has_form:
        config = config.model_copy(update={"lines": 1})
    writer = writer_of(name, songs)
    refusal, lyrics = "", None
    try:
        lyrics = written(writer, opening, config)
    except ZuociError as error:
        refusal = str(error)
    assert "\n" not in refusal
    if not lyrics:
        return
    assert_promises(lyrics, opening, config, writer, songs)
    if not config.greedy:
        assert writer.candidates(opening, config, 1)[0] == lyrics


_HEALTHY = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=8, suppress_health_check=_HEALTHY)
@given(wishes())
@example(("zh", "山前有路\n\n人在唱歌\n", "山前有路", {"lines": 4, "stanza": "2", "max_copy": 2, "line_length": "4"}))
@example(("zh", "", "我", {"word": ("，",), "acrostic": "山前", "lines": 2}))
@example(("zh", "", "", {"rhyme": "AABB", "temperature": 1e-300, "line_length": "3"}))
@example(("en", "", "", {"word": ("'t", "love"), "lines": 2, "line_length": "4"}))
def test_every_promise_is_kept_or_said_to_be_impossible(wish: tuple[str, str, str, dict[str, Any]]) -> None:
    keeps_every_promise(wish)


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=_HEALTHY)
@given(wishes())
def test_every_promise_is_kept_however_odd(wish: tuple[str, str, str, dict[str, Any]]) -> None:
    keeps_every_promise(wish)


@pytest.mark.parametrize(
    ("form", "opening", "count"),
    [
        ({"lines": 3}, "", 3),
        ({"acrostic": "山 前路"}, "", 3),
        ({"rhyme": "AABBA"}, "", 5),
        ({"line_length": "3,4"}, "", 2),
        ({"line_length": "3"}, "", 4),
        ({"line_opening": ("6=山",)}, "", 6),
        ({"word": ("山",)}, "", 4),
    ],
)
def test_how_many_lines_a_form_has(form: dict[str, Any], opening: str, count: int) -> None:
    assert len(plan(WriteConfig(**form), opening)) == count


@pytest.mark.parametrize(
    ("form", "opening", "message"),
    [
        ({"acrostic": "山囧"}, "", "the form asks for 囧, which the model has never seen"),
        ({"acrostic": "伤"}, "", "the form asks for 伤, .*; choose another character"),
        ({"acrostic": "衫"}, "", "it knows 山, which sound alike"),
        ({"acrostic": "山前", "lines": 1}, "", "asks for 2 lines: got lines 1; raise lines"),
        ({"acrostic": "山", "line_opening": ("1=山前",)}, "前", "line 1 cannot begin with both '前' and '山前'"),
        ({"acrostic": "山"}, "山前", None),
        ({"line_length": "2"}, "山前有", r"line 1 is 2 long, but begins with '山前有' \(3\); raise line_length"),
        ({"word": ("山前有路",), "line_length": "3"}, "", r"no line has room for '山前有路' \(4 long\)"),
        ({"acrostic": "山", "ban": "山"}, "", "the form asks for 山, which ban forbids"),
        ({"lines": 2, "ban": "\n"}, "", "the form asks for 2 lines, but ban forbids line ends"),
        ({"lines": 1, "ban": "\n"}, "", None),
        ({"lines": 2, "max_copy": 3}, "", "max_copy 3 needs what the model was trained on"),
    ],
)
def test_what_cannot_be(form: dict[str, Any], opening: str, message: str | None) -> None:
    config = WriteConfig(**form)
    if message is None:
        written(writer_of("zh"), opening, config)
    else:
        with pytest.raises(SettingsError, match=message):
            written(writer_of("zh"), opening, config)


@pytest.mark.parametrize(
    ("name", "form"), [("marks", {"lines": 1}), ("one", {"lines": 2}), ("zh", {"lines": 2, "ban": ALPHABETS["zh"]})]
)
def test_models_that_can_write_no_line(name: str, form: dict[str, Any]) -> None:
    with pytest.raises(ZuociError):
        written(writer_of(name), "", WriteConfig(**form))


@pytest.mark.parametrize("opening", ["天", "山路", "，"])
def test_a_word_of_punctuation_pushes_no_opening_away(opening: str) -> None:
    for seed in range(20):
        config = WriteConfig(lines=1, line_length=str(max(1, count_syllables(opening))), word=("，", "。"), seed=seed)
        text = written(writer_of("zh"), opening, config).text
        assert text.startswith(opening)
        assert "，" in text
        assert "。" in text


def test_a_word_of_letters_stands_by_itself() -> None:
    for seed in range(10):
        config = WriteConfig(lines=2, line_length="4", word=("love", "to"), line_opening=("2=I",), seed=seed)
        text = written(writer_of("en"), "", config).text
        assert re.search("(?<![A-Za-z])love(?![A-Za-z])", text)
        assert re.search("(?<![A-Za-z])to(?![A-Za-z])", text)
        assert re.match("I(?![A-Za-z])", text.split("\n")[1])


def test_punctuation_is_no_way_around_an_english_rhyme() -> None:
    """The model's opinions end most lines in it."""
    texts: list[str] = []
    for seed in range(10):
        with contextlib.suppress(WritingError):
            texts.append(written(writer_of("en"), "", WriteConfig(rhyme="AA", line_length="3", seed=seed)).text)
    assert len(texts) > 2
    assert sum(not text.split("\n")[1][-1].isalpha() for text in texts) > 0
    assert all(rhyme(text.split("\n"), "shisanzhe") for text in texts)


def test_a_form_that_cannot_be_kept_says_which_line_fails() -> None:
    with pytest.raises(WritingError, match=r"line 1 fails .*15 long"):
        written(writer_of("one and its end"), "", WriteConfig(line_length="15", lines=2))
    with pytest.raises(WritingError, match="line 1 fails"):
        written(writer_of("zh"), "江路", WriteConfig(line_length="2", rhyme="AA", ban="有", greedy=True))


@pytest.mark.parametrize("words", [("",), (" 山",), ("山\n前",), (" ",)])
def test_words_stand_within_a_line(words: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="stands within a line, without blanks around it"):
        parse_words(words)
    with pytest.raises(ValueError, match="stands within a line"):
        WriteConfig(word=words)


@pytest.mark.parametrize(
    ("line", "length"),
    [
        ("", 0),
        ("山前", 2),
        ("I don't, 山", 3),
        ("rock-'n'-roll", 1),
        ("'tis", 1),
        ("a - b", 2),
        ("二〇二四", 4),
        ("3rd", 1),
    ],
)
def test_lengths_count_characters_and_words(line: str, length: int) -> None:
    assert count_syllables(line) == length == len(_COUNTED.findall(line.replace("〇", "零")))


@given(
    st.lists(st.lists(st.text("山前 a,", min_size=1).filter(str.strip), min_size=1, max_size=4), min_size=1, max_size=3)
)
def test_the_form_of_an_example_is_kept(stanzas: list[list[str]]) -> None:
    form = form_of(Song("a.txt", "\n\n".join("\n".join(stanza) for stanza in stanzas)))
    lines = plan(WriteConfig(**form))
    assert [line.length for line in lines] == [max(1, count_syllables(line)) for stanza in stanzas for line in stanza]
    assert [n for n, line in enumerate(lines, 1) if line.ends_stanza] == list(accumulate(map(len, stanzas)))[:-1]


@given(st.text(max_size=12))
def test_patterns_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(SettingsError):
        assert parse_numbers(text)
    with contextlib.suppress(SettingsError):
        assert parse_line_openings([text])


# A model that is really trained, on the lyrics that come with zuoci


@cache
def trained(language: Literal["zh", "en"]) -> Writer:
    corpus = zuoci.Corpus(zuoci.load_lyrics(language).songs[:120])
    recipe = {"epochs": 3, "hidden_size": 64, "embedding_size": 32, "seq_len": 32, "batch_size": 16, "threads": 1}
    *_, end = zuoci.train(corpus, zuoci.resolve("lyrics", recipe))
    assert isinstance(end, zuoci.EndReport)
    return Writer(end.model, zuoci.Fingerprint.of(corpus))


@pytest.mark.slow
@pytest.mark.parametrize("standard", sorted(_GROUPS))
def test_of_many_couplets_all_rhyme(standard: Any) -> None:
    writer = trained("zh")
    config = WriteConfig(rhyme="AA", line_length="7", rhyme_standard=standard)
    texts = writer.candidates("", config, 80 if standard == "shisanzhe" else 40)
    for lyrics in texts:
        first, second = lyrics.text.split("\n")
        assert len(_COUNTED.findall(first)) == len(_COUNTED.findall(second)) == 7
        assert rhyme([first, second], standard), lyrics.text
    assert len({lyrics.text for lyrics in texts}) == len(texts)


@pytest.mark.slow
def test_of_many_english_couplets_all_rhyme() -> None:
    writer = trained("en")
    texts = writer.candidates("", WriteConfig(rhyme="AA", line_length="6"), 20)
    for lyrics in texts:
        first, second = lyrics.text.split("\n")
        words = [re.findall("[A-Za-z]+(?:['’-]+[A-Za-z]+)*", line) for line in (first, second)]
        assert [len(line) for line in words] == [6, 6], lyrics.text
        one, other = words[0][-1].lower(), words[1][-1].lower()
        assert one != other
        assert set(Rhymes().keys(first)) & set(Rhymes().keys(second)), lyrics.text


def test_a_stop_string_and_a_form_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="a form ends by itself"):
        WriteConfig(lines=2, stop=("。",))


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ({"line_length": "5"}, 4),
        ({"line_length": "7,5,7"}, 3),
        ({"stanza": "4,4"}, 8),
        ({"stanza": "4,4", "rhyme": "AABB"}, 8),
        ({"stanza": "2", "acrostic": "山前路上人"}, 5),
        ({"stanza": "4,4", "lines": 3}, 3),
    ],
)
def test_there_are_as_many_lines_as_the_longest_wish(form: dict[str, Any], count: int) -> None:
    assert len(plan(WriteConfig(**form))) == count


@pytest.mark.parametrize(
    ("song", "form"),
    [
        ("夜里的风 吹过去\n我在门口\n\n等你回来 开灯\n没有理由", ("4+3,4,4+2,4", "2,2", "XAXA")),
        ("山前一条路\n路上一个人", ("5,5", "2", None)),
        ("the rain, the rain\nit comes again", ("4,3", "2", "AA")),
        ("我 love you\n好", ("3,1", "2", None)),
    ],
)
def test_an_example_gives_lengths_gaps_and_rhymes(song: str, form: tuple[str, str, str | None]) -> None:
    found = form_of(Song("a.txt", song))
    assert (found["line_length"], found["stanza"], found.get("rhyme")) == form
    assert found["lines"] == len([line for line in song.split("\n") if line])


def test_gaps_stand_where_the_form_has_them_and_nowhere_else(make_model: Callable[..., zuoci.CharLM]) -> None:
    writer = Writer(make_model("山前路上人 \n"))
    for seed in range(10):
        text = writer.write("", WriteConfig(lines=4, line_length="2+3,4", seed=seed, max_repeats=0)).text
        parts = [line.split(" ") for line in text.split("\n")]
        assert [[count_syllables(part) for part in line] for line in parts] == [[2, 3], [4], [2, 3], [4]]
    with pytest.raises(SettingsError, match="knows no space"):
        Writer(make_model("山前路\n")).write("", WriteConfig(line_length="2+3"))
    with pytest.raises(ValidationError, match=r"as 7,5,7,5, or 4\+3"):
        WriteConfig(line_length="4+0")


def test_a_required_word_leaves_the_gap(make_model: Callable[..., zuoci.CharLM]) -> None:
    writer = Writer(make_model())
    for seed in range(6):
        text = writer.write("", WriteConfig(lines=2, line_length="1+2", word=("在唱",), seed=seed, particles=8)).text
        assert "在唱" in text
        assert [[len(part) for part in line.split(" ")] for line in text.split("\n")] == [[1, 2]] * 2, text
