"""Logits → the ids of the next characters, of many streams at once: small pure functions, to be put in a row.

Dimensions: R rows (streams), V vocabulary. A logit of −∞ is a character that cannot be drawn. The order, which
`zuoci.writing.batch` keeps:

    bans        `ban`, `only`            what form, rhyme, originality and repetition forbid
    top-k       `keep_top_k`             the k likeliest
    top-p       `keep_top_p`             the likeliest that together hold a share p (Holtzman et al. 2020)
    min-p       `keep_min_p`             those at least p times as likely as the likeliest (Nguyen et al. 2024)
    temperature `at_temperature`
    draw        `draw`, or `greedy`

Temperature is applied last, after the filters, because what is plausible is decided by the model's own probabilities:
a high temperature makes the choice among plausible characters bolder, and lets no other character in. The golden
cases in tests/golden/sampling.json hold this order fixed for the Python and the JavaScript implementation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Logits = NDArray[np.floating[Any]]
    Ids = NDArray[np.int64]


def ban(logits: Logits, rows: Ids, ids: Ids) -> Logits:
    """Forbids some characters in some rows: pairs `(n,)` of a row and an id."""
    banned = logits.copy()
    banned[rows, ids] = -np.inf
    return banned


def only(logits: Logits, allowed: NDArray[np.bool_]) -> Logits:
    """Forbids all characters but some: `(V,)` for all rows, or `(R, V)`."""
    return np.where(allowed, logits, -np.inf).astype(logits.dtype, copy=False)


def keep_top_k(logits: Logits, k: Ids) -> Logits:
    """Keeps the k likeliest characters of each row, and those that are as likely as the last of them.

    Args:
        logits: `(R, V)`.
        k: `(R,)`; 0 keeps all.
    """
    V = logits.shape[1]
    ranked = np.sort(logits, axis=1)[:, ::-1]
    last = np.take_along_axis(ranked, np.clip(np.where(k == 0, V, k) - 1, 0, V - 1)[:, None], 1)
    return only(logits, logits >= last)


def keep_top_p(logits: Logits, p: NDArray[np.floating[Any]]) -> Logits:
    """Keeps the likeliest characters of each row that together hold at least a share p, one at least.

    Args:
        logits: `(R, V)`.
        p: `(R,)`, from (0, 1]; 1 keeps all.
    """
    order = np.argsort(-logits, axis=1, kind="stable")
    shares = np.take_along_axis(probabilities(logits), order, 1)
    before = shares.cumsum(1) - shares
    kept = np.empty(logits.shape, np.bool_)
    np.put_along_axis(kept, order, (before < p[:, None]) | (p[:, None] >= 1.0), 1)
    return only(logits, kept)


def keep_min_p(logits: Logits, p: NDArray[np.floating[Any]]) -> Logits:
    """Keeps the characters of each row that are at least p times as likely as the likeliest.

    Args:
        logits: `(R, V)`.
        p: `(R,)`, from [0, 1]; 0 keeps all.
    """
    with np.errstate(divide="ignore"):
        least = logits.max(1, keepdims=True) + np.log(p)[:, None]
    return only(logits, logits >= least.astype(logits.dtype))


def at_temperature(logits: Logits, temperature: NDArray[np.floating[Any]]) -> Logits:
    """logits / temperature, moved so that the largest is 0; temperature `(R,)`, above 0."""
    with np.errstate(over="ignore"):  # what is so far below the largest is as good as impossible
        moved = logits - logits.max(1, keepdims=True)
        moved /= temperature[:, None]
    return moved


def probabilities(logits: Logits) -> NDArray[np.float64]:
    """softmax(logits) `(R, V)`."""
    weights = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
    return weights / weights.sum(1, keepdims=True)


def greedy(logits: Logits) -> Ids:
    """The most probable ids `(R,)`; of several, the first."""
    return logits.argmax(1)


def draw(logits: Logits, uniform: NDArray[np.float64]) -> Ids:
    """Draws ids `(R,)` with probabilities softmax(logits), each by inverting the distribution function.

    Args:
        logits: `(R, V)`, the largest of each row 0, as `at_temperature` makes them.
        uniform: from [0, 1), `(R,)`.
    """
    bounds = torch.from_numpy(np.exp(logits)).cumsum(1).numpy()  # four times as fast as numpy's
    total = bounds[:, -1]
    wanted = np.minimum(uniform * total, np.nextafter(total, np.float32(0.0)))  # the last one may have no share
    return (bounds > wanted[:, None]).argmax(1)


def nll(logits: Logits, ids: Ids) -> NDArray[np.float64]:
    """−log softmax(logits)[ids], in nats `(R,)`."""
    top = logits.max(1)
    total = np.exp(logits - top[:, None]).sum(1, dtype=np.float64)
    return np.log(total) - (logits[np.arange(len(ids)), ids] - top)


def share_allowed(logits: Logits, allowed: NDArray[np.bool_]) -> NDArray[Any]:
    """log Σ_allowed softmax(logits), in nats `(R,)`: how much of what would be drawn a ban leaves; −∞ if nothing."""
    left = np.where(allowed, logits, -np.inf)
    return _log_total(left) - _log_total(logits)


def _log_total(logits: Logits) -> NDArray[np.float64]:
    top = np.maximum(logits.max(1), np.finfo(logits.dtype).min)  # of a row without hope, −∞
    with np.errstate(divide="ignore"):
        return np.log(np.exp(logits - top[:, None]).sum(1, dtype=np.float64)) + top


_GOLDEN = 0x9E3779B97F4A7C15
_WORD = 2**64 - 1


def key_of(*numbers: int) -> int:
    """A 64-bit key that depends on all of some numbers and their order: where a stream of `uniforms` begins."""
    key = 0
    for number in numbers:
        key = _mixed((key ^ (number & _WORD)) + _GOLDEN & _WORD)
    return key


def _mixed(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _WORD
    return z ^ (z >> 31)


def uniform(key: int, place: int) -> float:
    """One number of `uniforms`."""
    return (_mixed(key + (place + 1) * _GOLDEN & _WORD) >> 11) * 2.0**-53


def uniforms(key: int, start: int, count: int) -> NDArray[Any]:
    """The numbers start … start + count − 1 of a key's stream, from [0, 1).

    SplitMix64 (Steele et al. 2014), of which any number can be had without those before it: a stream's draws do
    not depend on who draws beside it.
    """
    places = np.arange(start + 1, start + count + 1, dtype=np.uint64)
    z = places * np.uint64(_GOLDEN) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


_PERIOD = 64  # characters of the longest block
_REPEATED = 12  # characters; up to so many in a row, short blocks may repeat more often: 啦啦啦啦


def characters_that_would_repeat(text: str, times: int) -> str:
    """The characters that would make a loop of a text.

    A loop is a block of up to 64 characters that stands more than `times` times in immediate succession, and
    fills more than 12 characters so. A chorus is none: something else stands between its returns.

    Args:
        text: so far.
        times: how often a block may stand in a row.
    """
    n = len(text)
    found = ""
    place = n - 3
    while n >= _REPEATED and (place := text.rfind(text[n - 3 :], max(0, n - 3 - _PERIOD), place + 2)) >= 0:
        period = n - 3 - place
        copies = max(times, _REPEATED // period)
        repeated = copies * period - 1
        # One more character like that of a period ago would complete copies + 1 of them.
        if n >= repeated + period and text[n - repeated :] == text[n - repeated - period : n - period]:
            found += text[n - period]
    return found
