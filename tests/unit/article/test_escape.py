"""A variable's value shows as itself and never becomes markup."""

from functools import cache
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml.html import HtmlElement

from wechat_article import ArticleSource, dom, to_wechat_html
from wechat_article.parts import ArticleFormat, escape_for, replace_forbidden, reveal
from wechat_campaigns.source.files import Files

NOWHERE = Files(Path("/nonexistent"))
MARKUP = st.text(alphabet="*_`~[](){}<>!#|\\&;:\"'=/ -+.\n\tab1中。「", max_size=40)
VALUES = st.one_of(st.text(alphabet=st.characters(exclude_characters="\ue000\ue001"), max_size=40), MARKUP)
PLACES = (
    "{}",
    "**{}**",
    "> {}",
    "- {}",
    "| {} |\n|---|\n",
    "`{}`",
    "```\nA{}B\n```",
    "## 题{}",
    "[x](https://a.cn){}",
)


@cache
def _empty(place: str) -> HtmlElement:
    return _tree(place.replace("{}", "甲乙"), "markdown")


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=40, deadline=None)
@given(value=VALUES)
@pytest.mark.deep
def test_value_shows_as_itself_in_markdown(place: str, value: str) -> None:
    empty, full = _empty(place), _tree(place.replace("{}", f"甲{_md(value)}乙"), "markdown")
    assert _words(full) == _words(empty).replace("甲乙", f"甲{_squeeze(replace_forbidden(value))}乙")
    assert _tags(full) == _tags(empty)


@pytest.mark.parametrize("place", ["<p>甲{}乙</p>", "<section><strong>甲{}乙</strong></section>"])
@settings(max_examples=60, deadline=None)
@given(value=VALUES)
@pytest.mark.deep
def test_value_shows_as_itself_in_html(place: str, value: str) -> None:
    tree = _tree(place.replace("{}", escape_for("html")(value)), "html")
    assert _words(tree) == f"甲{_squeeze(replace_forbidden(value))}乙"
    assert [tag for tag in _tags(tree) if tag != "br"] == _tags(_tree(place, "html"))


@given(value=VALUES)
def test_value_cannot_leave_an_attribute_of_html(value: str) -> None:
    escaped = escape_for("html")(value)
    for source in (f'<img alt="{escaped}x">', f"<img alt={escaped}x>"):
        image = dom.parse(source).find(".//img")
        assert image is not None
        assert list(image.attrib) == ["alt"]


def test_value_in_a_link_is_the_address() -> None:
    body = _body(f"[官网]({_md('https://example.com/a b?x=1&y=(2)')})")
    assert "https://example.com/a b?x=1&amp;y=(2)" in body.html
    assert [finding.rule for finding in _body(f"[x]({_md('javascript:alert(1)')})").findings] == [
        "link-address"
    ]


def test_lines_hold_when_a_value_has_many() -> None:
    body = _body(f"甲{_md(chr(10) * 9)}乙\n\n**丙\n")
    assert [finding.line for finding in body.findings] == [3]
    assert "北京<br>上海" in _body(_md("北京\n上海")).html


def test_output_of_a_macro_is_not_escaped_twice() -> None:
    once = _md("a*b")
    assert _md(once) == once
    assert reveal(_md(f"x{once}y")) == "xa*by"
    assert (reveal(_md(8)), escape_for("html")(1.5), _md("")) == ("8", "1&#46;5", "")


def _md(value: object) -> str:
    return escape_for("markdown")(value)


def _body(source: str, kind: ArticleFormat = "markdown"):  # type: ignore[no-untyped-def]
    file = PurePosixPath("a.md")
    return to_wechat_html(
        ArticleSource(text=source, kind=kind, file=file, title="标题", theme="simple", files=NOWHERE)
    )


def _tree(source: str, kind: ArticleFormat) -> HtmlElement:
    return dom.parse(_body(source, kind).html)


def _tags(tree: HtmlElement) -> list[str]:
    return [str(element.tag) for element in dom.elements(tree) if element.tag != "br"]


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _words(tree: HtmlElement) -> str:
    return _squeeze(dom.text_of(tree))
