"""The bundled songbook: its format, and what it promises of its songs (docs/songbook.md)."""

from __future__ import annotations

import re
import runpy
from collections import Counter, defaultdict
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest

from zuoci import CorpusError, load_lyrics
from zuoci.text.songbook import Section, SongbookSong, parse_songbook
from zuoci.writing.rhyme.scheme import Rhymes

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src" / "zuoci" / "data"

LANGUAGES = ["zh", "en"]
SHARED = {"zh": 8, "en": 40}  # characters that two songs may not have in a row
# Words that songs have worn out; none may stand in more than 2 % of the songs.
WORN = {
    "zh": (
        "霓虹;星辰大海;余生;岁月;尘埃;远方;倔强;遗憾;人海;流年;永恒;天涯;红尘;烟火;孤单;寂寞;"
        "回忆;思念;誓言;承诺;彼岸;轮回;前世;今生;泪水;心碎;伤口;伤痕;翅膀;飞翔;风雨;彩虹;"
        "命运;灵魂;沧桑;惊鸿;白月光;来日方长;似水年华;海枯石烂;天荒地老;刻骨铭心;一生一世;"
        "不离不弃;地久天长;花开花落;潮起潮落;擦肩而过;物是人非;遥不可及"
    ),
    "en": (
        "neon;broken heart;heart of gold;forevermore;wings to fly;burning desire;shattered;diamonds;"
        "chasing dreams;stardust;eternity;kaleidoscope;tapestry;symphony;embers;ignite;set me free;"
        "rise above;fade away;into the night;golden hour;midnight sky;silhouette;bittersweet;serenade"
    ),
}


@cache
def songbook(language: str) -> tuple[SongbookSong, ...]:
    name = f"{language}.txt"
    return tuple(parse_songbook((DATA / name).read_text("utf-8"), name))


def sung(language: str, *, returns: bool = True) -> str:
    """All songs as one text, with each chorus as often as it is sung or once."""
    return "\n\n".join("\n".join([song.title, *song.lines(returns=returns)]) for song in songbook(language)) + "\n"


def words(line: str, language: str) -> str:
    """A line as it is compared: without spaces in Chinese, in lower case in English."""
    return re.sub(r"\s", "", line) if language == "zh" else line.lower()


@pytest.mark.parametrize(("language", "songs", "characters"), [("zh", 600, 250_000), ("en", 200, 150_000)])
def test_there_are_so_many_songs(language: str, songs: int, characters: int) -> None:
    assert len(songbook(language)) >= songs
    assert characters <= len(sung(language, returns=False)) < len(sung(language))


@pytest.mark.parametrize(
    ("language", "characters", "digest"),
    [
        ("zh", 45_737, "5c8b2552889e7845b692aa171dc4db9054b5efac61a5f0bfb1fd77d22804e757"),
        ("en", 34_938, "70abc0a7133ae9b9225be11da20c1c2c3b00011d3e834f31809935bb25c668bf"),
    ],
)
def test_the_first_songs_are_those_of_before_character_for_character(
    language: Literal["zh", "en"], characters: int, digest: str
) -> None:
    """The figures of `zuoci lesson` stand on the first 10,000."""
    assert sha256(load_lyrics(language).text[:characters].encode()).hexdigest() == digest


def test_the_lesson_reads_what_it_always_read() -> None:
    text = load_lyrics("zh").text.replace("\n", " ")[:10_000]
    digest = "465b47b93ceba203f8e657b3dd183173849e499b974a08426787b55caeac5999"
    assert sha256(text.encode()).hexdigest() == digest


@pytest.mark.parametrize("language", LANGUAGES)
def test_lyrics_are_the_songbook_with_choruses_as_sung_or_once(language: Literal["zh", "en"]) -> None:
    for choruses in ("sung", "once"):
        corpus = load_lyrics(language, choruses=choruses)
        assert corpus.text == sung(language, returns=choruses == "sung")
        assert [song.sections for song in corpus.songs] == [song.sections for song in songbook(language)]
    with pytest.raises(CorpusError, match="choruses must be 'sung' or 'once': got 'twice'"):
        load_lyrics(language, choruses="twice")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_stands_in_two_songs(language: str) -> None:
    first: dict[str, str] = {}
    for song in songbook(language):
        for line in {words(line, language) for line in song.lines()}:
            if len(line) >= 4:
                assert first.setdefault(line, song.title) == song.title, line


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_songs_share_a_stretch(language: str) -> None:
    length = SHARED[language]
    first: dict[str, str] = {}
    for song in songbook(language):
        for line in (words(line, language) for line in song.lines()):
            for start in range(len(line) - length + 1):
                stretch = line[start : start + length]
                assert first.setdefault(stretch, song.title) == song.title, stretch


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_song_is_a_variation_of_another(language: str) -> None:
    """By the pairs of characters (of words in English) that two songs have in common."""
    shingles: list[frozenset[str]] = []
    for song in songbook(language):
        parts = [words(line, language) for line in song.lines(returns=False)]
        units = [list(part) if language == "zh" else part.split() for part in parts]
        shingles.append(frozenset("".join(unit[k : k + 3]) for unit in units for k in range(len(unit) - 2)))
    owners: dict[str, list[int]] = defaultdict(list)
    for number, some in enumerate(shingles):
        for shingle in some:
            owners[shingle].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in owners.values():
        shared.update((a, b) for k, a in enumerate(numbers) for b in numbers[k + 1 :])
    for (a, b), count in shared.items():
        assert count < 0.1 * min(len(shingles[a]), len(shingles[b])), (
            songbook(language)[a].title,
            songbook(language)[b].title,
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_titles_and_premises_are_each_their_own(language: str) -> None:
    songs = songbook(language)
    assert len({song.title for song in songs}) == len(songs)
    assert len({song.premise.lower() for song in songs}) == len(songs)


@pytest.mark.parametrize(("language", "allowed"), [("zh", "[一-鿿 0-9A-Za-z]+"), ("en", "[A-Za-z0-9 ',.!?;:()&\"-]+")])
def test_only_characters_that_a_text_should_have(language: str, allowed: str) -> None:
    for song in songbook(language):
        for line in [song.title, *song.lines()]:
            assert re.fullmatch(allowed, line), (song.title, line)
            assert line == " ".join(line.split()), (song.title, line)


def test_enough_different_characters() -> None:
    assert len(set(sung("zh"))) >= 3_200


@pytest.mark.parametrize("language", LANGUAGES)
def test_worn_words_are_rare(language: str) -> None:
    texts = ["\n".join(song.lines()).lower() for song in songbook(language)]
    for word in WORN[language].split(";"):
        assert sum(word in text for text in texts) <= 0.02 * len(texts), word


def test_all_rhyme_groups_and_line_lengths_occur() -> None:
    rhymes = Rhymes()
    lines = [line for song in songbook("zh") for line in song.lines(returns=False)]
    groups = Counter(rhymes.group(line) for line in lines)
    shares = sorted(count / len(lines) for group, count in groups.items() if group)
    assert len(shares) == 13
    assert shares[0] >= 0.02
    assert shares[-1] <= 0.18
    lengths = Counter(len(words(line, "zh")) for line in lines)
    for length in range(3, 15):
        assert lengths[length] >= 0.015 * len(lines), length


@pytest.mark.parametrize("language", LANGUAGES)
def test_registers_are_spread(language: str) -> None:
    registers = Counter(song.register for song in songbook(language))
    assert len(registers) >= 20
    assert max(registers.values()) <= 0.15 * len(songbook(language))


def test_sections_rhyme_where_they_say_so() -> None:
    rhymes = Rhymes()
    for song in songbook("zh"):
        for section in song.sections:
            for lines in rhyming(section):
                assert len({rhymes.group(line) for line in lines}) == 1, (song.title, section.scheme, lines)


def rhyming(section: Section) -> list[list[str]]:
    """The lines of a section that its scheme says rhyme with each other."""
    scheme = section.scheme
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    single = len(set(scheme) - {"X"}) == 1  # AAAA, XA: one rhyme for the whole section
    for number, line in enumerate(section.lines):
        letter = scheme[number % len(scheme)] if scheme else "X"
        if letter != "X":
            groups[letter, 0 if single else number // len(scheme)].append(line)
    return list(groups.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tenth_is_held_apart(language: Literal["zh", "en"]) -> None:
    titles = (DATA / "held-apart.txt").read_text("utf-8").splitlines()
    known = {song.title for language in LANGUAGES for song in songbook(language)}
    assert len(set(titles)) == len(titles)
    assert set(titles) <= known
    apart = [song.title for song in load_lyrics(language).songs if song.held_apart]
    assert apart == [song.title for song in songbook(language) if song.title in titles]
    assert len(apart) == round(len(songbook(language)) / 10)
    assert len({song.register for song in songbook(language) if song.title in titles}) >= 15


def test_the_lesson_reads_no_song_held_apart() -> None:
    read = load_lyrics("zh").text[:10_000]
    assert not any(song.text[:100] in read for song in load_lyrics("zh").songs if song.held_apart)


def test_its_page_is_up_to_date() -> None:
    """`python docs/songbook.py` writes it."""
    docs = ROOT / "docs"
    assert (docs / "songbook.md").read_text("utf-8") == runpy.run_path(str(docs / "songbook.py"))["page"]()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Title", "the second line of 'Title' must be '@ register | premise': got ''"),
        ("Title\n@ love\n[verse]\na", "must be '@ register | premise': got '@ love'"),
        ("Title\n@ love | x\na line", "must begin with a mark such as"),
        ("Title\n@ love | x\n[WrittenLine!]\na", "has the odd mark"),
        ("Title\n@ love | x\n[verse]\na\n[chorus]", r"returns to \[chorus\] before it was written"),
    ],
)
def test_what_is_no_songbook_is_said(text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        parse_songbook(text, "a.txt")


def test_a_return_is_the_section_again() -> None:
    text = "T\n@ love | x\n[chorus AA]\na\nb\n[verse]\nc\n[chorus]\n"
    (song,) = parse_songbook(text, "a.txt")
    assert song.lines() == ["a", "b", "c", "a", "b"]
    assert song.lines(returns=False) == ["a", "b", "c"]
    assert song.sections[2] == Section("chorus", ("a", "b"), "AA", is_return=True)
