"""The page in a real browser: the models that come with zuoci, and how they become the writer's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from tests.studio.conftest import Visitor
from tests.studio.test_page import write

import zuoci
from zuoci.studio.app import StudioSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Browser
    from tests.conftest import Served


def test_the_first_visit_writes_at_once(fresh: Visitor) -> None:
    page = fresh()
    expect(page.locator("#write-view")).to_be_visible()
    assert page.input_value("#model") == "zh"
    expect(page.locator("#model option:checked")).to_have_text("zh（随 zuoci 附带）")
    expect(page.locator("#own-model")).to_contain_text("还没读过你的歌词")
    page.fill("#option-lines", "2")
    assert len(write(page)) == 2
    page.click("#language")
    assert page.input_value("#model") == "en"
    expect(page.locator("#own-model")).to_contain_text("has not read your lyrics")
    page.click('a[href="#models"]')
    cards = page.locator(".model-card .run-head")
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("comes with zuoci")
    page.click('a[href="#train"]')
    expect(page.locator("#comparison")).to_be_hidden()


def test_a_run_that_starts_from_a_model_shows_how_good_that_was(
    browser: Browser, serve: Callable[[StudioSettings], AbstractContextManager[Served]], tiny: Path, tmp_path: Path
) -> None:
    with serve(StudioSettings([tiny], home=tmp_path / "home")) as served:
        visitor = Visitor(browser, served.url, served.token)
        page = visitor("train")
        page.click("#bundled-zh")
        names = ["自动", "tiny", "en（随 zuoci 附带）", "zh（随 zuoci 附带）", "从零开始"]
        expect(page.locator("#base option")).to_have_text(names)
        page.select_option("#base", "tiny")
        page.locator("#times label").nth(2).click()  # five minutes, for a slow machine: it is stopped sooner
        page.get_by_role("button", name="开始训练").click()
        run = page.locator(".run")
        expect(run).to_contain_text(re.compile(r"训练前验证集 \d"))
        expect(run.locator("svg .curve")).not_to_have_count(0)
        assert "NaN" not in run.locator("svg").inner_html()
        run.get_by_role("button", name="提前完成").click()
        expect(run).to_have_attribute("data-state", "finished")
        figures = served.client.get("/api/models/lyrics-zh").json()["figures"]
        held_out, before = (figures[name]["perplexity"] for name in ("validation", "base"))
        shown = [f"{value:,.{1 if value < 100 else 0}f}" for value in (held_out, before)]
        expect(run).to_contain_text("，验证集 {} · 训练前验证集 {}".format(*shown))
        page.click('a[href="#models"]')
        expect(page.locator(".model-card").filter(has_text="lyrics-zh")).to_contain_text("训练前验证集困惑度")
        page.context.close()
        visitor.check()


def test_a_first_model_is_trained_on_dropped_lyrics_and_writes(fresh: Visitor) -> None:
    page = fresh()
    assert page.url.endswith("/")
    page.get_by_role("link", name="把它变成你自己的").click()
    expect(page.locator("#welcome")).to_be_visible()
    songs = "\n\n".join(song.text.strip() for song in zuoci.load_lyrics("zh").songs[:30])
    dropped = page.evaluate_handle(
        """([name, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], name));
            return transfer;
        }""",
        ["我的歌.txt", list(songs.encode("gb18030"))],
    )
    page.dispatch_event("#choose-files", "drop", {"dataTransfer": dropped})
    expect(page.locator(".files li")).to_have_count(1)
    cover = {"name": "cover.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\x00\x01" * 9}
    page.set_input_files("#files", [cover])  # pyright: ignore
    summary = re.compile(r"30 首歌 · [\d,]+ 行 · [\d,]+ 字 · [\d,]+ 个不同的字")
    expect(page.locator(".corpus-summary")).to_have_text(summary)
    files = page.locator(".files li")
    expect(files).to_have_count(2)
    expect(files.nth(1)).to_contain_text("gb18030")
    expect(files.nth(0)).to_contain_text("不是文本文件")  # what cannot be used comes first
    page.get_by_role("button", name="移除 cover.jpg").click()
    expect(files).to_have_count(1)
    assert page.input_value("#name") == "我的歌"
    page.select_option("#base", "none")  # quicker
    page.locator("#times label").nth(2).click()  # five minutes, for a slow machine: it is stopped sooner
    page.get_by_role("button", name="开始训练").click()
    run = page.locator(".run")
    expect(run).to_have_attribute("data-state", "running")
    expect(run.locator(".run-head")).to_contain_text("训练中")
    expect(run).to_contain_text("，验证集")  # the first round
    expect(run.locator("svg .curve")).not_to_have_count(0)
    expect(run.locator(".sample").first).not_to_be_empty()
    run.get_by_role("button", name="暂停").click()
    expect(run).to_have_attribute("data-state", "paused")
    run.get_by_role("button", name="继续训练").click()
    expect(run).to_have_attribute("data-state", "running")
    stop = run.get_by_role("button", name="提前完成")
    stop.click()
    page.wait_for_url("**/#write")  # which opens by itself
    assert page.input_value("#model") == "我的歌"
    expect(page.locator("#own-model")).to_be_hidden()
    page.fill("#option-lines", "4")
    page.select_option("#option-rhyme", "AABB")
    assert len(write(page)) == 4
