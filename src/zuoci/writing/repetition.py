"""Repetition within a text: which characters would complete a loop, and how much of a text repeats.

`zuoci.writing.line` and `zuoci.writing.text` forbid the former; `zuoci.writing.candidates` ranks by the latter.
"""

from __future__ import annotations

LONGEST_BLOCK = 64  # characters of the longest block that is looked for
FREE = 12  # characters; short blocks may fill up to this many in a row, however often they repeat: 啦啦啦啦
SUFFIX = 3  # characters that must recur for a loop to be possible
_GRAM = 3  # characters of the runs that `repetition` counts


def characters_that_would_repeat(text: str, times: int) -> str:
    """The characters that would make `text` end in a loop.

    A loop is a block of up to 64 characters that occurs more than `times` times in immediate succession and fills
    more than 12 characters in this way. A chorus is not a loop, because other lines stand between its occurrences.

    Args:
        text: the text so far.
        times: how often a block may occur in a row.
    """
    n = len(text)
    if n < FREE:
        return ""
    found = ""
    end, first = text[n - SUFFIX :], max(0, n - SUFFIX - LONGEST_BLOCK)
    start = n - SUFFIX
    while (start := text.rfind(end, first, start + SUFFIX - 1)) >= 0:
        period = n - SUFFIX - start
        copies = max(times, FREE // period)
        repeated = copies * period - 1
        # One more character equal to that one period ago would complete copies + 1 blocks.
        if n >= repeated + period and text[n - repeated :] == text[n - repeated - period : n - period]:
            found += text[n - period]
    return found


def repetition(text: str, before: str = "") -> float:
    """The share of the text's runs of 3 characters that occur earlier, in the text or in what precedes it."""
    whole = before + text
    seen = {whole[i : i + _GRAM] for i in range(len(before) - _GRAM + 1)}
    repeated = 0
    count = max(len(text) - _GRAM + 1, 0)
    for i in range(len(before), len(before) + count):
        gram = whole[i : i + _GRAM]
        repeated += gram in seen
        seen.add(gram)
    return repeated / max(count, 1)
