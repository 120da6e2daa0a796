"""The plan's page shows each article as a phone shows it, from the campaign's own files."""

import re
from base64 import b64encode
from datetime import timedelta

import pytest

from tests.support.factories import (
    NOW,
    SUBSCRIPTION,
    intent_of,
    make_account,
    make_article,
    make_file,
    make_planned,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
    view_of,
)
from wechat_campaigns.core.content import FileInfo, Media
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.core.model import Audience, Filter
from wechat_campaigns.messages import Articles, Image
from wechat_campaigns.plan.plan import Resolution
from wechat_campaigns.plan.review import compare
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.html import failure_html, plan_html
from wechat_campaigns.report.plan_view import reach

PICTURE = make_file("leaf.png", b"leaf")
DATA = {"leaf.png": b"leaf", "cover.png": b"cover"}


def test_articles_stand_on_phones_with_their_pictures() -> None:
    articles = Articles(articles=(make_article("春茶", PICTURE), make_article("夏茶")))
    asked: list[str] = []

    def data(file: FileInfo) -> bytes:
        asked.append(file.path.name)
        return DATA[file.path.name]

    html = plan_html(view_of(plan_of(make_send(content=articles))), data=data)
    assert "<iframe" not in html
    assert html.count('<div class="article-body">') == 2
    assert set(asked) == {"leaf.png", "cover.png"}
    assert PICTURE.sha256 not in html
    assert "wximg" not in html
    assert html.count('<p class="article-title">春茶</p>') == 1


def test_messages_stand_in_the_order_of_the_table_by_the_same_numbers() -> None:
    articles = Articles(articles=(make_article("春茶"),))
    settings = make_settings(make_account("main"), make_account("shop", appid=SUBSCRIPTION))
    sends = [
        make_send("late", account="main", not_before=NOW + timedelta(days=1), description="会员日\n提醒"),
        make_send("long", account="shop", content=articles),
        make_send("short", "另一条", account="shop", content=Image(media=Media(file=PICTURE))),
    ]
    page = plan_html(view_of(plan_of(*sends, settings=settings)), data=lambda file: DATA[file.path.name])
    headlines = [("1", "1. 春茶"), ("2", "2. leaf.png"), ("3", "3. 会员日 提醒")]
    assert re.findall(r'<td class="main"><a href="#message-(\d)">([^<]+)</a>', page) == headlines
    assert re.findall(r'id="message-(\d)"><header><h3>([^<]+)</h3>', page) == headlines


def test_the_figures_count_what_one_minute_needs() -> None:
    """Articles can be recalled; what is blocked reaches nobody; a tag of two sends is counted twice."""
    warned = Diagnostic(location=Location(file="a.md"), rule="r", message="m", hint="h", level="warning")
    sends = (
        make_send("now", content=Articles(articles=(make_article("春茶"),)), diagnostics=(warned,)),
        make_send("later", not_before=NOW + timedelta(days=1)),
        make_send("all", "丙", filter=Filter(is_to_all=True)),
    )
    view = view_of(plan_of(*sends), errors=[warned] * 3)
    assert [value for _words, value, _mark in view.figures] == ["2,000", "3", str(len(view.notes)), "1"]
    page = plan_html(view, data=lambda file: DATA[file.path.name])
    (figures,) = re.findall(r'<dl class="figures">(.*?)</dl>', page, re.DOTALL)
    assert re.findall("<dd>([^<]*)</dd>", figures) == ["1", "1", "1", "2,000", "3", str(len(view.notes)), "1"]


@pytest.mark.parametrize(
    ("audiences", "expected"),
    [
        ([], "0"),
        ([Audience(count=30, source="tag"), Audience(count=9, source="tag")], "39"),
        ([Audience(count=30, source="tag"), Audience(count=None, source="unknown")], "30 + ?"),
        ([Audience(count=None, source="unknown", last=Audience(count=940, source="ledger"))], "~940"),
        ([Audience(count=None, source="unknown")], "?"),
    ],
)
def test_the_reach_is_never_a_guess(audiences: list[Audience], expected: str) -> None:
    assert reach([make_planned(resolved=Resolution(audience=one)) for one in audiences]) == expected


def test_an_edited_send_is_marked_in_the_table_and_leads_to_its_change() -> None:
    was, now, same = make_send("sale", "旧"), make_send("sale", "新"), make_send("same", "同")
    added = make_send("more", "多")
    comparison = compare([was, same], [now, same, added], ref="main", commit="c")
    page = plan_html(view_of(plan_of(now, same, added), comparison=comparison), data=lambda _file: b"")
    rows = re.findall(r'<td class="main">(.*?)</td>', page, re.DOTALL)
    marks = [re.findall(r'href="#changed"><span[^>]*>(\w+)<', row) for row in rows]
    assert marks == [["added"], ["edited"], []]
    assert 'id="changed"' in page


def test_a_phone_is_headed_by_what_followers_see_as_the_name() -> None:
    settings = make_settings(
        make_account("main", display_name="山月茶铺"), make_account("shop", appid=SUBSCRIPTION)
    )
    sends = [
        make_send("a", account="main", account_name="山月茶铺"),
        make_send("b", "另一条", account="shop"),
    ]
    page = plan_html(view_of(plan_of(*sends, settings=settings)), data=lambda _file: b"")
    assert re.findall(r'<div class="phone"><header>([^<]+)<', page) == ["山月茶铺", "shop"]
    assert "<h3>main · 山月茶铺</h3>" in page, "beside what the account may still send"


def test_message_of_many_accounts_is_shown_once() -> None:
    """Its pictures are in the page once; an account with other words shows its own."""
    accounts = [make_account(f"a{number}", appid=f"wx{number:016x}") for number in range(1, 41)]
    articles = [Articles(articles=(make_article(title, PICTURE),)) for title in ("春茶", "夏茶")]
    sends = [
        make_send(f"sale[{one.name}]", account=one.name, content=articles[one.name == "a7"])
        for one in accounts
    ]
    page = plan_html(
        view_of(plan_of(*sends, settings=make_settings(*accounts))), data=lambda file: DATA[file.path.name]
    )
    assert page.count('<div class="article-body">') == 2
    assert page.count(b64encode(DATA["leaf.png"]).decode()) == 2
    assert page.count('<p><a href="#message-1">') == 38


def test_an_article_stays_in_its_box() -> None:
    html = (
        '<p style="position:fixed;color:red">一</div></section></main><script>x</script><form>'
        '<a href="https://x">二</a><img src="https://evil.example/x.png"><template></template>'
    )
    page = plan_html(
        view_of(plan_of(make_send(content=Articles(articles=(make_article(html=html),))))),
        data=lambda _file: b"",
    )
    body = page.partition('<div class="article-body">')[2].partition("</div></div>")[0]
    assert body == "<p>一</p><a>二</a><img>"


def test_the_plan_names_whom_when_and_what_first() -> None:
    usual = {"rule": "image-alt", "message": "no alt", "hint": "write it", "level": "warning"}
    alt = [Diagnostic(location=Location(file="a.md", line=n), **usual) for n in range(4)]
    sends = (
        make_send("now", "甲", diagnostics=tuple(alt), description="开业", owner="小李"),
        make_send(
            "later", "乙", not_before=NOW + timedelta(days=1), not_after=NOW + timedelta(days=1, hours=2)
        ),
        make_send("all", "丙", filter=Filter(is_to_all=True)),
    )
    page = plan_html(view_of(plan_of(*sends), errors=[alt[0]]), data=lambda _file: b"")
    order = (
        "Who receives what", "As soon as the plan is applied", "2026-12-02 Wed, tomorrow", "12:00–14:00",
        "Not sent until somebody acts", "Errors", 'id="attention"', "4 ×", "Accounts",
        "What followers receive", "owner: 小李",
    )  # fmt: skip
    places = [page.index(text) for text in order]
    assert page.count("· cannot be recalled once sent") == len(sends)
    assert places == sorted(places)
    digest = view_of(plan_of(*sends)).digest
    assert f'<code title="{digest}">{digest[:10]}</code>' in page


def test_what_is_held_back_does_not_stand_under_what_is_sent() -> None:
    blocked, draft = make_send("spare", "乙", filter=Filter(is_to_all=True)), make_send("tea", ready=False)
    (_now, now), (_later, later) = view_of(plan_of(make_send("sale", "甲"), blocked, draft)).days()
    assert ([row.id for row in now], [row.id for row in later]) == (["sale"], ["spare", "tea"])


def test_the_page_tells_that_followers_have_had_it_once() -> None:
    state = make_state((EventKind.INTENT, intent_of(make_send())), (EventKind.ACCEPTED, named(make_send())))
    plan = plan_of(make_send(revision=2), state=state)
    assert "sent again on purpose" in plan_html(view_of(plan), data=lambda _file: b"")


def test_folded_lists_are_counted_and_not_called_as_the_first_of_them() -> None:
    problems = [
        Diagnostic(
            location=Location(file=f"s{rows}.yaml"),
            rule="openid-rows",
            message=f"l.csv: left out: {rows}",
            hint="compare",
            level="warning",
        )
        for rows in (1, 2)
    ]
    set_language("zh")
    page = failure_html("x", "y", problems=problems)
    assert "<summary><b>2 份名单有略过的行</b>" in page
    assert "left out: 2" in page
