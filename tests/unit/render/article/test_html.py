"""An HTML body is kept as it is written, or what would be lost is named with its line."""

from __future__ import annotations

import pytest

from tests.unit.render.article.making import Make, rules

CLEAN = (
    '<section style="margin:0 0 1em;color:#333333"><p>你好 <strong>茶</strong></p>\n'
    '<ul><li>一</li></ul><a href="https://mp.weixin.qq.com/s/x">文</a></section>'
)


def test_allowed_html_is_kept_as_written(make: Make) -> None:
    """HTML that WeChat keeps comes out byte for byte."""
    body = make(CLEAN, kind="html")
    assert (body.html, rules(body)) == (CLEAN, [])


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("<script>x()</script>茶", "html-tag"),
        ("<style>p{color:red}</style>茶", "html-tag"),
        ("<iframe src='https://example.com'></iframe>茶", "html-tag"),
        ("<svg><path d='M0 0'/></svg>茶", "html-tag"),
        ("<font>茶</font>", "html-tag"),
        ("<p class='x'>茶</p>", "html-attribute"),
        ("<p id='x'>茶</p>", "html-attribute"),
        ("<p onclick='x()'>茶</p>", "html-attribute"),
        ("<p data-x='1'>茶</p>", "html-attribute"),
        ("<table width='600'><tr><td>茶</td></tr></table>", "html-attribute"),
        ("<a href='https://example.com'>茶</a>", "link-outside"),
        ("<a>茶</a>", "link-outside"),
        ("茶<img alt='x' src='https://example.com/a.png'>", "image-address"),
        ("茶<img alt='x' src='no.png'>", "image-file"),
        ("<p style='opacity:0'>茶</p>", "opacity"),
        ("<p style='caret-color:transparent'>茶</p>", "caret-color"),
        ("<p style='line-height:0.5'>茶</p>", "line-height"),
        ("<p style='line-height:12px'>茶</p>", "line-height"),
        ("<p style='width:600px'>茶</p>", "fixed-width"),
        ("<p style='margin-left:300px'>茶</p>", "large-margin"),
        ("<p style='margin:0 0 0 -40px'>茶</p>", "large-margin"),
        ("<p style='padding-left:5em'>茶</p>", "large-margin"),
        ("<p style='height:0'>茶</p>", "fixed-height"),
        ("<p style='text-align:start'>茶</p>", "text-align"),
        ("<p style='font-family:serif'>茶</p>", "font-family"),
        ("<p style='color:red !important'>茶</p>", "important"),
        ("<p style='position:absolute'>茶</p>", "position"),
        ("<p style='background-image:url(a.png)'>茶</p>", "background-image"),
        ("<p style='background-color:linear-gradient(red,blue)'>茶</p>", "style-value"),
        ("<p style='white-space:nowrap'>茶</p>", "no-wrap"),
        ("<p style='display:flex'>茶</p>", "display"),
        ("<p style='font-size:0'>茶</p>", "hidden-text"),
        ("<p style='animation:x 1s'>茶</p>", "style-property"),
        ("<p style='color'>茶</p>", "style-css"),
        ("茶<!-- 没有结束", "html-comment"),
        ("<td>茶</td>", "html-structure"),
    ],
)
def test_what_would_be_lost_is_an_error_at_its_line(make: Make, source: str, rule: str) -> None:
    """Each thing the platform drops or flags is an error of its own rule, two lines down."""
    body = make(f"<p>甲</p>\n\n{source}", kind="html")
    found = [(finding.rule, finding.level) for finding in body.findings]
    assert found == [(rule, "error")]
    assert body.findings[0].location.line == (None if rule in ("html-structure", "html-comment") else 3)


@pytest.mark.parametrize(
    "style",
    [
        "line-height:1.75",
        "line-height:28px",
        "line-height:160%",
        "width:100%",
        "max-width:677px",
        "margin:0 auto 1.5em",
        "padding:12px 16px",
        "text-align:justify",
        "display:inline-block",
        "border-left:3px solid #07c160",
        "box-shadow:0 1px 3px #ddd",
    ],
)
def test_style_that_phones_show_well_is_kept(make: Make, style: str) -> None:
    """What the platform keeps and no rule flags stays, to the letter."""
    body = make(f'<section style="{style}"><p>茶</p></section>', kind="html")
    assert (rules(body), f'style="{style}"' in body.html) == ([], True)


def test_loss_can_be_allowed(make: Make) -> None:
    """With `allow_lossy` the same findings are warnings, and the text stays."""
    body = make("<div class='x'><font>茶</font></div>", kind="html", allow_lossy=True)
    assert rules(body) == ["w html-attribute 1", "w html-tag 1"]
    assert body.html == "<div>茶</div>"


def test_a_whole_page_is_taken_as_its_content(make: Make) -> None:
    """<html> and <body> around the content are no fault."""
    body = make("<!DOCTYPE html><html><body><p>茶</p></body></html>", kind="html")
    assert (body.html, rules(body)) == ("<p>茶</p>", [])


def test_images_of_html_are_resolved(make: Make, png: bytes) -> None:
    """An HTML body's images become placeholders as Markdown's do."""
    body = make('<p><img src="cup.png" alt="杯"></p>', kind="html", at={"tea/cup.png": png})
    assert [image.file.path.as_posix() for image in body.images] == ["tea/cup.png"]
    assert f'src="{body.images[0].placeholder}"' in body.html
    assert 'data-w="64"' in body.html


def test_html_comments_are_removed_without_a_finding(make: Make) -> None:
    """Readers never see a comment, so losing it is no loss."""
    body = make("<p>茶<!-- 备注 -->好</p>", kind="html")
    assert (body.html, rules(body)) == ("<p>茶好</p>", [])
