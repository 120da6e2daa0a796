"""Where links lead is counted at the top of a plan, and a host that nobody saw before is marked."""

import re
from dataclasses import replace

import pytest

from tests.support.factories import make_article, make_planned, make_send, plan_of, view_of
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.messages import Articles
from wechat_campaigns.plan.review import compare
from wechat_campaigns.report.html import plan_html
from wechat_campaigns.report.links import MOST_HOSTS
from wechat_campaigns.report.markdown import plan_markdown
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.terminal import TextOptions
from wechat_campaigns.report.text import plan_text

PROGRAM = "wx00000000000000aa"
OPENS = (
    f'<p><a data-miniprogram-appid="{PROGRAM}" data-miniprogram-nickname="山月商城" '
    'data-miniprogram-path="pages/a">买</a></p>'
)


def view(*sends: Send, sent: Send | None = None, before: list[Send] | None = None) -> PlanView:
    """A plan of sends, beside one that was sent, compared with what was there before."""
    plan = plan_of(*sends)
    if sent is not None:
        old = make_planned(sent, action=PlanAction.SENT, reason="sent")
        plan = replace(plan, sends=(*plan.sends, old))
    comparison = None if before is None else compare(before, sends, ref="main", commit="c")
    return view_of(plan, comparison=comparison)


def sale(host: str = "tea.example", name: str = "sale") -> Send:
    return make_send(name, f"https://{host}/a 和 https://{host}/b")


def test_hosts_and_mini_programs_are_counted() -> None:
    article = make_send("tea", content=Articles(articles=(make_article(html=OPENS),)))
    assert view(sale(), article).hosts.rows == [
        ("tea.example", 2, False),
        (f"mini program 山月商城 {PROGRAM}", 1, False),
    ]
    assert view(make_send("plain", "没有链接")).hosts.text == ""


def test_without_anything_before_no_host_is_new() -> None:
    hosts = view(sale()).hosts
    assert [row[2] for row in hosts.rows] == [False]
    assert hosts.basis == view(sale("other.example")).hosts.basis


@pytest.mark.parametrize("known", [{"sent": sale(name="old")}, {"before": [sale()]}])
def test_an_exchanged_host_is_new_by_what_was_sent_or_reviewed(known: dict[str, object]) -> None:
    assert [row[2] for row in view(sale(), **known).hosts.rows] == [False]
    other = view(sale("tee.example"), make_send("b", "https://tea.example/"), **known)
    assert other.hosts.rows == [("tee.example", 2, True), ("tea.example", 1, False)]


def test_what_the_branch_did_not_edit_makes_its_hosts_known() -> None:
    same = sale(name="same")
    assert [row[2] for row in view(sale(), same, before=[same]).hosts.rows] == [False]


def test_every_format_shows_hosts_at_its_top_and_marks_new_links() -> None:
    shown = view(sale("tee.example"), before=[sale()])
    text = plan_text(shown, TextOptions(width=200))
    assert text.split("\n")[2] == shown.hosts.text
    assert text.count("(new)") == 2
    markdown = plan_markdown(shown)
    assert shown.hosts.text in markdown.partition("###")[0]
    assert markdown.count("(new)") == 2
    page = plan_html(shown, data=lambda _file: b"")
    (top,) = re.findall(r'<div class="notice" id="hosts">(.*?)</div></div>|$', page, re.DOTALL)[:1]
    assert page.index('id="hosts"') < page.index("<section>")
    assert page.count('<span class="badge warning">new host</span>') == 3, top
    assert '<details class="notice" open><summary>Links' in page


def test_new_hosts_come_first_and_many_are_only_counted() -> None:
    known = [make_send(f"k{n}", f"https://k{n}.example/") for n in range(MOST_HOSTS)]
    hosts = view(*known, sale("zzz.example"), before=known).hosts
    assert hosts.rows[0] == ("zzz.example", 2, True)
    assert " 1 more" in hosts.text
    assert hosts.text.count(".example") == MOST_HOSTS
