"""The lines of a song as they stand in a file → those that are sung, and the sections. All formats come through here.

The order matters: a site's frame stands around everything, credits are found by their place, and marks of singers and
repeats stand within lines and section marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zuoci.text.formats.credits import strip_credits
from zuoci.text.formats.document import LONGEST_LINE, Dropped, Line, ParsedSong
from zuoci.text.formats.ornaments import singers, take_off
from zuoci.text.formats.sections import split_sections
from zuoci.text.formats.sites import strip_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.songbook import Section

PLACEHOLDERS = "placeholders"
_PLACEHOLDER = re.compile(
    r"\s*[\[(（【*]{0,2}\s*(?:"
    r"(?:此|该|該|本)?(?:歌曲|作品|曲目)?(?:为|為|是)?(?:没有填[词詞]的|沒有填詞的|一首)?[纯純]音[乐樂](?:作品)?[，,。\s]*(?:[请請][您你]?欣[赏賞])?"
    r"|(?:此|该|該|本)(?:歌曲|曲).{0,6}(?:没有|沒有|[无無]|[暂暫][无無])(?:填)?歌?[词詞].{0,12}"
    r"|[暂暫][无無]歌[词詞].{0,12}|歌[词詞](?:正在)?(?:加[载載]|搜索|制作|整理)中?.{0,4}|(?:没有|未)找到歌[词詞]|(?:求|上[传傳])歌[词詞]|[请請][您你]欣[赏賞]"
    r"|(?:this (?:song|track) is (?:an )?)?instrumental(?: (?:music|track|version|only))?"
    r"|pure music(?:[, ]{1,2}please enjoy)?"
    r"|no lyrics(?: available| found)?|lyrics not (?:available|found)"
    r")\s*[\])）】*.。!！~～]{0,3}\s*",
    re.IGNORECASE,
)
# A text without any of these has nothing that could be taken out: signs, words, and names of sections by themselves.
_SIGNS = re.compile(r"[\[\]［【{(（<《〔「|｜:：/／♩♪♫♬♭♯𝄞🎵🎶🎼*＊_#©℗×✕✖✘]")
_TIMES = re.compile(r"[xX]\s?\d|\d\s?[xX]")
_WORDS = (
    " by ", " By ", "Embed", "also like", "Lyrics", "Contributor", "www.", "http", "ISRC", "--", "==", "~~", "Submit C",
    "Thanks to",
    "许可", "許可", "授权", "授權", "版权", "版權", "作权", "作權", "翻唱", "翻录", "翻錄", "必究", "更多",
    "请访", "請訪", "关注", "關注", "请搜", "歌词", "歌詞",
)  # fmt: skip
_BARE = re.compile(
    r"^[ \t]*(?:final |last |pre[- ]?|post[- ]?|大)?(?:verse|chorus|bridge|intro|outro|hook|refrain|interlude"
    r"|instrumental|break|drop|coda|tag|rap|solo"
    r"|主歌|副歌|[导導]歌|前奏|[间間]奏|尾奏|[桥橋]段|サビ"
    r"|[ABCＡＢＣabc](?:メロ|段)|후렴|간주)[ \t\dA-Za-z一二三四.]{0,4}$"
    r"|^[ \t]*(?:作|填|编|編|[词詞曲])[^\n]{0,8}[ \u3000]",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The sung lines of a song, its sections, and what was dropped."""

    lines: list[Line]
    sections: tuple[Section, ...]
    dropped: list[Dropped]

    def song(self, title: str = "") -> ParsedSong | None:
        """The song, one line under another and without empty lines around it; None if nothing is sung."""
        text = "\n".join(line.text for line in self.lines).strip("\n")
        return ParsedSong(f"{text}\n", title, self.sections) if text.strip() else None


def suspect_words(text: str) -> tuple[str, ...]:
    """The words in a text that what `clean_song` takes out may hold."""
    return tuple(word for word in _WORDS if word in text)


def is_suspect(text: str, words: Sequence[str]) -> bool:
    """Whether a text may hold something that `clean_song` takes out. It is quick, and errs on the side of yes.

    Args:
        text: the text.
        words: `suspect_words` of it, or of a larger text that it is a part of.
    """
    return bool(
        _SIGNS.search(text)
        or (words and any(word in text for word in words))
        or _TIMES.search(text)
        or _BARE.search(text)
        or (len(text) <= LONGEST_LINE and _PLACEHOLDER.fullmatch(text))
    )


def clean_song(lines: Sequence[Line], tags: Sequence[str] = ()) -> Cleaned:
    """Takes everything out of the lines of a song that is not sung.

    Args:
        lines: the lines, empty ones included.
        tags: the title and the artist, if the file names them.
    """
    dropped: list[Dropped] = []
    rest, gone = strip_frame(lines)
    dropped += gone
    rest, gone = strip_credits(rest, tags)
    dropped += gone
    names = singers(rest)
    bare: list[Line] = []
    for line in rest:
        line, gone = take_off(line, names) if 0 < len(line.text) <= LONGEST_LINE else (line, [])
        dropped += gone
        if line.text.strip() or not gone or line.times > 1:  # a mark of a singer on a line of its own leaves no line
            bare.append(line)
    kept, sections, gone = split_sections(bare)
    dropped += gone
    sung = [line for line in kept if line.text.strip()]
    if 0 < len(sung) <= 2 and all(
        len(line.text) <= LONGEST_LINE and _PLACEHOLDER.fullmatch(line.text) for line in sung
    ):
        dropped += [Dropped(line.number, line.text, PLACEHOLDERS) for line in sung]
        return Cleaned([], (), sorted(dropped, key=lambda each: each.line))
    if dropped:
        kept = _without_gaps(kept, {each.line for each in dropped})
    return Cleaned(kept, sections, sorted(dropped, key=lambda each: each.line))


def _without_gaps(lines: Sequence[Line], gone: set[int]) -> list[Line]:
    """Lines without the second of two empty lines that met because what stood between them was dropped."""
    kept: list[Line] = []
    for line in lines:
        before = kept[-1].number if kept else 0
        met = any(number in gone for number in range(before + 1, line.number))
        if not line.text.strip() and met and (not kept or not kept[-1].text.strip()):
            continue
        kept.append(line)
    return kept
