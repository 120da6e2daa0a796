"""A send as lines, so that two of them can be compared; a time names its zone where it might be another."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tests.support.factories import make_article, make_file, make_send
from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.core.html import ArticleText
from wechat_campaigns.messages import Articles, Image, Mpvideo, Newspic, Wxcard
from wechat_campaigns.report.phrases import window, zoned_moment

FILE = Media(file=make_file("shop/a.png"))
LABEL = FILE.label


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<p>一</p><p>二</p>", ["一", "二"]),
        ("<section><h2>题</h2>\n<p>正<strong>文</strong></p></section>", ["题", "正文"]),
        ("<p>a\n  b&amp;c</p>", ["a b&c"]),
        ('<p><img src="x" alt="茶山"><img src="y"></p>', ["[picture: 茶山][picture]"]),
        ("一<br>二", ["一", "二"]),
        ('<a href="https://a.example/s">看<b>茶</b></a>。', ["看茶 [→ https://a.example/s] 。"]),
        ('<a data-miniprogram-appid="wx1" data-miniprogram-path="p/a">买</a>', ["买 [→ wx1 p/a]"]),
        (
            '<mp-common-miniprogram data-miniprogram-appid="wx1" data-miniprogram-path="p" '
            'data-miniprogram-title="茶"></mp-common-miniprogram>',
            ["[card: 茶] [→ wx1 p]"],
        ),
        (
            '<a data-miniprogram-appid="wx1" data-miniprogram-nickname="铺" data-miniprogram-path="p">买</a>',
            ["买 [→ 铺 wx1 p]"],
        ),
        ('<mp-common-profile data-nickname="茶社"></mp-common-profile>', ["[account: 茶社]"]),
        ("<p></p><p>  </p>", []),
        ("<p>unclosed <b>x", ["unclosed x"]),
    ],
)
def test_html_is_read_as_its_paragraphs(html: str, lines: list[str]) -> None:
    assert ArticleText(html).lines() == lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (Newspic(title="题", text="一\n二", images=(FILE,)), ["题", "一", "二", f"[picture 1: {LABEL}]"]),
        (Image(media=FILE), [f"[picture 1: {LABEL}]"]),
        (Mpvideo(media=FILE, title="题", description="述"), ["题", "述", f"[{LABEL}]"]),
        (Wxcard(card_id="p1"), ["[p1]"]),
    ],
)
def test_every_content_has_lines(content: Content, lines: list[str]) -> None:
    assert content.lines() == lines


def test_an_article_is_told_with_its_facts_and_pictures() -> None:
    picture = make_file("山/图.png", b"x")
    article = make_article("题", picture, author="甲", html="<p>文</p>")
    lines = Articles(articles=(article,)).lines()
    assert lines[:3] == ["1. 题", "author: 甲", f"cover: {article.cover.label}"]
    assert f"[picture 1: 图.png, {picture.sha256[:12]}]" in lines


CHINA = timezone(timedelta(hours=8))
OPENS, CLOSES = datetime(2026, 12, 1, 19, 30, tzinfo=CHINA), datetime(2026, 12, 1, 22, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Shanghai", "2026-12-01 19:30–22:00"),
        ("Asia/Hong_Kong", "2026-12-01 19:30–22:00"),
        ("Asia/Tokyo", "2026-12-01 20:30–23:00 (Asia/Tokyo)"),
        ("America/New_York", "2026-12-01 06:30–09:00 (America/New_York)"),
    ],
)
def test_window_names_a_zone_that_is_not_chinas(zone: str, expected: str) -> None:
    opens, closes = (moment.astimezone(ZoneInfo(zone)) for moment in (OPENS, CLOSES))
    assert window(make_send(not_before=opens, not_after=closes), zone) == expected


def test_window_names_the_zone_if_its_file_wrote_another() -> None:
    """Who wrote 11:30Z must not take 19:30 for it."""
    send = make_send(not_before=OPENS.astimezone(UTC))
    assert window(send, "Asia/Shanghai") == "from 2026-12-01 19:30 (Asia/Shanghai)"
    assert window(make_send(), "Asia/Tokyo") == "any time"


def test_a_moment_names_its_zone() -> None:
    assert zoned_moment(OPENS, "Asia/Shanghai") == "2026-12-01 19:30"
    assert zoned_moment(OPENS, "Asia/Tokyo") == "2026-12-01 20:30 (Asia/Tokyo)"
