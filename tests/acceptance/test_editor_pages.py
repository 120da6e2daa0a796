"""Pages of real editors, from the file that a browser saved to a follower's phone."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from selenium.webdriver import Chrome

from tests.support.browser import BLIND, LINES, open_browser
from tests.support.playground import Sandbox, campaigns_on
from wechat_article import dom
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.render.articles import read_saved_page
from wechat_campaigns.source.scaffold import PLACEHOLDERS

pytestmark = [pytest.mark.deep, pytest.mark.optional_part]

EDITORS = Path(__file__).parents[1] / "articles" / "editors"
PAGES = sorted(EDITORS.glob("*.html"))
ADDRESS = re.compile(r"https://mmbiz\.qpic\.cn/[\w/]+(?:\?[\w=&;]+)?")
SIZE = (900, 540)
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


def save_page(page: Path, folder: Path) -> Path:
    """Write a page and, beside it, a picture for each address in it; return the file of the page."""
    pictures = folder / f"{page.stem}_files"
    pictures.mkdir(parents=True)
    text = page.read_text(encoding="utf-8")
    for number, address in enumerate(sorted(set(ADDRESS.findall(text)), key=len, reverse=True), 1):
        draw(address).save(pictures / f"{number}.png")
        text = text.replace(address, f"{pictures.name}/{number}.png")
    saved = folder / page.name
    saved.write_text(text, encoding="utf-8")
    return saved


def draw(address: str) -> Image.Image:
    """Draw a hill in front of an evening sky, in a colour of its own."""
    red, green, blue = sha256(address.encode()).digest()[:3]
    picture = Image.new("RGB", SIZE, (60 + red // 3, 60 + green // 3, 60 + blue // 3))
    width, height = SIZE
    hill = (-width // 3, height // 2, width * 4 // 3, height * 3 // 2)
    ImageDraw.Draw(picture).ellipse(hill, fill=(40 + blue // 4, 70 + red // 4, 40 + green // 4))
    return picture


def send_page(page: Path, sandbox: Sandbox, folder: Path) -> tuple[Path, str]:
    """Import a page of an editor and send it: the file that was saved, and where a follower reads it."""
    saved = save_page(page, folder / "saved")
    root = campaigns_on(sandbox, folder)
    words = ["--dir", str(root), "--quiet"]
    assert run(["import", str(saved), "page", *words]) == ExitCode.OK
    file = root / "page.yaml"
    text = file.read_text(encoding="utf-8").replace("ready: false\n", "")
    text = text.replace(PLACEHOLDERS[1], f"{page.stem} 的文章")
    cover = root / "page" / "cover.jpg"
    if cover.name in text:  # a page without a picture
        draw("cover").save(cover)
    file.write_text(text, encoding="utf-8")
    assert run(["apply", "--auto-approve", *words]) == ExitCode.OK
    [job] = sandbox.jobs()
    return saved, f"{sandbox.url}/_sandbox/article/job/{job['msg_id']}/1"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_of_an_editor_is_read_on_a_phone(
    page: Path, chrome: Chrome, sandbox: Sandbox, tmp_path: Path
) -> None:
    saved, address = send_page(page, sandbox, tmp_path)
    chrome.get(address)
    words = dom.text_of(dom.parse(read_saved_page(saved).made.html)).split()
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
