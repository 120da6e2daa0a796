"""A send as lines, so that two of them can be compared; a time names its zone where it might be another."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tests.support.factories import NOW, make_article, make_file, make_send
from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.core.html import ArticleText
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.messages import Articles, Image, Images, Mpvideo, Newspic, Wxcard
from wechat_campaigns.plan.review import SendChange
from wechat_campaigns.report.phrases import change_diff, diff, send_lines, window, zoned_moment

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


def test_receivers_and_window_are_part_of_the_diff() -> None:
    before, after = make_send("sale"), make_send("sale", not_before=NOW, revision=2, send_ignore_reprint=True)
    text = diff(send_lines(before, "UTC"), send_lines(after, "UTC"))
    assert (
        "-when: any time\n+when: from 2026-12-01 04:00 (UTC)\n+revision: 2\n+send_ignore_reprint: true"
        in text
    )
    assert diff(["a"], ["a"]) == ""


def test_an_article_is_told_with_its_facts_and_pictures() -> None:
    picture = make_file("山/图.png", b"x")
    article = make_article("题", picture, author="甲", html="<p>文</p>")
    lines = Articles(articles=(article,)).lines()
    assert lines[:3] == ["1. 题", "author: 甲", f"cover: {article.cover.label}"]
    assert f"[picture 1: 图.png, {picture.sha256[:12]}]" in lines


def changed(before: Send, after: Send) -> list[str]:
    """The lines of a diff that differ."""
    lines = change_diff(SendChange(id="sale", before=before, after=after), "UTC").split("\n")
    return [line for line in lines if line[:1] in ("+", "-")]


def test_an_exchanged_link_stands_on_a_line_of_its_own() -> None:
    words = "<p>很长的一段话" * 9 + '<a href="https://{host}/s">看茶</a></p>'
    was, now = (
        make_send(content=Articles(articles=(make_article(html=words.format(host=host)),)))
        for host in ("tea.example", "tee.example")
    )
    assert changed(was, now)[:2] == [
        f"{sign}link: 看茶 → https://{host}.example/s" for sign, host in (("-", "tea"), ("+", "tee"))
    ]


def test_an_exchanged_picture_of_the_same_name_is_seen() -> None:
    was, now = (make_file("a/leaf.png", data) for data in (b"1", b"2"))
    for make in (
        lambda file: Images(images=(FILE, Media(file=file))),
        lambda file: Articles(articles=(make_article("题", FILE.file, file),)),
    ):
        lines = changed(make_send(content=make(was)), make_send(content=make(now)))
        assert lines == [f"-[picture 2: {Media(file=was).label}]", f"+[picture 2: {Media(file=now).label}]"]
    covers = [Articles(articles=(make_article(cover=Media(file=file)),)) for file in (was, now)]
    lines = changed(*(make_send(content=content) for content in covers))
    assert lines == [f"-cover: {Media(file=was).label}", f"+cover: {Media(file=now).label}"]


def test_another_list_of_as_many_recipients_is_seen() -> None:
    one, more, other = (
        make_send(filter=Filter(openids=openids))
        for openids in (("o1", "o2"), ("o1", "o2", "o3"), ("o1", "o4"))
    )
    assert [len(changed(one, after)) for after in (one, more, other)] == [0, 2, 2]
    skipping = make_send(filter=Filter(openids=("o1", "o2"), skip_unsubscribed=True))
    assert changed(one, skipping) == ["+skip_unsubscribed: true"]


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
    assert moment_text(OPENS, NOW, ZoneInfo("Asia/Shanghai")) == "today at 19:30"
    assert moment_text(OPENS, NOW, ZoneInfo("Asia/Tokyo")) == "today at 20:30 (Asia/Tokyo)"
    assert moment_text(OPENS, NOW, CHINA) == "today at 19:30"
