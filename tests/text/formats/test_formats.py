"""Tables, JSON, subtitles, pages, Markdown, documents: recognised by what they hold, whatever they are called."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from tests.test_linear import FACTOR, assert_linear

from zuoci import CorpusError, read_corpus
from zuoci.text.corpus import corpus_of
from zuoci.text.read_config import ReadConfig

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["a.txt", "a.text", "noname"]


def docx(xml: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", xml)
    return data.getvalue()


def paragraphs(*texts: str) -> str:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = "".join(f"<w:p>{text if text.startswith('<') else f'<w:r><w:t>{text}</w:t></w:r>'}</w:p>" for text in texts)
    return f"<w:document {space}><w:body>{body}</w:body></w:document>"


HEADING = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>{}</w:t></w:r>'

SONGS = "rain falls\nwind blows\n\nday breaks\n"
PAGE = (
    "<!doctype html><html><head><title>x</title><script>var a = '<p>no</p>';</script></head><body><nav>Menu</nav>"
    '<h1>A</h1><div class="lyrics">rain &amp; snow<br>wind blows<br><br><ruby>雨<rt>あめ</rt></ruby></div>'
    "<footer>© x</footer></body></html>"
)
ASS = (
    "[Script Info]\nTitle: x\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
    "Dialogue: 0,0:00:05.00,0:00:06.00,Default,wind, blows\n"
    "Dialogue: 0,0:00:01.00,0:00:02.00,Default,{\\k50}rain {\\k20}falls\\Nsoftly\n"
)
SRT = "1\n00:00:01,000 --> 00:00:02,000\n<i>rain</i> falls\n\n2\n00:00:03,000 --> 00:00:04,000\nwind blows ♪\n"
VTT = (
    "WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:02.000\n<v Jane>rain falls\n\n"
    "00:03.000 --> 00:04.000 align:start\nwind <c>blows</c>\n"
)
MARKDOWN = "---\ntitle: A\n---\n\n# A\n\n**[Verse 1]**\nrain *falls*  \nwind blows\n\n> a note\n\n# B\n\nday breaks\n"
RTF = b"{\\rtf1\\ansi\\ansicpg936{\\fonttbl\\f0 Arial;}\\f0 rain falls\\par \\'d3\\'ea \\u38632?\\par}"
FILES: dict[str, tuple[str | bytes, str]] = {
    "CSV": ('artist,song,lyrics\nDoe,A,"rain falls\nwind blows"\nDoe,B,"day breaks"\n', SONGS),
    "TSV": ("title\tlyrics\nA\train falls\\nwind blows\nB\tday breaks\n", SONGS),
    "JSON": ('[{"title": "A", "lyrics": "rain falls\\nwind blows"}, {"title": "B", "lyrics": "day breaks"}]', SONGS),
    "JSON lines": ('{"title": "A", "text": "rain falls\\nwind blows"}\n{"title": "B", "text": "day breaks"}\n', SONGS),
    "SRT": (SRT, "rain falls\nwind blows\n"),
    "WebVTT": (VTT, "rain falls\nwind blows\n"),
    "ASS": (ASS, "rain falls\nsoftly\nwind, blows\n"),
    "transcript": ("0:15\nrain falls\n0:18\nwind blows\n1:00:21\nday breaks\n", "rain falls\nwind blows\nday breaks\n"),
    "HTML": (PAGE, "rain & snow\nwind blows\n\n雨\n"),
    "Markdown": (MARKDOWN, SONGS),
    "RTF": (RTF, "rain falls\n雨 雨\n"),
}
FILES["DOCX"] = (
    docx(paragraphs(HEADING.format("A"), "rain falls", "wind blows", HEADING.format("B"), "day breaks")),
    "rain falls\nwind blows\n\nday breaks\n",
)


@pytest.mark.parametrize("kind", FILES)
def test_a_format_is_recognised_by_what_a_file_holds(kind: str) -> None:
    content, expected = FILES[kind]
    for name in NAMES:
        corpus = corpus_of(content.encode() if isinstance(content, str) else content, name)
        assert corpus.text == expected
        assert corpus.files[0].format == kind
        assert corpus.notes or kind == "Markdown"


def test_a_folder_with_a_file_of_each_format(tmp_path: Path) -> None:
    for number, (content, _) in enumerate(FILES.values()):
        (tmp_path / f"{number:02}.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    corpus = read_corpus(tmp_path)
    assert [file.format for file in corpus.files] == list(FILES)
    assert corpus.text == "".join(expected.rstrip() + "\n\n" for _, expected in FILES.values())


def test_titles_come_from_the_file() -> None:
    for kind in ("CSV", "TSV", "JSON", "JSON lines", "Markdown", "DOCX"):
        content, _ = FILES[kind]
        corpus = corpus_of(content.encode() if isinstance(content, str) else content, "a.txt")
        assert [song.title for song in corpus.songs] == ["A", "B"], kind


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ("song,line\nA,rain falls\nA,wind blows\nB,day breaks\n", ["rain falls", "wind blows", "", "day breaks"]),
        ("歌名;歌词\n甲;雨落下\\n风吹来\n乙;天亮了\n", ["雨落下", "风吹来", "", "天亮了"]),
        ("sep=;\ntitle;lyrics\nA;rain falls\n", ["rain falls"]),
        (
            'id,x\n1,"rain falls on the roof of the house\nand the wind blows"\n2,"the day breaks over the hills"\n',
            ["rain falls on the roof of the house", "and the wind blows", "", "the day breaks over the hills"],
        ),
    ],
)  # fmt: skip
def test_columns_are_found(table: str, lines: list[str]) -> None:
    corpus = corpus_of(table.encode(), "a.csv")
    assert any("took the lyrics from" in note for note in corpus.notes)
    assert corpus.text.splitlines() == lines


def test_a_column_or_field_that_is_named_is_taken() -> None:
    table = b"lyrics,mine\nno,rain falls\nno,wind blows\n"
    assert corpus_of(table, "a.csv", ReadConfig(column="mine")).text == "rain falls\nwind blows\n"
    data = b'{"lyrics": "no", "mine": ["rain falls", "wind blows"]}'
    assert corpus_of(data, "a.json", ReadConfig(column="mine")).text == "rain falls\nwind blows\n"
    for content, name in ((table, "a.csv"), (data, "a.json")):
        with pytest.raises(CorpusError, match=r"there are 'lyrics', 'mine'|it has 'lyrics', 'mine'"):
            corpus_of(content, name, ReadConfig(column="yours"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([{"paragraphs": ["雨落下，",
        "风吹来。"], "rhythmic": "甲"}, {"paragraphs": ["天亮了。"]}], "雨落下，\n风吹来。\n\n天亮了。\n"),
        ({"lrc": {"lyric": "[00:01.00]雨落下\n[00:05.00]风吹来\n"}, "tlyric": {"lyric": "[00:01.00]rain\n"}},
        "雨落下\n风吹来\n"),
        ({"songs": [{"name": "甲", "lyric": [{"text": "雨落下"}, {"text": "风吹来"}]}]}, "雨落下\n风吹来\n"),
        ({"甲": "雨落下\n风吹来", "乙": "天亮了\n人走了"}, "雨落下\n风吹来\n\n天亮了\n人走了\n"),
        (["雨落下", "风吹来"], "雨落下\n风吹来\n"),
        (["雨落下\n风吹来", "天亮了\n人走了"], "雨落下\n风吹来\n\n天亮了\n人走了\n"),
        ({"lyrics": [["雨落下", "风吹来"], ["天亮了"]]}, "雨落下\n风吹来\n\n天亮了\n"),
    ],
)  # fmt: skip
def test_layouts_of_json(value: object, text: str) -> None:
    for indent in (None, 2):
        assert corpus_of(json.dumps(value, ensure_ascii=False, indent=indent).encode(), "a.txt").text == text


def test_files_without_lyrics_are_refused_by_name_and_left_out_of_folders(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1"}', "utf-8")
    (tmp_path / "song.txt").write_text("rain falls\n", "utf-8")
    with pytest.raises(
        CorpusError, match="has no field of lyrics: it has 'name', 'version'; name the field with --column"
    ):
        read_corpus(tmp_path / "package.json")
    corpus = read_corpus(tmp_path)
    assert corpus.text == "rain falls\n"
    assert any("left out 1 files without lyrics" in note for note in corpus.notes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.4", "is not a text file but a PDF; copy its text"),
        (b"\xd0\xcf\x11\xe0\xa1", "old Word"), (b"krc18\x00", "encrypted KRC"), (b"Rar!\x1a", "RAR"),
        (docx("<a"), "damaged DOCX"), (docx("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), "declares entities"),
        (b'a,lyrics\n1,"' + b"x" * 200_000, "damaged table"),
    ],
)  # fmt: skip
def test_files_that_are_no_text_say_what_they_are(data: bytes, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as error:
        corpus_of(data, "a.csv")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rain &amp; snow\nit&#39;s&nbsp;late\n", "rain & snow\nit's late\n"),
        ('"rain falls\\nwind \\"blows\\"\\nday breaks"', 'rain falls\nwind "blows"\nday breaks\n'),
        ("\\u96e8\\u843d\\ud83d\\ude00 rain\n", "雨落😀 rain\n"),
        ("rock & roll; R&B\nback\\slash\n\\u96e\n", "rock & roll; R&B\nback\\slash\n\\u96e\n"),
    ],
)
def test_escapes_become_characters(text: str, expected: str) -> None:
    corpus = corpus_of(text.encode(), "a.txt")
    assert corpus.text == expected
    assert bool(corpus.notes) == (text != expected)


def test_two_languages_of_subtitles_and_the_lines_of_ttml() -> None:
    line = "Dialogue: 0,0:00:0{0}.00,0:00:0{0}.90,{1},{2}\n"
    text = "[Events]\nFormat: Layer, Start, End, Style, Text\n" + "".join(
        line.format(k, style, words)
        for k, pair in enumerate((("雨が降る", "雨落下"), ("夜が明ける", "天亮了")))
        for style, words in zip(("JP", "CN"), pair, strict=True)
    )
    assert corpus_of(text.encode(), "a.ass").text == "雨が降る\n夜が明ける\n"
    assert len(corpus_of(text.encode(), "a.ass", ReadConfig(translations="all")).songs[0].lines) == 4
    ttml = (
        '<tt><body><div><p begin="1"><span>rain </span><span>falls</span></p><p begin="3">day breaks</p></div></body>'
    )
    assert corpus_of(ttml.encode(), "a.ttml").text == "rain falls\nday breaks\n"


def test_dropped_lines_have_their_numbers_in_the_file() -> None:
    table = 'title,lyrics\nA,"rain falls\n[Chorus]\nwind blows"\nB,"[Verse 1]\nday breaks"\n'
    assert [each.line for each in corpus_of(table.encode(), "a.csv").files[0].dropped] == [3, 5]


PAGE_BEGINS = "<!doctype html>"
HOSTILE = {
    "comments": PAGE_BEGINS + "<!--" * 200_000,
    "tags": PAGE_BEGINS + "<p " * 200_000,
    "open": PAGE_BEGINS + "<div>" * 200_000,
    "brackets": "[" * 10**6,
    "stamps": "[00:00.00" * 10**5,
    "stars": "# a\n> b\n" + "*a " * 2 * 10**5,
    "lines": "\n" * 10**6,
    "blanks": "(" + " " * 10**6,
    "colons": "词：" * 3 * 10**5,
    "quotes": 'a,lyrics\n"' + 'x,"' * 3 * 10**5,
    "fences": "```\n" * 2 * 10**5,
    "clocks": "1:00\n" * 10**5,
    "front": "---\n" * 10**5,
    "marks": "[[[(((【\n" * 10**5,
    "json": '{"a":' * 10**5,
    "ass": "[Script Info]\n" + "Dialogue: {" * 10**5,
    "kana": "漢(かん" * 2 * 10**5,
    "tabs": "\t" * 10**6,
    "labels": "a: b\n" * 10**5,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_text_takes_no_more_time_than_its_size(kind: str) -> None:
    def read(size: int) -> None:
        try:
            corpus_of(HOSTILE[kind][:size].encode(), "a.txt")
        except CorpusError as error:
            assert "\n" not in str(error)  # noqa: PT017

    assert_linear(read, len(HOSTILE[kind]) // FACTOR)


def test_a_document_of_millions_of_elements_is_refused_or_read_in_little_memory() -> None:
    tracemalloc.start()
    with pytest.raises(CorpusError, match="unpacks to more than 4 MiB"):
        corpus_of(docx(paragraphs("<w:r/>" * 2**20)), "a.docx")
    small = corpus_of(docx(paragraphs("<w:r/>" * 2**16, "rain falls")), "a.docx")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert small.text.strip() == "rain falls"
    assert peak < 2**26


@limits(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(FILES)), at=st.floats(0, 1, exclude_max=True), what=st.binary(max_size=6))
def test_a_damaged_file_is_read_or_refused(kind: str, at: float, what: bytes) -> None:
    content, _ = FILES[kind]
    data = bytearray(content.encode() if isinstance(content, str) else content)
    place = int(at * len(data))
    data[place : place + len(what)] = what
    try:
        text = corpus_of(bytes(data), "a.txt").text
    except CorpusError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert text.strip()


@limits(max_examples=150, deadline=None)
@given(
    st.binary(max_size=80), st.sampled_from(["a.txt", "a.lrc", "a.csv", "a.json", "a.md", "a.html", "a.srt", "a.docx"])
)
def test_any_bytes_are_songs_or_a_clear_error(data: bytes, name: str) -> None:
    try:
        corpus = corpus_of(data, name)
    except CorpusError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert corpus.text.strip()
        assert "\x00" not in corpus.text
        assert "\ufffd" not in corpus.text or b"\xef\xbf\xbd" in data
