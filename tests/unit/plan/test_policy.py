"""Each rule beside the sends that it stops, that it lets pass, and that it cannot check."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SUBSCRIPTION,
    intent_of,
    make_account,
    make_article,
    make_known,
    make_planned,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
)
from wechat_article.parts import Formula
from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.core.model import (
    Audience,
    Filter,
    PlanAction,
    Send,
    compute_content_digest,
    recipients_word,
)
from wechat_campaigns.core.settings import AccountKind, Drift, PlanCheck, Policy, WrittenRule
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import QuotaUse
from wechat_campaigns.messages import Articles, Draft, Image, Images, Text
from wechat_campaigns.plan.plan import Violation
from wechat_campaigns.plan.planfile import audiences
from wechat_campaigns.plan.planner import with_violations
from wechat_campaigns.plan.policy import OVERRIDABLE, RULES, evaluate
from wechat_campaigns.plan.policy.rule import RuleInput
from wechat_campaigns.plan.quota import Calendar
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EventKind


def facts(policy: Policy | None = None, ahead: Filter | None = None, **changes: Any) -> RuleInput:
    """Facts about a plain send to 1000 members, with nothing in its way."""
    send = changes.pop("send", make_send())
    base = RuleInput(
        send=send, content_digest=compute_content_digest(send), account=make_account(),
        audience=Audience(count=1000, source="tags/get", as_of=NOW),
        policy=policy or Policy(), state=LedgerState(), now=NOW, due=1,
    )  # fmt: skip
    return planning(replace(base, **changes), ahead) if ahead is not None else replace(base, **changes)


def planning(about: RuleInput, ahead: Filter) -> RuleInput:
    """The same facts, with one send to some recipients before it in the plan."""
    calendar = Calendar(about.account.appid, about.state)
    calendar.add(QuotaUse(recipients_word(ahead)), NOW)
    return replace(about, calendar=calendar)


def holding(*held: bool) -> LedgerState:
    return make_state(*((EventKind.HOLD, {"held": one, "reason": "客服系统故障"}) for one in held))


def begun(*sends: Send, at: datetime = NOW) -> LedgerState:
    return make_state(*((EventKind.INTENT, intent_of(send, at=at)) for send in sends))


def to_everyone(count: int) -> LedgerState:
    """So many sends to everyone this month."""
    sends = [make_send(f"all{number}", filter=EVERYONE) for number in range(count)]
    calls = [((EventKind.INTENT, intent_of(one)), (EventKind.ACCEPTED, named(one))) for one in sends]
    return make_state(*(step for call in calls for step in call))


def counted(count: int | None, reviewed: int | None, **changes: Any) -> RuleInput:
    """An audience that may be 20 % away from the reviewed one, or 50 followers."""
    audience = Audience(count=count, source="tags/get", as_of=NOW)
    given = {"applying": True, "reviewed_count": reviewed, "audience": audience} | changes
    return facts(Policy(audience_drift=Drift(percent=20, floor=50)), **given)


def applied(applying: bool = True, **actor: str) -> RuleInput:
    """A send just before its call, by whoever runs it."""
    who = {"user": "ann", **actor}
    return facts(Policy(require_approval_record=True), applying=applying, actor=who)


def at_hour(hours: str, now: str) -> RuleInput:
    return facts(Policy(quiet_hours=hours), now=datetime.fromisoformat(f"2026-12-01T{now}+08:00"))


def tried(required: str | int, posted: Filter, *, text: str = "你好") -> RuleInput:
    """A send of which a trial went to a tag, by name or id."""
    trial = make_send("trial", filter=posted)
    intent = intent_of(trial, body={"filter": {"is_to_all": False, "tag_id": 106}}, tag="内测")
    steps = (EventKind.INTENT, intent), (EventKind.ACCEPTED, named(trial)), (LedgerKind.STATUS, named(trial))
    return facts(Policy(require_trial=required), send=make_send(text=text), state=make_state(*steps))


def twin(name: str, age: timedelta = timedelta(), days: int = 30) -> RuleInput:
    """A send once called OLD, and one of the same content."""
    policy, send = Policy(duplicate_content_days=days), make_send(formerly=("OLD",))
    return facts(policy, send=send, state=begun(make_send(name), at=NOW - age))


def linking(content: Content) -> RuleInput:
    return facts(Policy(allowed_links=("example.com",)), send=make_send(content=content))


def apart(minutes: int) -> RuleInput:
    """Another account sent the same content so many minutes before."""
    before = "sale[shop]", NOW - timedelta(minutes=minutes)
    return facts(Policy(min_interval=10), content_before=before)


BLOCKING = Policy(levels={"same_content_accounts": "mandatory"})
EVERYONE = Filter(is_to_all=True)
TO_ALL = make_send(filter=EVERYONE)
TOMORROW, DAYS_30 = NOW + timedelta(days=1), timedelta(days=30)
PAPER = make_account("paper", kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)
EARLY = make_send("early")
ONE_SENT = make_state(
    (EventKind.INTENT, intent_of(EARLY, at=NOW - timedelta(hours=1))),
    (EventKind.ACCEPTED, named(EARLY)),
    stream=SUBSCRIPTION,
)
LINKED = make_article(html='<p><a href="https://shop.other.cn/x">去看看</a></p>')
SHOP = make_send(text='<a data-miniprogram-appid="wx0000000000000002" data-miniprogram-path="a">店</a>')
DRAFT = Draft(media_id="D")
UNREAD = make_send(content=DRAFT)
SAMPLE = make_send(text="你好，这里写要发的话。")
BY_ID = make_send(filter=Filter(tag_id=100))
CHECK = PlanCheck(name="品牌", command=("true",))
PREVIEWED = {"send": "sale", "revision": 1, "content_digest": compute_content_digest(make_send())}
ONLY_SHOP_2 = Policy(allowed_mini_programs=("wx0000000000000002",))
ONLY_SHOP_1 = Policy(allowed_mini_programs=("wx0000000000000001",))
BEST, RULES_TEXT = Policy(banned_words=("最佳",)), Policy(required_text=("规则见门店",))
RESERVE = Policy(allow_to_all=True, quota_reserve=1)


@dataclass(kw_only=True)
class Cases:
    """What a rule says of some sends."""

    stops: Sequence[RuleInput]
    passes: Sequence[RuleInput]
    unchecked: Sequence[RuleInput] = ()
    """It lacks what it needs: it stops them, but not in an offline plan."""
    warns: Sequence[RuleInput] = ()
    """Of which the rule itself only warns."""


CASES: dict[str, Cases] = {
    "hold": Cases(
        stops=[facts(state=holding(True)), facts(Policy(hold=True))],
        passes=[facts(state=holding(True, False)), facts()],
    ),
    "sample_text": Cases(stops=[facts(send=SAMPLE)], passes=[facts(send=SAMPLE, is_sandbox=True)]),
    "allow_to_all": Cases(
        stops=[facts(send=TO_ALL, state=holding(True))],
        passes=[facts(Policy(allow_to_all=True), send=TO_ALL)],
    ),
    "allowed_tags": Cases(
        stops=[facts(Policy(allowed_tags=("星标组", 2)))],
        passes=[facts(Policy(allowed_tags=("会员",)), send=BY_ID, tag="会员")],
        unchecked=[facts(Policy(allowed_tags=("会员",)), send=BY_ID)],
    ),
    "max_recipients": Cases(
        stops=[facts(Policy(max_recipients=999))],
        passes=[facts(Policy(max_recipients=1000))],
        unchecked=[facts(Policy(max_recipients=500), audience=Audience(count=None, source="unknown"))],
    ),
    "audience_drift": Cases(
        stops=[counted(1000, 1251), counted(1000, 833)],
        passes=[counted(1000, 1000), counted(1000, 1250), counted(1000, 834), counted(60, 10),
                counted(1000, None, applying=False)],
        unchecked=[counted(None, 700)],
        warns=[counted(1000, None)],
    ),
    "max_sends_per_apply": Cases(
        stops=[facts(Policy(max_sends_per_apply=3), due=4)],
        passes=[facts(Policy(max_sends_per_apply=3), due=3)],
    ),
    "require_preview": Cases(
        stops=[facts(Policy(require_preview=True))],
        passes=[facts(Policy(require_preview=True), state=make_state((LedgerKind.PREVIEW, PREVIEWED)))],
    ),
    "require_approval_record": Cases(
        stops=[applied(agreed="reviewed"), applied(agreed="typed", user=""), applied(approved="")],
        passes=[applied(agreed="typed"), applied(approved="ann approved #1"), applied(applying=False)],
    ),
    "require_not_after": Cases(
        stops=[facts(Policy(require_not_after=True))],
        passes=[facts(Policy(require_not_after=True), send=make_send(not_after=NOW))],
    ),
    "quiet_hours": Cases(
        stops=[*(at_hour("22:00-08:00", now) for now in ("22:00", "03:00", "07:59")),
               at_hour("12:00-13:30", "12:00")],
        passes=[*(at_hour("22:00-08:00", now) for now in ("21:59", "08:00", "12:00")),
                *(at_hour("12:00-13:30", now) for now in ("11:59", "13:30"))],
    ),
    "allowed_links": Cases(
        stops=[linking(Articles(articles=(LINKED,)))],
        passes=[linking(Text(content="详见 https://shop.example.com/spring，或 mp.EXAMPLE.com"))],
        unchecked=[linking(DRAFT)],
    ),
    "allowed_mini_programs": Cases(
        stops=[facts(ONLY_SHOP_1, send=SHOP)],
        passes=[facts(ONLY_SHOP_2, send=SHOP)],
        unchecked=[facts(ONLY_SHOP_1, send=UNREAD)],
    ),
    "banned_words": Cases(
        stops=[facts(BEST, send=make_send(text="全城最\u200b 佳！"))],
        passes=[facts(BEST, send=make_send(text="佳节最后一天"))],
        unchecked=[facts(BEST, send=UNREAD)],
    ),
    "required_text": Cases(
        stops=[facts(RULES_TEXT)],
        passes=[facts(RULES_TEXT, send=make_send(text="规则，见店；规则见门 店"))],
        unchecked=[facts(RULES_TEXT, send=UNREAD)],
    ),
    "require_trial": Cases(
        stops=[facts(Policy(require_trial="内测"), state=begun(make_send("old-name"))),
               tried("内测", Filter(tag="内测"), text="另一版"),
               tried(106, Filter(tag_id=106), text="另一版")],
        passes=[*(tried(required, posted) for required in ("内测", 106)
                  for posted in (Filter(tag="内测"), Filter(tag_id=106))),
                facts(Policy(require_trial="内测"), tag="内测", tag_id=106),
                facts(Policy(require_trial=106), tag="内测", tag_id=106)],
    ),
    "checks": Cases(
        stops=[facts(failed_checks=((CHECK, "第 2 段缺少店名"),))], passes=[facts(Policy(checks=(CHECK,)))]
    ),
    "duplicate_content_days": Cases(
        stops=[twin("Other"), twin("Other", DAYS_30)],
        passes=[twin("Other", days=0), twin("SALE"), twin("old"),
                twin("Other", DAYS_30 + timedelta(seconds=1))],
    ),
    "same_content_accounts": Cases(
        stops=[facts(content_accounts=4, policy=BLOCKING)],
        passes=[facts(content_accounts=3, policy=BLOCKING), facts(content_accounts=3)],
        warns=[facts(content_accounts=4)],
    ),
    "min_interval": Cases(
        stops=[apart(0), apart(9)],
        passes=[apart(10), facts(Policy(min_interval=10))],
    ),
    "quota": Cases(
        stops=[facts(account=PAPER, state=ONE_SENT),
               facts(account=PAPER, ahead=make_send().filter),
               facts(RESERVE, send=TO_ALL, state=to_everyone(4)),
               facts(RESERVE, send=TO_ALL, state=to_everyone(4), now=TOMORROW)],
        passes=[facts(account=PAPER), facts(account=PAPER, state=ONE_SENT, now=TOMORROW),
                facts(RESERVE, send=TO_ALL), facts(RESERVE, state=to_everyone(1)),
                facts(RESERVE, send=TO_ALL, state=to_everyone(1), now=TOMORROW),
                facts(state=to_everyone(3)),
                facts(state=to_everyone(3), ahead=Filter(tag="北京")),
                facts(state=to_everyone(3), ahead=make_send().filter, now=NOW + timedelta(days=31)),
                facts(RESERVE, send=TO_ALL, state=begun(*(make_send(f"s{n}") for n in range(3))))],
        # WeChat leaves out whoever received four; ledger and plan count alike, and everyone is in a tag.
        warns=[facts(state=to_everyone(4)), facts(state=to_everyone(3), ahead=make_send().filter),
               facts(RESERVE, send=TO_ALL, state=to_everyone(1)), facts(RESERVE, send=TO_ALL, ahead=EVERYONE),
               facts(RESERVE, send=TO_ALL, state=begun(*(make_send(f"s{n}") for n in range(4))))],
    ),
    "quota_reserve": Cases(
        stops=[facts(RESERVE, send=TO_ALL, state=to_everyone(3)),
               facts(RESERVE, send=TO_ALL, state=to_everyone(2), ahead=EVERYONE)],
        passes=[facts(RESERVE, send=TO_ALL, state=to_everyone(2))],
    ),
}  # fmt: skip


def said(about: RuleInput, rule: str) -> Violation | None:
    return next((one for one in evaluate(about, {}) if one.rule == rule), None)


def answer(about: RuleInput, rule: str) -> str:
    """What a rule says of a send, as `Cases` has it."""
    found = said(about, rule)
    if found is None:
        return "passes"
    assert found.message
    assert found.hint
    return "warns" if not found.blocks else "unchecked" if found.is_unchecked else "stops"


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_answers_its_cases(rule: str) -> None:
    for kind in fields(Cases):
        for number, about in enumerate(getattr(CASES[rule], kind.name)):
            assert (number, answer(about, rule)) == (number, kind.name)
    for about in CASES[rule].unchecked:
        assert answer(replace(about, offline=True), rule) == "warns"


@pytest.mark.parametrize("rule", sorted(OVERRIDABLE))
def test_a_rule_can_be_made_advisory_and_set_aside(rule: str) -> None:
    for about in (*CASES[rule].stops, *CASES[rule].unchecked):
        softened = replace(about, policy=replace(about.policy, levels={rule: "advisory"}))
        assert answer(softened, rule) == "warns"
        before = {one.rule for one in evaluate(about, {})}
        assert {one.rule for one in evaluate(about, {rule: "审过了"})} == before - {rule}


@pytest.mark.parametrize("holder", ["settings", "environment", "account"])
def test_a_violation_names_the_line_of_a_rule_that_is_not_of_all(holder: Any) -> None:
    rule = WrittenRule(5, holder, "campaigns/_settings.yaml:7")
    limited = facts(Policy(max_recipients=5), account=make_account(rules={"max_recipients": rule}))
    (found,) = evaluate(limited, {})
    assert found.place == rule.place
    assert (rule.place in found.hint) is (holder != "settings")


def test_a_hold_of_the_ledger_has_no_line_of_the_settings() -> None:
    rules = {"hold": WrittenRule(False, "account", "campaigns/_settings.yaml:7")}
    (found,) = evaluate(facts(state=holding(True), account=make_account(rules=rules)), {})
    assert (found.rule, found.place) == ("hold", "")


def test_a_rule_of_the_account_decides_in_place_of_the_environments() -> None:
    strict, free = make_account(policy={"max_recipients": 5}), make_account("free", appid=SUBSCRIPTION)
    settings = make_settings(strict, free, policy=Policy(max_recipients=5000))
    sends = make_send(), make_send("other", account="free")
    plan = plan_of(*sends, settings=settings, remote_facts={"main": make_known(), "free": make_known()})
    assert {one.account.name: one.action.value for one in plan.sends} == {"main": "blocked", "free": "send"}
    assert plan.rules.shown["accounts.main.policy.max_recipients"] == "5"


def test_a_hold_has_no_override() -> None:
    about = facts(Policy(levels={"hold": "advisory"}), state=holding(True))
    assert [one.blocks for one in evaluate(about, {"hold": "快点"})] == [True]


def test_row_that_a_hold_blocks_says_so_in_its_code() -> None:
    for rule, code in (("hold", Reason.HOLD), ("require_not_after", Reason.POLICY)):
        assert with_violations(make_planned(), evaluate(CASES[rule].stops[0], {})).code is code


def test_every_rule_has_the_name_of_its_setting() -> None:
    settings = {one.name for one in fields(Policy)} - {"levels", "timezone"}
    assert RULES.keys() == settings | {"sample_text", "quota"}


def test_used_quota_names_the_day_on_which_it_resets() -> None:
    spent = said(facts(RESERVE, send=TO_ALL, state=to_everyone(4)), "quota")
    assert spent is not None
    assert "resets on 1 January 2027" in spent.hint


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
    [(_a, first), (_b, [second])] = twice
    assert (first, "2026-12-02 already" in second) == ([], True)
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


@pytest.mark.parametrize("count", [7, None])
def test_plan_file_holds_the_reviewed_audience(count: int | None) -> None:
    sale = {"id": "sale", "revision": 1, "account": {"appid": "wx1"}, "audience": {"count": count}}
    assert audiences({"sends": [sale, {"id": "broken"}]}) == {("wx1", "sale", 1): count}


# --- words, as followers read them ------------------------------------------------------------------------

WORD = "No1最佳"


def is_banned(content: Content) -> bool:
    send = make_send(content=content)
    return said(facts(Policy(banned_words=("别的", WORD)), send=send), "banned_words") is not None


@pytest.mark.parametrize(
    "text",
    [
        "真是no1最佳。", "ＮＯ１最佳", "№1最佳", "N o 1 最 佳", "No1最\n佳", "No1最\u200b佳", "No1最\u00ad佳",
        "no①最佳",
        "No1最\ufe0f佳", '<a href="https://example.com">No1最</a>佳', "No1最&#x4f73;", "No1最̲佳",
    ],
)  # fmt: skip
def test_a_word_is_found_in_every_spelling(text: str) -> None:
    assert is_banned(Text(content=text))


@pytest.mark.parametrize("text", ["最佳", "No1，最佳", "No1最，佳", "<!--No1最佳-->x"])
def test_other_words_pass(text: str) -> None:
    assert not is_banned(Text(content=text))


@pytest.mark.parametrize(
    ("article", "found"),
    [
        ({"title": "No1最佳"}, True),
        ({"digest": "No1 最佳"}, True),
        ({"html": "<p>No1<b>最</b><span style='a'>佳</span></p>"}, True),
        ({"html": "<p>No1最</p><p>佳</p>"}, False),
        ({"html": '<p><img alt="No1最佳"></p>'}, True),
        ({"html": '<mp-common-miniprogram data-miniprogram-title="No1最佳"></mp-common-miniprogram>'}, True),
        ({"html": '<mp-common-profile data-nickname="No1最佳"></mp-common-profile>'}, True),
        ({"html": "<svg></svg>", "formulas": (Formula(r"\text{No1}\text{最佳}", "No1最佳"),)}, True),
        ({"html": "<svg><text>No1最佳</text></svg>"}, True),
        ({"html": "<style>No1最佳</style><p>好</p>"}, False),
        ({"html": "<p style='display:inline'>No1最</p><p style='display: inline-block'>佳</p>"}, True),
        ({"html": "<section style='display:flex'><p>No1最</p><section><p>佳</p></section></section>"}, True),
        ({"html": "<section style='display:-webkit-box'><p>No1最</p><p>佳</p></section>"}, True),
        ({"html": "<section style='float:left'><p>No1最</p></section><p>佳</p>"}, True),
        ({"html": "<table><tr><td><p>No1</p></td><td>最</td><td>佳</td></tr></table>"}, True),
        (
            {"html": "<p style='display:table-cell'>No1最</p><p style='display:table-cell'>佳</p>"},
            True,
        ),
        ({"html": "<p>No1<ruby>最<rt>x</rt></ruby>佳</p>"}, True),
        ({"html": "<p><ruby>春<rt>No1最</rt></ruby><ruby>茶<rt>佳</rt></ruby></p>"}, True),
        (
            {"html": "<section style='display:flex;flex-direction:column'><p>No1最</p><p>佳</p></section>"},
            False,
        ),
        ({"html": "<table><tr><td>No1最</td></tr><tr><td>佳</td></tr></table>"}, False),
        ({"html": "<p>No1最</p><section style='display:flex'><p>佳</p></section>"}, False),
        ({"html": "<section style='display:flex'><section><p>No1最</p><p>佳</p></section></section>"}, False),
        ({"html": "<!-->No1最佳<p>好</p>-->"}, True),
        ({"html": "<!--->No1最佳<p>好</p>-->"}, True),
        ({"html": "<!--好--!>No1最佳-->"}, True),
        ({"html": "<p>好</p><!--No1最佳"}, True),
    ],
)
def test_articles_are_read_as_pages(article: dict[str, Any], found: bool) -> None:
    second = make_article(**{"html": "<p>好</p>", **article})
    assert is_banned(Articles(articles=(make_article(), second))) is found


def test_required_text_is_asked_of_what_has_text() -> None:
    media, wanted = Media(media_id="M"), Policy(required_text=("规则",))
    for content, lacks in ((Image(media=media), False), (Images(images=(media,), title="好"), True)):
        send = make_send(content=content)
        assert (said(facts(wanted, send=send), "required_text") is not None) is lacks


@pytest.mark.parametrize(
    ("html", "lacks"),
    [
        ("<p>规则见门店</p>", False),
        ("<section style='display:flex'><p>规</p><p>则</p></section>", False),
        ("<p style='opacity:.6'>规则</p>", False),
        ("<section style='opacity:.6'><p style='opacity:.6'>规则</p></section><p>好</p>", True),
        ("<p style='opacity:.4'><b>规则</b></p>", True),
        ("<p style='font-size:8px'>规则</p>", True),
        ("<section style='font-size:12px'><p style='font-size:.6em'>规则</p></section>", True),
        ("<section style='font-size:8px'><p style='font-size:14px'>规则</p></section>", False),
        ("<p style='font-size:16px;zoom:.5'>规则</p>", True),
        ("<p style='transform:scale(.5)'>规则</p>", True),
        ("<p style='transform:rotate(90deg)'>规则</p>", True),
        ("<p style='color:rgba(0,0,0,.3)'>规则</p>", True),
        ("<p style='color:#0003'>规则</p>", True),
        ("<p style='color:#000'>规则</p>", False),
        ("<p style='display:none'>规则</p>", True),
        ("<p style='visibility:hidden'>规则</p>", True),
        ("<p style='opacity:.4'>规则</p><p>规则</p>", False),
        ("<p>规<span style='opacity:.3'>x</span>则</p>", False),
        ("<svg viewBox='0 0 300 40'><text y='20' font-size='16'>规则</text></svg>", False),
    ],
)
def test_a_required_text_counts_where_it_is_easy_to_see(html: str, lacks: bool) -> None:
    send = make_send(content=Articles(articles=(make_article(html=html),)))
    wanted = Policy(required_text=("规则",))
    assert (said(facts(wanted, send=send), "required_text") is not None) is lacks


def test_each_article_needs_the_required_text() -> None:
    good, bad = make_article(html="<p>规则见门店</p>"), make_article(html="<p>好</p>")
    for articles, lacks in (((good, good), False), ((good, bad), True)):
        send = make_send(content=Articles(articles=articles))
        assert (said(facts(RULES_TEXT, send=send), "required_text") is not None) is lacks
