"""Pages of real editors, from the file that a browser saved to a follower's phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.support.browser import BLIND, LINES, open_browser
from tests.support.editor_pages import PAGES, send_page
from tests.support.playground import Sandbox
from wechat_campaigns.render.article import dom, read_saved_page

pytestmark = [pytest.mark.deep, pytest.mark.optional_part]

PHONE_PX = 375
# Text that a reader cannot see: no room, no ink, or covered by something that is not a part of it.
UNREAD = """
const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
const bad = [];
while (walker.nextNode()) {
  const text = walker.currentNode, words = text.data.trim(), style = getComputedStyle(text.parentElement);
  if (!words) continue;
  const range = document.createRange();
  range.selectNodeContents(text);
  const box = [...range.getClientRects()].find(r => r.width > 1 && r.height > 1);
  if (!box || style.visibility !== 'visible' || parseFloat(style.fontSize) < 6) { bad.push(words); continue; }
  const x = box.left + box.width / 2, y = box.top + box.height / 2;
  window.scrollTo(0, Math.max(0, y - 300));
  const top = document.elementFromPoint(x, y - window.scrollY);
  window.scrollTo(0, 0);
  if (style.pointerEvents !== 'none' && !text.parentElement.contains(top))
    bad.push(words + ' under ' + (top && top.outerHTML.slice(0, 80)));
}
return bad;
"""
WIDTH = "return document.documentElement.scrollWidth"
WORDS = "return document.body.textContent"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with open_browser(flags=("hide-scrollbars",)) as chrome:
        size = {"width": PHONE_PX, "height": 812, "deviceScaleFactor": 1, "mobile": False}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        yield chrome


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_of_an_editor_is_read_on_a_phone(
    page: Path, chrome: Chrome, sandbox: Sandbox, tmp_path: Path
) -> None:
    sent = send_page(page, sandbox, tmp_path)
    chrome.get(sent.address)
    words = dom.text_of(dom.parse(read_saved_page(sent.saved).html({}))).split()
    assert words
    assert "".join(words) in "".join(str(chrome.execute_script(WORDS)).split())
    assert chrome.execute_script(BLIND) == []
    assert chrome.execute_script(WIDTH) <= PHONE_PX
    assert chrome.execute_script(LINES) == []
    assert chrome.execute_script(UNREAD) == []


@pytest.mark.parametrize(
    ("html", "questions"),
    [
        ("<p style='line-height:0.5'>" + "一二三四五" * 20 + "</p>", [LINES]),
        ("<p style='width:0;height:0;overflow:hidden'>藏</p>", [UNREAD]),
        ("<p>藏</p><p style='margin-top:-40px;height:60px;position:relative;background:#fff'></p>", [UNREAD]),
        ("<img src='data:image/png;base64,AAAA'>", [BLIND]),
    ],
)
def test_the_questions_have_answers(chrome: Chrome, tmp_path: Path, html: str, questions: list[str]) -> None:
    file = tmp_path / "bad.html"
    file.write_text(f"<meta charset=utf-8><main>{html}</main>", encoding="utf-8")
    chrome.get(file.as_uri())
    assert [question for question in (LINES, UNREAD, BLIND) if chrome.execute_script(question)] == questions
