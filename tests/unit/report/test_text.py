"""Plans and outcomes in the terminal: a table where it fits, two lines a row where it does not."""

import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    SUBSCRIPTION,
    applied,
    intent_of,
    make_account,
    make_known,
    make_planned,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
    view_of,
)
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.model import Filter, InvalidCampaign, PlanAction
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.approvals import Verdict
from wechat_campaigns.messages import Newspic
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.report.plan_view import MOST_NAMED, PlanView, to_followers
from wechat_campaigns.report.send_status import SendRow, StatusView
from wechat_campaigns.report.terminal import TextOptions, columns
from wechat_campaigns.report.text import MOST_ACCOUNTS, outcomes_text, plan_text, status_text
from wechat_campaigns.send.outcome import Result, SendOutcome

LOOK = TextOptions(width=120)


def test_a_plan_is_a_table_a_summary_and_a_digest() -> None:
    sends = (make_send("sale", "全场 8 折\n今晚"), make_send("later", not_before=NOW + timedelta(days=1)))
    plan = plan_of(*sends)
    lines = plan_text(view_of(plan), LOOK).split("\n")
    (sale,) = [line for line in lines if " sale " in line]
    assert sale.split()[:4] == ["send", "sale", "tag", "会员"]
    assert "text: 全场 8 折 今晚" in sale
    assert lines[1].startswith("Summary: 1 to send, 1 scheduled; recipients in all: 2,000; errors: 0;")
    assert "This is only a plan: nothing was sent." in lines
    assert f"Digest: {plan.plan_digest}" in lines
    assert f"Digest: {plan.plan_digest}" in plan_text(view_of(plan), TextOptions(width=60)).split("\n")
    assert any("`campaign apply`" in line and "1 send to 1,000 followers." in line for line in lines)


def test_a_ci_run_names_where_it_is_approved_in_place_of_the_command() -> None:
    later = make_send("later", not_before=NOW + timedelta(hours=2))
    plan = plan_of(make_send(), later)
    text = plan_text(view_of(plan, approved_in="approve #12"), TextOptions(width=300))
    assert re.search(r"approve #12 Due now: 1 send .*\. Later, each at its time: 1 send ", text)
    assert "A run at that time sends it, once it is approved." in text
    assert "campaign apply" not in text
    approved = replace(plan, sends=tuple(replace(one, approval=Verdict(None)) for one in plan.sends))
    assert "approve #12" not in plan_text(view_of(approved, approved_in="approve #12"), LOOK)


def test_no_apply_is_promised_that_would_be_refused() -> None:
    plan = plan_of(make_send())
    invalid = replace(plan, invalid=(InvalidCampaign(id="other", problems=()),))
    no_tag = make_planned(make_send("x"), action=PlanAction.INVALID, reason="no such tag")
    tagless = replace(plan, sends=(*plan.sends, no_tag))
    for refused in (invalid, tagless, replace(plan, uninitialized=("main",))):
        assert "How to approve" not in plan_text(view_of(refused), LOOK)


def test_what_is_done_is_only_counted() -> None:
    """An archive of thousands does not hide the one send that matters; `--all` lists it."""
    old = make_planned(make_send("old"), action=PlanAction.SENT, reason="sent")
    plan = plan_of(make_send("sale"))
    plan = replace(plan, sends=(*plan.sends, old))
    text = plan_text(view_of(plan), LOOK)
    assert "\nsent " not in text
    assert "1 to send, 1 sent;" in text
    assert "`campaign plan --all`" in text
    assert "\nsent " in plan_text(view_of(plan), LOOK, everything=True)


@pytest.mark.parametrize(
    ("plan", "total"),
    [
        (plan_of(make_send()), "1 send to 1,000 followers"),
        (plan_of(make_send(), remote_facts=None), "1 send to ? followers"),
        (plan_of(make_send("a", "甲"), make_send("b", "乙")), "2 sends, 2,000 messages in all"),
    ],
)
def test_total_is_of_messages_and_never_a_guess(plan: Plan, total: str) -> None:
    assert to_followers(plan.calls()) == total


def test_the_headline_counts_what_is_due_later_too() -> None:
    later = [make_send(f"x{n}", f"{n}", not_before=NOW + timedelta(days=n)) for n in (1, 2)]
    assert view_of(plan_of(make_send(), *later)).headline == "3 sends"
    assert view_of(plan_of()).headline == "0 sends"


def test_a_picture_post_is_not_called_an_article() -> None:
    post = Newspic(title="市集", text="南门广场见", images=(Media(media_id="M"),))
    plan = plan_of(replace(make_send("market"), content=post))
    assert "picture post: 市集 (1 picture)" in plan_text(view_of(plan), LOOK)


def test_a_plan_of_edited_files_names_no_clean_commit() -> None:
    plan = replace(plan_of(make_send("sale")), commit=f"{'6280d5e5c468' * 3}beef-dirty")
    heading = plan_text(view_of(plan), LOOK).split("\n")[0]
    assert heading.endswith(", commit 6280d5e5c468 with uncommitted changes")


def test_a_wrapped_note_is_indented_below_its_beginning() -> None:
    plan = plan_of(make_send("all", filter=Filter(is_to_all=True)), settings=make_settings(policy=Policy()))
    notes = plan_text(view_of(plan), TextOptions(width=60)).split("Needs attention:\n")[1].split("\n\n")[0]
    lines = notes.split("\n")
    assert lines[0].startswith("  all: ")
    assert len(lines) > 1
    assert all(line.startswith("    ") and len(line) <= 60 for line in lines[1:])


def test_no_two_blank_lines_stand_together() -> None:
    problems = replace(plan_of(), invalid=(InvalidCampaign(id="other", problems=()),))
    for plan in (plan_of(), problems, plan_of(make_send("sale"))):
        assert "\n\n\n" not in plan_text(view_of(plan), LOOK)


def test_colours_are_only_for_a_terminal() -> None:
    plan = plan_of(make_send("sale", "\x1b[31m红"))
    assert "\x1b" not in plan_text(view_of(plan), LOOK)
    coloured = plan_text(view_of(plan), replace(LOOK, color=True))
    assert "\x1b[" in coloured
    assert "\x1b[31m红" not in coloured


def test_nothing_sent_is_said_without_a_table_and_names_the_next_one() -> None:
    assert outcomes_text(applied(), TextOptions()) == "Nothing to send."
    plan = plan_of(make_send("later", not_before=NOW + timedelta(days=1)))
    text = outcomes_text(applied(plan=plan), LOOK)
    assert text.startswith("Nothing is due now.\nNext: later, tomorrow at 12:00.")


def test_outcomes_tell_hints_only_where_something_went_wrong() -> None:
    accepted = SendOutcome("a", "main", Result.ACCEPTED, "accepted", hint="no need", notes=("<p> gone",))
    rejected = SendOutcome("b", "main", Result.REJECTED, "45028", hint="slow down", exit_code=ExitCode.FAILED)
    text = outcomes_text(applied(accepted, rejected), LOOK)
    assert "→ slow down" in text
    assert "no need" not in text
    assert "<p> gone" in text
    assert "1 accepted, 1 rejected. Accepted does not mean delivered" in text


def test_status_names_the_revision_when_there_is_more_than_one() -> None:
    state = SendState(appid="wx", send="sale", revision=2, is_forged=True, first_at=NOW)
    row = SendRow(account="main", known=state, told=None, note="no answer yet")
    view = StatusView(environment="test", rows=(row,))
    for options in (LOOK, replace(LOOK, color=True)):
        text = status_text(view, options)
        assert "sale (revision 2)" in text
        assert Fate.UNKNOWN.value in text


def test_of_many_sends_status_writes_why_one_was_rejected() -> None:
    sale = make_send()
    for end, shown in ((EventKind.ACCEPTED, 0), (EventKind.REJECTED, 101)):
        steps = (EventKind.INTENT, intent_of(sale)), (end, named(sale))
        known = make_state(*steps).send(SERVICE, "sale", 1)
        assert known is not None
        rows = tuple(
            SendRow(account=f"shop{number % 2}", known=known, told=None, note="why") for number in range(101)
        )
        text = status_text(StatusView(environment="test", rows=rows), LOOK)
        assert text.count(" why") == shown


# --- a table on a terminal ----------------------------------------------------------------------

LAST = ("ok", "b", "7", "")


def drawn(width: int, *row: str) -> list[str]:
    headings = ("Status", "Send", "Followers", "Note")
    lines = TextOptions(width=width).table(headings, [row, LAST]).split("\n")
    assert lines[-1] == "ok      b             7"
    assert max(map(columns, lines)) <= width
    return lines[:-1]


def test_a_table_is_drawn_where_it_fits_and_notes_stand_below_where_not() -> None:
    assert drawn(60, "sent", "sale", "1,000", "arrived") == [
        "STATUS  SEND  FOLLOWERS  NOTE",
        "sent    sale      1,000  arrived",
    ]
    note = "followers received it, others were left out this month"
    assert drawn(40, "sent", "sale", "1,000\nof 2,000", note) == [
        "STATUS  SEND  FOLLOWERS",
        "sent    sale      1,000",
        "               of 2,000",
        "        followers received it, others",
        "        were left out this month",
    ]
    head, *_name, count = drawn(40, "sent", "2026/" + "long-name-" * 6, "1,000", "")
    assert (head, count.strip()) == ("STATUS  SEND  FOLLOWERS", "1,000")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_plan_of_two_accounts_takes_two_lines_a_send(width: int) -> None:
    shop, daily = make_account("shop"), make_account("daily", appid=SUBSCRIPTION)
    begin = NOW + timedelta(days=1)
    sends = [
        make_send(f"week/{name}", "周末茶席：两位同行，一位免单", account=name, not_before=begin,
                  not_after=begin + timedelta(hours=2))
        for name in ("shop", "daily")
    ]  # fmt: skip
    known = {"shop": make_known(), "daily": make_known()}
    view = view_of(plan_of(*sends, settings=make_settings(shop, daily), remote_facts=known))
    lines = plan_text(view, TextOptions(width=width)).split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("scheduled"))
    rows = " ".join(lines[start : start + 2]).split()
    assert rows[:3] == ["scheduled", "week/daily", "daily"]
    assert "12:00–14:00" in " ".join(rows)
    assert "window" not in " ".join(rows)
    assert max(map(columns, lines)) <= width


def fleet(accounts: int, sends: int) -> PlanView:
    """A plan of some sends of each of many accounts."""
    named = [make_account(f"shop{number:02}", appid=f"wx{number:016}") for number in range(accounts)]
    every = [
        make_send(f"sale{number}[{one.name}]", f"第 {number} 条", account=one.name)
        for one in named
        for number in range(sends)
    ]
    known = {one.name: make_known() for one in named}
    return view_of(plan_of(*every, settings=make_settings(*named), remote_facts=known))


def test_what_many_accounts_may_still_send_is_only_listed_where_it_is_asked_for() -> None:
    few, many = fleet(MOST_ACCOUNTS, 1), fleet(MOST_ACCOUNTS + 1, 1)
    for view, chosen in ((few, False), (few, True), (many, False), (many, True)):
        text = plan_text(view, LOOK, named=chosen)
        assert text.count("\nsend ") == len(view.rows)
        assert text.count("\nAccount shop") == (len(few.rows) if view is few else 0)
        assert ("`campaign plan --all`" in text) == (view is many)
        assert plan_text(view, LOOK, everything=True).count("\nAccount shop") == len(view.rows)


def test_the_sends_of_many_accounts_are_counted_though_their_campaigns_are_named() -> None:
    view = fleet(51, 2)
    for chosen in (False, True):
        text = plan_text(view, LOOK, named=chosen)
        assert "\nsend " not in text
        assert text.count("2 to send\n") == 51
        assert text.count("the same content") == 1, "the first of many notes"
    assert plan_text(view, LOOK, everything=True).count("\nsend ") == 102


@pytest.mark.parametrize(
    "content", ["今晚八点在门店相见，带上朋友一起来", "今晚 八点 在门店 相见，带上 朋友"]
)
def test_dots_follow_the_last_sign(content: str) -> None:
    cut = []
    for width in range(60, 72):
        view = view_of(plan_of(make_send("sale", content * 4)))
        cut += [line for line in plan_text(view, TextOptions(width=width)).split("\n") if "…" in line]
    assert cut
    assert not [line for line in cut if " …" in line]


def test_a_long_plan_is_written_in_time_that_grows_with_its_lines() -> None:
    plan = plan_of(*[make_send(f"s{number}", text=f"第 {number} 期" * 200) for number in range(10)])

    def seconds(times: int) -> float:
        view = view_of(replace(plan, sends=plan.sends * times))
        began = time.process_time()
        assert plan_text(view, TextOptions()).count("\n") > 10 * times
        return time.process_time() - began

    few, many = (min(seconds(times) for _ in range(3)) for times in (5, 50))
    assert many < 40 * few, "ten times the lines"


# --- what comes next ----------------------------------------------------------------------------

HOUR = timedelta(hours=1)
PLAN = plan_of(
    make_send("now", "一"),
    make_send("noon", "二", not_before=NOW + HOUR),
    make_send("late", "三", not_before=NOW + 30 * HOUR),
)


def lines(**more: object) -> tuple[str, ...]:
    return view_of(PLAN, **more).coming


def test_next_send_is_named_with_what_to_run() -> None:
    for command, (line,) in (("campaign apply", lines()), ("apply FILE", lines(command="apply FILE"))):
        assert line.startswith("Next: noon, today at 13:00.")
        assert f"run `{command}` at that time, or `{command} --wait`" in line


def test_horizon_lists_what_becomes_due_and_was_not_sent() -> None:
    assert "today at 14:00: noon (today at 13:00)" in lines(horizon=NOW + 2 * HOUR)[0]
    assert lines(horizon=NOW + HOUR / 2)[0] == "Nothing becomes due before the horizon, today at 12:30."
    assert "late (tomorrow at 18:00)" in lines(horizon=NOW + 48 * HOUR)[0]
    _now, noon, late = (one.key for one in PLAN.sends)
    assert lines(waiting={noon, late}) == ()
    assert lines(waiting={noon})[0].startswith("Next: late")


def test_hundred_sends_make_one_sentence() -> None:
    sends = [make_send(f"s{n:03}", str(n), not_before=NOW + HOUR) for n in range(MOST_NAMED + 3)]
    (first, _next) = view_of(plan_of(*sends), horizon=NOW + 2 * HOUR).coming
    assert first.endswith("s019 (today at 13:00) and 3 more.")


MANY = [(f"a{number:03}", f"s{number:03}-{which}") for number in range(60) for which in (1, 2)]


def test_many_sends_of_many_accounts_are_counted_by_account_but_for_what_needs_eyes() -> None:
    accounts = {name: make_account(name, appid=f"wx{int(name[1:]):016x}") for name, _send in MANY}
    planned = [replace(make_planned(make_send(send)), account=accounts[name]) for name, send in MANY]
    blocked = planned[7].left(PlanAction.BLOCKED, "no such tag", hint="create it")
    plan = replace(plan_of(make_send()), used={}, sends=(*planned[:7], blocked, *planned[8:]))
    lines = plan_text(view_of(plan), LOOK).split("\n")
    assert [line.split() for line in lines if line.startswith("a00")][:2] == [
        ["a000", "2", "to", "send"], ["a001", "2", "to", "send"]
    ]  # fmt: skip
    assert "a003     1 to send, 1 blocked" in lines
    assert [line.split()[1] for line in lines if line.startswith(("send ", "blocked "))] == ["s003-2"]
    assert len(lines) < len(MANY)
    everything = plan_text(view_of(plan), LOOK, everything=True).split("\n")
    assert sum(line.startswith(("send ", "blocked ")) for line in everything) == len(MANY)

    outcomes = [SendOutcome(send, name, Result.ACCEPTED, "accepted", msg_id=1) for name, send in MANY]
    outcomes[9] = replace(outcomes[9], result=Result.REJECTED, exit_code=ExitCode.WECHAT)
    lines = outcomes_text(replace(view_of(plan), outcomes=outcomes), LOOK).split("\n")
    assert "a004     1 accepted, 1 rejected" in lines
    assert [line.split()[1] for line in lines if line.startswith(("accepted ", "rejected "))] == ["s004-2"]

    accepted = {"revision": 1, "ends": {"": EventKind.ACCEPTED}, "first_at": NOW}
    known = [SendState(appid="wx", send=send, job=Fate.SENT, **accepted) for _name, send in MANY]
    known[5] = replace(known[5], job=Fate.DELIVERY_FAILED)
    rows = [
        SendRow(account=name, known=state, told=None, note="")
        for (name, _send), state in zip(MANY, known, strict=True)
    ]
    lines = status_text(StatusView(environment="test", rows=tuple(rows)), LOOK).split("\n")
    assert "a001     2 sent" in lines
    (failed,) = [line for line in lines if "s0" in line]
    assert "s002-2" in failed
    alone = tuple(replace(row, account="main") for row in rows)
    lines = status_text(StatusView(environment="test", rows=alone), LOOK).split("\n")
    assert len(lines) > len(MANY), "of one account each is listed"
