"""The view "Write" in a real browser, against the real server: a song is written in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect
from tests.studio.conftest import AXE, Visitor, new_song, saved, serious, song, write

if TYPE_CHECKING:
    from playwright.sync_api import Route
    from tests.conftest import Served

LINE = "我把走廊的地砖数了又数"  # of the bundled lyrics
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def page(visit: Visitor) -> Page:
    """The view with a song without lines."""
    page = visit()
    new_song(page)
    return page


def on_disk(served: Served, page: Page) -> str:
    saved(page)
    return (served.home / "songs" / f"{page.input_value('#title')}.txt").read_text("utf-8")


def line(page: Page, number: int) -> None:
    """Puts the cursor behind a line."""
    page.locator(".cm-line").nth(number).click()
    page.keyboard.press("End")


def paste(page: Page, text: str) -> None:
    data = "const data = new DataTransfer(); data.setData('text/plain', text);"
    event = "new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})"
    page.locator(".cm-content").evaluate(f"(node, text) => {{ {data} node.dispatchEvent({event}); }}", text)


def candidates(page: Page) -> list[str]:
    expect(page.locator(".candidates .take").first).to_be_visible(timeout=20_000)
    return page.locator(".candidates .take > span").all_inner_texts()


def test_a_song_is_written_by_keyboard_and_saved_as_one_types(page: Page, served: Served) -> None:
    page.keyboard.type("[主歌]\n夜里的路灯\n照着走廊")
    page.keyboard.press("Alt+ArrowUp")
    assert song(page) == ["[主歌]", "照着走廊", "夜里的路灯"]
    page.keyboard.press("Control+z")
    assert song(page) == ["[主歌]", "夜里的路灯", "照着走廊"]
    page.keyboard.press("End")
    paste(page, "\n# 还缺一段\n\n[副歌]\n我们不分开\n谁也不回来\n\n[副歌]")
    page.keyboard.press("Enter")
    assert song(page)[-3:] == ["我们不分开", "谁也不回来", ""]
    expect(page.locator("#status")).to_contain_text("改一处，两处都改")
    line(page, 6)
    page.keyboard.type("了")
    assert song(page)[6] == song(page)[10] == "我们不分开了"
    assert on_disk(served, page) == "\n".join(song(page)) + "\n"
    before = song(page)
    page.reload()
    expect(page.locator(".cm-line").nth(1)).to_have_text("夜里的路灯")
    assert song(page) == before
    line(page, 0)
    page.keyboard.press("Control+z")  # what was typed before the page was loaded again
    assert song(page)[6] == song(page)[10] == "我们不分开"
    page.keyboard.press("Control+f")
    page.keyboard.type("路灯")
    page.keyboard.press("Enter")
    expect(page.locator(".cm-searchMatch")).to_have_count(1)


def test_lines_are_written_rewritten_locked_and_undone(page: Page, served: Served) -> None:
    page.fill("#option-lines", "4")
    page.select_option("#option-rhyme", "AABB")
    page.fill("#option-acrostic", "我你他人")
    first = write(page)
    assert [line[0] for line in first] == list("我你他人")
    expect(page.locator(".check-gutter b").nth(4)).not_to_be_empty()  # a text is checked after it is written
    letters = page.locator(".check-gutter b").all_inner_texts()
    assert [letters[1], letters[3]] == [letters[2], letters[4]]  # the first is the gutter's own
    line(page, 1)
    page.keyboard.press("Alt+r")
    expect(page.locator("#status")).to_contain_text("第 2 行已重写")
    rewritten = song(page)[1]
    assert rewritten != first[1]
    assert rewritten[0] == "你"
    page.locator(".line-handle.lyric").nth(1).click()
    expect(page.locator(".line-handle.locked")).to_have_count(1)
    again = write(page)
    assert again[1] == rewritten
    assert again != [first[0], rewritten, *first[2:]]
    assert [line[0] for line in again] == list("我你他人")
    page.click("#undo")
    assert [line for line in song(page) if line] == [first[0], rewritten, *first[2:]]  # all lines at once
    page.click("#redo")
    longer = write(page, "#continue")
    assert longer[:4] == again
    assert len(longer) == 8
    assert [line for line in on_disk(served, page).split("\n") if line] == longer


def test_a_structure_is_written_with_its_marks(page: Page) -> None:
    page.click("#options .more > summary")
    page.fill("#option-structure", "V C B C")
    page.fill("#option-section", "C=3，3；V=4+3")
    page.fill("#option-stanza", "2")
    page.select_option("#option-rhyme", "")
    found = write(page)
    assert [line for line in found if line.startswith("[")] == ["[Verse]", "[Chorus]", "[Bridge]", "[Chorus]"]
    assert [list(map(len, line.split())) for line in found[1:3]] == [[4, 3], [4, 3]]
    assert [len(line) for line in found[4:6]] == [3, 3]
    assert found[3:6] == found[-3:]


@pytest.mark.slow
def test_what_is_typed_while_the_model_writes_stops_it_and_stays(visit: Visitor) -> None:
    page = visit(reduced_motion="no-preference")
    new_song(page)
    page.fill("#option-lines", "0")
    page.click("#options .more > summary")
    page.fill("#option-length", "2000")
    page.fill("#opening", "我们")
    page.click("#write")
    expect(page.locator(".cm-content")).to_have_text(re.compile("^我们.{20,}"))  # in one line or several
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("停")
    expect(page.locator("#write")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("已停止")
    text = "".join(song(page))
    assert text.startswith("我们")
    assert "停" in text
    assert len(text) < 1900


def test_typing_while_lines_are_written_anew_leaves_no_placeholders(page: Page, visit: Visitor) -> None:
    page.keyboard.type("山前一条路")
    page.route("**/api/models/*/candidates", lambda _: None)  # no answer comes
    page.click("#write")
    expect(page.locator(".cm-line").filter(has_text="…")).to_have_count(7)
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+Home")
    page.keyboard.type("走")
    expect(page.locator("#write")).to_be_visible()
    assert song(page) == ["走山前一条路"]
    page.keyboard.press("Control+z")
    assert song(page) == ["山前一条路"]
    visit.complaints.clear()


def test_a_line_is_completed_filled_in_and_chosen_by_keyboard(page: Page, visit: Visitor) -> None:
    page.select_option("#option-rhyme", "")
    page.keyboard.type("我们在山前\n我说\n\n走上那条路")
    line(page, 1)
    page.keyboard.press("Control+Enter")
    found = candidates(page)
    assert all(text.startswith("我说") for text in found)
    assert all(len(re.findall(r"\w", text)) == 5 for text in found)  # as the lines around it
    page.keyboard.press("ArrowDown")
    expect(page.locator(".candidates .selected .take > span")).to_have_text(found[1])
    page.keyboard.press("Enter")
    assert song(page) == ["我们在山前", found[1], "", "走上那条路"]
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+Enter")
    filled = candidates(page)
    page.keyboard.press("Enter")
    assert song(page) == ["我们在山前", found[1], filled[0], "走上那条路"]
    page.keyboard.press("Control+Enter")  # of a line by the model, another one
    candidates(page)
    expect(page.locator('.modes [aria-pressed="true"]')).to_have_text("换一句")
    page.keyboard.press("ArrowLeft")
    expect(page.locator('.modes [aria-pressed="true"]')).to_have_text("续完")
    page.keyboard.press("Escape")
    expect(page.locator(".candidates")).to_have_count(0)
    visit.complaints.clear()  # the browser tells of a form that could not be kept


@pytest.mark.slow
def test_a_liked_line_goes_to_the_shelf_and_from_there_into_the_song(page: Page) -> None:
    page.keyboard.type("我们在山前")
    page.click("#suggest")
    page.locator(".modes").get_by_role("button", name="换一句").click()
    candidates(page)
    liked = page.locator(".candidates li").nth(1)
    text = liked.locator(".take > span").inner_text()
    liked.locator(".like").click()
    page.keyboard.press("Escape")
    saved(page)
    page.reload()
    expect(page.locator("#shelf .liked")).to_have_text([text])
    page.locator("#shelf .liked").click()
    assert song(page) == ["我们在山前", text]
    page.get_by_role("button", name=f"移出收藏：{text}").click()
    expect(page.locator("#shelf .liked")).to_have_count(0)
    expect(page.locator("#shelf-panel summary")).to_be_focused()


@pytest.mark.slow
def test_former_texts_of_a_line_come_back(page: Page) -> None:
    page.fill("#option-lines", "2")
    page.select_option("#option-rhyme", "")
    first = write(page)
    line(page, 0)
    page.keyboard.press("Alt+r")
    expect(page.locator("#status")).to_contain_text("已重写")
    page.click("#songs")
    page.click("#versions")
    expect(page.locator("#line-versions strong")).to_have_text([first[0]])
    expect(page.locator("#line-versions small")).to_contain_text("tiny")
    page.locator("#line-versions button").click()
    assert song(page)[0] == first[0]
    expect(page.locator("#versions-dialog")).to_be_hidden()


def test_what_is_copied_is_marked_and_said(page: Page) -> None:
    page.keyboard.type(f"哎{LINE}")
    expect(page.locator(".copied")).to_have_text(LINE)
    expect(page.locator(".copied")).to_have_attribute("title", re.compile("训练歌词|《"))
    expect(page.locator("#status")).to_contain_text("下划线标出")
    expect(page.locator("#line-status")).to_contain_text(re.compile("12 字.*已锁定.*11 字与"))


def test_chinese_input_is_one_change(page: Page) -> None:
    client = page.context.new_cdp_session(page)
    page.keyboard.type("[副歌]\n山\n\n[副歌]")
    page.keyboard.press("Enter")
    line(page, 1)
    for text in ("l", "lu", "路"):
        client.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})
    client.send("Input.insertText", {"text": "路"})
    assert song(page)[1] == song(page)[4] == "山路"
    page.keyboard.press("Control+z")
    assert song(page)[1] == song(page)[4] == "山"


@pytest.mark.slow
def test_two_tabs_come_together_and_only_the_same_line_is_asked_about(
    page: Page, served: Served, visit: Visitor
) -> None:
    page.keyboard.type("一\n二\n三")
    saved(page)
    other = page.context.new_page()
    other.goto(f"{served.url}/?token={served.token}")
    expect(other.locator(".cm-line")).to_have_count(3)
    line(page, 0)
    page.keyboard.type("山")
    expect(other.locator(".cm-line").nth(0)).to_have_text("一山")
    line(other, 2)
    other.keyboard.type("路")
    expect(page.locator(".cm-line").nth(2)).to_have_text("三路")
    saved(page)
    saved(other)
    other.route("**/api/songs/*", lambda route: route.abort())  # it cannot hear of the next change
    line(page, 1)
    page.keyboard.type("人")
    saved(page)
    line(other, 1)
    other.keyboard.type("歌")
    expect(other.locator("#song-problem")).to_contain_text("暂存在这个浏览器里")
    other.unroute("**/api/songs/*")
    expect(other.locator("#song-conflict")).to_be_visible()
    assert (song(page)[1], song(other)[1]) == ("二人", "二歌")
    other.click("#keep-both")
    expect(other.locator(".cm-line").nth(1)).to_have_text("二人")
    title = page.input_value("#title")
    copies = [path.read_text("utf-8") for path in (served.home / "songs").glob(f"{title} *.txt")]
    assert "一山\n二歌\n三路\n" in copies
    visit.complaints.clear()  # the browser tells of what was cut off, and of the conflict


def full(route: Route) -> None:
    error = {"message": "disk full", "type": "server_error", "param": None, "code": "io"}
    route.fulfill(status=500, json={"error": error})


def gone(route: Route) -> None:
    route.abort()


@pytest.mark.parametrize("answer", [full, gone])
def test_what_cannot_be_saved_is_said_and_comes_back(page: Page, served: Served, visit: Visitor, answer: Any) -> None:
    page.keyboard.type("一")
    saved(page)
    page.route("**/api/songs/*", answer)
    page.keyboard.type("山路")
    expect(page.locator("#song-problem")).to_contain_text("保存不了")
    expect(page.locator("#save-state")).to_contain_text("未保存到硬盘")
    page.unroute("**/api/songs/*")
    page.route("**/api/songs/*", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
    page.reload()
    expect(page.locator(".cm-line").first).to_have_text("一山路")
    page.unroute("**/api/songs/*")
    assert on_disk(served, page) == "一山路\n"
    expect(page.locator("#song-problem")).to_be_hidden()
    visit.complaints.clear()  # the browser tells of what was cut off


def test_what_is_typed_before_there_is_a_folder_is_not_lost(visit: Visitor, served: Served) -> None:
    page = visit("train")
    page.route("**/api/songs", gone)
    page.reload()
    page.click('a[href="#write"]')
    expect(page.locator("#song-problem")).to_contain_text("连接不上")
    page.locator(".cm-content").focus()
    page.keyboard.type("一条路")
    page.reload()
    page.unroute("**/api/songs")
    expect(page.locator(".cm-line").first).to_have_text("一条路")
    assert on_disk(served, page) == "一条路\n"
    visit.complaints.clear()  # the browser tells of what was cut off


def test_the_text_of_an_earlier_zuoci_becomes_a_song(visit: Visitor, served: Served) -> None:
    state = {
        "rows": [{"text": "旧的路", "locked": True}, {"text": "", "locked": False}, {"text": "山", "locked": False}]
    }
    origin = {"origin": served.url, "localStorage": [{"name": "zuoci write", "value": json.dumps(state)}]}
    page = visit(storage_state={"cookies": [], "origins": [origin]})
    expect(page.locator(".cm-line").first).to_have_text("旧的路")
    expect(page.locator(".line-handle.locked")).to_have_count(1)
    assert on_disk(served, page) == "旧的路\n\n山\n"


def test_the_focus_stays_when_its_button_can_do_no_more(page: Page) -> None:
    page.keyboard.type("山")
    page.focus("#undo")
    page.keyboard.press("Enter")
    expect(page.locator("#undo")).to_be_disabled()
    expect(page.locator(".cm-content")).to_be_focused()


def test_a_song_that_is_too_long_is_said_and_kept(page: Page, visit: Visitor) -> None:
    paste(page, "山" * 20_001)
    expect(page.locator("#song-problem")).to_contain_text("这首歌有 20001 字，最多 20000 字")
    page.click("#continue")
    expect(page.locator("#status")).to_contain_text("最多 20000 字")
    page.reload()
    expect(page.locator(".cm-line").first).to_have_text(re.compile("山{99}"))
    expect(page.locator("#song-problem")).to_contain_text("这首歌有 20001 字")
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    saved(page)
    visit.complaints.clear()  # the browser tells of what was refused


def test_songs_are_named_dropped_in_exported_and_deleted(page: Page, served: Served) -> None:
    page.keyboard.type("独木")
    page.fill("#title", "夜/路")
    page.keyboard.press("Enter")
    page.keyboard.type("路")  # while it gets its name
    expect(page.locator("#title")).to_have_value("夜 路")
    assert on_disk(served, page) == "独木路\n"
    assert [path.name for path in (served.home / "songs").glob("*.txt") if path.read_text("utf-8")[:2] == "独木"] == [
        "夜 路.txt"
    ]
    drop = """(node, [name, text]) => {
        const data = new DataTransfer();
        data.items.add(new File([text], name));
        node.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    page.locator("#editor").evaluate(drop, ["b.lrc", "[ti:时间]\n[00:02.00]二\n[00:01.00]一\n"])
    expect(page.locator("#title")).to_have_value("时间")
    assert song(page) == ["一", "二"]
    page.click("#songs")
    with page.expect_download() as download:
        page.click("#export-lrc")
    assert download.value.suggested_filename == "时间.lrc"
    assert download.value.path().read_text("utf-8") == "[ti:时间]\n[00:01.00]一\n[00:02.00]二\n"
    page.get_by_role("button", name="删除《时间》").click()
    expect(page.locator("#title")).to_have_value("夜 路")
    expect(page.locator("#song-list strong").filter(has_text="时间")).to_have_count(0)
    assert not (served.home / "songs" / "时间.txt").exists()


@pytest.mark.slow
def test_on_a_phone_a_song_is_written_with_the_finger_alone(visit: Visitor) -> None:
    page = visit(**PHONE)
    new_song(page)
    page.locator("#add-verse").tap()
    page.locator("#write").tap()
    expect(page.locator("#status")).to_contain_text("行")
    expect(page.locator("#write")).to_be_visible(timeout=20_000)
    first = [text for text in song(page) if text]
    assert first[0] == "[主歌]"
    assert len(first) == 5
    page.locator(".cm-line").filter(has_text=first[2]).first.tap()
    page.locator("#suggest").tap()
    found = candidates(page)
    page.locator(".candidates .take").nth(1).tap()
    assert song(page)[2] == found[1]
    page.locator("#move-up").tap()
    assert song(page)[1] == found[1]
    sizes = page.locator("#actions button:visible, .line-handle:visible").evaluate_all(
        "nodes => nodes.map((node) => node.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 44
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_lines_are_dragged(page: Page) -> None:
    page.keyboard.type("一\n二\n三")
    handles = page.locator(".line-handle.lyric")
    first, last = (handles.nth(n).bounding_box() for n in (0, 2))
    assert first
    assert last
    page.mouse.move(first["x"] + 8, first["y"] + first["height"] / 2)
    page.mouse.down()
    page.mouse.move(last["x"] + 8, last["y"] + last["height"] - 3, steps=5)
    expect(page.locator(".drop-mark")).to_be_visible()
    page.mouse.up()
    assert song(page) == ["二", "三", "一"]
    expect(page.locator(".drop-mark")).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Visitor, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip("node_modules/axe-core is missing: npm ci")
    page = visit(color_scheme=scheme)
    new_song(page)
    page.keyboard.type("[主歌]\n# 备注\n我们在山前")
    page.click("#suggest")
    page.locator(".modes").get_by_role("button", name="换一句").click()
    candidates(page)
    expect(page.locator("#line-status")).to_contain_text("5 字")
    for dialog in ("", "#songs"):
        if dialog:
            page.click(dialog)
            expect(page.locator("#song-list li").first).to_be_visible()
        assert serious(page) == []
