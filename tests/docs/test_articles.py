"""What `docs/articles.md` and its Chinese page say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wechat_campaigns.render.article
from wechat_campaigns.render.article.allow import TAGS
from wechat_campaigns.render.article.theme import BUILTIN_THEMES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [(DOCS / name).read_text(encoding="utf-8") for name in ("articles.md", "articles.zh-CN.md")]
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
    """Each rule id of the code stands in the table of findings, and no other."""
    in_code = {name for found in RULE.findall(CODE) for name in found if name}
    findings = page.rpartition("\n## ")[2]
    rows = [line.split("|")[1] for line in findings.splitlines() if line.startswith("|")]
    assert {name for cell in rows for name in re.findall(r"`([a-z-]+)`", cell)} == in_code
    assert len(in_code) > 50


@pytest.mark.parametrize("page", PAGES, ids=("en", "zh"))
def test_the_tags_that_a_theme_may_style_are_named(page: str) -> None:
    """The list of the section on themes is what Markdown becomes."""
    listed = re.search("[(（]`(section p [^`]*)`[)）]", page)
    assert listed
    assert set(re.findall(r"[a-z]+\d?", listed[1])) <= TAGS


@pytest.mark.parametrize("page", PAGES, ids=("en", "zh"))
def test_every_theme_and_class_is_named(page: str) -> None:
    """Shipped themes, and the classes they style, are in the docs."""
    section = re.split("\n## (?:Themes|主题)\n", page)[1].partition("\n## ")[0]
    css = "".join(
        Path(wechat_campaigns.render.article.__file__).with_name("themes").joinpath(f"{name}.css").read_text()
        for name in BUILTIN_THEMES
    )
    selectors = (line.partition("{")[0] for line in css.splitlines())
    classes = {name for selector in selectors for name in re.findall(r"\.([a-z-]+)", selector)}
    assert all(f"`{name}`" in section for name in BUILTIN_THEMES)
    assert [name for name in sorted(classes) if f".{name}`" not in section] == []
