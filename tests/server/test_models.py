"""The models that a server has, by id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.coroutines import run_apart

import zuoci
from zuoci.model.base import BASES, bundled_folder
from zuoci.server.errors import ApiError
from zuoci.server.models import Models

if TYPE_CHECKING:
    from zuoci.writing.writer import Writer


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


class TestVoice:
    def test_each_voice_is_a_writer_of_its_own(self, tuned: Path) -> None:
        async def ask(*voices: float | None) -> list[Writer]:
            models = Models([tuned], voice=0.5)
            return [await models.writer("tuned", voice) for voice in voices]

        half, own, half_again, nearly, base = run_apart(ask(None, 1.0, 0.5, 0.5012, 0.0))
        assert half is half_again is nearly
        for writer, voice in ((half, 0.5), (own, 1.0), (base, 0.0)):
            assert writer.write("山").text == zuoci.Writer.load(tuned, voice=voice).write("山").text

    def test_few_voices_of_one_model_are_kept(self, tiny: Path, tuned: Path) -> None:
        async def ask() -> tuple[bool, bool]:
            models = Models([tiny, tuned])
            other, first = await models.writer("tiny"), await models.writer("tuned", 0.9)
            for voice in range(9):
                await models.writer("tuned", voice / 10)
            return other is await models.writer("tiny"), first is await models.writer("tuned", 0.9)

        assert run_apart(ask()) == (True, False)

    def test_a_model_from_nothing_has_none(self, tiny: Path, tuned: Path) -> None:
        models = Models([tiny, tuned])
        assert [models.summary(name)["voice"] for name in ("tiny", "tuned")] == [False, True]
        for _ in range(2):  # the failure is not kept
            with pytest.raises(ApiError, match="voice needs a model that started from a base model") as error:
                run_apart(models.writer("tiny", 0.5))
            assert (error.value.status, error.value.param) == (400, "voice")
