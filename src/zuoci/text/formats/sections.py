"""Section marks: `[Verse]`, `**Chorus**`, `副歌：`, `(Chorus x2)`. They become `Song.sections`, and no text.

A whole line is a mark if it is the name of a section, with a number or singers, in brackets, in the signs of a heading,
or before a colon. A bare name (`Chorus`) is a mark if the song has several marks. Other lines in square brackets are
directions (`[Guitar Solo]`) where the song has marks, or where they are words for playing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zuoci.text.formats.document import LONGEST_LINE, Dropped
from zuoci.text.formats.ornaments import MOST_TIMES, repeat_of
from zuoci.text.songbook import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.formats.document import Line

MARKS, DIRECTIONS = "section marks", "directions"

# What each kind of section is called; longer names first where one begins another.
_KINDS = {
    "pre-chorus": r"pre[\s-]?(?:chorus|hook|refrain)|pré-?refrão|pre-?coro|pre-?estribillo|预副歌|預副歌"
    r"|导歌|導歌|B[\s·]?メロ|[Bb]段|프리\s?코러스",
    "post-chorus": r"post[\s-]?(?:chorus|hook|refrain)",
    "chorus": r"(?:final |last |main |half |double |大)?(?:chorus|choruses|refrain|hook)|coro|estribillo"
    r"|refrão|ritornello|kehrreim|chor|припев|[大小]?副歌|和歌部分|高潮|大?サビ|후렴구?|코러스",
    "verse": r"verse|verso|strophe|strofa|estrofa|couplet|куплет|主歌|A[\s·]?メロ|[Aa]段"
    r"|[一二三四五六七八九十\d]\s?절|절|벌스",
    "bridge": r"bridge|puente|ponte|pont|бридж|桥段|橋段|过渡段?|過渡段?|C[\s·]?メロ|[Cc]段|브릿지|middle (?:8|eight)",
    "intro": r"intro(?:duction)?|prelude|前奏|引子|序曲|イントロ|인트로|вступление",
    "interlude": r"interlude|间奏|間奏|过门|過門|간주|проигрыш|intermezzo",
    "outro": r"outro|coda|ending|尾奏|尾声|尾聲|结尾|結尾|アウトロ|아웃트로|final|концовка",
    "instrumental": r"instrumental(?: (?:break|solo|bridge|interlude|intro|outro))?|(?:\w+ )?solo"
    r"|伴奏|独奏|獨奏|solo \w+|纯音乐|純音樂",
    "break": r"break(?:down)?|build(?:[\s-]?up)?|drop|beat drop",
    "rap": r"rap|说唱|說唱|ラップ|랩",
    "spoken": r"spoken(?: word)?|skit|独白|獨白|念白|旁白|台词|口白|monologue|dialogue",
    "tag": r"tag|ad[\s-]?libs?|vamp|段落",
}
# Names that are also words of songs: by themselves they are no marks.
_PLAY = re.compile(
    r".{0,30}\b(?:solo|instrumental|music|guitar|piano|drums?|applause|laugh\w*|fade\w*|silence|humming|whistl\w*|strings|synth\w*"
    r"|beat|repeat|clapping|crowd|cheer\w*|whisper\w*)\b.{0,30}|.{0,6}(?:奏|音乐|音樂|掌声|掌聲|笑声|笑聲|哼唱|口哨|淡出|淡入|静音|反复|重复|重複)"
    r".{0,6}|music|end|fin|完|终|終|重复.{0,6}",
    re.IGNORECASE,
)
_DIRECTION_WORDS = 3  # more are a sentence
_NUMBER = r"[\s·.\-#№]{0,3}(\d{1,2}|[ivx]{1,4}|[一二三四五六七八九十]|[a-dA-D])(?![\w])"
_BODY = re.compile(
    r"(?:(?:repeat|重复|重複|反复)\s*)?(?:第?([一二三四五六七八九十\d]{1,2})[段节節]?\s*)?(?:"
    + "|".join(f"(?P<{name.replace('-', '_')}>{words})" for name, words in _KINDS.items())
    + rf")(?:{_NUMBER})?(?P<more>\s*(?:[:：\-–—|,，/+&(（·]|\s(?:by|w/|with|feat\.?|ft\.?)\s).{{0,60}})?",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"[\[［【{〔「<＜]\s*([^\[\]［］【】{}〔〕「」<>＜＞\n]{1,60}?)\s*[\]］】}〕」>＞]")
_ROUND = re.compile(r"[(（]\s*([^()（）\n]{1,40}?)\s*[)）]")
_SIGNS = re.compile(r"\s*(?:#{1,6}\s+|[*_]{1,3}|[-=~·—–]{2,10}\s*)")
_SUSPECT = re.compile(
    r"\s*(?:[\[［【{〔「<＜(（*_#=~\-·—–]|第?[一二三四五六七八九十\d]{0,2}[段节節절]?\s?(?:"
    + "|".join(_KINDS.values())
    + r"|repeat|重[复複]|反复))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A section mark that was found in a line.

    Attributes:
        name: the kind of section, with its number; "" for a direction.
        rest: the sung words after the mark on the same line.
        times: how often the section is sung.
        sure: whether it is a mark by itself; a bare name is one beside others only.
    """

    name: str
    rest: str = ""
    times: int = 1
    sure: bool = True


def _named(body: str) -> str:
    """The kind of section and its number; "" if the words are no name of a section."""
    match = _BODY.fullmatch(body.strip())
    if match is None:
        return ""
    kind = next(name for name in _KINDS if match[name.replace("-", "_")])
    number = next((group for index, group in enumerate(match.groups(), 1) if group and index in _NUMBERS), "")
    return f"{kind} {number.lower()}".strip()


_NUMBERS = {1, _BODY.groups - 1}  # the groups before and after the name


def mark_of(text: str) -> Mark | None:
    """The section mark, or the direction in square brackets, that a line is or begins with; None: neither."""
    if len(text) > LONGEST_LINE or not _SUSPECT.match(text):
        return None
    stripped, times = repeat_of(text.strip())
    inner = _SIGNS.sub("", stripped, count=1)
    decorated = inner != stripped
    inner = re.sub(r"\s*[*_#=~\-·—–]{1,10}\s*$", "", inner) if decorated else inner
    if match := _BRACKETS.match(inner):
        body, inside = repeat_of(match[1])
        rest = inner[match.end() :].lstrip(" :：*_\t　")
        if name := _named(body):
            return Mark(name, rest, max(times, inside))
        plays = bool(_PLAY.fullmatch(body)) and len(body.split()) <= _DIRECTION_WORDS
        return Mark("", "", 1, sure=plays) if not rest and inner[0] in "[［【{" else None
    if match := _ROUND.fullmatch(inner):
        body, inside = repeat_of(match[1])
        if name := _named(body):
            return Mark(name, "", max(times, inside))
        return Mark("") if _PLAY.fullmatch(body) and not re.search(r"[,，!！?？]", body) else None
    if match := re.fullmatch(r"([^:：\n]{1,30})\s*[:：]\s*(.*)", inner, re.S):
        name = _named(match[1])
        return Mark(name, match[2], times, sure=not match[2] or not inner.isascii() or " " in name) if name else None
    if match := re.fullmatch(r"(.{1,30}?)\s*[x×✕*]\s?(\d{1,2})", inner, re.IGNORECASE):  # 副歌x2
        inner, times = match[1], min(int(match[2]), MOST_TIMES)
    name = _named(inner)
    return Mark(name, "", times, sure=decorated) if name else None


def marks_of(lines: Sequence[Line]) -> dict[int, Mark]:
    """The section marks and directions among the lines of a song, by their index."""
    found = {index: mark for index, line in enumerate(lines) if (mark := mark_of(line.text))}
    names = [mark for mark in found.values() if mark.name]
    sung = any(line.text.strip() and index not in found for index, line in enumerate(lines))
    marked = any(mark.sure for mark in names) or (len(names) > 1 and sung)
    if sum(bool(re.fullmatch(r"[^:：\n]{1,30}[:：]\s*", line.text)) for line in lines) > 2 * len(names):
        return {}  # a play: `Chorus:` speaks
    return {index: mark for index, mark in found.items() if mark.sure or marked}


def split_sections(lines: Sequence[Line]) -> tuple[list[Line], tuple[Section, ...], list[Dropped]]:
    """Takes the section marks out of the lines of a song.

    Returns:
        The other lines, the sections, and what was dropped. The sections are () if the song has neither marks nor lines
        that are sung several times in a row.
    """
    marks = marks_of(lines)
    if not marks and all(line.times == 1 for line in lines):
        return list(lines), (), []
    kept: list[Line] = []
    dropped: list[Dropped] = []
    parts: list[tuple[str, int, list[str]]] = [("", 1, [])]
    for index, line in enumerate(lines):
        mark = marks.get(index)
        if mark:
            shown = line.text.strip() if not mark.rest else line.text[: -len(mark.rest)].strip()
            dropped.append(Dropped(line.number, shown, MARKS if mark.name else DIRECTIONS))
            if mark.name:
                parts.append((mark.name, mark.times, []))
            if not mark.rest:
                continue
            line = replace(line, text=mark.rest)
        if line.text.strip():
            parts[-1][2].extend([line.text.strip()] * line.times)
        elif line.times > 1 and parts[-1][2]:  # `(x2)` on a line of its own
            parts[-1] = (parts[-1][0], line.times, parts[-1][2])
            continue
        kept.append(line)
    return kept, tuple(_sections(parts, marked=any(mark.name for mark in marks.values()))), dropped


def _sections(parts: Sequence[tuple[str, int, list[str]]], *, marked: bool) -> list[Section]:
    """The sections, with returns and repeats written out. A line before the first mark is a title, and no section."""
    sections: list[Section] = []
    sung: dict[str, tuple[str, ...]] = {}
    for name, times, lines in parts:
        if not lines:
            # A chorus without lines is sung again; without its number if that was never written.
            before = sung.get(name) or sung.get(name.split(" ")[0])
            if before and name.split(" ")[0] in {"verse", "pre-chorus", "chorus", "post-chorus", "bridge", "outro"}:
                sections += [Section(name, before, is_return=True)] * times
            continue
        if not name and marked and len(lines) == 1:
            continue
        sung[name] = tuple(lines)
        sung.setdefault(name.split(" ")[0], tuple(lines))
        sections += [Section(name, tuple(lines)), *[Section(name, tuple(lines), is_return=True)] * (times - 1)]
    return sections
