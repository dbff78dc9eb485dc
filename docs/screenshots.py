"""Takes the pictures of the studio in docs/images: trains on the bundled lyrics for a minute, then looks around.

    python docs/screenshots.py

It needs the extras studio and test, and Chromium.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from zuoci.server.run import listen, make_server, url_of
from zuoci.studio.app import Studio, StudioSettings

IMAGES = Path(__file__).parent / "images"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def take(page: Page, name: str) -> None:
    """Saves what is seen, once nothing moves."""
    page.wait_for_timeout(700)
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


def tour(browser: Browser, url: str) -> None:
    """From the first visit on, in Chinese; then a look in English, in the dark, and on a phone."""
    context = browser.new_context(viewport=DESKTOP, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{url}#train")
    page.click("#bundled-zh")
    page.click("#run-form [type=submit]")
    page.mouse.move(0, 0)
    expect(page.locator(".run")).to_contain_text("，验证集", timeout=60_000)
    page.wait_for_timeout(12_000)
    take(page, "train")
    page.wait_for_url("**/#write", timeout=300_000)
    page.fill("#opening", "我们")
    page.fill("#option-acrostic", "我你他她")
    page.click("#write")
    expect(page.locator("#status")).to_contain_text("种子", timeout=60_000)
    page.locator(".line-handle.lyric").first.click()
    page.locator(".cm-line").nth(2).click()
    page.click("#suggest")
    expect(page.locator(".candidates .take")).not_to_have_count(0, timeout=60_000)
    page.locator(".candidates .like").nth(1).click()
    take(page, "write")
    page.keyboard.press("Escape")
    expect(page.locator("#save-state")).to_have_text("已保存")
    state = context.storage_state()
    for name, view, settings in (
        ("inside", "inside", {"viewport": DESKTOP, "locale": "en-US", "color_scheme": "dark"}),
        ("models", "models", {"viewport": DESKTOP, "locale": "en-US"}),
        ("phone", "write", {"viewport": PHONE, "locale": "zh-CN", "has_touch": True, "is_mobile": True}),
    ):
        other = browser.new_context(storage_state=state, **settings).new_page()  # pyright: ignore
        other.add_init_script("localStorage.removeItem('zuoci studio')")  # the language is the browser's
        other.goto(f"{url}#{view}")
        if view == "inside":
            other.locator(".char").nth(7).hover()
            expect(other.locator("#character-details .most-likely")).to_be_visible()
        take(other, name)


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        app = Studio(StudioSettings((), home=Path(home)))
        server = make_server(app)
        socket = listen("127.0.0.1", 0)
        thread = threading.Thread(target=server.run, args=([socket],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            tour(browser, url_of("127.0.0.1", socket, app.access.key))
        finally:
            browser.close()
            server.should_exit = True
            thread.join()


if __name__ == "__main__":
    main()
