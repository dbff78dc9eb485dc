"""Whole texts: so many characters, or so many lines by a form.

Each is written step by step for a `Batch`, alone or beside others. What is final of a text is handed out as soon
as it is: of a free text all but the last characters that might have to be taken back; of a text with a form, which
may have to go back to any line, the whole.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from zuoci.errors import SettingsError, WritingError
from zuoci.writing.batch import StepRequest
from zuoci.writing.form import kind, plan, syllables
from zuoci.writing.line import Context, WrittenLine, pick, read, write_line
from zuoci.writing.sampling import characters_that_would_repeat, key_of, uniforms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zuoci.writing.batch import Steps
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.form import Line
    from zuoci.writing.originality import CopyGuard
    from zuoci.writing.rules import Desk

_BLOCK = 256  # random numbers made at once
_BACK = 32  # characters that a free text can be taken back by
_STEPS = 20  # for each of its characters, at most
_TRIES = 5  # of a line, each with more draws, before the line before it is written anew
_DRAWS = 64  # of a line, at most


class Lyrics(BaseModel):
    """A text that was written.

    Attributes:
        text: the opening and what follows it.
        nll: of what follows, nats a character: how unlikely the model itself thinks it.
        seed: writes the same text again.
        unknown: characters of the opening that the model has never seen and that were left out.
        finish: why it ends: its length or form is reached, or a stop string.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    nll: float
    seed: int
    unknown: str = ""
    finish: Literal["length", "stop"] = "length"


def start(desk: Desk) -> Context:
    """Where a text begins: as a new line does."""
    return Context("", desk.alphabet.id(desk.alphabet.end), desk.stepper.start(1))


def begin(desk: Desk, opening: str, before: Context | None) -> Steps[Context]:
    """Reads an opening of known characters, after what stands before it, if anything does."""
    if before is None and opening:  # the first character stands for itself, as in the lesson
        before = Context(opening[0], desk.alphabet.id(opening[0]), desk.stepper.start(1), 1)
        opening = opening[1:]
    context, _ = yield from read(before or start(desk), desk, opening)
    return context


def write_free(
    desk: Desk,
    opening: str,
    config: WriteConfig,
    unknown: str = "",
    before: Context | None = None,
    hand_out: Callable[[str], None] = lambda _: None,
) -> Steps[Lyrics]:
    """Writes `length` characters, or up to a stop string.

    Where every character would complete a copy, the last ones are taken back and others are drawn.

    Raises:
        WritingError: nothing can be written that is not copied.
    """
    hand_out(opening)
    context = yield from begin(desk, opening, before)
    guard, wanted, key = desk.guard(config), desk.wanted(config), key_of(config.seed)
    limit = guard.limit if guard else 0
    given = len(context.text)
    characters = desk.vocabulary.characters
    text = context.text
    ids = np.full(limit + given + config.length, -1)
    ids[limit : limit + given] = [desk.alphabet.id(char) for char in text]
    nll: list[float] = []
    state, last = context.state, context.id
    behind: list[tuple[list[np.ndarray], int]] = []  # states and ids before the last characters
    refused: dict[int, set[int]] = {}  # characters that were taken back, by their place
    lag = max([len(stop) - 1 for stop in config.stop] + [_BACK if guard else 0], default=0)
    out, drawn = given, 0
    finish: Literal["length", "stop"] = "length"
    block = uniforms(key, 0, _BLOCK)
    while len(text) - given < config.length:
        n = len(text)
        if drawn and drawn % _BLOCK == 0:
            block = uniforms(key, drawn, _BLOCK)
        banned = characters_that_would_repeat(text, config.repeats) if config.repeats else ""
        allowed = wanted
        if banned or n in refused:
            allowed = desk.alphabet.others(banned, wanted)
            allowed[list(refused.get(n, ()))] = False
        answer = yield StepRequest(
            np.array([last]),
            state,
            uniform=None if config.greedy else block[drawn % _BLOCK : drawn % _BLOCK + 1],
            allowed=allowed,
            guard=guard,
            recent=ids[None, n : n + limit] if guard else None,
        )
        drawn += 1
        if answer.share[0] == -np.inf:
            if not behind or drawn > _STEPS * config.length + 1000:
                raise WritingError(
                    f"every way on from {text[-20:]!r} copies more than {limit} characters; raise max_copy, or lengthen"
                    " the opening"
                )
            refused.pop(n, None)
            state, last_before = behind.pop()
            refused.setdefault(n - 1, set()).add(last)
            last, text = last_before, text[:-1]
            nll.pop()
            continue
        behind = [*behind[-_BACK + 1 :], (state, last)] if guard else []
        state, last = answer.state, int(answer.ids[0])
        ids[limit + n] = last
        text += characters[last]
        nll.append(float(answer.nll[0]))
        stop = next(
            (stop for stop in config.stop if stop and text.endswith(stop) and len(text) - given >= len(stop)), ""
        )
        if stop:
            text, finish = text[: -len(stop)], "stop"
            break
        if len(text) - lag > out:
            hand_out(text[out : len(text) - lag])
            out = len(text) - lag
    hand_out(text[out:])
    text = text[len(before.text) if before else 0 :]
    return Lyrics(text=text, nll=sum(nll) / max(len(nll), 1), seed=config.seed, unknown=unknown, finish=finish)


def write_form(
    desk: Desk,
    opening: str,
    config: WriteConfig,
    unknown: str = "",
    before: Context | None = None,
    hand_out: Callable[[str], None] = lambda _: None,
) -> Steps[Lyrics]:
    """Writes lines by a form. Lines of the opening that are complete stand before the form.

    A line for which nothing is found is tried again, more widely each time; then the one before it is written anew.

    Raises:
        SettingsError: the form contradicts itself, or asks for characters that the model does not know.
        WritingError: nothing was found that keeps the form.
    """
    *complete, first = opening.split("\n")
    lead = "".join(line + "\n" for line in complete)
    context = yield from begin(desk, lead.replace("\n", desk.alphabet.end), before)
    lines = plan(config, first)
    check(desk, lines, config)
    key = key_of(config.seed, 1)
    if config.word:
        draft = yield from _write_lines(desk, context, lines, config, key_of(key, 0))
        lines = yield from _place_words(desk, context, lines, draft, config)
    verses = yield from _write_lines(desk, context, lines, config, key_of(key, 1))
    body = "".join(verse.text + "\n" * (1 + line.last) for verse, line in zip(verses, lines, strict=True))
    count = sum(len(verse.text) + 1 for verse in verses)
    lyrics = Lyrics(
        text=lead + body.rstrip("\n"),
        nll=sum(verse.nll for verse in verses) / max(count, 1),
        seed=config.seed,
        unknown=unknown,
    )
    hand_out(lyrics.text)
    return lyrics


def check(desk: Desk, lines: Sequence[Line], config: WriteConfig) -> None:
    """Makes sure that a form does not ask for what the model has never seen.

    Raises:
        SettingsError: it does; says for which characters, and which others would do.
    """
    asked = "".join(text for line in lines for _, text in line.fixed) + "".join(config.word)
    missing = [char for char in dict.fromkeys(asked) if char not in desk.vocabulary]
    if missing:
        char = missing[0]
        alike = desk.sounds_like(char)
        instead = f"; it knows {' '.join(alike)}, which sound alike" if alike else ""
        raise SettingsError(
            f"the form asks for {char}, which the model has never seen{instead}; choose another character"
        )
    if not desk.alphabet.counts:
        raise SettingsError("the model knows no character that counts for the length of a line: give no form")
    banned = [char for char in asked if char in config.ban]
    if banned:
        raise SettingsError(f"the form asks for {banned[0]}, which ban forbids; take it out of one of them")
    if "\n" in config.ban and len(lines) > 1:
        raise SettingsError(f"the form asks for {len(lines)} lines, but ban forbids line ends; allow them")


def _write_lines(
    desk: Desk, context: Context, lines: Sequence[Line], config: WriteConfig, key: int
) -> Steps[list[WrittenLine]]:
    verses: list[WrittenLine] = []
    contexts = [context]  # before each line
    tries = [0] * len(lines)  # all of them, to draw anew each time
    budget = 20 * len(lines) + 100
    guard = desk.guard(config)
    while len(verses) < len(lines):
        i = len(verses)
        line = lines[i]
        others = [verse.text for verse, other in zip(verses, lines, strict=False) if other.rhyme == line.rhyme]
        ending = desk.ending(config, others, line.rhymes) if line.rhyme else None
        if ending and others and not line.length:
            line = dataclasses.replace(
                line, length=max(syllables(others[0]), sum(syllables(text) for _, text in line.fixed))
            )
        tried = tries[i] % _TRIES
        draws = min(config.draws * 2 ** (tried + 1), _DRAWS) if tried else 0
        found = yield from write_line(desk, contexts[i], line, config, key_of(key, i, tries[i]), ending, draws)
        tries[i] += 1
        budget -= 1
        if lines[i].last and guard:
            found = [verse for verse in found if _may_part(desk, guard, verse)]
        if found:
            verse = pick(found, key_of(key, i, tries[i], 1))
            verses.append(verse)
            after = verse.after
            if lines[i].last:
                after, _ = yield from read(after, desk, desk.alphabet.end)
                after = dataclasses.replace(after, given=0)
            contexts.append(after)
        elif budget < 0 or config.greedy:  # which would write the same again
            raise WritingError(
                f"no text was found that keeps the form: line {i + 1} fails ({_wishes(line, config)}); loosen a wish"
            )
        elif not verses:
            budget -= 10  # there is nothing before it to write anew
        elif tries[i] % _TRIES == 0:
            verses.pop()
            contexts.pop()
    return verses


def _may_part(desk: Desk, guard: CopyGuard, verse: WrittenLine) -> bool:
    """Whether an empty line after a line completes no copy."""
    _, banned = guard.banned(desk.recent(verse.after.text, guard.limit))
    return desk.alphabet.id(desk.alphabet.end) not in banned


def _wishes(line: Line, config: WriteConfig) -> str:
    wishes = [f"{line.length} long"] if line.length else []
    wishes += [f"with {text!r}" for _, text in line.fixed]
    wishes += ["rhyming"] if line.rhyme else []
    wishes += [f"copying at most {config.max_copy} characters"] if config.max_copy else []
    return ", ".join(wishes) or "free"


def _place_words(
    desk: Desk, context: Context, lines: Sequence[Line], draft: Sequence[WrittenLine], config: WriteConfig
) -> Steps[list[Line]]:
    """Gives each word a place: where the model finds it likeliest, in a draft without it.

    Raises:
        SettingsError: no line has room for a word.
    """
    lines = list(lines)
    odds: dict[tuple[str, int, int], float] = {}
    for i, verse in enumerate(draft):
        now = context
        places = [(0, now)]
        for n, char in enumerate(verse.text, 1):
            now, _ = yield from read(now, desk, char)
            places.append((syllables(verse.text[:n]), now))
        for offset, now in places:
            for word in config.word:
                if kind(now.text[-1:] or " ") == kind(word[0]) == "word":
                    continue  # within another word
                _, nll = yield from read(now, desk, word)
                odds[word, i, offset] = max(odds.get((word, i, offset), -np.inf), -nll / len(word))
        context, _ = yield from read(now, desk, desk.alphabet.end * (1 + lines[i].last))
    for word in sorted(config.word, key=syllables, reverse=True):
        free = [place for place in odds if place[0] == word and _has_room(lines[place[1]], place[2], word)]
        if not free:
            raise SettingsError(f"no line has room for {word!r} ({syllables(word)} long); raise lines or line_length")
        _, i, offset = max(free, key=lambda place: (odds[place], -place[1], -place[2]))
        fixed = tuple(sorted([*lines[i].fixed, (offset, word)], key=lambda pair: (pair[0], syllables(pair[1]))))
        lines[i] = dataclasses.replace(lines[i], fixed=fixed)
    return lines


def _has_room(line: Line, offset: int, word: str) -> bool:
    """Whether a word can stand in a line after so many units: beside what is fixed, not before it at the beginning,
    and before the rhyme."""
    end = offset + syllables(word)
    if line.length and end + bool(line.rhyme) > line.length:
        return False
    return all(end <= start > 0 or start + syllables(text) <= offset for start, text in line.fixed)
