"""Lines that are sung at the same time because they are translations of one another → the first language."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from zuoci.text.formats.document import Dropped
from zuoci.text.formats.scripts import script_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.formats.document import Line

TRANSLATIONS = "translations"
_TOGETHER = 0.05  # seconds; lines so close share a stamp


def first_language(lines: Sequence[Line]) -> tuple[list[Line], list[Dropped]]:
    """Keeps the first of the lines that share a stamp, if they are translations of one another.

    They are if most such lines are in another script than the first of theirs, or if nearly all lines come in pairs.
    """
    groups = _groups(lines)
    shared = [group for group in groups if len(group) > 1 and len({line.text for line in group}) > 1]
    foreign = [group for group in shared if len({script_of(line.text) for line in group} - {""}) > 1]
    if not shared or not (2 * len(foreign) >= len(shared) or (len(shared) > 2 and len(shared) >= 0.8 * len(groups))):
        return list(lines), []
    paired = {id(group) for group in shared}
    kept: list[Line] = []
    dropped: list[Dropped] = []
    for group in groups:
        if id(group) in paired:
            kept.append(group[0])
            dropped += [Dropped(line.number, line.text, TRANSLATIONS) for line in group[1:]]
        else:
            kept += group
    return kept, dropped


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """Sorted lines, grouped where they share a stamp."""
    number, last = 0, float("-inf")
    keys: list[int] = []
    for line in lines:
        time = line.time or 0.0
        if time - last > _TOGETHER:
            number, last = number + 1, time
        keys.append(number)
    at = iter(keys)
    return [list(group) for _, group in groupby(lines, key=lambda _: next(at))]
