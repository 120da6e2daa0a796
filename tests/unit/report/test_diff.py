"""A send as lines, so that two of them can be compared."""

from __future__ import annotations

import pytest

from tests.support.factories import NOW, make_article, make_file, make_send
from wechat_campaigns.core.article_text import ArticleText
from wechat_campaigns.core.model import Articles, Content, Image, Media, Mpvideo, Msgtype, Newspic, Wxcard
from wechat_campaigns.report.phrases import content_lines, diff, send_lines

FILE = Media(file=make_file("a.png"))


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<p>一</p><p>二</p>", ["一", "二"]),
        ("<section><h2>题</h2>\n<p>正<strong>文</strong></p></section>", ["题", "正文"]),
        ("<p>a\n  b&amp;c</p>", ["a b&c"]),
        ('<p><img src="x" alt="茶山"><img src="y"></p>', ["[picture: 茶山][picture]"]),
        ("一<br>二", ["一", "二"]),
        (
            '<a href="https://mp.weixin.qq.com/s/a">看<b>茶</b></a>。',
            ["看茶 [→ https://mp.weixin.qq.com/s/a] 。"],
        ),
        (
            '<a href="" data-miniprogram-appid="wx1" data-miniprogram-path="p/a?x=1">买</a>',
            ["买 [→ wx1 p/a?x=1]"],
        ),
        (
            '<mp-common-miniprogram data-miniprogram-appid="wx1" data-miniprogram-path="p" '
            'data-miniprogram-title="茶"></mp-common-miniprogram>',
            ["[card: 茶] [→ wx1 p]"],
        ),
        ('<mp-common-profile data-nickname="茶社"></mp-common-profile>', ["[account: 茶社]"]),
        ("<p></p><p>  </p>", []),
        ("<p>unclosed <b>x", ["unclosed x"]),
    ],
)
def test_html_is_read_as_its_paragraphs(html: str, lines: list[str]) -> None:
    assert ArticleText(html).lines() == lines


@pytest.mark.parametrize(
    ("msgtype", "content", "lines"),
    [
        (Msgtype.MPNEWS, Newspic(title="题", text="一\n二", images=(FILE,)), ["题", "一", "二", "[a.png]"]),
        (Msgtype.IMAGE, Image(media=FILE), ["[a.png]"]),
        (Msgtype.MPVIDEO, Mpvideo(media=FILE, title="题", description="述"), ["题", "述", "[题 (a.png)]"]),
        (Msgtype.WXCARD, Wxcard(card_id="p1"), ["[p1]"]),
    ],
)
def test_every_content_has_lines(msgtype: Msgtype, content: Content, lines: list[str]) -> None:
    """What a follower would read, whatever the kind."""
    assert content_lines(make_send(msgtype=msgtype, content=content)) == lines


def test_receivers_and_window_are_part_of_the_diff() -> None:
    before, after = make_send("sale"), make_send("sale", not_before=NOW, revision=2, send_ignore_reprint=True)
    text = diff(send_lines(before, "UTC"), send_lines(after, "UTC"))
    assert (
        "-when: any time\n+when: from 2026-12-01 04:00 (UTC)\n+revision: 2\n+send_ignore_reprint: true"
        in text
    )


def test_an_article_is_told_with_its_facts_and_pictures() -> None:
    picture = make_file("图.png", b"x")
    article = make_article("题", picture, author="甲", html="<p>文</p>")
    lines = content_lines(make_send(msgtype=Msgtype.MPNEWS, content=Articles(articles=(article,))))
    assert lines[:3] == ["1. 题", "author: 甲", "cover: cover.png"]
    assert f"[picture 图.png, {picture.sha256[:12]}]" in lines


def test_equal_sends_have_no_diff() -> None:
    assert diff(["a"], ["a"]) == ""
