from __future__ import annotations

import subprocess
import sys

import pytest

import zuoci


def test_the_package_exports_just_these_names() -> None:
    assert zuoci.__all__ == [
        "Batch",
        "CharLM",
        "ConsecutiveBatches",
        "CopyGuard",
        "Corpus",
        "CorpusError",
        "CorpusIndex",
        "DivergenceError",
        "EndReport",
        "EvalReport",
        "Fingerprint",
        "Lyrics",
        "ModelConfig",
        "ModelFolderError",
        "Originality",
        "RandomBatches",
        "RollbackReport",
        "Run",
        "Score",
        "Settings",
        "SettingsError",
        "Song",
        "Span",
        "StepReport",
        "TrainConfig",
        "Vocabulary",
        "VocabularyError",
        "WriteConfig",
        "Writer",
        "ZuociError",
        "evaluate",
        "load",
        "load_lyrics",
        "load_run",
        "originality",
        "read_corpus",
        "resolve",
        "save",
        "save_run",
        "train",
    ]


@pytest.mark.parametrize("name", zuoci.__all__)
def test_every_exported_name_is_there_and_explains_itself(name: str) -> None:
    assert getattr(zuoci, name).__doc__
    assert name in dir(zuoci)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'poem'"):
        zuoci.poem  # noqa: B018  # pyright: ignore


def test_importing_the_package_does_not_wait_for_torch() -> None:
    check = "import sys, zuoci, zuoci.cli, zuoci.cli.train; print(sorted({'torch', 'numpy'} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-c", check], text=True) == "[]\n"


def test_every_error_is_a_zuoci_error() -> None:
    for name in zuoci.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(zuoci, name), zuoci.ZuociError)
