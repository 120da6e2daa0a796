"""Shipped themes keep WeChat's rules; a theme of the user's is held to them, line by line."""

from __future__ import annotations

import pytest

from tests.unit.render.article.making import Make, rules
from wechat_campaigns.core.model import Msgtype
from wechat_campaigns.core.settings import ArticleOptions
from wechat_campaigns.render.article import theme
from wechat_campaigns.source.scaffold import ScaffoldOptions, campaign_text
from wechat_campaigns.source.schemas.store import schema


def test_the_schemas_name_every_theme() -> None:
    article = schema("campaign")["definitions"]["article"]["properties"]["theme"]
    settings = schema("settings")["definitions"]["articles"]["properties"]["theme"]
    assert tuple(article["examples"]) == tuple(settings["examples"]) == theme.BUILTIN_THEMES
    text = campaign_text(ScaffoldOptions(id="news", msgtype=Msgtype.MPNEWS))
    assert "、".join(theme.BUILTIN_THEMES) in text


def test_own_theme_is_used(make: Make) -> None:
    css = "p { color: var(--brand); margin: var(--gap) }\n.article { --gap: 4px }\n"
    body = make(
        "茶", theme="house", at={"_themes/house.css": css}, options=ArticleOptions(brand_color="#004488")
    )
    assert '<p style="margin:4px;color:#004488">茶</p>' in body.html
    assert rules(body) == []


@pytest.mark.deep
@pytest.mark.parametrize(
    ("css", "rule"),
    [
        ("p { color: red !important }", "important"),
        ("p { line-height: 0.2 }", "style-value"),
        ("p { background: url(x.png) }", "style-value"),
        ("p { position: fixed }", "style-value"),
        ("p { caret-color: red }", "style-value"),
        ("p { color: }", "theme-css"),
        ("p { color red }", "theme-css"),
        ("p { color: var(--inks) }", "theme-variable"),
        ("p:first-child::before { color: red }", "theme-pseudo"),
        ("hr::before { content: '◆' }", "theme-pseudo"),
        ("p::before { content: attr(title) }", "theme-css"),
        ("p::before { content: ' ' }", "theme-css"),
        ("a:hover { color: red }", "theme-pseudo"),
        ("@media print { p { color: red } }", "theme-at-rule"),
        ("@import 'x.css';", "theme-at-rule"),
        ("p { a { color: red } }", "theme-css"),
        ("} p", "theme-css"),
    ],
)
def test_fault_of_a_theme_is_at_its_line(make: Make, css: str, rule: str) -> None:
    """What of a theme would be lost is an error at the theme's own line."""
    body = make("茶", theme="house", at={"_themes/house.css": f"h2 {{ color: #333 }}\n\n{css}\n"})
    assert rules(body) == [f"e {rule} 3"]
    assert body.findings[0].location.file == "campaigns/_themes/house.css"


@pytest.mark.parametrize(
    ("css", "found"),
    [
        ("p { font-family: serif }", ["a font-family 1"]),
        ("p { width: 360px }", ["a fixed-width 1"]),
        ("p { white-space: nowrap }", ["a no-wrap 1"]),
        ("p code { white-space: nowrap }", []),
    ],
)
def test_a_theme_gets_the_same_advice_as_an_editor(make: Make, css: str, found: list[str]) -> None:
    assert rules(make("## 甲", theme="house", at={"_themes/house.css": css})) == found


def test_a_variable_is_judged_where_it_is_filled_in(make: Make) -> None:
    css = ".article { --c: #333 }\n.lead { --c: transparent; color: var(--c) }\n"
    body = make("茶", theme="house", at={"_themes/house.css": css})
    assert rules(body) == ["w style-value 1"]
    assert "transparent" not in body.html


def test_unknown_theme_is_an_error(make: Make) -> None:
    body = make("茶", theme="fancy")
    assert rules(body) == ["e theme None"]
    assert "default, elegant, simple" in body.findings[0].hint


def test_the_settings_choose_the_theme(make: Make) -> None:
    chosen = make("## 甲", options=ArticleOptions(theme="simple")).html
    assert chosen == make("## 甲", theme="simple").html != make("## 甲").html
