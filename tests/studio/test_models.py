"""Models as a whole: they are deleted, renamed, and taken in from a zip; nothing else is removed or written."""

from __future__ import annotations

import io
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import zuoci
from zuoci.model.lock import locked
from zuoci.studio.app import StudioSettings
from zuoci.text.folder import FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Served


@pytest.fixture(scope="module")
def studio(tiny: Path, tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Any]) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    with serve(StudioSettings([tiny], home=home)) as served:
        yield served


@pytest.fixture
def mine(studio: Served, tiny: Path) -> Iterator[Path]:
    folder = studio.home / "mine"
    shutil.copytree(tiny, folder)
    yield folder
    for left in studio.home.iterdir():
        if left.is_symlink():
            left.unlink()
        elif left.is_dir() and not left.name.startswith("."):
            shutil.rmtree(left)


def names(studio: Served) -> list[str]:
    found = studio.client.get("/api/models").json()
    return [one["id"] for one in [*found["models"], *found["damaged"]] if one["own"]]


def take_in(studio: Served, data: bytes, name: str = "a.zip") -> Any:
    return studio.client.post("/api/models/import", params={"name": name}, content=data)


def packed(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_a_model_that_was_given_away_comes_back_the_same(studio: Served, mine: Path) -> None:
    data = studio.client.get("/api/models/mine/export?kind=zip").content
    before = {name: (mine / name).read_bytes() for name in FILES if (mine / name).exists()}
    assert studio.client.delete("/api/models/mine").json() == {}
    assert not mine.exists()
    assert "mine" not in names(studio)
    assert studio.client.post("/api/models/mine/check", json={"text": "a"}).status_code == 404
    assert take_in(studio, data).json()["id"] == "mine"
    assert {name: (mine / name).read_bytes() for name in before} == before
    assert take_in(studio, data).json()["id"] == "mine-2"  # nothing is replaced
    assert names(studio) == ["mine", "mine-2"]
    body = {"opening": "山", "seed": 1, "length": 10}
    texts = [studio.client.post(f"/api/models/{name}/write", json=body).text for name in ("mine", "mine-2", "tiny")]
    assert len(set(texts)) == 1


def test_a_renamed_model_goes_by_its_new_name_only(studio: Served, mine: Path) -> None:
    assert studio.client.post("/api/models/mine/write", json={"length": 5}).status_code == 200  # it is loaded
    assert studio.client.post("/api/models/mine/rename", json={"name": "春天"}).json()["id"] == "春天"
    assert names(studio) == ["春天"]
    assert not mine.exists()
    assert studio.client.post("/api/models/mine/write", json={"length": 5}).status_code == 404
    assert studio.client.post("/api/models/春天/write", json={"length": 5}).status_code == 200
    for taken in ("tiny", "zh", "春天"):
        answer = studio.client.post("/api/models/春天/rename", json={"name": taken})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "taken")
    (studio.home / "notes").mkdir()
    assert studio.client.post("/api/models/春天/rename", json={"name": "notes"}).json()["error"]["code"] == "taken"
    for bad in ("", ".a", "a/b", "../a", "汉" * 90):
        assert studio.client.post("/api/models/春天/rename", json={"name": bad}).status_code == 400


def test_what_zuoci_did_not_write_stays(studio: Served, mine: Path) -> None:
    (mine / "notes.txt").write_text("somebody's")
    (mine / "training" / "plan.txt").write_text("somebody's")
    assert studio.client.delete("/api/models/mine").status_code == 200
    assert sorted(file.name for file in mine.rglob("*") if file.is_file()) == ["notes.txt", "plan.txt"]
    assert names(studio) == []
    foreign = studio.home / "foreign"
    foreign.mkdir()
    for name in ("config.json", "model.safetensors"):  # as other programs' models have them
        (foreign / name).write_text("{}")
    answer = studio.client.delete("/api/models/foreign")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_ours")
    assert (foreign / "config.json").exists()


def test_models_elsewhere_and_models_in_use_stay(studio: Served, mine: Path) -> None:
    for name in ("tiny", "zh"):
        for answer in (
            studio.client.delete(f"/api/models/{name}"),
            studio.client.post(f"/api/models/{name}/rename", json={"name": "other"}),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_own")
    with locked(mine):
        assert studio.client.delete("/api/models/mine").status_code == 409
    (studio.home / "link").symlink_to(studio.model)
    assert studio.client.delete("/api/models/link").status_code == 409
    assert zuoci.load(mine)
    assert zuoci.load(studio.model)


def test_a_damaged_model_can_be_deleted(studio: Served, mine: Path) -> None:
    (mine / "config.json").write_text("")
    assert names(studio) == ["mine"]
    assert studio.client.delete("/api/models/mine").status_code == 200
    assert not mine.exists()


def test_hostile_and_broken_zips_leave_nothing(studio: Served, mine: Path) -> None:
    whole = {name: (mine / name).read_bytes() for name in FILES if (mine / name).exists()}
    cut = {**whole, "model.safetensors": whole["model.safetensors"][:-100]}
    bomb = packed({"a/config.json": whole["config.json"], "a/model.safetensors": b"\0" * (513 * 2**20)})
    before = sorted(studio.home.parent.rglob("*"))
    for data, code in (
        (b"la la la", "damaged_zip"),
        (packed({"a.txt": b"la"}), "no_model_in_zip"),
        (packed({"a/config.json": b"{}"}), "no_model_in_zip"),
        (packed({f"{k}/{name}": whole[name] for k in "ab" for name in whole}), "no_model_in_zip"),
        (packed({f"a/{name}": data for name, data in cut.items()}), "model_folder"),
        (packed({"a/config.json": b"[" * 100_000, "a/model.safetensors": b""}), "model_folder"),
        (bomb, "unpacks_large"),
        (packed({f"{k}.json": b"" for k in range(1001)}), "many_members"),
    ):
        answer = take_in(studio, data)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)
        assert sorted(studio.home.parent.rglob("*")) == before


def test_no_path_is_made_of_the_names_in_a_zip(studio: Served, mine: Path) -> None:
    whole = {name: (mine / name).read_bytes() for name in FILES if (mine / name).exists()}
    members = {f"/etc/evil/{name}": data for name, data in whole.items()}
    outside = set(studio.home.parent.rglob("*"))
    assert (
        take_in(studio, packed({**members, "../../../x.txt": b"", "..\\y.json": b"", "/etc/y.json": b"{}"})).json()[
            "id"
        ]
        == "evil"
    )
    assert {path.relative_to(studio.home).parts[0] for path in set(studio.home.parent.rglob("*")) - outside} == {"evil"}
    assert take_in(studio, packed(whole), name="../我的 模型.zip").json()["id"] == "我的-模型"
