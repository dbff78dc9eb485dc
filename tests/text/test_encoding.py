"""Which encoding a file has: what is read, what is refused, and what the errors say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

import decoding
from zuoci import CorpusError, load_lyrics, read_corpus
from zuoci.text.encoding import LEAST_CONFIDENCE, decode, guesses, known_encoding
from zuoci.text.read_config import ReadConfig

if TYPE_CHECKING:
    from pathlib import Path

LYRICS = load_lyrics("zh").text
TRADITIONAL = "請把這首歌唱給遠方的朋友聽\n車站裡還有一盞燈沒有關\n我們說過的話都寫在紙上\n風從門外吹進來翻了一頁\n"
HONG_KONG = "佢哋喺巴士站等咗好耐\n冇人知嗰架車幾時嚟\n你話畀我知點解要走\n"
JAPANESE = "駅の時計が止まった朝\n白い息だけ空へ昇る\n返せなかった傘を抱いて\nあなたの町を通り過ぎる\n"
KOREAN = "버스는 벌써 떠났는데\n정류장 불빛만 남아 있네\n우산을 두고 간 사람아\n비가 그치면 돌아올래\n"
RUSSIAN = "Трамвай ушёл, осталась тишина\nИ жёлтый свет в окне напротив\nТы обещала позвонить сама\n"
UKRAINIAN = "Трамвай пішов, лишилась тиша\nІ жовте світло у вікні навпроти\nЇї ім'я я ще пишу\n"
GREEK = "Το τραμ έφυγε κι έμεινε σιωπή\nΚαι κίτρινο φως στο παράθυρο απέναντι\n"
THAI = "รถรางออกไปแล้วเหลือแต่ความเงียบ\nแสงสีเหลืองในหน้าต่างฝั่งตรงข้าม\nเธอสัญญาว่าจะโทรมา\n"
FRENCH = "Le tramway est passé, la rue s'est tue\nUne lumière brûle à la fenêtre d'en face\nTu as menti, ma chère\n"
GERMAN = (
    "Die Straßenbahn ist fort, es bleibt die Stille\nÜber der Tür brennt müde ein Licht\nDu hättest anrufen können\n"
)
POLISH = (
    "Tramwaj odjechał, została tylko cisza\nŻółte światło w oknie naprzeciwko\nObiecałaś, że zadzwonisz, że wrócisz\n"
)
CZECH = "Tramvaj odjela, zůstalo jen ticho\nŽluté světlo v okně naproti\nSlíbila jsi, že zavoláš, až přijdeš\n"
TURKISH = (
    "Tramvay gitti, geriye sessizlik kaldı\nKarşı pencerede sarı bir ışık yanıyor\nArayacağına söz vermiştin, güzelim\n"
)
HEBREW = "החשמלית נסעה ונשאר רק שקט\nאור צהוב בחלון ממול\nהבטחת להתקשר אליי\n"
ARABIC = "رحل الترام ولم يبق سوى الصمت\nضوء أصفر في النافذة المقابلة\nوعدتني أن تتصلي بي\n"
CURLY = "You said you’d call, but you didn’t\n“It’s late,” I’m telling the wall…\nWe’re older than we’ve ever been\n"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
@given(start=st.integers(0, 9_000), length=st.integers(40, 300))
def test_a_page_of_lyrics_is_read_in_any_usual_encoding(codec: str, start: int, length: int) -> None:
    text = LYRICS[start : start + length]
    assert decode(text.encode(codec), "x") == (text, codec)


@pytest.mark.parametrize(
    ("text", "codecs"),
    [
        (TRADITIONAL, "big5 gb18030 utf-16-le utf-16-be utf-32-le utf-32-be"),
        (HONG_KONG, "big5hkscs gb18030"),
        (JAPANESE, "cp932 euc_jp gb18030 iso2022_jp utf-16-le"),
        (KOREAN, "cp949 utf-16-be iso2022_kr"),
        (RUSSIAN, "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic utf-16-le"),
        (UKRAINIAN, "cp1251 koi8_u"),
        (GREEK, "cp1253 iso8859_7"),
        (THAI, "cp874"),
        (FRENCH, "cp1252 mac_roman cp850"),
        (GERMAN, "cp1252 mac_roman cp850"),
        (POLISH, "cp1250 iso8859_2 cp852"),
        (CZECH, "cp1250 iso8859_2"),
        (TURKISH, "cp1254 iso8859_9"),
        (HEBREW, "cp1255"),
        (ARABIC, "cp1256 iso8859_6"),
        (CURLY, "cp1252 mac_roman utf-16-le"),
        (LYRICS[:200], "gb2312 gb18030 hz utf-16-be"),
    ],
    ids=lambda value: value[:12],
)
def test_a_text_is_read_in_the_encodings_of_its_language(text: str, codecs: str) -> None:
    for codec in codecs.split():
        read, found = decode(text.encode(codec), "x")
        assert (codec, read) == (codec, text)
        assert text.encode(found) == text.encode(codec)


def test_of_the_families_of_big5_the_one_that_has_the_characters_is_named() -> None:
    assert decode(TRADITIONAL.encode("big5"), "x")[1] == "big5"
    eten = TRADITIONAL.replace("裡", "裏").replace("關", "恒")  # in Windows' Big5, and not in the standard's
    assert decode((TRADITIONAL * 40 + eten).encode("cp950"), "x") == (TRADITIONAL * 40 + eten, "cp950")
    assert decode((TRADITIONAL * 40 + HONG_KONG).encode("big5hkscs"), "x")[1] == "big5hkscs"


def test_most_short_texts_are_read_and_none_is_read_wrongly() -> None:
    """A fifth of the table; benchmarks/decoding.py has the whole of it."""
    table = decoding.samples()
    assert len(table) >= 200
    assert len({sample.encoding for sample in table}) >= 12
    assert all(sample.text not in LYRICS for sample in table if sample.language != "zh-Hans")
    outcomes = list(decoding.judge(table[::5], decoding.by_zuoci).values())
    assert "wrong" not in outcomes
    assert outcomes.count("right") > 0.9 * len(outcomes)


def test_a_long_text_is_judged_by_lines_from_all_over_it() -> None:
    text = "a line of English\n" * 40_000 + FRENCH
    assert decode(text.encode("cp1252"), "x") == (text, "cp1252")


def test_a_doubtful_text_is_named_with_the_guesses_and_read_once_the_user_says_what_it_is() -> None:
    data = "Né".encode("cp1252")  # or Polish, or French by a Mac, …
    assert guesses(data)[0].confidence < LEAST_CONFIDENCE
    with pytest.raises(
        CorpusError, match=r"x\.txt is not UTF-8 from byte 1 on, and its encoding is in doubt: cp1250 \("
    ) as error:
        decode(data, "x.txt")
    assert ": Né" in str(error.value)
    assert "mac_roman" in str(error.value)
    assert "--encoding cp1250" in str(error.value)
    assert decode(data, "x.txt", "windows-1252") == ("Né", "cp1252")
    assert decode(data, "x.txt", "Mac-Roman") == ("NÈ", "mac-roman")


def test_a_named_encoding_is_not_taken_for_files_that_are_plainly_unicode(tmp_path: Path) -> None:
    for codec in ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp866"):
        (tmp_path / f"{codec}.txt").write_text(RUSSIAN, codec)
    songs = read_corpus(tmp_path, ReadConfig(encoding="cp866")).songs
    assert [song.text.strip() for song in songs] == [RUSSIAN.strip()] * 5


@pytest.mark.parametrize(
    "name", ["", "klingon", "rot13", "base64", "idna", "undefined", "unicode_escape", "a\0b", "é" * 99]
)
def test_what_is_no_encoding_of_text(name: str) -> None:
    with pytest.raises(CorpusError, match=r"there is no encoding .*; name one as Python does: gb18030, big5") as error:
        known_encoding(name)
    assert "\n" not in str(error.value)


PAGE = LYRICS[:400].replace(" ", "，")
GBK = PAGE.encode("gb18030")
CUT, BREAKS = "it is cut off within its last character, at byte", r"it breaks at byte [\d,]+, in line \d+"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PAGE.encode()[:-2], f"cannot be read as utf-8: {CUT} {len(PAGE.encode()) - 3:,}"),
        (GBK[: GBK.rindex("，".encode("gbk")) + 1], f"cannot be read as gb18030: {CUT}"),
        (PAGE.encode() + b"\n\xff\nx", f"cannot be read as utf-8: {BREAKS}"),
        (GBK + b"\n\xff\n" + GBK, f"cannot be read as gb18030: {BREAKS}"),
        (RUSSIAN.encode("cp1251") + "Над рекой\n".encode(), "mixes .* it is cp1251, but line 4, at byte 86, is UTF-8"),
        (GBK + "\n夜里躺着，像是\n".encode() + GBK, r"mixes encodings: most of it is gb18030, but line \d+"),
        (PAGE.encode() + GBK[:60], f"cannot be read as utf-8: {BREAKS}"),
        (b"\xff\xfea", f"cannot be read as utf-16: {CUT} 2"),
        (b"\xff\xfe\0\0abc", "cannot be read as utf-32"),
        (PAGE.encode() + b"\0" + PAGE.encode(), "is not a text file: it has a zero byte at position"),
        (b"\0\1", "is not a text file: it has a zero byte at position 0"),
        (b"ab\0cd", "is not a text file: it has a zero byte at position 2"),
        (bytes(range(128, 256)) * 3, "is no text in any encoding that zuoci can recognise, and not UTF-8 from byte 0"),
    ],
)  # fmt: skip
def test_broken_files_are_refused_with_the_place(data: bytes, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as error:
        decode(data, "x.txt")
    assert "\n" not in str(error.value)


def test_a_named_encoding_that_does_not_fit_is_refused_with_the_place() -> None:
    for codec, data in (("cp932", b"a\xff"), ("latin-1", b"a\x92"), ("gb18030", b"a\x80a"), ("ascii", b"a\xe9")):
        with pytest.raises(CorpusError, match="it breaks at byte 1, in line 1"):
            decode(data, "x", codec)


@limits(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([None, "gb18030", "cp1252", "utf-16", "utf-8", "hz"]))
def test_any_bytes_are_a_text_or_a_clear_error(data: bytes, encoding: str | None) -> None:
    try:
        text, found = decode(data, "x", encoding)
    except CorpusError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert "\ufffd" not in text or "\ufffd".encode(found.removesuffix("-sig")) in data
        assert "\0" not in text or "utf-16" in found or encoding


@limits(max_examples=60, deadline=None)
@given(
    st.sampled_from([(TRADITIONAL, "gb18030"), (JAPANESE, "euc_jp"), (KOREAN, "cp949"), (RUSSIAN, "utf-8")]), st.data()
)
def test_a_damaged_text_is_refused_and_not_read_in_another_encoding(case: tuple[str, str], data: st.DataObject) -> None:
    text, codec = case
    raw = bytearray(text.encode(codec))
    raw[data.draw(st.integers(20, len(raw) - 1))] = 0xFF
    with pytest.raises(CorpusError, match=codec):
        decode(bytes(raw), "x")
