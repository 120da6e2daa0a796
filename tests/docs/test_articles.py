"""What `docs/articles.md` says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import wechat_campaigns.render.article
from wechat_campaigns.render.article.allow import ATTRIBUTES, TAGS
from wechat_campaigns.render.article.theme import BUILTIN_THEMES

DOCS = (Path(__file__).parents[2] / "docs" / "articles.md").read_text(encoding="utf-8")
CODE = "".join(
    file.read_text(encoding="utf-8")
    for file in sorted(Path(wechat_campaigns.render.article.__file__).parent.glob("*.py"))
)
RULE = re.compile(r'(?:error|warning|report|Finding)\(\s*"([a-z-]+)"|rule="([a-z-]+)"|: \("([a-z-]+)", N_\("')


def test_every_rule_is_explained() -> None:
    """Each rule id of the code stands in the table of findings, and no other."""
    in_code = {name for found in RULE.findall(CODE) for name in found if name}
    rows = [
        line.split("|")[1] for line in DOCS.partition("## Findings")[2].splitlines() if line.startswith("|")
    ]
    assert {name for cell in rows for name in re.findall(r"`([a-z-]+)`", cell)} == in_code
    assert len(in_code) > 50


def test_kept_tags_and_attributes_are_named() -> None:
    """The lists of the HTML section are the allow-list."""
    listed = DOCS.partition("Kept tags:")[2].partition("\n\n")[0]
    tags = set(re.findall(r"[a-z]+\d?", listed.partition("`")[2].partition("`")[0])) | {
        f"h{level}" for level in range(1, 7)
    }
    assert tags == TAGS
    assert all(f"`{name}`" in listed for names in ATTRIBUTES.values() for name in names)


def test_every_theme_and_class_is_named() -> None:
    """Shipped themes, and the classes they style, are in the docs."""
    section = DOCS.partition("## Themes")[2].partition("## Size")[0]
    css = "".join(
        Path(wechat_campaigns.render.article.__file__).with_name("themes").joinpath(f"{name}.css").read_text()
        for name in BUILTIN_THEMES
    )
    selectors = (line.partition("{")[0] for line in css.splitlines())
    classes = {name for selector in selectors for name in re.findall(r"\.([a-z-]+)", selector)}
    assert all(f"`{name}`" in section for name in BUILTIN_THEMES)
    assert [name for name in sorted(classes) if f".{name}`" not in section] == []
