"""The views "Train" and "Models" in a real browser: files as people have them, and models that come and go."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tests.studio.conftest import AXE, Visitor, serious, visiting

import zuoci
from zuoci.studio.app import StudioSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Route

HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture
def own(browser: Browser, serve: Callable[..., Any], tiny: Path, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor of a studio with one model that can be deleted."""
    shutil.copytree(tiny, tmp_path / "home" / "mine")
    with (
        serve(StudioSettings((), home=tmp_path / "home")) as served,
        visiting(browser, served.url, served.token) as visitor,
    ):
        yield visitor


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder as people have it: texts of several formats and encodings in folders, and what is no text."""
    folder = tmp_path / "album"
    (folder / "live").mkdir(parents=True)
    songs = zuoci.load_lyrics("en").songs[:6]
    for k, song in enumerate(songs):
        (folder / f"{k}.txt").write_text(song.text, "utf-8")
    lines = [line for song in songs[:3] for line in song.lines]
    (folder / "live" / "7.lrc").write_text(
        "[ar:somebody]\n" + "".join(f"[00:{k % 60:02}.00]{line}\n" for k, line in enumerate(lines))
    )
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "broken.txt").write_bytes(b"\0\1")
    return folder


def test_a_folder_is_read_whole_and_what_was_found_is_said_in_both_languages(fresh: Visitor, album: Path) -> None:
    page = fresh("train", locale="en-US")
    page.set_input_files("#folder", album)
    report = page.locator("#corpus-report")
    expect(report.locator(".corpus-summary")).to_contain_text("7 songs")
    expect(page.locator("#corpus-note")).to_contain_text("1 other file left out, because they are no lyrics: cover.jpg")
    assert page.input_value("#corpus-name") == "album"
    assert page.input_value("#name") == "album"
    expect(report.locator(".verdict")).to_contain_text("bundled model")
    expect(report).to_contain_text("Not trained on: ID tags (1)")
    expect(report).to_contain_text("songs that are nearly the same")
    broken = report.locator(".files li").first
    expect(broken).to_contain_text("album/broken.txt")
    expect(broken.locator(".problem")).to_contain_text("zero byte")
    assert not HAN.search(report.inner_text())
    page.click("#language")
    expect(broken.locator(".problem")).to_have_text("不是文本文件（含有零字节）。请另存为 UTF-8 文本。")
    expect(report).to_contain_text("不用于训练：1 处LRC 标签")
    expect(page.locator("#corpus-note")).to_contain_text("另有 1 个文件不是歌词")
    asked = [url for url in fresh.asked if url.endswith("/files")]
    assert len(asked) == 1  # for all files


def test_an_upload_can_be_cancelled_and_leaves_nothing(fresh: Visitor, album: Path) -> None:
    page = fresh("train")
    held: list[Route] = []
    page.route("**/api/corpora/*/files", lambda route: held.append(route))
    page.set_input_files("#folder", album)
    expect(page.locator("#upload")).to_be_visible()
    expect(page.locator("#choose-files")).to_be_disabled()
    page.click("#cancel-upload")
    expect(page.locator("#upload")).to_be_hidden()
    expect(page.locator("#choose-files")).to_be_enabled()
    expect(page.locator("#corpus")).to_be_hidden()
    expect(page.locator("#corpus-status")).to_be_hidden()
    assert len(held) == 1
    page.unroute("**/api/corpora/*/files")
    page.set_input_files("#folder", album)
    expect(page.locator(".corpus-summary")).to_contain_text("7 首歌")
    expect(page.locator("#corpora")).to_be_hidden()  # the cancelled one is gone


def test_corpora_are_renamed_taken_up_again_and_deleted(fresh: Visitor) -> None:
    page = fresh("train")
    song = zuoci.load_lyrics("zh").songs[0].text
    page.set_input_files("#files", [{"name": "春天.txt", "mimeType": "text/plain", "buffer": song.encode()}])  # pyright: ignore
    expect(page.locator("#corpus-name")).to_have_value("春天")
    page.fill("#corpus-name", "早春")
    page.press("#corpus-name", "Enter")
    page.click("#bundled-en")
    expect(page.locator("#corpus-head")).to_be_hidden()
    page.reload()  # the studio still has it
    page.get_by_role("button", name="早春").click()
    expect(page.locator("#corpus-name")).to_have_value("早春")
    expect(page.locator("#name")).to_have_value("早春")
    page.click("#delete-corpus")
    expect(page.locator("#corpus")).to_be_hidden()
    expect(page.locator("#corpora")).to_be_hidden()
    expect(page.locator("#choose-files")).to_be_focused()


def exported(page: Page, file: Path) -> Path:
    with page.expect_download() as download:
        page.locator(".model-card").first.locator('[data-kind="zip"]').click()
    download.value.save_as(file)
    return file


def test_models_are_exported_deleted_taken_in_and_renamed(own: Visitor, tmp_path: Path) -> None:
    page = own("models")
    titles = page.locator("#models h2")
    expect(titles).to_have_text(["mine", "en", "zh"])
    archive = exported(page, tmp_path / "mine.zip")
    page.get_by_role("button", name="删除", exact=True).click()
    expect(page.locator("#model-cancel")).to_be_focused()
    page.click("#model-cancel")
    expect(titles).to_have_text(["mine", "en", "zh"])
    page.get_by_role("button", name="删除", exact=True).click()
    page.click("#model-confirm")
    expect(titles).to_have_text(["en", "zh"])
    expect(page.locator("#models-status")).to_have_text("已删除 mine")
    assert page.locator("#model option").all_inner_texts() == ["en（随 zuoci 附带）", "zh（随 zuoci 附带）"]
    page.set_input_files("#model-file", archive)
    expect(titles).to_have_text(["mine", "en", "zh"])
    os.utime(tmp_path / "home" / "mine" / "config.json", (10**9, 10**9))
    page.set_input_files("#model-file", archive)
    expect(titles).to_have_text(["mine-2", "mine", "en", "zh"])  # the newest first
    page.get_by_role("button", name="改名").first.click()
    page.fill("#model-name", "春天")
    page.press("#model-name", "Enter")
    expect(titles).to_have_text(["春天", "mine", "en", "zh"])
    page.get_by_role("button", name="改名").first.click()
    page.fill("#model-name", "mine")
    page.click("#model-confirm")
    expect(page.locator("#models-status")).to_have_text("已有同名模型，请换一个名字。")
    (tmp_path / "other.zip").write_bytes(b"la la la")
    page.set_input_files("#model-file", tmp_path / "other.zip")
    expect(page.locator("#models-status")).to_have_text("压缩包已损坏。")
    page.click("#language")
    expect(page.locator("#models-status")).to_contain_text("damaged zip file")
    assert len(own.complaints) == 2  # of the browser, about the two answers
    own.complaints.clear()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(own: Visitor, album: Path, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip("node_modules/axe-core is missing: npm ci")
    page = own("train", color_scheme=scheme)
    page.set_input_files("#folder", album)
    expect(page.locator(".corpus-summary")).to_be_visible()
    page.locator("#corpus-report .files details summary").first.click()
    assert serious(page) == []
    page.click('a[href="#models"]')
    page.get_by_role("button", name="改名").click()
    expect(page.locator("#model-name")).to_be_focused()
    assert serious(page) == []
    page.click("#model-cancel")
    assert serious(page) == []
