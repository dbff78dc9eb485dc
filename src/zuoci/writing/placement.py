"""Where words that must appear go: a draft without them + the words → plans of lines that hold them.

`zuoci.writing.text` calls this between the draft and the text.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from zuoci.errors import Message, SettingsError
from zuoci.writing.form import count_syllables, kind
from zuoci.writing.line import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.form import LinePlan
    from zuoci.writing.line import Context, WrittenLine
    from zuoci.writing.rules import Rules
    from zuoci.writing.steps import Steps

_Spot: TypeAlias = "tuple[str, int, int]"  # a word, a line, and the number of syllables before the word


def place_words(
    rules: Rules, context: Context, plans: Sequence[LinePlan], draft: Sequence[WrittenLine]
) -> Steps[list[LinePlan]]:
    """Fixes each word where the model finds it most likely in a draft, by its nll per character; long words first.

    Args:
        rules: the compiled wish, with the words.
        context: the text before the lines.
        plans: of the lines, without the words.
        draft: the lines as they were written by these plans.

    Raises:
        SettingsError: no line has room for a word.
    """
    plans = list(plans)
    scores = yield from _scores(rules, context, plans, draft)
    for word in sorted(rules.words, key=count_syllables, reverse=True):
        free = [spot for spot in scores if spot[0] == word and _has_room(plans[spot[1]], spot[2], word)]
        if not free:
            told = "no line has room for {word!r} ({length} long); raise lines or line_length"
            raise SettingsError(Message("no_room", told, field="word", word=word, length=count_syllables(word)))
        _, i, offset = max(free, key=lambda spot: (scores[spot], -spot[1], -spot[2]))
        fixed = sorted([*plans[i].fixed, (offset, word)], key=lambda pair: (pair[0], count_syllables(pair[1])))
        plans[i] = dataclasses.replace(plans[i], fixed=tuple(fixed))
    return plans


def _scores(
    rules: Rules, context: Context, plans: Sequence[LinePlan], draft: Sequence[WrittenLine]
) -> Steps[dict[_Spot, float]]:
    """The log-probability per character of each word at each spot of a draft."""
    model = rules.model
    scores: dict[_Spot, float] = {}
    for i, line in enumerate(draft):
        spots = [(0, context)]
        for n, char in enumerate(line.text, 1):
            context, _ = yield from read(model, context, char)
            spots.append((count_syllables(line.text[:n]), context))
        for offset, at in spots:
            for word in rules.words:
                if kind(at.text[-1:] or " ") == kind(word[0]) == "letter":
                    continue  # within another word
                _, nll = yield from read(model, at, word)
                scores[word, i, offset] = max(scores.get((word, i, offset), -np.inf), -nll / len(word))
        context, _ = yield from read(model, context, model.alphabet.line_end * (1 + plans[i].ends_stanza))
    return scores


def _has_room(plan: LinePlan, offset: int, word: str) -> bool:
    """Whether a word can stand in a line after `offset` syllables.

    It must not overlap a fixed text, nor come before one that begins the line, nor run over a gap, and a rhymed line
    must go on after it. A line that repeats another one has no room.
    """
    end = offset + count_syllables(word)
    if plan.repeats is not None or (plan.length and end + bool(plan.rhyme) > plan.length):
        return False
    if any(offset < gap < end for gap in plan.gaps):
        return False
    return all(end <= start > 0 or start + count_syllables(text) <= offset for start, text in plan.fixed)
