"""The models that a server has, by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zuoci
from zuoci.server.models import Models

if TYPE_CHECKING:
    from pathlib import Path


def test_models_of_the_same_name_have_names_of_their_own(tiny: Path, tmp_path: Path) -> None:
    for place in ("home/tiny", "home/.hidden", "else/tiny"):
        zuoci.save(zuoci.load(tiny), tmp_path / place)
    models = Models([tiny, tmp_path / "else" / "tiny"], tmp_path / "home")
    assert {name: path.parent.name for name, path in models.refresh().items()} == {
        "tiny": tiny.parent.name, "tiny-2": "else", "tiny-3": "home",
    }  # fmt: skip
