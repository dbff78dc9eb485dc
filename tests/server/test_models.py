"""The models that a server has, by id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import zuoci
from zuoci.model.base import BASES, bundled_folder
from zuoci.server.models import Models

if TYPE_CHECKING:
    import pytest


def test_models_of_the_same_name_have_names_of_their_own(tiny: Path, tmp_path: Path) -> None:
    for place in ("home/tiny", "home/.hidden", "else/tiny"):
        zuoci.save(zuoci.load(tiny), tmp_path / place)
    models = Models([tiny, tmp_path / "else" / "tiny"], tmp_path / "home")
    assert {name: path.parent.name for name, path in models.refresh().items()} == {
        "tiny": tiny.parent.name, "tiny-2": "else", "tiny-3": "home",
    }  # fmt: skip


def test_the_base_models_are_served_where_they_are_named(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny.parent)
    assert list(Models([tiny]).refresh()) == ["tiny"]
    models = Models([Path("zh"), tiny])
    assert models.refresh() == {"tiny": tiny, "zh": bundled_folder("zh")}
    assert [models.summary(name)["base"] for name in ("tiny", "zh")] == [False, True]


def test_a_model_of_the_user_takes_the_name_of_a_base_model(tiny: Path, tmp_path: Path) -> None:
    assert list(Models([], tmp_path, bases=True).refresh()) == sorted(BASES)
    own = zuoci.save(zuoci.load(tiny), tmp_path / "zh")
    models = Models([bundled_folder("zh"), bundled_folder("en")], tmp_path, bases=True)
    assert models.refresh() == {"en": bundled_folder("en"), "zh": own, "zh-2": bundled_folder("zh")}
    assert [models.summary(name)["base"] for name in ("en", "zh", "zh-2")] == [True, False, True]
