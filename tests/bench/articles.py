"""How many articles a second: ours beside a plain markdown-it-py and css-inline run, and the ratio.

Run: python -m tests.bench.articles
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import css_inline
from markdown_it import MarkdownIt

from wechat_campaigns.render.article import ArticleSource, build
from wechat_campaigns.render.article.theme import whole_css
from wechat_campaigns.source.files import Files

ROOT = Path(__file__).parents[2] / "campaigns"
LONG = PurePosixPath("tea/spring-tea/article.md")
SHORT = "## 周末\n\n新品**「茉莉」**到店，[菜单](https://example.com/menu)在此。\n\n- 热\n- 冰\n"
ROUNDS = 5


def ours(source: str) -> str:
    """The whole of it: structure, images, theme, sanitiser, lint."""
    return build(ArticleSource(text=source, kind="markdown", file=LONG, title="题", files=Files(ROOT))).html


def plain(source: str) -> str:
    """The least that gives styled HTML: parse, render, inline."""
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source)
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    css = whole_css("default").replace("var(--brand)", "#07c160")
    return str(inliner.inline_fragment(f'<section class="article">{html}</section>', css))


def rate(make: Callable[[str], str], source: str, seconds: float = 1.0) -> float:
    """Articles a second, the median of a few rounds."""
    make(source)
    return statistics.median(_round(make, source, seconds / ROUNDS) for _ in range(ROUNDS))


def main() -> None:
    """Print the figures."""
    for name, source in (("long, 8 images", (ROOT / LONG).read_text(encoding="utf-8")), ("short", SHORT)):
        full, least = rate(ours, source), rate(plain, source)
        print(f"{name:16} {full:7.1f} articles/s   plain {least:7.1f}/s   {least / full:4.1f} times the work")


def _round(make: Callable[[str], str], source: str, seconds: float) -> float:
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        make(source)
        count += 1
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
