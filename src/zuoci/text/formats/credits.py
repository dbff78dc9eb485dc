"""Credits: who wrote, sang, played and owns a song. They are found by their shape and their place.

A credit has a *label* and a *name*: `编曲 Arrangement：某人`, `Lyrics by Someone`, `OP：某公司`. Three things have to
come together, so that no sung line is taken for a credit because it holds a colon:

- the place: a run of such lines at the beginning of a song, after at most a few lines of title, or at its end;
- the label: it is made of nothing but words for roles. Labels of unknown words count only between two known ones, or
  where the time stamps leave no second to sing the line, and never if they speak (`她说：`, `I said:`);
- the name: it does not read like a sentence.

`credit_kind` and `is_name` decide the last two, `strip_credits` the first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zuoci.text.formats.document import LONGEST_LINE, Dropped
from zuoci.text.formats.roles import is_role
from zuoci.text.formats.sections import mark_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.formats.document import Line

CREDITS, TITLES = "credit lines", "title lines"
_MOST_HEAD = 3  # lines of a title before the first credit
_MOST_LABELS = 20  # of unknown words between two known ones
_UNSUNG = 1.2  # seconds; a line that stands for less is not sung
_INTRO = 6.0  # seconds; a first line at 0 that stands for longer is a title over an intro

_LABELLED = re.compile(
    r"\s*[【\[（(<《*_]{0,3}\s*([^:：\n]{1,48}?)\s*[】\]）)>》*_]{0,3}\s*[:：]\s*[*_]{0,2}\s*(.{0,200})", re.S
)
_SLASHED = re.compile(r"\s*([^\s:：/／|｜\n]{1,10}(?: [A-Za-z]{1,14})?)\s*[/／|｜]\s*([^/／|｜\n]{1,60})")
_SPACED = re.compile(r"\s*([^\s:：\n]{2,6})[ \u3000]{1,8}([^:：\n]{2,30})")
_BY = re.compile(r"\s*([A-Za-z&,/ ]{4,60}? [Bb][Yy])\s+(\S.{0,80})")
_SPEAKS = re.compile(
    r"[我你您他她它俺咱谁說说道问問答喊叫想听聽讲講曰云告笑哭骂罵嚷吼]"
    r"|\b(?:i|you|he|she|we|they|it|me|said|says?|told|asks?|asked|cried|sang|sings|thinks?|goes|like|baby|oh)\b",
    re.IGNORECASE,
)
_COMPANY = re.compile(
    r"公司|文化|唱片|[传傳]媒|[娱娛][乐樂]|工作室|[乐樂][团團队隊]|[录錄]音|音[乐樂]|合唱|studio|records?\b|music|entertainment"
    r"|ltd|inc\b|gmbh|publish|orchestra|band\b|@|https?:|www\.",
    re.IGNORECASE,
)
# Words of which sentences are made and names are not.
_SENTENCE = re.compile(
    r"[？！?。；;…]|[的了是我你您他她它们們这這那哪吗嗎呢吧啊呀嘛着著过過不沒没就都还還把被让讓]"
    r"|\b(?:i|you|he|she|we|they|me|my|your|our|his|her|is|are|was|were|am|be|do|don't|it|it's|this|that|to|in|of|on|at|for"
    r"|from|with|all|love|so|no|not|I|I'm|know|only)\b"
)
_IN_NAMES = frozenset(
    ["the", "and", "of", "de", "la", "da", "van", "von", "der", "el", "y", "e", "feat", "ft", "vs", "x"]
)
_NOTICE = re.compile(
    r"\s*[（(【\[「*]{0,3}\s*(?:"
    r"未[经經](?=.{0,40}(?:[许許]可|授[权權]|同意|允[许許]|书面))(?=.{0,60}(?:不得|禁止|[请請]勿|[严嚴]禁|翻唱|翻[录錄]|使用|[转轉][载載]"
    r"|侵[权權]|[责責]任))"
    r"|(?:本|此|[该該])?(?:歌曲|作品|音[乐樂]|[词詞]曲|[录錄]音).{0,20}(?:版[权權]|著作[权權]|授[权權]).{0,40}"
    r"(?:所有|禁止|不得|授[权權]|使用)"
    r"|.{0,20}享有.{0,20}(?:著作[权權]|版[权權])"
    r"|.{0,40}(?:版[权權]所有|著作[权權][归歸]|不得翻唱|侵[权權]必究|翻[录錄]必究|all rights reserved)"
    r"|(?:copyright|©|℗|\(c\)|\(p\))[\s©℗:：(（]*(?:\d{4}|by\b|[A-Z©℗])"
    r"|本?(?:歌[词詞]|字幕|lrc)\s*(?:由.{1,30}(?:提供|[制製]作|上[传傳]|整理|[编編][辑輯])|by\b.{1,40})"
    r")",
    re.IGNORECASE,
)
_ISRC = re.compile(r"\s*ISRC\s*[:：]?\s*[A-Z]{2}", re.IGNORECASE)
_TITLE = re.compile(r"\s*(\S.{0,80}?)\s*(?: [-–—/]+ |\s[–—]\s?)\s*(\S.{0,100}?)\s*")


def is_name(value: str) -> bool:
    """Whether the right side of a label can be names, and is not a sentence."""
    value = value.strip()
    if _COMPANY.search(value):
        return True
    if not value or len(value) > 90 or _SENTENCE.search(value):
        return False
    if len(value) > 2 and len(set(value)) == 1:  # 啦啦啦
        return False
    words = re.findall(r"[A-Za-z][\w'’]*", value)
    if len(words) > 2 and 2 * sum(word[0].islower() for word in words if word not in _IN_NAMES) > len(words):
        return False
    pieces = re.split(r"[\s/／、,，&·•・;|｜()（）\-]+|[:：]", value)
    return all(len(piece) <= (6 if re.search("[\u4e00-\u9fff]", piece) else 24) for piece in pieces)


def credit_kind(text: str) -> str:
    """What a line may be: `role`, a credit; `pair`, one beside others; `label`, one between others; "": none of it."""
    if len(text) > LONGEST_LINE:
        return ""
    if _NOTICE.match(text) or _ISRC.match(text):
        return "role"
    if match := _LABELLED.fullmatch(text):
        label, name = match[1], match[2]
        if is_role(label):
            return "role" if is_name(name) and not mark_of(text) else "label"  # `Chorus: La la la` is a section
        speaks = _SPEAKS.search(label) or len(label) > 24 or len(label.split()) > 4
        return "" if speaks or len(name) > 40 or re.search(r"[？！?。；]", name) else "label"
    if (match := _BY.fullmatch(text)) and is_role(match[1]):
        return "role" if is_name(match[2]) and not match[2].strip()[0].islower() else "label"
    if (match := _SLASHED.match(text)) and is_role(match[1]) and is_name(match[2]):
        return "role"
    if (match := _SPACED.fullmatch(text)) and len(match[1]) > 1 and is_role(match[1]) and is_name(match[2]):
        return "pair"  # `作词 某人`: only among others
    return ""


def is_title_line(text: str, tags: Sequence[str]) -> bool:
    """Whether a line names the song and its artist, or repeats a tag of the file that does."""
    plain = text.strip().casefold()
    return bool(_TITLE.fullmatch(text)) or any(plain == tag.strip().casefold() for tag in tags if tag.strip())


def strip_credits(lines: list[Line], tags: Sequence[str] = ()) -> tuple[list[Line], list[Dropped]]:
    """Takes the credits out of the lines of a song, at its head and at its end.

    Args:
        lines: the lines, empty ones included.
        tags: the title and the artist, if the file names them.

    Returns:
        The other lines, and what was dropped.
    """
    filled = [index for index, line in enumerate(lines) if line.text.strip()]
    head = _head(lines, filled, tags)
    rest = [index for index in filled if index not in head]
    tail = _run(lines, rest[::-1])
    gone = head | dict.fromkeys(tail, CREDITS)
    dropped = [Dropped(lines[index].number, lines[index].text, gone[index]) for index in sorted(gone)]
    return [line for index, line in enumerate(lines) if index not in gone], dropped


def _head(lines: Sequence[Line], filled: Sequence[int], tags: Sequence[str]) -> dict[int, str]:
    """The lines of titles and credits at the head of a song → why they are dropped."""
    for first in range(min(_MOST_HEAD + 1, len(filled))):
        run = _run(lines, filled[first:])
        if len(run) >= max(1, min(first, 2)):
            titles = [index for index in filled[:first] if _is_heading(lines, filled, index, tags)]
            return dict.fromkeys(titles, TITLES) | dict.fromkeys(run, CREDITS)
    if filled and lines[filled[0]].time is not None and _is_title_alone(lines, filled, tags):
        return {filled[0]: TITLES}
    return {}


def _run(lines: Sequence[Line], places: Sequence[int]) -> list[int]:
    """The credits among the first of the given lines: as long as there are credits, labels between them included."""
    run: list[int] = []
    maybe: list[int] = []
    kinds: list[str] = []
    for at, index in enumerate(places):
        kinds.append(_kind_beside(lines, places, at))
        kind = kinds[-1]
        if kind == "role" or (kind and run and _is_too_short(lines, places, at)):
            run += [*maybe, index]
            maybe = []
        elif kind and len(maybe) < _MOST_LABELS and (run or maybe or at == 0):
            maybe.append(index)
        else:
            break
    known = {index for index, kind in zip(places, kinds, strict=False) if kind == "role"}
    roles = [at for at, index in enumerate(run) if index in known]
    return run if len(roles) > 1 else run[roles[0] :] if roles else []


def _kind_beside(lines: Sequence[Line], places: Sequence[int], at: int) -> str:
    """The kind of a line: a pair of words beside another is a credit."""
    kind = credit_kind(lines[places[at]].text)
    if kind != "pair":
        return kind
    around = [places[beside] for beside in (at - 1, at + 1) if 0 <= beside < len(places)]
    return "role" if any(credit_kind(lines[index].text) in {"pair", "role"} for index in around) else ""


def _is_too_short(lines: Sequence[Line], places: Sequence[int], at: int) -> bool:
    """Whether a line stands for too short a time to be sung."""
    following = places[at + 1] if at + 1 < len(places) else None
    return following is not None and _seconds(lines[places[at]], lines[following]) < _UNSUNG


def _seconds(line: Line, following: Line) -> float:
    if line.time is None or following.time is None:
        return float("inf")
    return abs(following.time - line.time)


def _is_heading(lines: Sequence[Line], filled: Sequence[int], index: int, tags: Sequence[str]) -> bool:
    """Whether a line before the credits is a title that is dropped: plain texts keep a title of one piece."""
    if is_title_line(lines[index].text, tags):
        return True
    following = filled[filled.index(index) + 1]
    return _seconds(lines[index], lines[following]) < _UNSUNG


def _is_title_alone(lines: Sequence[Line], filled: Sequence[int], tags: Sequence[str]) -> bool:
    """Whether the first line of a song with time stamps is its title, although no credits follow."""
    first = lines[filled[0]]
    if len(filled) < 2 or (first.time or 0.0) > _UNSUNG:
        return False
    named = any(tag.strip() and tag.strip().casefold() in first.text.casefold() for tag in tags[:1])
    if named and is_title_line(first.text, tags):
        return True
    return bool(_TITLE.fullmatch(first.text)) and _INTRO <= _seconds(first, lines[filled[1]]) < float("inf")
