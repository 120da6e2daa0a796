"""A saved page gives its article, without what nobody sees, and the addresses of its pictures."""

import time

import pytest

from wechat_article.files import UnusableError
from wechat_article.page_import import read_page
from wechat_campaigns.render.articles import decode_page
from wechat_campaigns.source.files import MAX_TEXT_BYTES

PAGE = """<!DOCTYPE html><html><head><meta property="og:title" content="春茶 上新"><title>x</title>
<style>p{color:red}</style></head><body><div>导航</div>
<div id="js_content" style="visibility:hidden"><section class="a" data-id="1" style="background:url(&quot;//a.cn/1.png&quot;)">
<p onclick="x()">你好<!-- 备注 --></p><img data-src="https://a.cn/2.jpg?x=1&amp;y=2" src="data:image/gif;base64,R0">
<img src="https://mmbiz.qpic.cn/a/0"><svg viewBox="0 0 1 1"><image xlink:href="页面_files/3.png"></image></svg>
<mp-miniprogram data-miniprogram-imageurl="https://a.cn/4.png"></mp-miniprogram><script>x()</script></section></div><div>页脚</div></body></html>"""  # noqa: E501
ADDRESSES = ("//a.cn/1.png", "https://a.cn/2.jpg?x=1&y=2", "页面_files/3.png", "https://a.cn/4.png")


def test_the_article_of_a_page_is_found_with_its_pictures() -> None:
    page = read_page(PAGE)
    assert (page.title, page.addresses) == ("春茶 上新", ADDRESSES)
    html = page.html({address: f"0{number}.png" for number, address in enumerate(ADDRESSES, 1)})
    assert html.replace("\n", "") == (
        '<section style="background:url(\'01.png\')"><p>你好</p><img src="02.png">'
        '<img src="https://mmbiz.qpic.cn/a/0">'
        '<svg viewbox="0 0 1 1"><image xlink:href="03.png"></image></svg>'
        '<mp-common-miniprogram data-miniprogram-imageurl="04.png" data-miniprogram-type="card">'
        "</mp-common-miniprogram></section>"
    )


@pytest.mark.parametrize(
    ("page", "is_plain"),
    [
        ("<link rel=stylesheet href=a.css><p>春</p><p>好</p><p style='color:red'>茶</p>", True),
        ("<link rel=stylesheet href=a.css><div style='color:red'><p>春</p><p>好</p></div><p>茶</p>", False),
        ("<style>p{color:red}</style><p>春</p>", False),
        ("<p>春</p>", False),
        ("<link rel=stylesheet href=a.css><div id=js_content><p>春</p></div>", False),
    ],
)
def test_a_page_whose_look_is_in_a_linked_style_sheet_is_known(page: str, is_plain: bool) -> None:
    assert read_page(page).is_plain is is_plain


def test_a_picture_that_was_not_saved_keeps_its_address() -> None:
    assert "https://a.cn/2.jpg?x=1&amp;y=2" in read_page(PAGE).html({})


@pytest.mark.parametrize(
    ("drawn", "is_marked"), [('.a > li:before{content:"● "}', True), (".a > li{color:red}", False)]
)
def test_a_list_whose_marks_a_sheet_draws_has_those_of_html(drawn: str, is_marked: bool) -> None:
    sheet = f"<style>{drawn}ul.a{{list-style-type:none;margin:0}}</style>"
    page = read_page(f"<html><head>{sheet}</head><body><ul class='a'><li>龙井</li></ul></body></html>")
    assert ("list-style-type:none" not in page.marked_html) == is_marked
    assert "margin:0" in page.marked_html


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_pages_are_decoded_as_browsers_do(encoding: str) -> None:
    said = "<meta charset=gb2312>" if encoding == "gb18030" else ""
    assert decode_page(f"{said}<p>春茶</p>".encode(encoding)) == f"{said}<p>春茶</p>"


def test_a_page_without_a_known_editor_is_taken_whole() -> None:
    page = read_page("<title>茶</title><h1>春</h1><p>好</p>")
    assert (page.title, page.html({})) == (
        "茶",
        '<h1 style="font-weight:bold;font-size:1.5em">春</h1><p>好</p>\n',
    )


def test_reading_takes_time_in_proportion_to_the_page() -> None:
    began = time.process_time()
    for style in ("url(" * 100_000, "url('" * 100_000, "url(" + " " * 400_000):
        read_page(f'<p style="{style}">茶</p>').html({})
    for sheet in ("<style" * 100_000, "<style>" + "*,:a" * 50_000, "<style>" + "*{" * 100_000, " " * 400_000):
        read_page(f"<p>茶</p>{sheet}").html({})
    assert time.process_time() - began < 5


SHEET = """<!DOCTYPE html><html><head><title>茶</title><style>
@import url(https://a.cn/x.css); :root{--ink:#123456} *{margin:0;padding:0} html{color:#222}
body{background:#eee;font-family:serif;line-height:2} .card{color:var(--ink);border:1px solid #ccc}
@media print{.card{color:red}} .card::before{content:"x"} p:hover{color:red}
</style></head><body class=x><div class=card style="border:0">春</div><p>好</p></body></html>"""


def test_the_style_sheet_of_a_page_is_written_into_the_article() -> None:
    assert read_page(SHEET).html({}) == (
        '<section style="color:#222;background:#eee;line-height:2">'
        '<div style="color:#123456;border:0">春</div><p>好</p></section>\n'
    )


def test_a_style_sheet_that_is_shown_stays_text() -> None:
    page = "<style>* {margin:0} p{color:red}</style><pre>a{}\n* {margin:0}</pre><p>好</p>"
    html = '<pre>a{}\n* {margin:0}</pre><p style="color:red">好</p>\n'
    assert read_page(page).html({}) == html
    assert "* {margin:0}" in read_page("<pre>* {margin:0}</pre>").html({})


def test_the_sheet_of_a_published_article_is_that_of_the_reader() -> None:
    page = "<style>p{color:red} .b{visibility:hidden}</style><div id=js_content class=b><p>春</p></div>"
    assert read_page(page).html({}) == "<p>春</p>\n"


def test_what_a_drawing_reaches_by_an_id_stands_in_its_place() -> None:
    page = """<svg><defs><path id="a" d="M0 0h9"></path><g id="b"><use href="#a" x="2"></use></g>
<linearGradient id="g"><stop style="stop-color:#0c0"></stop></linearGradient></defs>
<use xlink:href="#b" transform="scale(2)" fill="url(#g)"></use><use href="#no"></use></svg>
<svg><symbol id="s" viewBox="0 0 9 9"><path d="M1 1"></path></symbol><use href="#s" width="9"></use></svg>"""
    html = "".join(read_page(page).html({}).split())
    part = '<gtransform="translate(20)"><pathd="M00h9"></path></g>'
    assert f'<gfill="#0c0"transform="scale(2)"><g>{part}</g></g><use></use>' in html
    assert '<g><svgviewbox="0099"width="9"height="100%"><pathd="M11"></path></svg></g>' in html


def test_drawings_that_use_one_another_end() -> None:
    parts = "".join(f'<g id="p{n}">{f"<use href=#p{n - 1}></use>" * 9}</g>' for n in range(1, 30))
    page = f'<svg><g id="p0"><path d="M0 0"></path></g>{parts}<g id="x"><use href="#x"></use></g></svg>茶'
    assert read_page(page).html({}).count("<path") < 3_000


LONG = f"https://a.cn/{'x' * 40_000}"


@pytest.mark.parametrize(
    "page",
    [
        f"<svg><g id=a><image href={LONG}></image></g>{'<use href=#a></use>' * 200}</svg>茶",
        f"<style>p{{background:url({LONG})}}</style>{'<p>茶</p>' * 200}",
        f"<svg><path id=a d={'M0,0' * 10_000}></path>{'<use href=#a></use>' * 200}</svg>茶",
        f"<svg><lineargradient id=a><stop stop-color={LONG}></stop></lineargradient>"
        f"{'<path fill=url(#a)></path>' * 200}</svg>茶",
    ],
    ids=["drawn", "style", "path", "colour"],
)
def test_a_page_does_not_multiply(page: str) -> None:
    html = read_page(page).html({})
    assert "茶" in html
    assert len(html) < MAX_TEXT_BYTES


def test_an_article_that_nobody_could_shorten_is_refused() -> None:
    with pytest.raises(UnusableError):
        read_page("茶" * MAX_TEXT_BYTES)


def test_the_code_and_the_boxes_of_editors_need_no_sheet() -> None:
    page = """<section class="code-snippet__fix"><ul class="code-snippet__line-index"><li></li></ul>
<pre class="x"><code><span leaf="">a = 1</span></code><code><span leaf="">b</span></code></pre></section>
<div class="checkbox checkbox-on"></div><div class="checkbox checkbox-off"></div>"""
    html = read_page(page).html({})
    assert "<code><span>a = 1</span></code>\n<code><span>b</span></code></pre>" in html
    assert "<ul>" not in html
    assert "<span>☑</span><span>☐</span>" in html


def test_the_length_and_what_is_lost_of_an_article_are_known() -> None:
    page = read_page('<p>茶</p><img src="https://a.cn/1.png">\n<textarea>春</textarea>')
    assert page.made.markup_chars == len(page.made.html) > 160
    assert [(one.rule, one.level, one.line) for one in page.made.findings if one.level == "error"] == [
        ("html-lost", "error", 2)
    ]
