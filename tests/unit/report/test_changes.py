"""What was edited in a send: each edit is named with what it was and is, and stands in the diff."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import NOW, make_article, make_file, make_send, plan_of, view_of
from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.messages import Articles, Images, Text
from wechat_campaigns.plan.review import SendChange, compare
from wechat_campaigns.report.changes import EXCERPT_CHARS, MOST_EDITS, change_diff, change_text

FILE = Media(file=make_file("shop/a.png"))
LISTED = [
    make_send(filter=Filter(openids=openids)) for openids in (("o1", "o2"), ("o1", "o2", "o3"), ("o1", "o4"))
]


def edits(before: Send, after: Send) -> str:
    return change_text(SendChange(id="sale", before=before, after=after), "UTC")


def article(html: str, **changes: Any) -> Articles:
    return Articles(articles=(make_article(html=html, **changes),))


def pictures(*digests: bytes) -> Images:
    return Images(images=tuple(Media(file=make_file("a/leaf.png", one)) for one in digests), title="题")


def digest(data: bytes) -> str:
    return make_file(data=data).sha256[:12]


LINK = '<p>一段话<a href="https://{host}/s">看茶</a>。</p>'


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Text(content="全场 8 折\n今晚"), Text(content="全场 7 折\n今晚"), "全场 8 折 → 全场 7 折"),
        (Text(content="一"), Text(content="一\n二"), "– → 二"),
        (
            article(LINK.format(host="tea.example")),
            article(LINK.format(host="tee.example")),
            "link 看茶: https://tea.example/s → https://tee.example/s",
        ),
        (
            pictures(b"1", b"2"),
            pictures(b"1", b"3"),
            "picture 2: another file, with the same name leaf.png",
        ),
        (
            article('<img src="https://mmbiz.qpic.cn/a">'),
            article('<img src="https://mmbiz.qpic.cn/b">'),
            "picture: https://mmbiz.qpic.cn/a → https://mmbiz.qpic.cn/b",
        ),
        (article("<p>一</p>"), article("<p><b>一</b></p>"), "an option, or the markup of an article"),
        (article("<p>一</p>"), article("<p>一</p>", need_open_comment=True), "– → need_open_comment: True"),
    ],
    ids=["word", "line", "link", "picture", "address of a picture", "markup", "option"],
)
def test_an_edit_of_the_message_is_named(before: Content, after: Content, expected: str) -> None:
    assert edits(make_send(content=before), make_send(content=after)) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"filter": Filter(tag="老客")}, {"filter": Filter(is_to_all=True)}, "to: tag 老客 → everyone"),
        ({}, {"not_before": NOW}, "when: any time → from 2026-12-01 04:00 (UTC)"),
        ({"account": "main"}, {"account": "shop"}, "account: main → shop"),
        ({}, {"send_ignore_reprint": True}, "– → send_ignore_reprint: true"),
    ],
)
def test_another_recipient_time_account_and_option_is_named(
    before: dict[str, Any], after: dict[str, Any], expected: str
) -> None:
    assert edits(make_send(**before), make_send(**after)) == expected


def test_one_recipient_more_is_counted_and_none_is_shown() -> None:
    one, more, other = LISTED
    assert edits(one, more) == "list of openids: 1 added, 0 removed, now 3"
    assert edits(one, other) == "list of openids: 1 added, 1 removed, now 2"
    assert "o3" not in edits(one, more).replace("openids", "")


def test_pictures_are_named_before_words_however_many_words_were_edited() -> None:
    was, now = (article("".join(f"<p>{word}{n}</p>" for n in range(20)), cover=FILE) for word in ("甲", "乙"))
    assert edits(make_send(content=was), make_send(content=now)).endswith(f"and {20 - MOST_EDITS} more")
    was, now = (
        Articles(articles=(make_article("题", make_file("a/leaf.png", data), html=f"{'<p>x</p>' * 9}{one}"),))
        for data, one in ((b"1", "".join(f"<p>甲{n}</p>" for n in range(9))), (b"2", "<p>乙</p>" * 9))
    )
    assert edits(make_send(content=was), make_send(content=now)).startswith("picture 1: another file, ")


def test_of_a_long_text_what_differs_is_shown() -> None:
    was, now = (make_send("sale", f"{'长' * 500}{price}{'尾' * 500}") for price in ("一百元", "二百元"))
    text = edits(was, now)
    assert "一百元" in text
    assert "二百元" in text
    assert len(text) < 3 * EXCERPT_CHARS


def test_words_that_look_like_a_target_are_words() -> None:
    """Only the target of a link is left out of a line: each has one of its own."""
    was, now = (make_send("sale", f"茶 [→ 原价 {price}]") for price in (100, 1))
    assert edits(was, now) == "茶 [→ 原价 100] → 茶 [→ 原价 1]"


def test_a_plan_names_first_what_is_new_then_edits_by_time_then_what_is_gone() -> None:
    later = {"not_before": NOW + timedelta(days=1)}
    before = [make_send("b", "旧", **later), make_send("c", "旧"), make_send("gone"), make_send("same")]
    after = [make_send("b", "新", **later), make_send("c", "新"), make_send("new"), make_send("same")]
    found = compare(before, after, ref="main", commit="c", note="half of it")
    view = view_of(plan_of(*after), comparison=found)
    assert [(row.id if row else "", text) for row, text in view.changes] == [
        ("", "Changed since main: 1 added, 2 edited, 1 removed"),
        ("", "half of it"),
        ("", "added: new"),
        ("c", "旧 → 新"),
        ("b", "旧 → 新"),
        ("", "removed: gone"),
    ]
    notes = {row.id: row.note for row in view.rows if row.change}
    assert notes == {"b": "edited: 旧 → 新", "c": "edited: 旧 → 新", "new": "added"}
    assert view_of(plan_of(*after)).changes == []
    same = compare(after, after, ref="main", commit="c")
    assert [text for _row, text in view_of(plan_of(*after), comparison=same).changes] == [
        "Changed since main: no send"
    ]


# --- the diff ---------------------------------------------------------------------------------


def test_receivers_and_window_are_part_of_the_diff() -> None:
    before, after = make_send("sale"), make_send("sale", not_before=NOW, revision=2, send_ignore_reprint=True)
    text = change_diff(SendChange(id="sale", before=before, after=after), "UTC")
    assert (
        "-when: any time\n+when: from 2026-12-01 04:00 (UTC)\n+revision: 2\n+send_ignore_reprint: true"
        in text
    )
    assert change_diff(SendChange(id="sale", before=after, after=after), "UTC") == ""


def changed(before: Send, after: Send) -> list[str]:
    """The lines of a diff that differ."""
    lines = change_diff(SendChange(id="sale", before=before, after=after), "UTC").split("\n")
    return [line for line in lines if line[:1] in ("+", "-")]


def test_an_exchanged_link_stands_on_a_line_of_its_own() -> None:
    words = "<p>很长的一段话" * 9 + '<a href="https://{host}/s">看茶</a></p>'
    was, now = (
        make_send(content=article(words.format(host=host))) for host in ("tea.example", "tee.example")
    )
    assert changed(was, now)[:2] == [
        f"{sign}link 看茶: https://{host}.example/s" for sign, host in (("-", "tea"), ("+", "tee"))
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
    one, more, other = LISTED
    assert [len(changed(one, after)) for after in (one, more, other)] == [0, 2, 2]
    skipping = make_send(filter=Filter(openids=("o1", "o2"), skip_unsubscribed=True))
    assert changed(one, skipping) == ["+skip_unsubscribed: true"]
