"""The page that is given away, in a real browser and without a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

import zuoci
from zuoci.export.html import export_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RHYMES = dict(zip("山前路上人在唱歌里有", "aabbaabbaa", strict=True))


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Callable[[Path], Page]]:
    """Opens a file; at the end nothing but it was asked for, and nothing was complained about."""
    context = browser.new_context(locale="zh-CN", offline=True, accept_downloads=True)
    asked: list[str] = []
    complaints: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: complaints.append(message.text))
    context.on("weberror", lambda error: complaints.append(str(error.error)))

    def open_page(file: Path) -> Page:
        page = context.new_page()
        page.goto(file.as_uri())
        return page

    yield open_page
    context.close()
    assert {url.split("/")[0] for url in asked} <= {"file:", "data:", "blob:"}
    assert {url for url in asked if url.startswith("file:")} <= {path.as_uri() for path in tmp_path.glob("*.html")}
    assert complaints == []


def write(page: Page, button: str = "#write") -> list[str]:
    page.click(button)
    expect(page.locator("#status")).to_contain_text(re.compile("种子|seed"))
    return page.locator(".line > span").all_inner_texts()


def test_it_writes_in_the_form_that_is_asked_for(
    visit: Callable[[Path], Page], make_model: Callable[..., zuoci.CharLM], tmp_path: Path
) -> None:
    export_html(make_model(), tmp_path / "song.html", title="我的歌", rhymes=RHYMES)
    page = visit(tmp_path / "song.html")
    assert page.title() == "我的歌"
    page.fill("#opening", "山Q")
    page.fill("#line-count", "4")
    page.fill("#lengths", "5 3")
    page.fill("#acrostic", "山里有歌")
    page.select_option("#rhyme", "AABB")
    text = write(page)
    assert [line[0] for line in text] == list("山里有歌")
    assert [len(line.replace(" ", "")) for line in text] == [5, 3, 5, 3]
    assert "模型不认识“Q”" in page.inner_text("#status")
    assert [line.get_attribute("data-letter") for line in page.locator(".line").all()] == list("AABB")
    assert len(write(page, "#continue")) == 8
    page.click("#undo")
    assert page.locator(".line > span").all_inner_texts() == text
    page.fill("#lengths", "many")
    expect(page.locator("#lengths")).to_have_attribute("aria-invalid", "true")


def test_a_line_is_taken_edited_rejected_or_removed_by_keyboard(
    visit: Callable[[Path], Page], make_model: Callable[..., zuoci.CharLM], tmp_path: Path
) -> None:
    export_html(make_model(), tmp_path / "song.html")
    page = visit(tmp_path / "song.html")
    page.fill("#line-count", "3")
    page.fill("#temperature", "1.5")
    page.focus("#opening")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("种子")
    texts = page.locator(".line > span")
    text = texts.all_inner_texts()
    line = page.locator(".line").nth(1)
    line.focus()
    page.keyboard.press("Enter")
    expect(line).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".editor input")).to_be_focused()
    candidates = page.locator(".candidates .take")
    before = candidates.all_inner_texts()
    page.get_by_role("button", name="换一批").click()
    assert candidates.all_inner_texts() != before
    taken = candidates.first.inner_text()
    candidates.first.focus()
    page.keyboard.press("Enter")
    assert texts.all_inner_texts() == [text[0], taken, text[2]]
    expect(line).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type("<b>我自己的</b>")
    page.keyboard.press("Escape")
    assert texts.all_inner_texts() == [text[0], "<b>我自己的</b>", text[2]]
    assert write(page, "#continue")[:3] == [text[0], "<b>我自己的</b>", text[2]]
    page.click("#undo")
    page.reload()
    assert texts.all_inner_texts() == [text[0], "<b>我自己的</b>", text[2]]
    page.locator(".line").first.click()
    page.get_by_role("button", name="删除此行").click()
    assert texts.all_inner_texts() == ["<b>我自己的</b>", text[2]]
    page.click("#undo")
    assert texts.count() == 3


def test_copied_spans_are_underlined_and_not_written(
    visit: Callable[[Path], Page], make_model: Callable[..., zuoci.CharLM], tmp_path: Path
) -> None:
    opening = "山前路上人在唱歌"
    model = make_model()
    export_html(model, tmp_path / "first.html")
    page = visit(tmp_path / "first.html")

    def seeded(page: Page) -> list[str]:
        page.click(".more > summary")
        page.fill("#opening", opening)
        page.fill("#seed", "5")
        page.fill("#lengths", "8 6")
        return write(page)

    text = seeded(page)
    assert page.locator("mark").count() == 0
    copied = "\n".join(text)
    export_html(model, tmp_path / "second.html", fingerprint=of_text(copied))
    page = visit(tmp_path / "second.html")
    again = "\n".join(seeded(page))
    assert page.locator("mark").all_inner_texts() == [opening]  # what was given may be a copy
    assert again.startswith(opening)
    assert not any(again[i : i + 8] in copied for i in range(1, len(again) - 7))
    assert "下划线标出" in page.inner_text("#status")


def test_the_text_can_be_taken_along_in_either_language(
    visit: Callable[[Path], Page], make_model: Callable[..., zuoci.CharLM], tmp_path: Path
) -> None:
    export_html(make_model(), tmp_path / "song.html", title="歌")
    page = visit(tmp_path / "song.html")
    assert page.locator("#rhyme").is_hidden()
    assert page.locator("html").get_attribute("lang") == "zh"
    page.click("#language")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.inner_text("#write") == "Write"
    text = write(page)
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "歌.txt"
    assert download.value.path().read_text("utf-8") == "\n".join(text) + "\n"
    page.click("#copy")
    expect(page.locator("#status")).to_have_text("copied")
    for control in page.locator("button, input, select").all():
        if control.is_visible():
            assert control.evaluate("node => node.labels?.length || node.ariaLabel || node.textContent.trim()")


def test_it_can_be_stopped(
    visit: Callable[[Path], Page], make_model: Callable[..., zuoci.CharLM], tmp_path: Path
) -> None:
    export_html(make_model(), tmp_path / "song.html")
    page = visit(tmp_path / "song.html")
    page.fill("#line-count", "100")
    page.click("#write")
    page.click("#stop")
    expect(page.locator("#status")).to_contain_text("种子")
    assert page.locator(".line").count() < 100
    expect(page.locator("#write")).to_be_visible()


def test_locked_lines_stay_and_every_change_can_be_undone(
    visit: Callable[[Path], Page], make_model: Callable[..., zuoci.CharLM], tmp_path: Path
) -> None:
    export_html(make_model(), tmp_path / "song.html", rhymes=RHYMES)
    page = visit(tmp_path / "song.html")
    assert page.input_value("#line-count") == "8"  # what Python's form begins with
    assert page.input_value("#rhyme") == "AABB"
    page.fill("#line-count", "4")
    page.fill("#lengths", "2+3")
    page.fill("#words", "在唱")
    texts = page.locator(".line > span")
    locks = page.locator(".lock-line")
    page.click("#add")  # into the empty sheet
    page.keyboard.type("路上 人在前")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Escape")  # a line without text is none
    expect(page.locator(".line").first).to_be_focused()
    first = write(page)
    assert first[0] == "路上 人在前"
    assert all(re.fullmatch("[^ ]{2} [^ ]{3}", line) for line in first)
    assert "在唱" in "\n".join(first)
    page.locator(".line").nth(2).focus()
    page.keyboard.press("Alt+l")
    expect(page.locator("#status")).to_contain_text("第 3 行已锁定")
    assert [lock.get_attribute("aria-pressed") for lock in locks.all()] == ["true", "false", "true", "false"]
    second = write(page)
    assert (second[0], second[2]) == (first[0], first[2])
    assert second != first
    assert RHYMES[second[1][-1]] == RHYMES[first[0][-1]]  # they rhyme with the lines that stayed
    page.locator(".line").first.focus()
    page.keyboard.press("Control+z")
    assert texts.all_inner_texts() == first
    page.keyboard.press("Control+Shift+z")
    assert texts.all_inner_texts() == second
    expect(page.locator(".line").first).to_be_focused()
    page.locator(".line").nth(1).click()
    page.get_by_role("button", name="上方加行").click()
    expect(page.locator(".editor input")).to_be_focused()
    page.keyboard.type("有人")
    page.keyboard.press("Enter")
    assert texts.all_inner_texts() == [second[0], "有人", *second[1:]]
    expect(locks.nth(1)).to_have_attribute("aria-pressed", "true")
    page.click("#clear")
    expect(page.locator("#clear")).to_be_focused()
    assert texts.count() == 0
    page.click("#undo")
    page.reload()
    assert texts.count() == 5
    expect(locks.nth(1)).to_have_attribute("aria-pressed", "true")


def test_a_phone_and_a_screen_reader_can_use_it(
    browser: Browser, make_model: Callable[..., zuoci.CharLM], tmp_path: Path
) -> None:
    export_html(make_model(), tmp_path / "song.html", rhymes=RHYMES, fingerprint=of_text("山前路上人在唱歌里有"))
    page = browser.new_page(viewport={"width": 375, "height": 700}, has_touch=True, locale="zh-CN")
    page.goto((tmp_path / "song.html").as_uri())
    page.locator("summary").first.click()
    page.click(".more > summary")
    assert page.input_value("#max-copy") == "7"
    write(page)
    page.locator(".line").nth(1).click()
    expect(page.locator(".candidates .take").first).to_be_visible()
    for control in page.locator("button, summary, select, input").all():
        if box := control.bounding_box():
            assert min(box["width"], box["height"]) >= 44, control.evaluate("node => node.outerHTML")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if AXE.is_file():
        page.evaluate(AXE.read_text("utf-8"))
        run = "async () => (await axe.run()).violations.filter(({impact}) => ['serious', 'critical'].includes(impact))"
        found = page.evaluate(run)
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
    page.close()


def of_text(text: str) -> zuoci.Fingerprint:
    return zuoci.Fingerprint.of(zuoci.Corpus((zuoci.Song("songs.txt", text),)))
