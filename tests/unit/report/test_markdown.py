"""The plan as a reviewer reads it: what stands where, and what is left out when it is long."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, applied, make_article, make_send, plan_of, view_of
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.model import Filter, InvalidCampaign
from wechat_campaigns.messages import Articles
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.review import Comparison, SendChange
from wechat_campaigns.report.markdown import (
    COMMENT_CHARS,
    Section,
    failure_markdown,
    fitted,
    marker,
    outcomes_markdown,
    plan_markdown,
)
from wechat_campaigns.report.phrases import shortened
from wechat_campaigns.send.outcome import Result, SendOutcome

GOLDEN = Path(__file__).parent / "plan.md"
PROBLEM = Diagnostic(
    location=Location(file="campaigns/bad.yaml", line=3, column=5), path="$.msgtype", rule="enum",
    message="no", hint="so",
)  # fmt: skip


def example() -> tuple[Plan, Comparison]:
    """One plan with a bit of everything, and what changed in it."""
    article = make_article("秋天的茶", author="内容组", html="<h2>一</h2><p>第一段</p><p>第二段</p>")
    sends = (
        make_send("sale", "会员全场 8 折\n今晚 20:00 开始"),
        make_send("later", "明天见", not_before=NOW + timedelta(days=1)),
        make_send("news", content=Articles(articles=(article,))),
        make_send("all", "大家好", filter=Filter(is_to_all=True)),
    )
    plan = plan_of(*sends, invalid=(InvalidCampaign(id="bad", problems=(PROBLEM,)),), commit="c0ffee" * 6)
    changes = (
        SendChange(id="gone", before=make_send("gone"), after=None),
        SendChange(id="later", before=None, after=sends[1]),
        SendChange(id="sale", before=make_send("sale", "会员全场 9 折\n今晚 20:00 开始"), after=sends[0]),
    )
    return plan, Comparison(
        ref="origin/main", commit="b" * 40, changes=changes, unchanged=frozenset({"news"})
    )


def test_the_plan_reads_as_it_did() -> None:
    plan, comparison = example()
    text = plan_markdown(view_of(plan, comparison=comparison, errors=[PROBLEM]))
    text = re.sub("[0-9a-f]{64}", "DIGEST", text)  # it covers the rules: a new one changes it
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_markers_differ_and_cannot_be_ended_by_their_environment() -> None:
    names = ["a--b", "a -->", "生产", "x y", "", "a-b", "a_b", "a%2Db"]
    markers = [marker("plan", name) for name in names] + [marker("apply", "a-b")]
    assert len(set(markers)) == len(markers)
    for text in markers:
        assert text.count("-->") == 1
        assert "--" not in text[4:-3]
        assert "\n" not in text


@pytest.mark.deep
def test_a_plan_of_thousands_fits_and_keeps_its_totals() -> None:
    sends = [make_send(f"c{number:04}", "长" * 600) for number in range(900)]
    plan = plan_of(*sends)
    changes = tuple(SendChange(id=s.id, before=make_send(s.id, "短"), after=s) for s in sends)
    comparison = Comparison(ref="main", commit="b" * 40, changes=changes)
    text = plan_markdown(view_of(plan, comparison=comparison))
    assert len(text) <= COMMENT_CHARS
    assert plan.plan_digest in text
    for heading in ("### Who receives", "### Changed since", "### What followers receive", "### Accounts"):
        assert heading in text
    assert "… 900 more not shown: see the log of this run" in text
    assert text.count("```") % 2 == 0


@given(
    st.lists(st.lists(st.text("ab\n", max_size=300), max_size=6), max_size=5),
    st.integers(min_value=1500, max_value=4000),
)
def test_whatever_is_cut_the_whole_stays_within_its_limit(groups: list[list[str]], limit: int) -> None:
    sections = [Section(title=f"T{n}", blocks=[f"<{b}>" for b in g]) for n, g in enumerate(groups)]
    text = fitted("head", sections, limit=limit)
    assert len(text) <= limit
    assert text.startswith("head")
    assert text.count("<") == text.count(">")


def test_a_long_text_ends_at_a_line_and_says_how_much_is_missing() -> None:
    assert shortened("one\ntwo\nthree", 9) == "one\ntwo\n… 6 more characters"
    assert shortened("short", 9) == "short"


def test_outcomes_tell_each_send_and_what_to_do() -> None:
    plan, _ = example()
    sale = SendOutcome("sale", "main", Result.ACCEPTED, "accepted", msg_id=34182, notes=("<p> gone",))
    everyone = SendOutcome("all", "main", Result.NOT_SENT, "45028", hint="wait", exit_code=ExitCode.FAILED)
    text = outcomes_markdown(applied(sale, everyone, plan=plan))
    assert text.startswith("<!-- campaign:apply environment=test -->\n")
    assert "| accepted | `sale` | `main` | 34182 | `accepted` |" in text
    assert "all: 45028 → wait" in text
    assert "sale: <p> gone" in text
    assert plan.plan_digest in text


def test_a_failure_takes_the_place_of_the_plans_comment() -> None:
    """It carries the same marker, so that an old plan is not read as the present one."""
    text = failure_markdown(
        UsageError("no folder", hint="make one"), [PROBLEM], command="plan", environment="test"
    )
    assert text.startswith(marker("plan", "test"))
    assert "no folder\n→ make one" in text
    assert "campaigns/bad.yaml:3:5" in text
