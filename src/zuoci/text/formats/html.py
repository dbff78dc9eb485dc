"""Web pages, and other files of tags such as TTML → their text. Scripts, styles and navigation are left out.

Where elements are called lyrics, as the sites do, only their text is taken.
"""

from __future__ import annotations

import re
from html import unescape

from zuoci.errors import Message
from zuoci.text.formats.document import Document, Line
from zuoci.text.formats.lyrics import clean_song

_SKIPPED_TAGS = (
    "script style head title nav header footer button select option form svg iframe noscript template textarea rt rp "
    "aside audio video object canvas metadata"
)
_SKIPPED = frozenset(_SKIPPED_TAGS.split())
_BLOCK_TAGS = (
    "p div section article main h1 h2 h3 h4 h5 h6 ul ol li table tr blockquote pre center body dd dt dl figure address"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_PARAGRAPH_TAGS = "p ul ol table blockquote h1 h2 h3 h4 h5 h6 pre"
_PARAGRAPHS = frozenset(_PARAGRAPH_TAGS.split())
_VOID_TAGS = "area base br col embed hr img input link meta param source track wbr"
_VOID = frozenset(_VOID_TAGS.split())
_LYRICS = re.compile(r"lyric|songtext|paroles|letra|歌词|歌詞|(?:^|[\s_-])lrc", re.IGNORECASE)
_NOT_LYRICS = re.compile(
    r"header|footer|title|credit|button|share|nav|menu|sidebar|related|comment|ad[sv]?\b", re.IGNORECASE
)
_IS_HTML = re.compile(
    r"\s{0,1000}(?:<\?xml[^<>]{0,200}\?>\s{0,100})?(?:<!--.{0,2000}?-->\s{0,100})?"
    r"<(?:!doctype html|html|body|head|tt)\b",
    re.I | re.S,
)
_ANY_TAG = re.compile(
    r"</?(?:br|p|div|span|b|i|em|strong|h[1-6]|li|ul|font|a|pre|td|tr|table)\b[^<>]{0,300}/?>", re.IGNORECASE
)
_LEAST_TAGS = 3
_LONGEST = 2**23  # characters of a page
_DEEPEST = 2000


def is_html(text: str) -> bool:
    """Whether a text is a web page, or a piece of one: it begins as one, or many of its lines hold tags."""
    if _IS_HTML.match(text):
        return True
    head = text[:20_000]
    tags = len(_ANY_TAG.findall(head))
    return tags >= _LEAST_TAGS and 3 * tags >= head.count("\n") + 1


def read_html(text: str) -> Document:
    """Reads a web page as one song."""
    page = _Page(text[:_LONGEST])
    lines = page.lines(only_lyrics=True) or page.lines(only_lyrics=False)
    cleaned = clean_song(lines, [page.title])
    document = Document(
        "HTML", dropped=cleaned.dropped, notes=[Message("page_tags", "dropped the tags of a web page")], separate=True
    )
    if page.is_in_lyrics_only:
        document.notes.append(Message("page_lyrics", "took only what the page calls lyrics"))
    if len(text) > _LONGEST:
        document.notes.append(
            Message("page_beginning", "read only the first {most:,} characters of a web page", most=_LONGEST)
        )
    if song := cleaned.song(page.title):
        document.songs.append(song)
    return document


_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]{0,40})((?:\s[^<>\"]{0,4000}|\"[^\"]{0,4000}\"){0,200})/?>")
_ATTRIBUTE = re.compile(r"([\w:-]{1,60})\s?=\s?(?:\"([^\"]*)\"|'([^']*)')|\b(hidden)\b")
_ENDS = {"<!--": "-->", "<![": "]]>", "<!": ">", "<?": ">"}
_MARKUP = re.compile(rf"{_TAG.pattern}|(<!--|<!\[|<!|<\?)")
_RAW_ENDS = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in ("script", "style")}  # between them stands no markup


class _Page:
    """Collects the text of a page, piece by piece, with the line where each begins.

    The parser of the standard library takes time that grows with the square of a page of unclosed comments; this one
    reads every character once.
    """

    def __init__(self, text: str) -> None:
        self.title = ""
        self.is_in_lyrics_only = False
        self._text = text
        self._line = 1
        self._counted = 0
        self._open: list[tuple[str, bool, bool]] = []  # tag, whether it is left out, whether it is in lyrics
        self._pieces: list[tuple[int, str, bool]] = []
        self._heading: list[str] | None = None
        self._read()

    def _read(self) -> None:
        at = 0
        markup = _MARKUP
        while match := markup.search(self._text, at):
            self._take_text(at, match.start())
            if opening := match[4]:
                close = self._text.find(_ENDS[opening], match.end())
                if close < 0:  # so are all that follow
                    markup, at = _TAG, match.end()
                else:
                    at = close + len(_ENDS[opening])
            else:
                at = self._take_tag(match)
        self._take_text(at, len(self._text))

    def _take_tag(self, match: re.Match[str]) -> int:
        """Takes a tag, and returns where to go on."""
        tag = match[2].lower().rpartition(":")[2]
        if match[1]:
            self._close(tag)
        else:
            self._begin(tag, match[3])
        if tag in _RAW_ENDS and not match[1]:
            close = _RAW_ENDS[tag].search(self._text, match.end())
            return close.start() if close else len(self._text)
        return match.end()

    def _begin(self, tag: str, attributes: str) -> None:
        if tag in {"br", "hr"}:
            self._add("\n")
            return
        if tag in _VOID or len(self._open) > _DEEPEST:
            return
        skipped, lyrics = (self._open[-1][1], self._open[-1][2]) if self._open else (False, False)
        found = [(each[1], each[2] or each[3] or "") for each in _ATTRIBUTE.finditer(attributes) if not each[4]]
        hidden = any(each[4] for each in _ATTRIBUTE.finditer(attributes))
        named = " ".join(value for key, value in found if key in {"class", "id", "data-testid"})
        called = _LYRICS.search(named) or any("lyric" in key for key, _ in found)
        called = bool(called) and not _NOT_LYRICS.search(named) and tag not in {"body", "html", "a"}
        self._break(tag)
        self._open.append((tag, skipped or tag in _SKIPPED or hidden, lyrics or called))
        if tag == "h1" and not self._open[-1][1] and not self.title:
            self._heading = []

    def _close(self, tag: str) -> None:
        if tag == "h1" and self._heading is not None:
            self.title, self._heading = " ".join("".join(self._heading).split()), None
        for depth in range(len(self._open) - 1, max(len(self._open) - 50, -1), -1):
            if self._open[depth][0] == tag:
                self._break(tag)
                del self._open[depth:]
                break

    def _take_text(self, begin: int, end: int) -> None:
        if begin == end or (self._open and self._open[-1][1]):
            return
        self._line += self._text.count("\n", self._counted, begin)
        self._counted = begin
        data = unescape(self._text[begin:end])
        if self._heading is not None:
            self._heading.append(data)
            return
        preformatted = any(tag in {"pre", "lyrics"} for tag, _, _ in self._open[-4:])
        self._add(data if preformatted else re.sub(r"[ \t\r\n]+", " ", data))

    def _break(self, tag: str) -> None:
        if tag == "p" and self._open and self._open[0][0] == "tt":  # TTML: a line
            self._add("" if self._pieces and self._pieces[-1][1].endswith("\n") else "\n")
        elif tag in _PARAGRAPHS:
            self._add("\n\n")
        elif tag in _BLOCKS:
            self._add("\n")

    def _add(self, text: str) -> None:
        self._pieces.append((self._line, text, bool(self._open and self._open[-1][2])))

    def lines(self, *, only_lyrics: bool) -> list[Line]:
        """The lines of the page, at most one empty line between two; [] if nothing on it is called lyrics."""
        pieces = [(number, text) for number, text, lyrics in self._pieces if lyrics or not only_lyrics]
        found: list[Line] = []
        row: list[str] = []
        start = 0
        for number, text in [*pieces, (0, "\n")]:
            first, *others = text.split("\n")
            start = start if row else number
            row += [first] if first.strip() or row else []
            for other in others:
                words = re.sub(r"[ \t\xa0]+", " ", "".join(row)).strip()
                if words or (found and found[-1].text):
                    found.append(Line(start, words))
                row, start = [other] if other.strip() else [], number
        self.is_in_lyrics_only = only_lyrics and any(line.text for line in found)
        return found if any(line.text for line in found) else []
