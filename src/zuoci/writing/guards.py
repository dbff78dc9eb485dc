"""Guards: what a model and its base have read → the characters that must not come next.

`zuoci.writing.rules` makes a guard for each limit with `guard_of`, and `zuoci.writing.batch` asks it at every step.
Here are the guard for a model's own text, the one for what a base model has read, and both at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from zuoci.text.fingerprint import NO_CHARACTER, mix, mix_points
from zuoci.text.positions import code_points
from zuoci.text.window_filter import fold
from zuoci.writing.copy_length import CopyLength
from zuoci.writing.originality import check_length, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.vocabulary import Vocabulary
    from zuoci.text.window_filter import WindowFilter
    from zuoci.writing.originality import Ids, Indexed, Known, Words


class Guard(Protocol):
    """Forbids what would complete a copy."""

    limit: int
    """Length of the longest copy that is allowed, in words (`zuoci.writing.copy_length`)."""
    look_back: int
    """How many of the last characters it looks at."""

    def banned(self, recent: Ids, given: Ids | None = None) -> tuple[Ids, Ids]:
        """Finds what must not come next, as `CopyGuard.banned` does."""
        ...


_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2⁶⁴


class CopyGuard:
    """Finds the characters that would begin one word too many of a copy, as `zuoci.writing.copy_length` counts words.

    A copy of more than `limit` words has more than `limit` characters. So the guard first finds what completes a copy
    of that many characters, which is all there is to do for Chinese. Of this it keeps what begins a word after `limit`
    words that stand in the corpus in front of it. It holds a polynomial hash of every run of `limit` characters of the
    corpus, modulo 2⁶⁴, together with the character that follows the run:

        hash(c_1 … c_n) = Σ_k value(c_k) · base^(k − 1)

    Equal runs have equal hashes, so that no copy is missed. A character is forbidden by mistake only if two different
    runs have the same hash, with a probability of n / 2⁴³ for a corpus of n characters (2 · 10⁻⁷ for two million). For
    a fingerprint with a limit of 7 it is n / 2⁴⁰, but there most of these mistakes do not concern real characters.

    Memory: about 12 bytes per character of the corpus, up to 50 while the guard is built.

    Attributes:
        limit: length of the longest copy that is allowed, in words.
        look_back: how many of the last characters it looks at.
    """

    def __init__(self, against: Indexed, limit: int, vocabulary: Vocabulary) -> None:
        """Builds the table of hashes for one limit.

        Args:
            against: a corpus, or the fingerprint of one.
            limit: length of the longest copy that is allowed, in words.
            vocabulary: the characters of the model that writes.

        Raises:
            SettingsError: `limit` is below 1, or below 7 with a fingerprint.
        """
        check_length("max_copy", limit, max(against.known_from - 1, 1), against)
        self.limit = limit
        self._length = CopyLength(vocabulary, limit)
        self.look_back = self._length.look_back
        self._against = against
        self._vocabulary = vocabulary
        self._contexts = against.contexts
        points = np.append(code_points(vocabulary.characters), NO_CHARACTER)
        self._values = mix_points(points)  # the last one for id −1: no character
        hashes, masked = against.continuations()
        size = self._contexts(np.zeros((1, limit), np.uint64))[0].shape[1]
        self._powers = _powers(_BASE, size)
        runs = mix(_run_hashes(hashes, self._powers)) | np.uint64(NO_CHARACTER)
        # A key is the hash of a run with the following character in place of its lowest bits.
        keys = np.sort(runs ^ np.uint64(NO_CHARACTER) ^ masked[size - 1 :])
        self._keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
        bits = min(max(len(self._keys).bit_length() - 1, 1), 30)
        self._shift = np.uint64(64 - bits)
        firsts = np.arange(2**bits, dtype=np.uint64) << self._shift
        self._buckets = np.append(
            np.searchsorted(self._keys, firsts), len(self._keys)
        )  # where the keys with the same highest bits begin

    def banned(self, recent: Ids, given: Ids | None = None) -> tuple[Ids, Ids]:
        """Finds what must not come next.

        Args:
            recent: the last `look_back` ids of each row, `(R, look_back)`; −1 before the beginning of its text.
            given: how many of the last characters of each row were given together with the next one, `(R,)`: a copy
                that consists of them alone is allowed; None: none were.

        Returns:
            Rows and ids of the P forbidden pairs, `(P,)` each.
        """
        rows, ids = self._following(recent[:, -self.limit :])
        rows, ids, lengths = self._length.complete(recent, rows, ids, given)
        copied = lengths == self.limit
        for i in np.flatnonzero(~copied).tolist():
            text = self._vocabulary.decode([*recent[rows[i], -lengths[i] :].tolist(), ids[i]])
            copied[i] = self._against.suffixes.contains(self._against.symbols(text))
        return rows[copied], ids[copied]

    def _following(self, recent: Ids) -> tuple[Ids, Ids]:
        """Rows and ids of what follows the last `limit` characters, `(R, limit)`, somewhere in the corpus."""
        hashes, masks = self._contexts(self._values[recent])
        runs = mix(hashes @ self._powers) | np.uint64(NO_CHARACTER)
        bucket = (runs >> self._shift).astype(np.int64)
        low = self._buckets[bucket]
        counts = self._buckets[bucket + 1] - low
        rows = np.repeat(np.arange(len(recent)), counts)
        before = counts.cumsum()
        keys = self._keys[np.arange(len(rows)) + np.repeat(low - before + counts, counts)]
        hit = (keys | np.uint64(NO_CHARACTER)) == runs[rows]
        rows = rows[hit]
        following = (keys[hit] ^ masks[rows]) & np.uint64(NO_CHARACTER)
        ids = self._vocabulary.ids_of(following)
        return rows[ids >= 0], ids[ids >= 0]


class WindowGuard:
    """Finds the characters that would complete a copy of what a base model has read.

    A character is forbidden if it begins a word, and all windows of the last `limit` words and this character are known
    to the filter and differ as `WindowFilter.spans` asks for. No copy of more words is missed, if it can be recognised
    before its last word. With N characters to a window, some other character is forbidden by mistake with a probability
    of 2⁻ᵇⁱᵗˢ ᵏ, where k − 2 + N is the length of these words in characters, or more where the text is a shorter copy.

    Attributes:
        limit: length of the longest copy that is allowed, in words.
        least: length of the shortest copy that is looked for, in characters, without the one that is forbidden.
        look_back: how many of the last characters it looks at.
    """

    def __init__(self, windows: WindowFilter, limit: int, vocabulary: Vocabulary) -> None:
        """Prepares the guard.

        Args:
            windows: what the base model has read.
            limit: length of the longest copy that is allowed, in words. Those of fewer characters than
                `windows.known_from` are all allowed.
            vocabulary: the characters of the model that writes.
        """
        self.limit = limit
        self.least = max(limit, windows.known_from - 1)
        self._length = CopyLength(vocabulary, limit)
        self.look_back = max(self._length.look_back, self.least)
        self._windows = windows
        points = fold(code_points(vocabulary.characters))
        self._values = mix_points(np.append(points, NO_CHARACTER))  # the last one for id −1: no character
        self._last = windows.multipliers[-1] * self._values[:-1]  # of each character at the end of a window

    def banned(self, recent: Ids, given: Ids | None = None) -> tuple[Ids, Ids]:
        """Finds what must not come next.

        Args:
            recent: the last `look_back` ids of each row, `(R, look_back)`; −1 before the beginning of its text.
            given: as in `CopyGuard.banned`.

        Returns:
            Rows and ids of the P forbidden pairs, `(P,)` each.
        """
        rows, ids = self._following(recent[:, -self.least :])
        rows, ids, lengths = self._length.complete(recent, rows, ids, given, self.least)
        copied = lengths == self.least
        for i in np.flatnonzero(~copied).tolist():
            copied[i] = self._is_known(np.append(recent[rows[i], -lengths[i] :], ids[i]))
        return rows[copied], ids[copied]

    def _is_known(self, ids: Ids) -> bool:
        """Whether all of a text is a copy."""
        windows = self._windows
        hashes = mix(windows.sums(self._values[ids], len(ids) - windows.about.window + 1))
        return bool((windows.contains(hashes) & (windows.distances(hashes) == windows.successive)).all())

    def _following(self, recent: Ids) -> tuple[Ids, Ids]:
        """Rows and ids of what prolongs a copy of the last `least` characters, `(R, least)`."""
        windows, size = self._windows, self._windows.about.window
        rows = np.flatnonzero((recent >= 0).all(1))
        hashes = np.empty((len(rows), 0), np.uint64)
        for first in (max(self.least - size, 0), 0):  # the last window alone, which spares most rows the others
            values = self._values[recent[rows, first:]]
            hashes = mix(windows.sums(values, self.least - first - size + 1))
            copying = windows.contains(hashes).all(1) & (windows.distances(hashes) == windows.successive).all(1)
            rows, hashes = rows[copying], hashes[copying]
        begun = windows.sums(self._values[recent[rows, self.least - size + 1 :]], 1)
        before = hashes[:, self.least - windows.known_from + 1 :]  # those that the next window must differ from
        ids: list[Ids] = []
        for start, others in zip(begun, before, strict=True):
            ends = mix(start + self._last)
            known = np.flatnonzero(windows.contains(ends))
            ids.append(known[~np.isin(ends[known], others)])
        return np.repeat(rows, [len(some) for some in ids]), np.concatenate([np.empty(0, np.int64), *ids])


class JointGuard:
    """Forbids what any of some guards forbids.

    Attributes:
        limit: the largest of their limits.
        look_back: how many of the last characters any of them looks at.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self.limit = max(guard.limit for guard in guards)
        self.look_back = max(guard.look_back for guard in guards)
        self._guards = guards

    def banned(self, recent: Ids, given: Ids | None = None) -> tuple[Ids, Ids]:
        """Finds what must not come next, as `CopyGuard.banned` does."""
        found = [guard.banned(recent[:, -guard.look_back :], given) for guard in self._guards]
        return np.concatenate([rows for rows, _ in found]), np.concatenate([ids for _, ids in found])


def guard_of(known: Known, limit: int, vocabulary: Vocabulary) -> Guard:
    """The guard that allows copies of at most `limit` words, as far as they can be recognised.

    Args:
        known: what the model and its base have read.
        limit: length of the longest copy that is allowed, in words; a Chinese character is one.
        vocabulary: the characters of the model that writes.

    Raises:
        SettingsError: `limit` is below 1, or below 7 with a fingerprint.
    """
    own, base = parts_of(known)
    guards: list[Guard] = [CopyGuard(own, limit, vocabulary)] if own is not None else []
    guards += [WindowGuard(base, limit, vocabulary)] if base is not None else []
    return guards[0] if len(guards) == 1 else JointGuard(guards)


def _powers(base: int, count: int) -> Words:
    """1, base, base², … modulo 2⁶⁴ `(count,)`."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return factors.cumprod(dtype=np.uint64)


def _run_hashes(values: Words, powers: Words) -> Words:
    """Σₖ values[p + k] baseᵏ modulo 2⁶⁴ for every index p, by differences of cumulative sums."""
    n, size = len(values), len(powers)
    if n < size:
        return np.empty(0, np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), (values * _powers(_BASE, n)).cumsum(dtype=np.uint64)])
    return (sums[size:] - sums[:-size]) * _powers(pow(_BASE, -1, 2**64), n - size + 1)
