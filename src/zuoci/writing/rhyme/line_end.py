"""The end of a line as it is sung: its last words without the marks that songwriters put after them.

`zuoci.writing.rhyme.scheme` reads the rhyme of a line from its last words. Marks of repetition (×2), numbers of
footnotes, and anything in brackets after the line, as (哦) or a reading, are not part of it.
"""

from __future__ import annotations

import re

from zuoci.writing.rhyme.chinese import CHARACTERS
from zuoci.writing.rhyme.vowels import HANGUL, KANA

_LATIN = "A-Za-zÀ-ÖØ-öø-ɏＡ-Ｚａ-ｚ"
WORD = f"[{_LATIN}][{_LATIN}\u0300-\u036f]*"  # accents may follow their letters
LATIN_LETTER = re.compile(f"[{_LATIN}]")
_LAST_WORD = re.compile(
    rf"([{CHARACTERS}]|[{KANA}][ぁぃぅぇぉっゃゅょァィゥェォッャュョーｧ-ｰ]*|[{HANGUL}]|{WORD}(?:['’]{WORD})*(?:(?<=in)['’])?|\d+|[^\W_])[\W_]?\Z"
)
# A Chinese character that no mark ends with, ×2遍 say: most lines need not be searched for marks.
_LAST_CHARACTER = re.compile(rf"(?![遍次])(?=\w)[{CHARACTERS}]")
_LONGEST_WORD = 100  # characters; bounds the time for any line, and the length of a bracket

_BRACKETS = {
    ")": "(",
    "）": "(（",
    "]": "[",
    "］": "[［",
    "】": "【",
    "〕": "〔",
    "}": "{",
    "｝": "{｛",
    ">": "<",
    "＞": "<＜",
}
_HEADING = re.compile(r"\s*(?:\[[^\]]*\]|［[^］]*］|【[^】]*】)\s*")
_MARK = re.compile(
    rf"(?:(?:(?:(?<![{_LATIN}])[xX]|[×✕＊*])\s?[\d０-９]{{1,2}}(?:\s?(?:times|遍|次))?)|(?:(?<!\w)\d{{1,2}}\s?[xX×✕]))\Z"
    r"|(?<![\d０-９.,:])[\d０-９]\Z|[¹²³⁰⁴-⁹₀-₉①-⓿❶-➓]+\Z"
)


def last_word(line: str) -> tuple[str, int]:
    """The last character or word of a line that is sung, and the index after it; ("", 0) if there is none."""
    if _LAST_CHARACTER.match(line[-1:]):
        return line[-1], len(line)
    if _HEADING.fullmatch(line[: 2 * _LONGEST_WORD]):
        return "", 0  # [Chorus]
    line = line[: _end(line)]
    start = max(0, len(line) - _LONGEST_WORD)
    match = _LAST_WORD.search(line[start:])
    return (match[1], start + match.end(1)) if match else ("", 0)


def _end(line: str) -> int:
    """The length of a line without marks at its end; one character that follows the last word is kept."""
    first = next((index for index, char in enumerate(line) if char.isalnum()), len(line))
    end = len(line)
    while end > first:
        char = line[end - 1]
        if char in _BRACKETS:
            opening = max(line.rfind(each, max(0, end - _LONGEST_WORD), end) for each in _BRACKETS[char])
            end = opening if opening > first else end - 1
        elif not char.isalnum():
            end -= 1
        else:
            mark = _MARK.search(line[max(first, end - 16) : end])
            cut = end - len(mark[0]) if mark else end
            if cut == end or cut <= first:
                break
            end = cut
    return min(end + 1, len(line)) if end < len(line) and line[end] in "'’" else end
