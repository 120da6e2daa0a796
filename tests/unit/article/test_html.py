"""An HTML body is kept as WeChat keeps it; what followers would lose is named with its line."""

import base64
import re
from collections import Counter
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.unit.article.making import Make, assert_nothing_alive, rules
from wechat_campaigns.render.articles import read_saved_page

EDITORS = Path(__file__).parents[2] / "articles/editors"
CENTRE = '<section style="text-align:center">'
CENTRED = '<table style="margin-left:auto;margin-right:auto"><tbody><tr><td>茶</td></tr></tbody></table>'
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
        ("<svg><defs><style>a</style><path d='M0 0'></path></defs></svg>茶", "<svg></svg>茶"),
        ("<ruby>茶<rp>(</rp><rt>chá</rt><rp>)</rp></ruby>", "<ruby>茶<rt>chá</rt></ruby>"),
        ("<input type=checkbox checked>茶<input type=checkbox>", "<span>☑</span>茶<span>☐</span>"),
        ("<table align=center><tr><td>茶</td></tr></table>", CENTRED),
        ("<center><table><tr><td>茶</td></tr></table></center>", f"{CENTRE}{CENTRED}</section>"),
        ("<sup style='line-height:0'>[1]</sup>茶", '<sup style="line-height:0">[1]</sup>茶'),
        (
            "<mark-x style='background:#000;color:#fff'>茶</mark-x>",
            '<span style="background:#000;color:#fff">茶</span>',
        ),
        (
            "<a style='background:#000'><section>茶</section></a>",
            '<section style="background:#000"><section>茶</section></section>',
        ),
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
        '<p style="position:relative;left:50%;transform:translate(-50%, -50%)">茶</p>',
        '<p style="background:#fff;-webkit-background-clip:text;color:transparent;font-size:75%">茶</p>',
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
        ("<input placeholder='电话'>茶", "w html-lost"),
        ("<video>不支持</video>茶", "w html-lost"),
        ("<svg><foreignObject><p>茶</p></foreignObject></svg>茶", "e html-lost"),
        ("<select><option>甲</select>茶", "e html-lost"),
        ("<textarea>茶</textarea>茶", "e html-lost"),
        ("<math><mi>x</mi></math>茶", "e html-lost"),
        ("<button style='color:#fff;background:#000'>茶</button>", "w html-lost"),
        ("<svg><use href='#a'></use></svg>茶", "w html-lost"),
        ("<svg><defs><linearGradient><stop></stop></linearGradient></defs></svg>茶", "w html-lost"),
        ("<svg><clipPath><text>茶</text></clipPath></svg>茶", "e html-lost"),
        ("<mp-common-videosnap data-nickname='茶铺'></mp-common-videosnap>茶", "w html-lost"),
        ("<mp-common-product data-title='茶'></mp-common-product>茶", "w html-lost"),
        ("<mp-anything></mp-anything>茶", "w html-lost"),
        ("<sup style='line-height:0'>一二三四五六七八九十一二三</sup>茶", "w style-value"),
        ("<p style='left:50%;transform:translateX(-50%)'>茶</p>", "w style-value"),
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
        ("<p style='white-space:nowrap'>明前茶今年只收了四十斤，要趁早</p>", "a no-wrap"),
        ("<p style='background-image:linear-gradient(#fff,#eee)'>茶</p>", "a background-image"),
    ],
)
def test_what_followers_lose_is_named_at_its_line(make: Make, source: str, rule: str) -> None:
    body = make(f"<p>甲</p>\n\n{source}", kind="html")
    line = None if rule in ("w html-structure", "e html-comment") else 3
    assert rules(body) == [f"{rule} {line}"]


@pytest.mark.parametrize(
    "source",
    [
        "<p style='direction:rtl;unicode-bidi:bidi-override'>001¥</p>",
        "<p><span style='unicode-bidi:bidi-override'>001¥</span></p>",
        "<section style='display:flex;flex-direction:row-reverse'><p>001</p><p>¥</p></section>",
        "<section style='display:flex;flex-flow:row wrap-reverse'><p>001</p><p>¥</p></section>",
        "<section style='display:flex'><p>001</p><p style='order:-1'>¥</p></section>",
        "<section style='display:grid'><p>001</p><p style='grid-area:1/1'>¥</p></section>",
        "<p>001<span style='float:left'>¥</span></p>",
        "<section><span>001</span><b><i style='float:left'>¥</i></b></section>",
        "<section><p style='float:right'>001</p><p>¥</p></section>",
        "<p style='display:inline'>001</p><p style='float:left'>¥</p>",
        "<p style='transform:rotate(180deg)'>16</p>",
        "<section style='display:table'><p style='display:table-footer-group'>001</p><p>¥</p></section>",
        "<section style='display:table'><p>001</p><p style='display:table-header-group'>¥</p></section>",
        "<section style='display:table'><p>001</p><p style='display:table-caption'>¥</p></section>",
        "<table style='caption-side:bottom'><caption>001</caption><tr><td>¥</td></tr></table>",
        "<section style=\"grid-template:'b a';display:grid\"><p style='grid-area:a'>01</p><p>¥</p></section>",
        "<section style='display:grid'><p style='grid-column:x'>001</p><p>¥</p></section>",
        "<section style='writing-mode:vertical-rl'><p>001</p><p>¥</p></section>",
        "<p style='-webkit-writing-mode:vertical-rl'>001<br>¥</p>",
        "<p style='writing-mode:vertical-rl'>001<span style='writing-mode:horizontal-tb'>¥</span></p>",
        "<p style='transform:scaleX(-1)'>100¥</p>",
        "<p style='transform:matrix(-1,0,0,-1,0,0)'>16</p>",
    ],
)
def test_no_style_turns_words_round(make: Make, source: str) -> None:
    body = make(f"<p>甲</p>\n\n{source}", kind="html")
    assert "w style-value 3" in rules(body)
    assert not re.search(
        "rtl|override|reverse|order:|grid-(area|column)|table-|caption-|float|transform|horizontal|vertical.*<[bp]",
        body.html,
    )


@pytest.mark.parametrize("source", ["<tfoot>3</tfoot>1<thead>2</thead>", "1<tfoot>3</tfoot><tbody>9</tbody>"])
def test_the_parts_of_a_table_stand_where_browsers_show_them(make: Make, source: str) -> None:
    rows = re.sub(r"\d", lambda number: f"<tr><td>{number[0]}</td></tr>", source)
    body = make(f"<table>{rows}<caption>题</caption></table>", kind="html")
    shown = "".join(re.findall(r"题|\d", body.html))
    assert (shown, rules(body)) == ("题213" if "2" in source else "题193", [])


@pytest.mark.parametrize(
    "source",
    [
        "<section><section style='float:left'>01</section><p>春茶</p></section>",
        "<section><p style='float:left'>01</p><p style='float:left'>02</p></section>",
        "<p>春茶<span style='float:right'>1 月</span></p>",
        "<p>春茶</p><p style='float:left'>上新</p>",
        "<p style='transform:rotate(-90deg) scale(1.2)'>春</p>",
        "<section style='direction:ltr;flex-direction:column;order:0'>春</section>",
    ],
)
def test_a_style_that_keeps_the_order_stays(make: Make, source: str) -> None:
    assert rules(make(source, kind="html")) == []


def test_advice_is_one_line_for_each_rule_and_can_be_turned_off(make: Make) -> None:
    source = "<p style='width:360px'>茶</p>\n" * 7
    body = make(source, kind="html")
    assert rules(body) == ["a fixed-width 1"]
    assert "6" in body.findings[0].message
    assert make(source, kind="html", advice=False).findings == ()


def test_backgrounds_and_drawn_images_are_resolved(make: Make, png: bytes) -> None:
    source = (
        "<section style='background:url(\"cup.png\") no-repeat'>茶</section>"
        '<svg viewBox="0 0 9 9"><image xlink:href="cup.png" width="9" height="9"></image></svg>'
        '<img src="data:image/gif;base64,R0lGOD" data-src="cup.png" alt="杯"><img src="cup.png" alt="杯">'
    )
    body = make(source, kind="html", at={"tea/cup.png": png})
    assert [finding for finding in body.findings if finding.level == "error"] == []
    ((placeholder, file),) = body.images.items()
    assert file.path.as_posix() == "tea/cup.png"
    assert body.html.count(placeholder) == 4
    assert 'data-w="64"' in body.html
    assert f"url({placeholder})" in body.html


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


def test_each_thing_that_is_lost_is_named_once_with_its_words(make: Make) -> None:
    source = (
        "<audio title='采茶歌'></audio><iframe></iframe><iframe></iframe><canvas></canvas>"
        "<mp-common-poi data-name='南门' data-address='广场'></mp-common-poi><button>报名</button>茶"
    )
    body = make(source, kind="html")
    said = [finding.message for finding in body.findings]
    assert body.html == "报名茶"
    assert len(said) == 5
    for words in ("<audio>", "采茶歌", "<iframe>", "<canvas>", "“位置 南门 广场”", "“报名”"):
        assert sum(words in one for one in said) == 1


LOST = {
    "ai": {"html-lost", "link-outside"},
    "console": {"profile-card"},
    "doocs": {"link-outside"},
    "feishu": {"html-lost", "link-outside"},
    "gdocs": {"link-outside"},
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
    for mark in ("<img ", "flex", "<animate", "background-image", "transform:", "<table"):
        assert body.html.count(mark) == source.count(mark)


@pytest.mark.parametrize("page", sorted(EDITORS.glob("*.html")), ids=lambda page: page.stem)
def test_every_word_of_a_page_is_in_the_article_or_in_what_is_said(page: Path) -> None:
    written = Words.of(page.read_text(encoding="utf-8"))
    made = read_saved_page(page).made
    lost = written - Words.of(made.html)
    said = Words.of(escape("\n".join(finding.message for finding in made.findings)))
    if page.stem == "console":  # the page around a published article
        said += Words.of("<p>茶山笔记</p><p>微信扫一扫</p>")
    assert sum(written.values()) >= 3
    assert lost - said == Counter()


class Words(HTMLParser):
    """Reads the words of HTML with a parser of its own, those that no browser shows left out."""

    HIDDEN = ("script", "style", "title", "noscript", "rp", "mjx-assistive-mml")
    SHOWN = ("placeholder", "title", "value")
    VOID = ("input", "img", "br", "hr", "meta", "link", "col", "source")

    def __init__(self) -> None:
        super().__init__()
        self.words: Counter[str] = Counter()
        self._around: list[str] = []

    @classmethod
    def of(cls, html: str) -> Counter[str]:
        reader = cls()
        reader.feed(html)
        reader.close()
        return reader.words

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self._around.append(tag)
        if tag in ("input", "audio", "video", "iframe"):
            for name, value in attrs:
                self.words.update(re.findall(r"\w+", value or "") if name in self.SHOWN else ())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read `<img/>` as `<img>`."""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._around:
            while self._around.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not set(self.HIDDEN) & set(self._around):
            self.words.update(re.findall(r"\w+", data))


def test_words_are_read_with_those_that_are_lost() -> None:
    assert Words.of("<p>春 <b>茶</b><style>p{}</style><input value='好'>") == Counter(["春", "茶", "好"])


@pytest.mark.parametrize("editor", ["xiumi", "135", "yiban", "svg"])
def test_the_markup_of_an_editor_needs_no_import_and_gives_no_warning(make: Make, editor: str) -> None:
    body = make((EDITORS / f"{editor}.html").read_text(encoding="utf-8"), kind="html")
    assert [finding for finding in body.findings if finding.level != "advice"] == []
