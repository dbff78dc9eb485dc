"""Files that the user names are never overwritten unasked, and never written through a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zuoci import SettingsError
from zuoci.model import output
from zuoci.model.output import check_output, write_output
from zuoci.text.folder import FILES

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_written_and_replaced_only_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write_output(file, b"one")
    with pytest.raises(SettingsError, match=r"a\.txt exists already; choose another name"):
        write_output(file, b"two")
    assert file.read_bytes() == b"one"
    write_output(file, b"two", overwrite=True)
    assert file.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_folders_and_devices_stay(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")
    (tmp_path / "link.txt").symlink_to("thesis.txt")
    (tmp_path / "dangling.txt").symlink_to("nowhere.txt")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/null")
    for name, message in (
        ("link.txt", "is a symbolic link; name the file itself"),
        ("dangling.txt", "is a symbolic link"),
        ("device", "is a symbolic link"),
        ("folder", "name a file in a folder that exists"),
        ("nowhere/a.txt", "name a file in a folder that exists"),
        ("thesis.txt/a.txt", "cannot be written: Not a directory"),
        ("a\0b", "cannot be written"),
        ("x" * 300, "cannot be written: File name too long"),
        ("x" * 250, "cannot be written: File name too long"),
        ("/dev/null", "is not a regular file"),
    ):
        with pytest.raises(SettingsError, match=message):
            write_output(tmp_path / name, b"new", overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text("utf-8") == "mine"
    assert (tmp_path / "link.txt").is_symlink()
    assert not (tmp_path / "nowhere.txt").exists()


@pytest.mark.parametrize("name", FILES)
def test_the_files_of_a_model_stay(folder: Path, tmp_path: Path, name: str) -> None:
    """Also those that it does not have, under other names of its folder, and those of a damaged one."""
    (tmp_path / "link").symlink_to(folder)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    (folder / "training").mkdir(exist_ok=True)
    file = folder / name
    for path in (file, tmp_path / "link" / name, folder / "training/.." / name, file.with_name(file.name.upper())):
        with pytest.raises(SettingsError, match="part of the model in that folder; choose another name"):
            write_output(path, b"new", overwrite=True)
    (folder / "config.json").unlink()
    with pytest.raises(SettingsError, match="part of the model"):
        write_output(folder / name, b"new", overwrite=True)
    assert all(file.read_bytes() == data for file, data in before.items() if file.name != "config.json")
    write_output(folder / "page.html", b"new", overwrite=True)
    write_output(tmp_path / name.rpartition("/")[2], b"new", overwrite=True)


def test_what_comes_while_the_data_are_made_stays(tmp_path: Path) -> None:
    path = check_output(tmp_path / "a.txt")
    path.write_text("theirs", "utf-8")
    with pytest.raises(SettingsError, match="exists already"):
        write_output(path, b"ours")
    assert path.read_text("utf-8") == "theirs"


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("one", "utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output, "replace_durably", full)
    with pytest.raises(SettingsError, match=r"a\.txt cannot be written: No space left on device"):
        write_output(tmp_path / "a.txt", b"two", overwrite=True)
    assert (tmp_path / "a.txt").read_text("utf-8") == "one"
