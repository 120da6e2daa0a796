"""An HTML body is kept as WeChat keeps it; what followers would lose is named with its line."""

import base64
from pathlib import Path

import pytest

from tests.unit.render.article.making import Make, assert_nothing_alive, rules
from wechat_campaigns.core.settings import ArticleOptions
from wechat_campaigns.render.article import dom, read_saved_page

EDITORS = Path(__file__).parents[3] / "articles/editors"
TINY = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.deep
@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("<script>x()</script>茶", "茶"),
        ("<style>p{color:red}</style>茶", "茶"),
        ("<font color='#c00'>茶</font>", '<span style="color:#c00">茶</span>'),
        ("<font size=7>茶</font>", '<span style="font-size:xxx-large">茶</span>'),
        ("<center>茶</center>", '<section style="text-align:center">茶</section>'),
        ("<p class='x' id='y' data-x='1' onclick='x()'>茶</p>", "<p>茶</p>"),
        ("<p style='caret-color:transparent;-webkit-tap-highlight-color:red'>茶</p>", "<p>茶</p>"),
        ("<p align='right'>茶</p>", '<p style="text-align:right">茶</p>'),
        ("<o:p>茶</o:p>", "茶"),
        ("<a>茶</a>", "茶"),
        ("<a href='javascript:;'>茶</a>", "茶"),
        ("<p><section>茶</section></p>", "<p></p><section>茶</section><p></p>"),
        ("<td>茶</td>", "茶"),
        ("<p>茶<!-- 备注 -->好</p>", "<p>茶好</p>"),
        ("<!DOCTYPE html><html><body><p>茶</p></body></html>", "<p>茶</p>"),
        ("<svg><defs><style>a</style></defs><use href='#a'></use></svg>茶", "<svg></svg>茶"),
        ("<svg><set attributename='href' to='javascript:x'></set></svg>茶", "<svg><set></set></svg>茶"),
    ],
)
def test_harmless_leftovers_go_without_a_word(make: Make, source: str, html: str) -> None:
    body = make(source, kind="html")
    assert (body.html, rules(body)) == (html, [])


@pytest.mark.parametrize(
    "source",
    [
        '<section style="margin:0 0 1em;color:#333333"><p>你好 <strong>茶</strong></p>\n'
        '<ul><li>一</li></ul><a href="https://mp.weixin.qq.com/s/x">文</a></section>',
        '<h2 style="font-size:20px">茶</h2><h2><b style="color:#c00">茶</b></h2><h2></h2>',
        '<section style="display:flex;flex-wrap:wrap"><section style="flex:1 1">茶</section></section>',
        '<section style="transform:rotateZ(45deg);width:9px;height:9px;background:#0c0"></section><p>茶</p>',
        '<svg viewBox="0 0 9 9" style="display:block;width:100%"><g><path d="M0 0h9" fill="#c00"></path>'
        '<animate attributeName="opacity" values="0;1" dur="2s" begin="click" repeatCount="9"></animate>'
        '<animateTransform attributeName="transform" type="translate" values="0 0;9 0" dur="1s">'
        "</animateTransform></g></svg><p>茶</p>",
        '<section style="background-image:url(https://mmbiz.qpic.cn/a);background-size:cover"></section><p>茶</p>',
        '<section style="margin:-20px 0 0;box-sizing:border-box;max-width:100%!important">茶</section>',
        '<figure><img src="https://mmbiz.qpic.cn/a" alt="杯" width="9"><figcaption>茶</figcaption></figure>',
    ],
)
def test_what_editors_lay_out_with_stays(make: Make, source: str) -> None:
    body = make(source, kind="html")
    assert (body.html, rules(body)) == (source, [])


@pytest.mark.deep
@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("<iframe src='https://example.com'></iframe>茶", "w html-lost"),
        ("<input type=checkbox>茶", "w html-lost"),
        ("<svg><foreignObject><p>茶</p></foreignObject></svg>茶", "w html-lost"),
        ("<a href='https://example.com'>茶</a>", "w link-outside"),
        ("<table>茶<tr><td>甲</td></tr>乙</table>", "w html-structure"),
        ("茶<img alt='x' src='https://example.com/a.png'>", "e image-address"),
        ("<p style='background-image:url(https://example.com/a.png)'>茶</p>", "e image-address"),
        ("茶<img alt='x' src='no.png'>", "e image-file"),
        ("<h2>茶</h2>", "w heading-plain"),
        ("<section style='font-weight:bold'><h3><span>茶</span></h3></section>", "w heading-plain"),
        ("<p hidden>茶</p>", "w style-value"),
        ("<p style='height:0;overflow:hidden'>茶</p>", "w style-value"),
        ("<p style='display:table-column'>茶</p>", "w style-value"),
        ("<p style='display:table-column-group'>茶</p>", "w style-value"),
        ("<p style='transform:rotate3d(0,1,0,90deg)'>茶</p>", "w style-value"),
        ("<section style='flex:0 0 0;overflow:hidden'>茶</section>", "w style-value"),
        ("茶<!-- 没有结束", "e html-comment"),
        ("<p style='width:600px'>茶</p>", "a fixed-width"),
        ("<p style='height:30px'>茶</p>", "a fixed-height"),
        ("<p style='position:absolute'>茶</p>", "a position"),
        ("<p style='padding-left:5em'>茶</p>", "a large-margin"),
        ("<p style='font-family:serif'>茶</p>", "a font-family"),
        ("<p style='white-space:nowrap'>茶</p>", "a no-wrap"),
        ("<p style='background-image:linear-gradient(#fff,#eee)'>茶</p>", "a background-image"),
    ],
)
def test_what_followers_lose_is_named_at_its_line(make: Make, source: str, rule: str) -> None:
    body = make(f"<p>甲</p>\n\n{source}", kind="html")
    line = None if rule in ("w html-structure", "e html-comment") else 3
    assert rules(body) == [f"{rule} {line}"]


def test_advice_is_one_line_for_each_rule_and_can_be_turned_off(make: Make) -> None:
    source = "<p style='font-family:serif'>茶</p>\n" * 7
    body = make(source, kind="html")
    assert rules(body) == ["a font-family 1"]
    assert "6" in body.findings[0].message
    assert make(source, kind="html", options=ArticleOptions(advice=False)).findings == ()


def test_backgrounds_and_drawn_images_are_resolved(make: Make, png: bytes) -> None:
    source = (
        "<section style='background:url(\"cup.png\") no-repeat'>茶</section>"
        '<svg viewBox="0 0 9 9"><image xlink:href="cup.png" width="9" height="9"></image></svg>'
        '<img src="data:image/gif;base64,R0lGOD" data-src="cup.png" alt="杯"><img src="cup.png" alt="杯">'
    )
    body = make(source, kind="html", at={"tea/cup.png": png})
    assert [finding for finding in body.findings if finding.level == "error"] == []
    (image,) = body.images
    assert image.file.path.as_posix() == "tea/cup.png"
    assert body.html.count(image.placeholder) == 4
    assert 'data-w="64"' in body.html
    assert f"url({image.placeholder})" in body.html


@pytest.mark.deep
@pytest.mark.parametrize("written", [r"u\72l", r"\55 RL", "url"])
@pytest.mark.parametrize("quote", ["&quot;", "&apos;", ""])
def test_no_spelling_of_an_address_in_a_style_reaches_a_foreign_site(
    make: Make, written: str, quote: str
) -> None:
    for name in ("background", "border-image", "list-style-image"):
        body = make(f'<p style="{name}:{written}( {quote}https://example.com/a{quote} )">茶</p>', kind="html")
        assert "example.com" not in body.html
        assert_nothing_alive(body.html)


LOST = {
    "console": {"profile-card"},
    "doocs": {"link-outside", "style-value"},
    "notion": {"heading-plain"},
    "typora": {"heading-plain"},
}
"""Of each page, what followers lose, as it is said."""


@pytest.mark.deep
@pytest.mark.parametrize("page", sorted(EDITORS.glob("*.html")), ids=lambda page: page.stem)
def test_a_page_of_an_editor_is_imported_and_made_without_an_error(make: Make, page: Path) -> None:
    saved = read_saved_page(page)
    png = base64.b64decode(TINY)
    source = saved.html(dict.fromkeys(saved.addresses, "a.png"))
    body = make(source, kind="html", at={"tea/a.png": png})
    found = {finding.rule for finding in body.findings if finding.level != "advice"}
    assert found == LOST.get(page.stem, set())
    written = dom.parse(source)
    assert "".join(dom.text_of(dom.parse(body.html)).split()) == "".join(dom.text_of(written).split())
    for mark in ("<img ", "flex", "<animate", "background-image", "transform:", "<table"):
        assert body.html.count(mark) == source.count(mark)


@pytest.mark.parametrize("editor", ["xiumi", "135", "yiban", "svg"])
def test_the_markup_of_an_editor_needs_no_import_and_gives_no_warning(make: Make, editor: str) -> None:
    body = make((EDITORS / f"{editor}.html").read_text(encoding="utf-8"), kind="html")
    assert [finding for finding in body.findings if finding.level != "advice"] == []
