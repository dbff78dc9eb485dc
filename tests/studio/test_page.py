"""The studio's page in a real browser, against the real server."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Route, expect
from tests.studio.conftest import Visitor, new_song, saved, song, write

import zuoci
from zuoci.studio.app import StudioSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Browser
    from tests.conftest import Served

VIEWS = ["write", "inside", "train", "models"]
EXPECTED = "Failed to load resource"  # what a browser says of an answer from 400 on
LINE = "我把走廊的地砖数了又数"  # of the bundled lyrics


def test_wrong_wishes_are_said_where_they_are(visit: Visitor) -> None:
    page = visit()
    page.fill("#option-line_length", "nine")
    page.click("#write")
    expect(page.locator("#status")).to_contain_text("每行字数：")
    expect(page.locator("#option-line_length")).to_have_attribute("aria-invalid", "true")
    page.fill("#option-line_length", "3")
    expect(page.locator("#option-line_length")).not_to_have_attribute("aria-invalid", "true")
    page.click('a[href="#train"]')
    page.click("#bundled-zh")
    page.fill("#name", "tiny")
    page.get_by_role("button", name="开始训练").click()
    expect(page.locator("#corpus-status")).to_have_text("已有同名模型，请换一个名字。")
    expect(page.locator("#name")).to_have_attribute("aria-invalid", "true")
    page.fill("#name", "other")
    expect(page.locator("#name")).not_to_have_attribute("aria-invalid", "true")
    assert all(EXPECTED in complaint for complaint in visit.complaints)
    assert len(visit.complaints) == 2
    visit.complaints.clear()


def test_looking_inside(visit: Visitor) -> None:
    page = visit("inside", reduced_motion="reduce")
    page.fill("#source", f"{LINE}\n“我们说好了”\n她进去前说 出来想喝甜的\n我答应了 不能让它卡住")
    chars = page.locator(".char")
    expect(chars).not_to_have_count(0)
    page.focus("#reading")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#character-details .most-likely li")).to_have_count(5)
    selected = page.locator('.char[aria-selected="true"]')
    expect(selected).to_have_text("把")
    page.keyboard.press("ArrowDown")
    expect(selected).to_have_text(re.compile("[我们]"))
    expect(page.locator("#character-details")).to_contain_text("纳特")
    assert page.locator("#reading").get_attribute("aria-activedescendant") == selected.get_attribute("id")
    surprise = chars.nth(0).evaluate("node => getComputedStyle(node).backgroundColor")
    chips = page.locator("#unit-list .group .chip")
    chips.first.click()
    expect(chips.first).to_have_attribute("aria-pressed", "true")
    assert chars.nth(0).evaluate("node => getComputedStyle(node).backgroundColor") != surprise
    expect(page.locator("#state-picture")).to_be_visible()
    page.click("#watch")
    expect(page.locator("#watch")).to_be_visible(timeout=20_000)
    assert LINE not in page.input_value("#source")
    expect(page.locator("#inside-status")).to_contain_text("困惑度")


def test_a_model_is_described_and_given_away(visit: Visitor, tmp_path: Path) -> None:
    page = visit("models")
    card = page.locator(".model-card").filter(has_text="tiny")
    expect(card).to_contain_text("首歌训练")
    card.get_by_text("模型说明").click()
    expect(card.locator(".card-text table")).to_be_visible()
    with page.expect_download() as download:
        card.locator('[data-kind="zip"]').click()
    assert zipfile.is_zipfile(download.value.path())
    with page.expect_download() as download:
        card.locator('[data-kind="onnx"]').click()
    assert download.value.suggested_filename == "tiny.onnx"
    with page.expect_download() as download:
        card.locator('[data-kind="html"]').click()
    assert download.value.suggested_filename == "tiny.html"
    file = tmp_path / "tiny.html"
    download.value.save_as(file)
    assert visit.complaints == []
    given = visit.browser.new_context(offline=True, locale="zh-CN").new_page()
    given.goto(file.as_uri())
    given.click("#write")
    expect(given.locator("#status")).to_contain_text("种子")
    assert given.locator(".line").count() == 8


def test_a_card_is_text_whatever_stands_in_it(visit: Visitor) -> None:
    page = visit("models")
    found = page.evaluate(
        """async () => {
            const { renderMarkdown } = await import("/studio/markdown.js");
            const box = document.createElement("div");
            box.append(...renderMarkdown("---\\na: b\\n---\\n# <b>T</b>\\n\\n| a | b |\\n| - | - |\\n"
                + "| `x` | **y** |\\n\\n[x](javascript:y) <img src=x onerror=alert(1)>\\n\\n- one\\n- two"));
            return [box.innerHTML, box.textContent];
        }"""
    )
    assert "<img" not in found[0]
    assert "<b>" not in found[0]
    assert "<code>x</code>" in found[0]
    assert found[0].count("<li>") == 2
    assert found[1].startswith("<b>T</b>")


def test_what_was_found_in_a_text_is_not_said_after_a_failure(visit: Visitor) -> None:
    page = visit("write")
    new_song(page)
    page.fill("#option-lines", "2")
    page.locator(".cm-content").click()
    page.keyboard.type(LINE + "\n[副歌]\n")
    page.click("#write")
    expect(page.locator("#status")).to_contain_text("下划线标出")
    for path in ("write", "check"):
        page.route(f"**/api/models/*/{path}", lambda route: route.abort())
    page.click("#write")
    expect(page.locator("#status")).to_contain_text("连接不上")
    expect(page.locator("#status")).not_to_contain_text("下划线标出")
    visit.complaints.clear()  # the browser tells of what was cut off


def test_a_new_song_that_comes_late_does_not_take_the_focus(
    browser: Browser, serve: Callable[[StudioSettings], AbstractContextManager[Served]], tiny: Path, tmp_path: Path
) -> None:
    made: list[Route] = []
    with serve(StudioSettings([tiny], home=tmp_path / "home")) as served:
        page = browser.new_page(locale="zh-CN")
        page.route(
            "**/api/songs", lambda route: made.append(route) if route.request.method == "POST" else route.continue_()
        )
        page.goto(f"{served.url}/?token={served.token}#write")
        page.focus("#option-lines")
        while not made:
            page.wait_for_timeout(10)
        made[0].continue_()
        expect(page.locator("#title")).not_to_have_value("")
        expect(page.locator("#option-lines")).to_be_focused()
        page.close()


def test_the_token_is_taken_from_the_address_and_not_left_there(
    browser: Browser, serve: Callable[[StudioSettings], AbstractContextManager[Served]], tiny: Path, tmp_path: Path
) -> None:
    with serve(StudioSettings([tiny], home=tmp_path / "home", key="密码 é+key")) as served:
        visitor = Visitor(browser, served.url, served.token)
        page = visitor("models")
        assert page.url == f"{served.url}/#models"
        page.click('a[href="#write"]')
        expect(page.locator("#title")).not_to_have_value("")
        page.fill("#option-lines", "2")
        written = write(page)
        assert len(written) == 2
        saved(page)
        page.reload()
        expect(page.locator(".cm-line").first).to_have_text(written[0])
        assert song(page) == written
        page.context.close()
        visitor.check()
        stranger = browser.new_context(locale="zh-CN").new_page()
        stranger.goto(served.url)
        expect(stranger.locator("#start-error")).to_contain_text("令牌")
        stranger.context.close()


def test_a_damaged_model_is_named_among_the_others(
    browser: Browser, serve: Callable[[StudioSettings], AbstractContextManager[Served]], tiny: Path, tmp_path: Path
) -> None:
    broken = zuoci.save(zuoci.load(tiny), tmp_path / "home" / "broken")
    (broken / "config.json").write_text("")
    with serve(StudioSettings([tiny], home=tmp_path / "home")) as served:
        visitor = Visitor(browser, served.url, served.token)
        page = visitor("models")
        expect(page.locator("#models .error-banner")).to_contain_text("broken: ")
        expect(page.locator("#models h2")).to_have_text(["tiny", "en", "zh"])
        page.context.close()
        visitor.check()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_view_in_both_languages(visit: Visitor, width: int, scheme: str) -> None:
    page = visit(viewport={"width": width, "height": 844}, color_scheme=scheme, locale="en-US")
    page.select_option("#model", "tiny")
    for language in ("en", "zh"):
        assert page.locator("html").get_attribute("lang") == language
        for view in VIEWS:
            page.click(f'a[href="#{view}"]')
            expect(page.locator(f"#{view}-view")).to_be_visible()
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width
            controls = page.locator(f"#{view}-view").locator("button, input, select, textarea, canvas, summary")
            assert [one for one in controls.all() if one.is_visible() and not _name(one)] == []
        page.click("#language")
    differ = page.evaluate(
        """async () => {
            const { PHRASES } = await import("/studio/phrases.js");
            const kind = (value) =>
                Array.isArray(value) ? "list" : typeof value === "object" ? shape(value) : typeof value;
            const shape = (words) => Object.entries(words).map(([key, value]) => `${key} ${kind(value)}`).sort().join();
            const used = ["text", "label", "placeholder"].flatMap((name) =>
                [...document.querySelectorAll(`[data-${name}]`)].map((node) => node.dataset[name]));
            const unknown = used.filter((key) => !(key in PHRASES.en));
            // What has a word of its own in one language only is tested by tests/page/messages.test.js.
            const common = ({ messages, formats, droppedKinds, leftOutKinds, sectionKinds, ...others }) => others;
            return [shape(common(PHRASES.zh)) === shape(common(PHRASES.en)), unknown];
        }"""
    )
    assert differ == [True, []]


def _name(control: Locator) -> str:
    return control.evaluate("node => node.ariaLabel || node.labels?.[0]?.textContent.trim() || node.textContent.trim()")
