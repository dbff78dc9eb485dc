"""`zuoci plot`: the figures of a run → an image of its learning curves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zuoci.cli import say


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a trained model.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Image to write; its suffix selects the format.", metavar="FILE")
    ] = Path("curve.svg"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Draws training and held-out perplexity over the characters seen."""
    from zuoci.training.metrics import draw_curve, read_metrics

    draw_curve(read_metrics(model), out, overwrite=overwrite)
    say(f"the curve is in {out}")
