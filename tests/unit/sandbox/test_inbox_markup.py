"""Article HTML as the inbox shows it: nothing runs, nothing is fetched, everything is closed."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_sandbox.inbox import VOID, sanitize

LOCAL = {"//own/a.png": "/local/a.png"}

FRAGMENTS = st.sampled_from([
    "<", ">", '"', "'", "=", "/", " ", "&lt;", "&#x3c;", "text", "<p>", "</p>", "<div", "</div>",
    "<li>", "<a href=", "javascript:alert(1)", "<script>", "</script>", "<style>", "</style",
    "<img src=", "//own/a.png", " onerror=", " style=", "url(//evil/x)", "<svg", "<iframe srcdoc=",
    "<!--", "-->", "<![CDATA[", "<?", "<math", "<textarea>", "<template>", "<base href=//evil>",
    "<meta http-equiv=refresh content=0>", "\x00", "汉字", "<xmp>", "<a\x00b",
])  # fmt: skip


def shown(html: str) -> str:
    return sanitize(html, lambda url: LOCAL.get(url, ""))


class Reader(HTMLParser):
    """Notes what a browser would meet."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_whatever_comes_is_balanced_and_harmless(html: str) -> None:
    read = Reader(shown(html))
    assert read.open == []
    assert not {"script", "style", "iframe", "meta", "base", "textarea", "template", "xmp"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name == "srcdoc"]
    assert {value for name, value in read.attributes if name == "src"} <= {"/local/a.png"}
    assert not [value for name, value in read.attributes if name in ("style", "href") and "//evil" in value]
    assert not [value for name, value in read.attributes if name == "href" and value.startswith("javascript")]


@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_a_second_pass_changes_nothing(html: str) -> None:
    once = shown(html)
    assert sanitize(once, lambda url: url) == once


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>一<p>二", "<p>一</p><p>二</p>"),
        ("<b>一</div>二", "<b>一二</b>"),
        ("<section><p>一</section>二", "<section><p>一</p></section>二"),
        ("<br/>一<hr>", "<br>一<hr>"),
        ("一<script>alert(1)</script>二", "一二"),
        ("<iframe>x</iframe>二<form><input>三</form>", "二三"),
        ('<p onclick="x()" class="a">一</p>', '<p class="a">一</p>'),
        ('<a href=" javascript:x()">一</a>', "<a>一</a>"),
        ('<a href="https://e.com/?a=1&b=2" target="_top">一</a>', '<a href="https://e.com/?a=1&amp;b=2">一</a>'),
        ('<img src="//own/a.png" alt="图">', '<img src="/local/a.png" alt="图">'),
        ('<img data-src="//own/a.png" src="">', '<img src="/local/a.png">'),
        ('<img src="https://evil/x.png">', '<img data-missing="">'),
        ("<p style=\"background:url('//own/a.png')\">x</p>", '<p style="background:url(/local/a.png)">x</p>'),
        ('<p style="background: url(//evil/x)">x</p>', '<p style="background: none">x</p>'),
        ('<svg><image href="//evil/x" width="9"></image></svg>', '<svg><image width="9"></image></svg>'),
        (r"<p style='background: u\72l(//evil/x)'>x</p>", "<p>x</p>"),
        ("<svg><set attributeName=onclick to=x></set></svg>", '<svg><set to="x"></set></svg>'),
        ('<p style="background: image-set(\'//evil/x\' 1x)">x</p>', "<p>x</p>"),
        (
            '<mp-common-miniprogram data-miniprogram-imageurl="//own/a.png"></mp-common-miniprogram>',
            '<mp-common-miniprogram><img src="/local/a.png"></mp-common-miniprogram>',
        ),
        (
            "<mp-common-miniprogram data-miniprogram-imageurl=//evil/x></mp-common-miniprogram>",
            '<mp-common-miniprogram><img data-missing=""></mp-common-miniprogram>',
        ),
        ("1 < 2 &amp; 3", "1 &lt; 2 &amp; 3"),
        ("<noscript><img src=x></noscript>一", "一"),
    ],
)  # fmt: skip
def test_each_construct_is_kept_or_dropped(html: str, expected: str) -> None:
    assert shown(html) == expected
