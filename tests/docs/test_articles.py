"""What `docs/articles.md` and its Chinese page say of themes is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wechat_campaigns.render.article import boxes, palette, theme
from wechat_campaigns.render.article.keep import TAGS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [(DOCS / name).read_text(encoding="utf-8") for name in ("articles.md", "articles.zh-CN.md")]


@pytest.mark.parametrize("page", PAGES, ids=("en", "zh"))
def test_the_tags_that_a_theme_may_style_are_named(page: str) -> None:
    listed = re.search("[(（]`(section p [^`]*)`[)）]", page)
    assert listed
    assert set(re.findall(r"[a-z]+\d?", listed[1])) <= TAGS


@pytest.mark.parametrize("page", PAGES, ids=("en", "zh"))
def test_every_theme_box_class_and_colour_is_named(page: str) -> None:
    css = "".join(theme.whole_css(name) for name in theme.BUILTIN_THEMES)
    selectors = (line.partition("{")[0] for line in css.splitlines() if not line.startswith("/*"))
    classes = {name for selector in selectors for name in re.findall(r"\.([a-z-]+)", selector)}
    variables = {*palette.NAMES, *re.findall(r"(--[a-z]+):", css)}
    assert all(f"**`{name}`**" in page and f"themes/{name}.webp" in page for name in theme.BUILTIN_THEMES)
    assert [name for name in boxes.BOXES if f"`::: {name}" not in page] == []
    assert [name for name in sorted(classes) if f"`.{name}`" not in page] == []
    assert [name for name in sorted(variables) if f"`{name}`" not in page] == []


def test_pictures_of_themes_are_small() -> None:
    sizes = [file.stat().st_size for file in (DOCS / "images" / "themes").iterdir()]
    assert len(sizes) == len(theme.BUILTIN_THEMES) + 1
    assert sum(sizes) < 1_500_000
