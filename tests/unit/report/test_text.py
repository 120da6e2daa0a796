"""Plans and outcomes in the terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.factories import NOW, applied, make_planned, make_send, make_settings, plan_of, view_of
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.model import Filter, InvalidCampaign, Media, Msgtype, Newspic, PlanAction
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.plan.decision import PlanDecision
from wechat_campaigns.report.send_status import StatusRow, StatusView
from wechat_campaigns.report.text import TextOptions, outcomes_text, plan_text, status_text
from wechat_campaigns.send.outcome import Result, SendOutcome

LOOK = TextOptions(width=120)


def test_a_plan_is_a_table_a_summary_and_a_digest() -> None:
    """One line for each send, then counts, the digest, and what apply would do."""
    plan = plan_of(make_send("sale", "全场 8 折"), make_send("later", not_before=NOW + timedelta(days=1)))
    text = plan_text(view_of(plan), LOOK)
    lines = text.split("\n")
    assert any(line.split()[:4] == ["send", "sale", "tag", "会员"] for line in lines)
    assert "Summary: 1 to send, 1 scheduled. This is only a plan: nothing was sent." in lines
    assert f"Digest: {plan.plan_digest}" in lines
    assert "Running `campaign apply` now would make 1 send to 1,000 followers." in lines


def test_no_apply_is_promised_that_would_be_refused() -> None:
    plan = plan_of(make_send())
    invalid = replace(plan, invalid=(InvalidCampaign(id="other", problems=()),))
    tagless = make_planned(
        make_send("x"), decision=PlanDecision(action=PlanAction.INVALID, reason="no such tag")
    )
    for refused in (
        invalid,
        replace(plan, sends=(*plan.sends, tagless)),
        replace(plan, uninitialized=("main",)),
    ):
        assert "Running `campaign apply`" not in plan_text(view_of(refused), LOOK)


def test_what_is_done_is_only_counted() -> None:
    """An archive of thousands does not hide the one send that matters; `--all` lists it."""
    old = make_planned(make_send("old"), decision=PlanDecision(action=PlanAction.SENT, reason="sent"))
    plan = replace(plan_of(make_send("sale")), sends=(*plan_of(make_send("sale")).sends, old))
    assert "\nsent " not in plan_text(view_of(plan), LOOK)
    assert "1 sent (`--all` also lists" in plan_text(view_of(plan), LOOK)
    assert "\nsent " in plan_text(view_of(plan), replace(LOOK, everything=True))


def test_an_unknown_audience_is_never_a_number() -> None:
    plan = plan_of(make_send(), remote_facts=None)
    assert view_of(plan).total == "1 send to an unknown number of followers"
    assert view_of(plan_of()).total == "nothing to send now"


def test_sends_to_the_same_followers_add_up_to_messages() -> None:
    """Two sends to one tag of 1,000 are 2,000 messages, not 2,000 followers."""
    both = view_of(plan_of(make_send("a", "甲"), make_send("b", "乙")))
    assert both.total == "2 sends, 2,000 messages in all"
    assert view_of(plan_of(make_send("a", "甲"))).total == "1 send to 1,000 followers"


def test_a_blocked_send_says_which_rule_and_what_to_do() -> None:
    plan = plan_of(
        make_send("all", filter=Filter(is_to_all=True)),
        settings=make_settings(policy=Policy(allow_to_all=False)),
    )
    (line,) = view_of(plan).attention
    assert line.startswith("all: the filter selects every follower")
    assert "--allow allow_to_all=REASON" in line


def test_a_picture_post_is_not_called_an_article() -> None:
    post = Newspic(title="市集", text="南门广场见", images=(Media(media_id="M"),))
    plan = plan_of(replace(make_send("market"), msgtype=Msgtype.MPNEWS, content=post))
    assert "picture post: 市集 (1 picture)" in plan_text(view_of(plan), LOOK)


def test_a_plan_of_edited_files_names_no_clean_commit() -> None:
    """Whoever checks out the commit would see another message."""
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


def test_a_digest_is_not_torn_apart() -> None:
    plan = plan_of(make_send("sale"))
    assert f"Digest: {plan.plan_digest}" in plan_text(view_of(plan), TextOptions(width=60)).split("\n")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_long_text_stays_within_the_terminal(width: int) -> None:
    from rich.cells import cell_len

    text = plan_text(view_of(plan_of(make_send("sale", "很长的一句话" * 40))), TextOptions(width=width))
    table = text.split("\n\n")[1]
    assert max(cell_len(line) for line in table.split("\n")) <= width


def test_colours_are_only_for_a_terminal() -> None:
    plan = plan_of(make_send("sale", "\x1b[31m红"))
    assert "\x1b" not in plan_text(view_of(plan), LOOK)
    coloured = plan_text(view_of(plan), replace(LOOK, color=True))
    assert "\x1b[" in coloured
    assert "\x1b[31m红" not in coloured


def test_nothing_sent_is_said_without_a_table() -> None:
    """Headings above no row would options as if a row had been lost."""
    assert outcomes_text(applied(), TextOptions()) == "Nothing to send."


def test_without_a_due_send_the_next_one_is_named() -> None:
    plan = plan_of(make_send("later", not_before=NOW + timedelta(days=1)))
    text = outcomes_text(applied(plan=plan), LOOK)
    assert text == (
        "Nothing is due now.\nNext: later, tomorrow at 12:00. Nothing is sent by itself: run "
        "`campaign apply` at that time, or `campaign apply --wait` before it."
    )


def test_outcomes_tell_hints_only_where_something_went_wrong() -> None:
    outcomes = [
        SendOutcome(
            id="a",
            account="main",
            result=Result.ACCEPTED,
            reason="accepted",
            hint="no need",
            notes=("<p> gone",),
        ),
        SendOutcome(
            id="b",
            account="main",
            result=Result.REJECTED,
            reason="45028",
            hint="slow down",
            exit_code=ExitCode.FAILED,
        ),
    ]
    text = outcomes_text(applied(*outcomes), LOOK)
    assert "→ slow down" in text
    assert "no need" not in text
    assert "<p> gone" in text
    assert "1 accepted, 1 rejected. Accepted does not mean delivered" in text


def test_status_names_the_revision_when_there_is_more_than_one() -> None:
    state = SendRecord(appid="wx", send="sale", revision=2, status=SendStatus.UNKNOWN, at=NOW)
    row = StatusRow(account="main", known=state, told=None, note="no answer yet")
    text = status_text(StatusView(environment="test", timezone="Asia/Shanghai", rows=(row,)), LOOK)
    assert "sale (revision 2)" in text
    assert SendStatus.UNKNOWN.value in text
