"""Reports in a real Chromium: a hostile campaign is shown, and nothing of it runs or is fetched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import open_browser
from factories import make_article, make_file, make_planned, make_send, plan_of
from markdown_it import MarkdownIt
from selenium import webdriver
from selenium.webdriver.common.by import By

from runner.compare import Change, Comparison
from runner.model import Article, Articles, FileInfo, Image, Media, Msgtype, Send
from runner.plan import Plan
from runner.report.html import plan_html
from runner.report.markdown import plan_markdown

sys.path.append(str(Path(__file__).parents[1] / "unit" / "report"))
from nasty import ATTACK, nasty_comparison, nasty_plan

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("browser")]

PICTURE = next((Path(__file__).parents[1] / "articles" / "images").glob("*.png"))
STYLE = (
    "body{font:14px system-ui;max-width:980px;margin:24px auto}td,th{border:1px solid #ccc;padding:4px 8px}"
)


@pytest.fixture(scope="module")
def chrome() -> Iterator[webdriver.Chrome]:
    with open_browser(width=1280, height=1600) as opened:
        yield opened


def show(chrome: webdriver.Chrome, folder: Path, html: str) -> None:
    """Open a page from a file and leave a picture of it beside it."""
    page = folder / "page.html"
    page.write_text(html, encoding="utf-8")
    chrome.get_log("browser")
    chrome.get(page.as_uri())
    chrome.save_screenshot(str(folder / "page.png"))


def news(name: str, article: Article) -> Send:
    return make_send(name, msgtype=Msgtype.MPNEWS, content=Articles(articles=(article,)))


def friendly() -> tuple[Plan, Comparison]:
    """A plan as a reviewer would meet it: a text that was edited, a picture, an article."""
    picture = make_file("poster.png", PICTURE.read_bytes())
    sends = (
        make_send("sale", "会员全场 8 折\n今晚 20:00 开始"),
        make_send("poster", msgtype=Msgtype.IMAGE, content=Image(media=Media(file=picture))),
        news("news", make_article("秋天的茶")),
    )
    change = Change(id="sale", before=make_send("sale", "会员全场 9 折\n今晚 20:00 开始"), after=sends[0])
    return plan_of(*sends), Comparison(ref="main", commit="b" * 40, changes=(change,))


def read(_file: FileInfo) -> bytes:
    """Give the same picture for every file."""
    return PICTURE.read_bytes()


def rendered(markdown: str) -> str:
    """Render as a forge does, except that HTML is let through: the worst case."""
    body = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(markdown)
    return f"<!DOCTYPE html><meta charset=utf-8><style>{STYLE}</style>{body}"


def test_the_comment_shows_the_attack_as_text(chrome: webdriver.Chrome, tmp_path: Path) -> None:
    """No script ran, no picture or link of the campaign's stands in the comment, its words are readable."""
    plan = nasty_plan()
    show(chrome, tmp_path, rendered(plan_markdown(plan, timezone="UTC", comparison=nasty_comparison(plan))))
    for selector in ("img", "script", "a"):
        assert not chrome.find_elements(By.CSS_SELECTOR, selector), selector
    assert chrome.get_log("browser") == []
    chrome.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    text = chrome.find_element(By.TAG_NAME, "body").text
    assert "<script>alert(1)</script>" in text
    assert "⟨U+202E⟩evil⟨U+2066⟩" in text
    assert "@everyone" not in outside_of_code(chrome)


def outside_of_code(chrome: webdriver.Chrome) -> str:
    """The text that a forge would search for mentions: all but code."""
    script = (
        "const body = document.body.cloneNode(true);"
        "body.querySelectorAll('code, pre').forEach(node => node.remove()); return body.textContent"
    )
    return str(chrome.execute_script(script))


def test_the_comment_of_a_usual_plan_has_its_parts(chrome: webdriver.Chrome, tmp_path: Path) -> None:
    """A table of sends, the diff, and each message in a fold of its own, the first ones open."""
    plan, comparison = friendly()
    show(chrome, tmp_path, rendered(plan_markdown(plan, timezone="UTC", comparison=comparison)))
    assert len(chrome.find_elements(By.CSS_SELECTOR, "table")) == 2
    assert len(chrome.find_elements(By.CSS_SELECTOR, "table tr")) == 3 + 4
    assert "+会员全场 8 折" in chrome.find_element(By.CSS_SELECTOR, "code.language-diff").text
    assert len(chrome.find_elements(By.CSS_SELECTOR, "details[open]")) == 3


def test_the_page_obeys_its_own_policy(chrome: webdriver.Chrome, tmp_path: Path) -> None:
    """Phones, frames and pictures are there; nothing was refused by the policy, nothing is wider than it."""
    plan, comparison = friendly()
    show(chrome, tmp_path, plan_html(plan, data=read, timezone="UTC", comparison=comparison))
    assert chrome.get_log("browser") == []
    assert len(chrome.find_elements(By.CSS_SELECTOR, ".phone")) == 2
    assert len(chrome.find_elements(By.CSS_SELECTOR, "iframe[sandbox]")) == 4
    picture = chrome.find_element(By.CSS_SELECTOR, ".phone img")
    assert chrome.execute_script("return arguments[0].naturalWidth", picture) > 0
    assert chrome.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_a_hostile_page_runs_nothing(chrome: webdriver.Chrome, tmp_path: Path) -> None:
    """Even HTML inside an article runs no script and opens no dialog; the policy stops its pictures."""
    evil = make_article("x", html=f"<p>{ATTACK}</p><script>top.done=1</script>")
    sends = (
        make_send("a", ATTACK),
        make_send("b", msgtype=Msgtype.MPNEWS, content=Articles(articles=(evil,))),
    )
    plan = replace(plan_of(), sends=tuple(make_planned(send) for send in sends))
    show(chrome, tmp_path, plan_html(plan, data=read, timezone="UTC"))
    assert chrome.execute_script("return [window.done, document.title]") == [None, "Campaign plan for test"]
    loaded = chrome.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert not [name for name in loaded if "evil.example" in name]
