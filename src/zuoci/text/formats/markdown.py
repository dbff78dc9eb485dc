"""Markdown → songs: a heading begins a song and is its title. Front matter, quotes and signs are taken out."""

from __future__ import annotations

import re

from zuoci.text.formats.document import Document, Dropped, Line, numbered
from zuoci.text.formats.lyrics import clean_song
from zuoci.text.formats.sections import mark_of

FRONT, HEADINGS, QUOTES, RULES = "lines of front matter", "headings", "quoted notes", "signs of Markdown"
_HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(.{1,300}?)\s*#*\s*")
_RULE = re.compile(
    r"\s*(?:(?:[-*_]\s?){3,40}|={3,80}|```.{0,20}|~~~.{0,20}|<!--.{0,400}-->|!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)|</?\w{1,12}>)\s*"
)
_QUOTE = re.compile(r"\s{0,3}>\s?(.*)")
_ITEM = re.compile(r"\s{0,8}(?:[-*+]|\d{1,3}[.)])\s+(?=\S)")
_INLINE = (
    (re.compile(r"!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)"), ""),
    (re.compile(r"\[([^\[\]\n]{1,300})\]\((?:https?:|/|\.|#|www)[^()\n]{0,500}\)"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)([^\n]{1,300}?\S|\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,300})(?<=[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=[^\s_])([^_\n]{1,300})(?<=[^\s_])_(?![\w_])"), r"\1"),
    (re.compile(r"`([^`\n]{1,300})`"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!>|-])"), r"\1"),
    (re.compile(r"(?:<br\s?/?>|\\|[ \t]{2,})$"), ""),
)
_FRONT = re.compile(r"\s*---[ \t]*\n(?:[^\n]{0,1000}\n){1,200}?(?:---|\.\.\.)[ \t]*(?:\n|$)")
_KEY = re.compile(r"^[A-Za-z\u4e00-\u9fff][\w -]{0,40}\s?[:：]", re.MULTILINE)
_SIGNS = re.compile(
    r"^ {0,3}#{1,6} \S|^ {0,3}\*\*[^*\n]{1,80}\*\*[ \t]*$|^ {0,3}> \S|\]\(https?://"
    r"|^ {0,3}(?:---|\*\*\*|```)[ \t]*$|\S  $",
    re.MULTILINE,
)
_HEADING_LINE = re.compile(r"^ {0,3}#{1,6} \S", re.MULTILINE)


def _front(text: str) -> re.Match[str] | None:
    match = _FRONT.match(text)
    return match if match and _KEY.search(match[0]) else None


def is_markdown(text: str, *, named: bool) -> bool:
    """Whether a text is Markdown: front matter, or headings beside other signs of it.

    Args:
        text: the text.
        named: whether its file is called so; then any sign is enough.
    """
    if _front(text):
        return True
    if named:
        return bool(_SIGNS.search(text))
    head = text[:20_000]
    return bool(_HEADING_LINE.search(head)) and len({match[0].strip()[:1] for match in _SIGNS.finditer(head)}) > 1


def read_markdown(text: str) -> Document:
    """Reads a Markdown file."""
    document = Document("Markdown", separate=True)
    lines = numbered(text)
    title = ""
    if front := _front(text):
        count = front[0].count("\n") if front[0].endswith("\n") else len(lines)
        found = re.search(r"^(?:title|标题|歌名)\s?[:：]\s*[\"']?(.{1,200}?)[\"']?\s*$", front[0], re.MULTILINE | re.I)
        title = found[1] if found else ""
        document.dropped += [Dropped(line.number, line.text, FRONT) for line in lines[:count] if line.text.strip()]
        lines = lines[count:]
    quoted = [line for line in lines if _QUOTE.fullmatch(line.text)]
    filled = [line for line in lines if line.text.strip() and not _HEADING.fullmatch(line.text)]
    items = sum(bool(_ITEM.match(line.text)) for line in filled)
    keep_quotes, drop_items = 2 * len(quoted) > len(filled), items > 1 and 2 * items >= len(filled)
    part: list[Line] = []
    for line in lines:
        heading = _HEADING.fullmatch(line.text)
        if heading and not mark_of(heading[2]) and not mark_of(line.text):
            document.dropped.append(Dropped(line.number, line.text.strip(), HEADINGS))
            if any(each.text.strip() for each in part):
                _add(document, part, title)
                part, title = [], ""
            title = _plain(heading[2]) if len(heading[1]) < 3 or not title else title
            continue
        part += _body(document, line, keep_quotes=keep_quotes, drop_items=drop_items)
    _add(document, part, title)
    document.dropped.sort(key=lambda each: each.line)
    return document


def _body(document: Document, line: Line, *, keep_quotes: bool, drop_items: bool) -> list[Line]:
    """A line without signs of Markdown; [] if nothing is left."""
    text = line.text
    if _RULE.fullmatch(text) and text.strip():
        document.dropped.append(Dropped(line.number, text.strip(), RULES))
        return []
    if quote := _QUOTE.fullmatch(text):
        if not keep_quotes:
            document.dropped.append(Dropped(line.number, text.strip(), QUOTES))
            return []
        text = quote[1]
    if mark_of(text):
        return [Line(line.number, text.rstrip())]
    return [Line(line.number, _plain(_ITEM.sub("", text) if drop_items else text))]


def _plain(text: str) -> str:
    for sign, replacement in _INLINE:
        text = sign.sub(replacement, text)
    return text


def _add(document: Document, lines: list[Line], title: str) -> None:
    cleaned = clean_song(lines, [title])
    document.dropped += cleaned.dropped
    if song := cleaned.song(title):
        document.songs.append(song)
