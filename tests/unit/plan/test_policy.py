"""Every rule passes, fails or says that it could not check; levels and overrides decide what blocks."""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SUBSCRIPTION,
    intent_of,
    make_account,
    make_planned,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
    view_of,
)
from tests.support.policy_cases import (
    DRIFT,
    EVERYONE,
    FAILING,
    ONE_SENT,
    PAPER,
    PASSING,
    UNCHECKED,
    ahead_of,
    facts,
    to_everyone,
)
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.links import Host
from wechat_campaigns.core.model import Filter, PlanAction, Send
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.messages import Images, Mpvideo, Newspic
from wechat_campaigns.plan.plan import Violation
from wechat_campaigns.plan.planfile import audiences
from wechat_campaigns.plan.planner import with_violations
from wechat_campaigns.plan.policy import OVERRIDABLE, RULES, evaluate
from wechat_campaigns.plan.policy.rule import RuleInput
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.attention import attention_notes


def said(about: RuleInput, rule: str) -> Violation | None:
    return next((o for o in evaluate(about, {}) if o.rule == rule), None)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_fails_and_blocks_or_passes(rule: str) -> None:
    violation = said(FAILING[rule], rule)
    assert violation is not None
    assert (violation.is_unchecked, violation.blocks, violation.level) == (False, True, "mandatory")
    assert violation.message
    assert violation.hint
    assert said(PASSING[rule], rule) is None


@pytest.mark.parametrize("rule", UNCHECKED)
def test_a_rule_that_cannot_be_checked_blocks(rule: str) -> None:
    violation = said(UNCHECKED[rule], rule)
    assert violation is not None
    assert (violation.is_unchecked, violation.blocks) == (True, True)
    later = said(replace(UNCHECKED[rule], offline=True), rule)
    assert later is not None
    assert not later.blocks


@pytest.mark.parametrize("rule", sorted(OVERRIDABLE))
def test_an_advisory_rule_only_warns(rule: str) -> None:
    for about in (FAILING[rule], UNCHECKED.get(rule, FAILING[rule])):
        policy = replace(about.policy, levels={rule: "advisory"})
        violation = said(replace(about, policy=policy), rule)
        assert violation is not None
        assert (violation.blocks, violation.level) == (False, "advisory")


@pytest.mark.parametrize("rule", sorted(OVERRIDABLE))
def test_override_applies_to_one_rule(rule: str) -> None:
    about = replace(FAILING[rule], state=FAILING["hold"].state) if rule == "allow_to_all" else FAILING[rule]
    before = {o.rule for o in evaluate(about, {})}
    assert {o.rule for o in evaluate(about, {rule: "审过了"})} == before - {rule}


def test_a_hold_has_no_override() -> None:
    about = replace(FAILING["hold"], policy=Policy(levels={"hold": "advisory"}))
    assert [o.blocks for o in evaluate(about, {"hold": "快点"})] == [True]


def test_row_that_a_hold_blocks_says_so_in_its_code() -> None:
    codes = {}
    for rule in ("hold", "require_not_after"):
        codes[rule] = with_violations(make_planned(make_send()), evaluate(FAILING[rule], {})).code
    assert codes == {"hold": Reason.HOLD, "require_not_after": Reason.POLICY}


@pytest.mark.parametrize(
    ("hold", "held"), [(True, True), (("main",), True), (("other",), False), ((), False)]
)
def test_policy_hold_in_the_settings_blocks_its_accounts(hold: bool | tuple[str, ...], held: bool) -> None:
    assert (said(facts(Policy(hold=hold)), "hold") is not None) is held


def test_every_rule_has_the_name_of_its_setting() -> None:
    settings = {one.name for one in fields(Policy)} - {"levels", "timezone"}
    assert RULES.keys() == settings | {"sample_text", "quota"}


@pytest.mark.parametrize(
    ("hours", "now", "quiet"),
    [
        ("22:00-08:00", "21:59", False), ("22:00-08:00", "22:00", True), ("22:00-08:00", "03:00", True),
        ("22:00-08:00", "07:59", True), ("22:00-08:00", "08:00", False), ("22:00-08:00", "12:00", False),
        ("12:00-13:30", "11:59", False), ("12:00-13:30", "12:00", True), ("12:00-13:30", "13:30", False),
    ],
)  # fmt: skip
def test_quiet_hours_begin_and_end_to_the_minute(hours: str, now: str, quiet: bool) -> None:
    china = datetime.fromisoformat(f"2026-12-01T{now}+08:00")
    assert (said(facts(Policy(quiet_hours=hours), now=china), "quiet_hours") is not None) is quiet


@pytest.mark.parametrize(
    ("reviewed", "count", "found"),
    [
        (1000, 1000, False), (1250, 1000, False), (1251, 1000, True), (834, 1000, False), (833, 1000, True),
        (10, 60, False), (None, 1000, True),
    ],
)  # fmt: skip
def test_audience_change_is_measured_against_the_review(
    reviewed: int | None, count: int, found: bool
) -> None:
    """An audience may be 20 % away from the reviewed one, or 50 followers; one not seen is unchecked."""
    audience = replace(FAILING["audience_drift"].audience, count=count)
    about = facts(DRIFT, applying=True, reviewed_count=reviewed, audience=audience)
    violation = said(about, "audience_drift")
    assert (violation is not None) is found
    assert violation is None or (violation.is_unchecked, violation.blocks) == (
        reviewed is None,
        bool(reviewed),
    )
    assert said(replace(about, applying=False, reviewed_count=None), "audience_drift") is None


def test_every_text_of_a_content_is_searched_for_links() -> None:
    media = (Media(media_id="M"),)
    link = "看 https://other.cn/a"
    for content in (
        Newspic(title="t", text=link, images=media),
        Images(images=media, recommend=link),
        Mpvideo(media=media[0], title="t", description=link),
    ):
        assert content.hosts() == {Host("other.cn", is_plain=True)}
    assert Images(images=media).hosts() == set()


def levels(*found: Violation | None) -> list[bool | None]:
    """Whether each violation blocks; None for none."""
    return [None if one is None else one.blocks for one in found]


def test_four_sends_a_month_to_one_tag_only_warn() -> None:
    """WeChat leaves out whoever received four; ledger and plan count alike, and everyone is in a tag."""
    about = facts(state=to_everyone(3))
    cases = [
        (about, None),
        (replace(about, state=to_everyone(4)), False),
        (replace(about, ahead=ahead_of(make_send().filter)), False),
        (replace(about, ahead=ahead_of(Filter(tag="北京"))), None),
        (replace(about, ahead=ahead_of(make_send().filter), now=NOW + timedelta(days=31)), None),
    ]
    begun = [(EventKind.INTENT, intent_of(make_send(f"s{n}"))) for n in range(4)]
    everyone = facts(Policy(allow_to_all=True), send=make_send(filter=EVERYONE))
    cases += [
        (replace(everyone, state=make_state(*begun[:n])), blocks) for n, blocks in ((3, None), (4, False))
    ]
    assert levels(*(said(one, "quota") for one, _blocks in cases)) == [blocks for _one, blocks in cases]


def test_sends_to_everyone_are_bounded_by_day_month_and_reserve() -> None:
    about = facts(Policy(allow_to_all=True, quota_reserve=1), send=make_send(filter=EVERYONE))
    one, tomorrow = to_everyone(1), NOW + timedelta(days=1)
    quota = [about, replace(about, ahead=ahead_of(EVERYONE)), replace(about, state=one)]
    quota += [replace(about, state=one, now=tomorrow), replace(about, state=one, send=make_send())]
    assert levels(*(said(case, "quota") for case in quota)) == [None, True, True, None, None]
    two = replace(about, state=to_everyone(2))
    reserve = [two, replace(two, ahead=ahead_of(EVERYONE))]
    assert levels(*(said(case, "quota_reserve") for case in reserve)) == [None, True]
    spent = said(replace(about, state=to_everyone(4)), "quota")
    assert spent is not None
    assert "resets on 1 January 2027" in spent.hint
    paper = facts(account=PAPER)
    ahead = replace(paper, ahead=ahead_of(make_send().filter))
    assert levels(said(paper, "quota"), said(ahead, "quota")) == [None, True]


QUOTA = "the quota of main for {}, which is {}, is used or taken by earlier sends"


def later(*sends: Send, **changes: Any) -> list[tuple[str, list[str]]]:
    """The warnings of a plan about the sends whose window opens later."""
    plan = plan_of(*sends, **changes)
    assert not any(found.blocks for one in plan.sends for found in one.violations)
    return [
        (one.send.id, [found.message for found in one.violations])
        for one in plan.sends
        if one.action is PlanAction.SCHEDULED
    ]


def opening(name: str, hours: float, receiver_filter: Filter | None = None) -> Send:
    more = {"filter": receiver_filter} if receiver_filter else {}
    return make_send(name, text=name, not_before=NOW + timedelta(hours=hours), **more)


def test_later_sends_beyond_the_day_of_a_subscription_account_only_warn() -> None:
    paper = {"settings": make_settings(make_account("main", kind=PAPER.kind, appid=SUBSCRIPTION))}
    today, tomorrow = QUOTA.format("2026-12-01", 1), QUOTA.format("2026-12-02", 1)
    assert later(opening("a", 1), opening("b", 2), **paper) == [("a", []), ("b", [today])]
    assert later(make_send("now"), opening("b", 11.9), **paper) == [("b", [today])]
    assert later(make_send("now"), opening("b", 12), **paper) == [("b", [])]
    assert later(opening("a", 13), opening("b", 14), **paper) == [("a", []), ("b", [tomorrow])]
    assert later(opening("a", 1), state=ONE_SENT, **paper) == [("a", [today])]
    assert later(opening("a", 1), state=ONE_SENT, overrides={"quota": "审过了"}, **paper) == [("a", [])]


def test_later_sends_of_a_service_account_warn_by_day_and_month() -> None:
    days = [opening(f"d{n}", 24 * n, EVERYONE) for n in range(1, 6)]
    policy = {"settings": make_settings(policy=Policy(allow_to_all=True))}
    month = QUOTA.format("2026-12", 4)
    assert [found for _id, found in later(*days, **policy)] == [[], [], [], [], [month]]
    twice = later(opening("a", 24, EVERYONE), opening("b", 25, EVERYONE), **policy)
    assert twice[1] == ("b", [QUOTA.format("2026-12-02", 1)])
    (*four, fifth) = later(*[opening(f"t{n}", 24 * 31 + n) for n in range(5)])
    assert [found for _id, found in four] == [[], [], [], []]
    assert fifth[1][0].startswith("up to 4 messages go to these recipients in 2027-01 before this one")
    to_a_tag = [opening(f"t{n}", n + 1) for n in range(4)]
    (*_four, to_all) = later(*to_a_tag, opening("z", 24, EVERYONE), **policy)
    assert to_all[1][0].startswith("up to 4 messages go to these recipients in 2026-12 before this one")


def test_later_sends_that_take_the_reserve_warn() -> None:
    days = [opening(f"d{n}", 24 * n, EVERYONE) for n in range(1, 6)]
    reserve = "sends of main left for 2026-12: 1 of 4; the policy keeps 1 in reserve"
    month = QUOTA.format("2026-12", 4)
    strict = {"settings": make_settings(policy=Policy(allow_to_all=True, quota_reserve=1))}
    assert [found for _id, found in later(*days, **strict)] == [[], [], [], [reserve], [month]]
    assert later(days[0], state=to_everyone(3), **strict) == [("d1", [reserve])]
    waived = later(*days, overrides={"quota_reserve": "审过了"}, **strict)
    assert [found for _id, found in waived] == [[], [], [], [], [month]]
    assert later(opening("tag", 24), state=to_everyone(3), **strict) == [("tag", [])]


def test_plan_shows_the_warning_of_a_later_send() -> None:
    paper = make_settings(make_account("main", kind=PAPER.kind, appid=SUBSCRIPTION))
    plan = plan_of(opening("a", 1), opening("b", 2), settings=paper)
    (shown,) = [note.text for note in attention_notes(plan) if note.rule == "quota"]
    assert shown.startswith("b: the quota of main for 2026-12-01")
    assert [one.rule for one in view_of(plan).problems] == ["plan-quota"]


@pytest.mark.parametrize("required", ["内测", 106])
@pytest.mark.parametrize("posted", [Filter(tag="内测"), Filter(tag_id=106)], ids=["by name", "by id"])
def test_trial_counts_however_its_tag_is_written(required: str | int, posted: Filter) -> None:
    trial = make_send("trial", filter=posted)
    body = {"filter": {"is_to_all": False, "tag_id": 106}}
    state = make_state(
        (EventKind.INTENT, intent_of(trial, body=body, tag="内测")),
        (EventKind.ACCEPTED, named(trial)),
        (LedgerKind.STATUS, named(trial)),
    )
    about = facts(Policy(require_trial=required), state=state)
    assert said(about, "require_trial") is None
    assert said(replace(about, send=make_send(text="另一版")), "require_trial") is not None
    itself = facts(Policy(require_trial=required), send=trial, tag="内测", tag_id=106)
    assert said(itself, "require_trial") is None


DAYS_30 = timedelta(days=30)


@pytest.mark.parametrize(
    ("known", "age", "found"),
    [
        ("SALE", timedelta(), False), ("old", timedelta(), False), ("Other", timedelta(), True),
        ("Other", DAYS_30, True), ("Other", DAYS_30 + timedelta(seconds=1), False),
    ],
)  # fmt: skip
def test_another_send_is_a_duplicate_for_thirty_days(known: str, age: timedelta, found: bool) -> None:
    state = make_state((EventKind.INTENT, intent_of(make_send(known), at=NOW - age)))
    send = make_send(formerly=("OLD",))
    assert (said(facts(send=send, state=state), "duplicate_content_days") is not None) is found


@pytest.mark.parametrize("count", [7, None])
def test_plan_file_holds_the_reviewed_audience(count: int | None) -> None:
    sale = {"id": "sale", "revision": 1, "account": {"appid": "wx1"}, "audience": {"count": count}}
    assert audiences({"sends": [sale, {"id": "broken"}]}) == {("wx1", "sale", 1): count}
