"""A real Chromium for tests: headless, a profile of its own, nothing fetched on the side."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def open_browser(
    *, width: int = 1440, height: int = 960, language: str = "en", flags: tuple[str, ...] = ()
) -> Iterator[webdriver.Chrome]:
    """Run Chromium while the block runs; its console is kept for `get_log("browser")`."""
    browser, driver = programs()
    options = Options()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        own = (f"user-data-dir={profile}", f"window-size={width},{height}", f"lang={language}")
        for flag in (*FLAGS.split(), *own, *flags):
            options.add_argument(f"--{flag}")
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        chrome = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield chrome
        finally:
            chrome.quit()
