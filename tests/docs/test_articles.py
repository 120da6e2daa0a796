"""What `docs/articles.md`, `docs/themes.md` and their Chinese pages say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wechat_campaigns.render.article
from wechat_campaigns.render.article import boxes, palette, theme
from wechat_campaigns.render.article.allow import TAGS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [(DOCS / name).read_text(encoding="utf-8") for name in ("articles.md", "articles.zh-CN.md")]
THEMES = [(DOCS / name).read_text(encoding="utf-8") for name in ("themes.md", "themes.zh-CN.md")]
CODE = "".join(
    file.read_text(encoding="utf-8")
    for file in sorted(Path(wechat_campaigns.render.article.__file__).parent.glob("*.py"))
)
RULE = re.compile(
    r"(?:error|warning|advise|gather|Finding|_Refusal)"
    r'\(\s*"([a-z-]+)"|rule="([a-z-]+)"|: \("([a-z-]+)", N_\("'
    r'|return "([a-z-]+)", what|^    \(\n        "([a-z-]+)",',
    re.MULTILINE,
)


@pytest.mark.parametrize("page", PAGES, ids=("en", "zh"))
def test_every_rule_is_explained(page: str) -> None:
    in_code = {name for found in RULE.findall(CODE) for name in found if name}
    findings = page.rpartition("\n## ")[2]
    rows = [line.split("|")[1] for line in findings.splitlines() if line.startswith("|")]
    assert {name for cell in rows for name in re.findall(r"`([a-z-]+)`", cell)} == in_code
    assert len(in_code) > 50


@pytest.mark.parametrize("page", THEMES, ids=("en", "zh"))
def test_the_tags_that_a_theme_may_style_are_named(page: str) -> None:
    listed = re.search("[(（]`(section p [^`]*)`[)）]", page)
    assert listed
    assert set(re.findall(r"[a-z]+\d?", listed[1])) <= TAGS


@pytest.mark.parametrize("page", THEMES, ids=("en", "zh"))
def test_every_theme_box_class_and_colour_is_named(page: str) -> None:
    css = "".join(theme.whole_css(theme.builtin_css(name)) for name in theme.BUILTIN_THEMES)
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
