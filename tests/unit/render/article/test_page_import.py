"""A saved page gives its article, without what nobody sees, and the addresses of its pictures."""

import time

import pytest

from wechat_campaigns.render.article.page_import import decode_page, read_page

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
        ("<style>p{color:red}</style><p>春</p><p>好</p><p style='color:red'>茶</p>", True),
        ("<style>p{color:red}</style><div style='color:red'><p>春</p><p>好</p></div><p>茶</p>", False),
        ("<p>春</p>", False),
        ("<style>p{color:red}</style><div id=js_content><p>春</p></div>", False),
        ("<style>/* */ </style><p>春</p>", False),
    ],
)
def test_a_page_whose_look_is_in_its_style_sheet_is_known(page: str, is_plain: bool) -> None:
    assert read_page(page).is_plain is is_plain


def test_a_picture_that_was_not_saved_keeps_its_address() -> None:
    assert "https://a.cn/2.jpg?x=1&amp;y=2" in read_page(PAGE).html({})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_pages_are_decoded_as_browsers_do(encoding: str) -> None:
    said = "<meta charset=gb2312>" if encoding == "gb18030" else ""
    assert decode_page(f"{said}<p>春茶</p>".encode(encoding)) == f"{said}<p>春茶</p>"


def test_a_page_without_a_known_editor_is_taken_whole() -> None:
    page = read_page("<title>茶</title><h1>春</h1><p>好</p>")
    assert (page.title, page.html({})) == ("茶", "<h1>春</h1><p>好</p>\n")


def test_reading_takes_time_in_proportion_to_the_page() -> None:
    began = time.process_time()
    for style in ("url(" * 100_000, "url('" * 100_000, "url(" + " " * 400_000):
        read_page(f'<p style="{style}">茶</p>').html({})
    assert time.process_time() - began < 5
