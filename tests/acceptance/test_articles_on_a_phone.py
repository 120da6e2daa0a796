"""The example articles in a real browser: nothing overflows and no lines overlap at 375 pixels."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from selenium import webdriver

from tests.support.browser import BLIND, LINES, open_browser
from tests.support.folder import load_campaigns
from tests.support.sample_article import TITLE, article_page, sample_body
from wechat_article import ArticleSource, to_wechat_html
from wechat_article.theme import BUILTIN_THEMES
from wechat_campaigns.core.content import Media
from wechat_campaigns.messages import Article, Articles
from wechat_campaigns.render.articles import image_bytes, uploads
from wechat_campaigns.render.phone import Pictures
from wechat_campaigns.render.render import render
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings

ROOT = Path(__file__).parents[2] / "campaigns"
pytestmark = [pytest.mark.deep, pytest.mark.optional_part]

WIDE = """
return [...document.querySelectorAll('.article-body *')]
  .filter(e => !e.parentElement.closest('[style*="overflow-x"]'))
  .filter(e => e.getBoundingClientRect().right > window.innerWidth)
  .map(e => e.outerHTML.slice(0, 80));
"""
# The layout rules of WeChat's own checker at the widths that it measures: text closer than its size, what is
# higher than the article or leaves it, and the styles that it names.
# Source: wechatjs/verify-article-structure-spec, cli/engine/layout.ts and rules, read 2026-11.
STRUCTURE = """
const body = document.querySelector('.article-body'), bad = new Set();
for (const width of [585, 677, 375]) {
  body.style.width = width + 'px';
  const whole = body.getBoundingClientRect();
  for (const node of body.querySelectorAll('*')) {
    const said = node.getAttribute('style') || '', box = node.getBoundingClientRect();
    if (/text-align:\\s*(start|end)|font-family|caret-color/.test(said)) bad.add('style: ' + said);
    const scrolls = node.closest('[style*="overflow-x"]');
    if (box.right > whole.right + 1 && !scrolls) bad.add(width + ' wide: ' + said);
    if (node.offsetHeight > whole.height + 5) bad.add(width + ' high: ' + said);
    const words = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    if (!words || !node.matches('p, section, h1, h2, h3, h4, li, td, a')) continue;
    const style = getComputedStyle(node), size = parseFloat(style.fontSize);
    const line = style.lineHeight === 'normal' ? size * 1.2 : parseFloat(style.lineHeight);
    const lines = Math.round(box.height / line);
    const close = !line || (lines >= 2 && box.height / lines < size * 0.95);
    if (close) bad.add(width + ' close: ' + node.textContent);
  }
}
body.style.width = '';
return [...bad];
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with open_browser(flags=("hide-scrollbars",)) as driver:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 375, "height": 812, "deviceScaleFactor": 2, "mobile": False},
        )
        yield driver


@pytest.mark.parametrize("theme", BUILTIN_THEMES)
def test_example_articles_fit_a_phone(browser: webdriver.Chrome, tmp_path: Path, theme: str) -> None:
    articles = [_sample(theme), *_examples(theme)]
    assert articles
    for number, article in enumerate(articles):
        file = tmp_path / f"{number}.html"
        document = article_page(article, Pictures(lambda info: image_bytes(info, Files(ROOT))))
        file.write_text(document, encoding="utf-8")
        browser.get(file.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 375
        assert _ask(browser, WIDE) == []
        assert _ask(browser, LINES) == []
        assert _ask(browser, BLIND) == []
        assert _ask(browser, STRUCTURE) == []


def test_the_heads_of_a_narrow_table_stay_whole(browser: webdriver.Chrome, tmp_path: Path) -> None:
    rows = ["| 序 | 数量 | 单价 | 规格 | 说明 |", "| --- | --- | --- | --- | --- |"]
    text = "\n".join([*rows, f"| 1 | 三十 | 120 | 一斤 | {'茶叶很多' * 20} |"])
    source = ArticleSource(
        text=text, kind="markdown", file=PurePosixPath("a.md"), title="", files=Files(tmp_path)
    )
    file = tmp_path / "table.html"
    file.write_text(f'<meta charset="utf-8">{to_wechat_html(source).html}', encoding="utf-8")
    browser.get(file.as_uri())
    heights = browser.execute_script("return [...document.querySelectorAll('th')].map(th => th.offsetHeight)")
    assert len(heights) == 5
    assert max(heights) < 40


def test_layout_check_finds_a_bad_article(browser: webdriver.Chrome, tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    lines = "一二三四五" * 20
    file.write_text(
        f'<meta charset="utf-8"><div class="article-body"><p style="line-height:0.5">{lines}</p>'
        '<p style="width:600px">宽</p><img alt="无" src="data:image/png;base64,AAAA"></div>',
        encoding="utf-8",
    )
    browser.get(file.as_uri())
    assert _ask(browser, WIDE)
    assert _ask(browser, LINES)
    assert len(_ask(browser, BLIND)) == 1
    assert {found.split(":")[0] for found in _ask(browser, STRUCTURE)} >= {
        "585 wide",
        "375 wide",
        "375 close",
    }


def _examples(theme: str) -> list[Article]:
    settings = load_settings(ROOT)
    settings = replace(settings, articles=replace(settings.articles, theme=theme))
    campaigns = [
        replace(campaign, content=_without_theme(campaign.content))
        for campaign in load_campaigns(ROOT).campaigns
        if campaign.msgtype == "mpnews"
    ]
    sends = [send for one in campaigns for send in render(one, settings=settings, files=Files(ROOT)).sends]
    return [
        article for send in sends if isinstance(send.content, Articles) for article in send.content.articles
    ]


def _sample(theme: str) -> Article:
    body = sample_body(theme, "#07c160")
    return Article(title=TITLE, html=body.html, images=uploads(body), cover=Media(media_id="M"))


def _without_theme(content: Any) -> Any:
    articles = [
        {key: value for key, value in article.items() if key != "theme"}
        for article in content.get("articles", ())
    ]
    return {**content, "articles": articles} if articles else content


def _ask(browser: webdriver.Chrome, question: str) -> list[Any]:
    return list(browser.execute_script(question))
