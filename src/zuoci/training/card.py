"""The model card, written from measured figures only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def model_card(report: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """A README in the Hugging Face layout.

    Args:
        report: `EndReport.as_dict()`.
        settings: `TrainConfig` as a dictionary.
    """
    rows = [("training", report["train"])]
    if report["validation"]:
        rows.append(("held out", report["validation"]))
        rows.append(("held out, by counting", report["baseline"]))
    table = "\n".join(f"| {name} | {_figures(score)} | {score['protocol']} |" for name, score in rows)
    copies = _COPIES if settings["fingerprint"] else ""
    return f"""---
library_name: zuoci
pipeline_tag: text-generation
---

# A lyrics model

A character-level recurrent language model, trained with zuoci (recipe `{settings["recipe"]}`, seed {settings["seed"]})
on {report["characters"]:,} characters of {report["songs"]:,} songs with {report["vocab_size"]:,} different characters.
It has {report["parameters"]:,} parameters and was trained for {report["epochs"]:.4g} epochs in
{report["train_seconds"]:.1f} s; these are the weights of epoch {report["kept_epoch"]:.4g}.

| text | nats a character | bits a character | perplexity | how it was measured |
| --- | --- | --- | --- | --- |
{table}

In words: {report["verdict"]}.

What it writes may repeat what it was trained on word for word. Ask the owners of those lyrics before you publish it.
{copies}
To write with it: `zuoci write FOLDER OPENING`
"""


_COPIES = """
`zuoci original FOLDER TEXT` says what of a text it has copied. It asks `fingerprint.safetensors`, hashes by which
whoever knows some of those lyrics can recognise more of them; delete that file where nobody may.
"""


def _figures(score: Mapping[str, Any]) -> str:
    figures = (score[name] for name in ("nll", "bits_per_char", "perplexity"))
    return " | ".join("infinite" if figure is None else f"{figure:.3f}" for figure in figures)
