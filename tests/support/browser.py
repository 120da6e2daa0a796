"""A real Chromium for tests: headless, a profile of its own, nothing fetched on the side."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.support.optional_parts import skip_or_fail
from wechat_campaigns.core.i18n import Language

BROWSER_LANGUAGE: dict[Language, str] = {"en": "en", "zh": "zh-CN"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    "disable-component-update disable-sync disable-dev-shm-usage"
)
# Asked of a page: lines of text that cover each other; pictures that did not arrive.
LINES = """
const rects = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const range = document.createRange();
  range.selectNodeContents(walker.currentNode);
  for (const r of range.getClientRects()) rects.push([r, walker.currentNode.data.slice(0, 20)]);
}
return rects.flatMap(([a, one], i) => rects.slice(i + 1).filter(([b]) =>
  Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
  Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3).map(([, other]) => [one, other]));
"""
BLIND = "return [...document.images].filter(i => !i.complete || i.naturalWidth === 0).map(i => i.src)"


def programs() -> tuple[str, str]:
    """Find browser and driver; without them skip, or fail when CAMPAIGN_REQUIRE_OPTIONAL_PARTS is 1."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        skip_or_fail("Chromium or chromedriver is not on PATH; apt-get install chromium chromium-driver")
    return browser, driver


_IDLE: dict[tuple[str, tuple[str, ...]], list[webdriver.Chrome]] = {}
"""Browsers that were started and that nobody uses now, by language and flags."""
_STARTED = ExitStack()


@contextmanager
def open_browser(
    *, width: int = 1440, height: int = 960, language: str = "en", flags: tuple[str, ...] = ()
) -> Iterator[webdriver.Chrome]:
    """Open a tab of its own in Chromium while the block runs; its console is kept for `get_log("browser")`.

    Chromium itself starts once in a process. What a test emulates ends with its tab.
    """
    idle = _IDLE.setdefault((language, flags), [])
    chrome = idle.pop() if idle else _STARTED.enter_context(_started(language, flags))
    first = chrome.current_window_handle
    chrome.switch_to.new_window("tab")
    chrome.set_window_size(width, height)
    chrome.get_log("browser")  # type: ignore[no-untyped-call]  # of the tab before
    try:
        yield chrome
    finally:
        chrome.close()
        chrome.switch_to.window(first)
        idle.append(chrome)


@contextmanager
def _started(language: str, flags: tuple[str, ...]) -> Iterator[webdriver.Chrome]:
    browser, driver = programs()
    options = Options()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS.split(), f"user-data-dir={profile}", f"lang={language}", *flags):
            options.add_argument(f"--{flag}")
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        chrome = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield chrome
        finally:
            chrome.quit()


def close_browsers() -> None:
    """End every browser that was started."""
    _IDLE.clear()
    _STARTED.close()


atexit.register(close_browsers)
