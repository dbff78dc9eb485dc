"""The frame that lyric sites put around a text: contributors, advertisements, links, invitations."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from zuoci.text.formats.document import LONGEST_LINE, Dropped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.formats.document import Line

FRAME = "lines of a site"
_HEADER = re.compile(r"\s*\d[\d,.]{0,6}K?\s?Contributors?.{0,400}?Lyrics(?=\s|\[|$|[^a-z])|.{1,100} Lyrics\s*$")
_CONTRIBUTORS = re.compile(r"\s*\d[\d,.]{0,6}K?\s?Contributors?\b.{0,200}")
_EMBED = re.compile(r"(?:(?<=\D)|^)\d{0,4}(?:\.\d)?K?Embed(?:Share)?(?:\s?URL)?(?:\s?Copy.{0,20})?\s*$")
_ALSO = re.compile(r"\s*You might also like\s*")
_TICKETS = re.compile(r"See .{1,60}? LiveGet tickets as low as \$\d{1,4}")
# Lines that nobody sings, wherever they stand,
_CERTAIN = re.compile(
    r"\s*(?:"
    r"See .{1,60} LiveGet tickets.{0,40}|You might also like.{0,3}|\d{1,4}(?:\.\d)?K?Embed"
    r"|Lyrics(?: provided by .{1,40}| licensed .{1,80}| powered by .{1,40}| submitted by .{1,40})"
    r"|Submit Corrections.{0,20}|Writer\(s\):.{0,200}|Thanks to .{1,80} for (?:correcting|adding|submitting) .{1,60}"
    r"|\*{3,}.{0,60}NOT for Commercial use.{0,20}|\(\d{8,}\)"
    r"|[-=*_\s【\[(（]{1,10}(?:advertisements?|sponsored(?: content)?|[广廣]告|[赞贊]助商)[-=*_\s】\])）]{1,10}"
    r"|更多.{0,8}歌[词詞].{0,30}|.{0,20}[请請](?:[访訪][问問]|[关關]注|搜索).{1,30}|.{0,10}[关關]注.{0,20}公[众眾][号號].{0,30}"
    r"|(?:本)?(?:歌[词詞])?(?:[来來]源|[来來]自|[转轉][载載]自|出[处處])\s*[:：].{1,60}"
    r"|(?:https?://|www\.)\S{1,300}"
    r")\s*",
    re.IGNORECASE,
)
# and lines that are frame beside such lines.
_BESIDE = re.compile(
    r"\s*(?:Embed|Share|Copy(?: embed)?|Cancel|Read More|Show More|How to Format Lyrics:?|About this song"
    r"|Sign Up.{0,40}|Log ?in.{0,40}|More on Genius|Expand|Translations?|advertisements?|ad|sponsored|[广廣]告"
    r"|Source:? .{0,60})\s*",
    re.IGNORECASE,
)
_SUSPECT = re.compile(
    r"contributor|embed|also like|lyrics|tickets|licensed|provided by|https?:|www\.|more|share|copy|cancel|about|sign"
    r"|log ?in|expand|translation|submit|writer|thanks|commercial|advert|sponsor|\bad\b|source|\(\d{8}|[广廣]告"
    r"|[赞贊]助|歌[词詞]|公[众眾]|[来來][源自]|[转轉][载載]|出[处處]|[请請][访訪关關搜]"
)
_SURE = re.compile(r"contributor|embed\s*$|you might also like|https?://|www\.|tickets as low|licensed|provided by")


def strip_frame(lines: Sequence[Line]) -> tuple[list[Line], list[Dropped]]:
    """Takes the frame of a lyric site out of the lines of a text."""
    lower = [line.text.lower() for line in lines]  # many times as quick as patterns that ignore case
    suspect = [_SUSPECT.search(text) is not None for text in lower]
    sure = any(maybe and _SURE.search(text) for maybe, text in zip(suspect, lower, strict=True))
    kept: list[Line] = []
    dropped: list[Dropped] = []
    filled = [index for index, line in enumerate(lines) if line.text.strip()]
    first, last = (filled[0], filled[-1]) if filled else (-1, -1)
    for index, line in enumerate(lines):
        rest = line.text
        if suspect[index] and len(rest) <= LONGEST_LINE:
            rest = _without_frame(rest, first=index == first, last=index == last, sure=sure)
        if rest == line.text:
            kept.append(line)
            continue
        dropped.append(Dropped(line.number, line.text.strip()[:200], FRAME))
        if rest.strip():
            kept.append(replace(line, text=rest))
    return kept, dropped


def _without_frame(text: str, *, first: bool, last: bool, sure: bool) -> str:
    """What is sung of a line."""
    if _CERTAIN.fullmatch(text) or (sure and _BESIDE.fullmatch(text)):
        return ""
    if (first or sure) and (match := _HEADER.match(text)) and (sure or match.end() == len(text)):
        text = text[match.end() :]
    if sure and _CONTRIBUTORS.fullmatch(text):
        return ""
    text = _TICKETS.sub("", text)
    if last:
        text = _EMBED.sub("", text)
    return _ALSO.sub("", text) if sure else text
