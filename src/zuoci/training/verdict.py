"""Whether a text was enough for a model, in one sentence, from the figures of its run.

The end of a run says it, and the server of models, which does not import torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zuoci.errors import Message
from zuoci.text.amount import LARGE

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAR = 2.0  # a held-out perplexity this many times that of the training text shows that a model mostly memorised


def verdict(figures: Mapping[str, Any], base: str) -> Message:
    """Whether the text of a run was enough for the model, in one sentence.

    A run that was short has not yet learnt its text by heart, and its two perplexities lie close together however
    little text there is. So they alone never make a text enough: it must have as many characters as `text.amount` asks
    for.

    Args:
        figures: what `EndReport.as_dict` returns.
        base: the setting `base` of the run.
    """
    if not (figures["validation"] and figures["baseline"]):
        return Message("unmeasured", "no text was held out, so it is unknown how well the model does on new text")
    new, known, counted = (figures[name]["perplexity"] for name in ("validation", "train", "baseline"))
    values = {"characters": figures["characters"], "new": new, "known": known, "counted": counted}
    if figures["base"]:
        told = (
            "{characters:,} characters: held-out perplexity {new:.4g}; the model it started from, {base}, has "
            "{before:.4g}, and counting this text alone gives {counted:.4g}"
        )
        return Message("went_on", told, **values, base=Path(base).name, before=figures["base"]["perplexity"])
    large = figures["characters"] >= LARGE
    if new > counted and large:
        code, words = "trained_briefly", "trained too briefly: counting alone predicts new text better"
    elif new > counted:
        code, words = "too_little_for_model", "too little for this model: counting alone predicts new text better"
    elif not large or new > _FAR * known:
        code, words = "imitates", "enough to imitate, too little to generalise"
    else:
        code, words = "generalises", "enough to generalise"
    told = (
        "{characters:,} characters: " + words + "; held-out perplexity {new:.4g} against {known:.4g} on the training "
        "text, {counted:.4g} by counting alone"
    )
    return Message(code, told, **values)
