"""One function exports a saved model, for the command line and the studio."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import zuoci
from zuoci.export.formats import Format, export_model
from zuoci.writing.config import WriteConfig
from zuoci.writing.settings_document import FORM_START, describe_settings

if TYPE_CHECKING:
    from pathlib import Path


def document_of(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_page_holds_all_that_is_known_of_the_model(tiny: Path, tmp_path: Path) -> None:
    exported = export_model(tiny, tmp_path / "song.html", "html", precision="float16")
    document = document_of(tmp_path / "song.html")
    assert exported.size == (tmp_path / "song.html").stat().st_size
    assert (exported.loss, exported.notes) == (None, ())
    assert document["title"] == "tiny"
    assert document["precision"] == "float16"
    assert document["report"]["songs"] == 40
    assert document["rhymes"]["山"]
    assert document["fingerprint"]
    assert document["settings"] == describe_settings()["settings"]


@pytest.mark.parametrize("kind", ["html", "onnx", "zip"])
def test_the_same_model_gives_the_same_bytes(tiny: Path, tmp_path: Path, kind: Format) -> None:
    for name in ("a", "b"):
        assert export_model(tiny, tmp_path / name, kind).size == len((tmp_path / name).read_bytes())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with pytest.raises(zuoci.SettingsError, match="exists already"):
        export_model(tiny, tmp_path / "a", kind)


@pytest.mark.parametrize("report", ["{", '{"songs": NaN}', "[]", '{"train": 1}'])
def test_a_page_does_without_damaged_figures(folder: Path, tmp_path: Path, report: str) -> None:
    (folder / "training").mkdir(exist_ok=True)
    (folder / "training" / "report.json").write_text(report)
    exported = export_model(folder, tmp_path / "song.html", "html")
    [note] = exported.notes
    assert note.startswith("the page has no training figures: ")
    assert "\n" not in note
    assert document_of(tmp_path / "song.html")["report"] == {}


def test_a_zip_holds_the_model(tiny: Path, tmp_path: Path) -> None:
    export_model(tiny, tmp_path / "tiny.zip", "zip")
    with zipfile.ZipFile(tmp_path / "tiny.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert zuoci.load(tmp_path / "out" / "tiny").vocabulary.characters == zuoci.load(tiny).vocabulary.characters


def test_settings_are_described_as_they_are_checked() -> None:
    document = describe_settings({"lines": 200})
    fields = document["settings"]
    assert fields.keys() == WriteConfig.model_fields.keys()
    assert fields["lines"]["maximum"] == 200
    assert fields["temperature"]["exclusiveMinimum"] == 0
    assert fields["max_copy"]["nullable"] is True
    assert not any("anyOf" in field for field in fields.values())
    for name, field in fields.items():
        default = WriteConfig.model_fields[name].get_default()
        assert field["default"] == (list(default) if isinstance(default, tuple) else default)
    assert WriteConfig.model_validate(document["start"]).lines == FORM_START["lines"]
    assert json.loads(json.dumps(document)) == document
