"""Limits: what WeChat would refuse is found offline; what it takes passes."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support import factories
from tests.support.factories import make_account, make_send
from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.core.settings import Account, AccountKind
from wechat_campaigns.messages import (
    Article,
    Articles,
    BodyImage,
    Draft,
    Image,
    Images,
    Mpvideo,
    Newspic,
    Text,
    Voice,
    Wxcard,
)
from wechat_campaigns.messages.limits import check_audience

SERVICE = make_account()
M = Media(media_id="M")


def make_file(name: str, format: str, size_bytes: int = 100, duration_s: float | None = None) -> Media:
    file = factories.make_file(name, format=format, size_bytes=size_bytes, duration_s=duration_s)
    return Media(file=file)


def make_article(**changes: Any) -> Articles:
    return Articles(articles=(Article(**{"title": "春茶", "html": "<p>x</p>", "cover": M, **changes}),))


class FakeSource:
    def location(self, path=(), *, key=False):
        return Location(file="campaigns/sale.yaml", line=len(path) + 10)

    def line_location(self, path, number):
        raise AssertionError("not asked here")


def check(send: Send, account: Account) -> tuple[Diagnostic, ...]:
    found = (*check_audience(send.filter, send.msgtype, account), *send.content.findings())
    return tuple(one.at(FakeSource().location(one.path) if one.path else send.location) for one in found)


def rules(content: Content) -> list[str]:
    return [problem.rule for problem in check(make_send(content=content), SERVICE)]


SOUND = [
    Text(content="今晚八点"),
    Text(content="x" * 600),
    Draft(media_id="M"),
    make_article(),
    make_article(title="题" * 32),
    make_article(author="作" * 16, digest="摘" * 120, html="字" * 19_999),
    make_article(
        content_source_url="https://example.com/茶?a=1", pic_crop_235_1="0_0.1_1_0.9", pic_crop_1_1="0_0_1_1"
    ),
    make_article(content_source_url="https://e.com/" + "a" * 1010),
    make_article(need_open_comment=True, only_fans_can_comment=True),
    make_article(cover=make_file("a.jpeg", "jpeg", 10 * 1024 * 1024)),
    make_article(images=(BodyImage(placeholder="p", file=make_file("a", "png", (1 << 20) - 1).file),)),
    Articles(articles=make_article().articles * 8),
    Newspic(title="贴图", text="文", images=(M,) * 20),
    Voice(media=make_file("a.MP3", "mp3", 2 * 1024 * 1024, 60.0)),
    Voice(media=make_file("a.wma", "wma")),
    Image(media=make_file("a.bmp", "bmp")),
    Images(images=(M, Media(name="茶.png"))),
    Mpvideo(media=M, title="t", description="d"),
]


@pytest.mark.parametrize("content", SOUND)
def test_content_at_the_limits_passes(content):
    assert rules(content) == []


BROKEN = [
    (Text(content=" \n"), "empty"),
    (Text(content="字" * 683), "text-too-long"),
    (Text(content="x" * 601), "text-long"),
    (Text(content="字" * 682 + "xx"), "text-long"),
    (Draft(media_id=""), "empty"),
    (make_article(title=""), "empty"),
    (Newspic(title="题" * 33, text="文", images=(M,)), "title-long"),
    (make_article(title="一\n二"), "title-lines"),
    (make_article(author="作" * 17), "author-too-long"),
    (make_article(digest="摘" * 121), "digest-too-long"),
    (make_article(content_source_url="example.com"), "url"),
    (make_article(content_source_url="javascript:alert(1)"), "url"),
    (make_article(content_source_url="https://[x"), "url"),
    (make_article(content_source_url="https://e.com/a b"), "url"),
    (make_article(content_source_url="https://e.com/" + "a" * 1011), "url-too-long"),
    (make_article(pic_crop_1_1="0_0_1"), "crop"),
    (make_article(pic_crop_1_1="0_0_1_1.5"), "crop"),
    (make_article(pic_crop_1_1="0_0_1_0.1234567"), "crop"),
    (make_article(pic_crop_235_1="0.5_0_0.5_1"), "crop"),
    (make_article(pic_crop_235_1="0_0.5_1_0.5"), "crop"),
    (make_article(pic_crop_235_1="0_1_1_0"), "crop"),
    (make_article(only_fans_can_comment=True), "comments"),
    (make_article(cover=make_file("a.webp", "webp")), "file-format"),
    (Articles(articles=make_article(digest="摘").articles + make_article().articles), "digest-unseen"),
    (Newspic(title="t", text="x" * 20_000, images=(M,)), "text-too-long"),
    (Newspic(title="t", text=" ", images=(M,)), "newspic-text"),
    (Images(images=(M,), only_fans_can_comment=True), "comments"),
    (Image(media=Media(name="")), "empty"),
    (Image(media=make_file("a.png", "png", 0)), "file-empty"),
    (Voice(media=make_file("voice.m4a", "mp4")), "file-format"),  # to be converted, not to be renamed too
    (Image(media=make_file("a.png", "unknown")), "file-format"),
    (Image(media=make_file("a.jpg", "png")), "file-suffix"),
    (Image(media=make_file("a", "png")), "file-suffix"),
    (Image(media=make_file("a.png", "png", 10 * 1024 * 1024 + 1)), "file-too-large"),
    (Voice(media=make_file("a.mp3", "mp3", duration_s=60.1)), "voice-too-long"),
    (Voice(media=make_file("a.mp3", "mp3", 2 * 1024 * 1024 + 1)), "file-too-large"),
    (Voice(media=make_file("a.png", "png")), "file-format"),
    (Mpvideo(media=make_file("a.mp4", "mp4"), title="t", description="d"), "mpvideo-upload"),
    (Mpvideo(media=M, title="", description="d"), "empty"),
    (Wxcard(card_id="C"), "retired-wxcard"),
]
WARNINGS = {"newspic-text", "text-long", "title-long", "digest-unseen", "mpvideo-upload", "retired-wxcard"}


@pytest.mark.parametrize(
    ("content", "rule"), BROKEN, ids=[f"{rule} {index}" for index, (_, rule) in enumerate(BROKEN)]
)
def test_content_beyond_a_limit_is_found(content, rule):
    (problem,) = check(make_send(content=content), SERVICE)
    assert (problem.rule, problem.level) == (rule, "warning" if rule in WARNINGS else "error")
    assert problem.message
    assert problem.hint


def test_all_problems_are_found_at_once():
    content = make_article(title="", author="作" * 17, cover=make_file("a.jpg", "webp", 11 * 1024 * 1024))
    assert rules(content) == ["empty", "author-too-long", "file-format", "file-too-large"]


# --- who sends to whom -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "openids", "expected"),
    [
        (AccountKind.SERVICE, 2, []),
        (AccountKind.SERVICE, 10_000, []),
        (AccountKind.SUBSCRIPTION, 0, []),
        (AccountKind.SUBSCRIPTION, 2, ["mass-send-kind"]),
        (AccountKind.TEST, 0, ["test-account"]),
        (AccountKind.TEST, 2, ["mass-send-kind"]),
    ],
)
def test_audience_must_suit_the_account(kind, openids, expected):
    listed = tuple(f"o{number:027}" for number in range(openids))
    to = Filter(openids=listed) if listed else Filter(tag="会员")
    problems = check(make_send(filter=to), make_account(kind=kind))
    assert [problem.rule for problem in problems] == expected
    assert not any(openid in problem.message for problem in problems for openid in listed)


def test_test_account_is_warned_not_stopped():
    (problem,) = check(make_send(), make_account(kind=AccountKind.TEST))
    assert problem.level == "warning"
    assert "48001" not in problem.message
    voice = check(make_send(content=Voice(media=M)), make_account(kind=AccountKind.TEST))
    assert [(one.rule, one.level) for one in voice] == [("test-account", "warning")] * 2
    assert "48008" in voice[1].message


# --- places ------------------------------------------------------------------------------------


def test_problem_stands_at_its_value():
    assert check(make_send(), make_account(kind=AccountKind.TEST))[0].location == make_send().location
    (problem,) = check(make_send(content=make_article(title="")), SERVICE)
    assert (problem.location.line, problem.path) == (14, "$.content.articles[0].title")


@pytest.mark.parametrize(
    ("letter", "warning"), [("茶", "title-long"), ("a", "title-long"), ("🍵", "title-emoji")]
)
def test_title_is_a_warning_from_33_characters_and_an_error_from_65(letter, warning):
    found = {count: rules(make_article(title=letter * count)) for count in (32, 33, 64, 65)}
    assert found == {32: [], 33: [warning], 64: [warning], 65: ["title-too-long"]}


def test_converted_file_may_have_any_suffix():
    info = replace(make_file("cup.webp", "jpeg").file, converted=True)
    assert rules(Image(media=Media(file=info))) == []


@pytest.mark.parametrize("blank", [" ", "\n", "\t", "\u200b", "\u00a0", "\u3000", "\r"])
@pytest.mark.parametrize("value", ["M{}1", "M1{}"])
def test_an_id_with_a_blank_is_an_error(blank: str, value: str) -> None:
    media = Media(media_id=value.format(blank))
    for content in (
        Draft(media_id=media.media_id),
        Voice(media=media),
        Image(media=media),
        Images(images=(M, media)),
        Wxcard(card_id=media.media_id),
    ):
        assert "blank-in-id" in rules(content)


@pytest.mark.parametrize(
    ("name", "fine"), [("VIP 客户", True), ("👨‍👩‍👧家庭", True), ("会员 ", False), ("会\n员", False)]
)
def test_a_name_chosen_by_people_may_have_a_blank_inside(name: str, fine: bool) -> None:
    assert ("blank-in-id" not in rules(Voice(media=Media(name=name)))) is fine
