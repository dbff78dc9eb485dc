"""The model card: a README in the Hugging Face layout, filled with measured figures only.

`saving` writes it into the folder of a model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zuoci.model.base import NO_BASE

if TYPE_CHECKING:
    from collections.abc import Mapping


def model_card(report: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The text of the model card.

    Args:
        report: `EndReport.as_dict()`.
        settings: `TrainConfig.model_dump()`.
    """
    rows = [("training text", report["train"])]
    if report["validation"]:
        rows.append(("held-out text", report["validation"]))
        rows.append(("held-out text, n-gram baseline", report["baseline"]))
        if report["base"]:
            rows.append(("held-out text, the model it started from", report["base"]))
    table = "\n".join(f"| {name} | {_figures(score)} | {score['protocol']} |" for name, score in rows)
    copies = _COPIES if settings["fingerprint"] else ""
    copies += _COUNTS if settings["counts"] else ""
    ancestor = "" if settings["base"] == NO_BASE else _ANCESTOR.format(base=Path(settings["base"]).name)
    return f"""---
library_name: zuoci
pipeline_tag: text-generation
---

# A lyrics model

A character-level recurrent language model, trained with zuoci (recipe `{settings["recipe"]}`, seed {settings["seed"]})
on {report["characters"]:,} characters of {report["songs"]:,} songs. It knows {report["vocab_size"]:,} characters, has
{report["parameters"]:,} parameters and was trained for {report["epochs"]:.4g} epochs in
{report["train_seconds"]:.1f} s; these are the weights of epoch {report["kept_epoch"]:.4g}.
{ancestor}
| text | nats per character | bits per character | perplexity | protocol |
| --- | --- | --- | --- | --- |
{table}

In words: {report["verdict"]}.

The model may repeat its training text word for word. Ask the owners of those lyrics before you publish what it writes.
{copies}
Write with the model: `zuoci write FOLDER OPENING`
"""


_ANCESTOR = """
It started from the model `{base}`: what that one has read is a part of this one.
"""
_COPIES = """
`zuoci original FOLDER TEXT` shows which parts of a text are copied from the training text. It uses the hashes in
`fingerprint.safetensors`. With that file, anybody can check whether a text is part of those lyrics. Delete it if that
must not happen.
"""

_COUNTS = """
`counts.safetensors` holds counts of the sequences of up to three characters in the training text, as they stand: much
of the text can be put together again from them. Train with `--no-counts` if that must not happen.
"""


def _figures(score: Mapping[str, Any]) -> str:
    figures = (score[name] for name in ("nll", "bits_per_char", "perplexity"))
    return " | ".join("infinite" if figure is None else f"{figure:.3f}" for figure in figures)
