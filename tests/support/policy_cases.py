"""One failing and, where there is one, one uncheckable case of every rule; tests and docs share them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.support.factories import (
    NOW,
    SUBSCRIPTION,
    intent_of,
    make_account,
    make_article,
    make_send,
    make_state,
    named,
)
from wechat_campaigns.core.model import Audience, Filter, compute_content_digest
from wechat_campaigns.core.settings import AccountKind, Drift, PlanCheck, Policy
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.messages import Articles, Draft, Text
from wechat_campaigns.plan.policy.rule import RuleInput
from wechat_campaigns.plan.quota import Uses, add_use, usage
from wechat_campaigns.protocol.events import EventKind

COUNTED = Audience(count=1000, source="tags/get", as_of=NOW)
UNKNOWN = Audience(count=None, source="unknown offline")
EVERYONE = Filter(is_to_all=True)
PAPER = make_account("paper", kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)
ONE_SENT = make_state(
    (EventKind.INTENT, intent_of(make_send("early"), at=NOW - timedelta(hours=1))),
    (EventKind.ACCEPTED, named(make_send("early"))),
    stream=SUBSCRIPTION,
)


def facts(policy: Policy | None = None, **changes: Any) -> RuleInput:
    """Facts about a plain send to 1000 members, with nothing in its way."""
    send = changes.pop("send", make_send())
    base = RuleInput(
        send=send, content_digest=compute_content_digest(send), account=make_account(), audience=COUNTED,
        policy=policy or Policy(), state=LedgerState(), now=NOW, due=1,
    )  # fmt: skip
    return replace(base, **changes)


def text(content: str) -> RuleInput:
    return facts(Policy(allowed_links=("example.com",)), send=make_send(content=Text(content=content)))


def to_everyone(count: int) -> LedgerState:
    """So many sends to everyone this month."""
    steps: list[Any] = []
    for number in range(count):
        send = make_send(f"all{number}", filter=EVERYONE)
        steps += [(EventKind.INTENT, intent_of(send)), (EventKind.ACCEPTED, named(send))]
    return make_state(*steps)


def ahead_of(receiver_filter: Filter) -> Uses:
    """One send to these recipients, which comes before in the plan, now."""
    ahead: Uses = {}
    add_use(ahead, usage(receiver_filter, None), NOW)
    return ahead


DRIFT = Policy(audience_drift=Drift(percent=20, floor=50))
DRAFT = make_send(content=Draft(media_id="D"))
LINKED = make_send(
    content=Articles(articles=(make_article(html='<p><a href="https://shop.other.cn/x">去看看</a></p>'),)),
)
OLD_NAME = make_send("old-name")
SAME = make_state((EventKind.INTENT, intent_of(OLD_NAME)), (EventKind.ACCEPTED, named(OLD_NAME)))
TRIAL = make_send("trial", filter=Filter(tag="内测"))
CHECK = PlanCheck(name="品牌", command=("true",))
BY_ID = make_send(filter=Filter(tag_id=100))

SHOP = make_send(
    content=Text(content='<a data-miniprogram-appid="wx0000000000000002" data-miniprogram-path="a">店</a>')
)
FAILING: dict[str, RuleInput] = {
    "hold": facts(state=make_state((EventKind.HOLD, {"held": True, "reason": "客服系统故障"}))),
    "sample_text": facts(send=make_send(text="你好，这里写要发的话。")),
    "allow_to_all": facts(send=make_send(filter=EVERYONE)),
    "allowed_tags": facts(Policy(allowed_tags=("星标组", 2))),
    "max_recipients": facts(Policy(max_recipients=500)),
    "audience_drift": facts(DRIFT, applying=True, reviewed_count=700),
    "max_sends_per_apply": facts(Policy(max_sends_per_apply=3), due=4),
    "require_preview": facts(Policy(require_preview=True)),
    "require_not_after": facts(Policy(require_not_after=True)),
    "quiet_hours": facts(Policy(quiet_hours="11:30-13:00")),
    "allowed_links": facts(Policy(allowed_links=("example.com",)), send=LINKED),
    "allowed_mini_programs": facts(Policy(allowed_mini_programs=("wx0000000000000001",)), send=SHOP),
    "banned_words": facts(Policy(banned_words=("最佳",)), send=make_send(text="全城最\u200b 佳！")),
    "required_text": facts(Policy(required_text=("规则见门店",))),
    "require_trial": facts(Policy(require_trial="内测"), state=SAME),
    "checks": facts(failed_checks=((CHECK, "第 2 段缺少店名"),)),
    "duplicate_content_days": facts(state=SAME),
    "quota": facts(account=PAPER, state=ONE_SENT),
    "quota_reserve": facts(
        Policy(allow_to_all=True, quota_reserve=1), send=make_send(filter=EVERYONE), state=to_everyone(3)
    ),
}
"""By rule: facts to which it objects."""

UNCHECKED: dict[str, RuleInput] = {
    "allowed_tags": facts(Policy(allowed_tags=("会员",)), send=BY_ID),
    "max_recipients": facts(Policy(max_recipients=500), audience=UNKNOWN),
    "audience_drift": facts(DRIFT, applying=True, reviewed_count=700, audience=UNKNOWN),
    "allowed_links": facts(Policy(allowed_links=("example.com",)), send=DRAFT),
    "allowed_mini_programs": facts(Policy(allowed_mini_programs=("wx0000000000000001",)), send=DRAFT),
    "banned_words": facts(Policy(banned_words=("最佳",)), send=DRAFT),
    "required_text": facts(Policy(required_text=("规则见门店",)), send=DRAFT),
}
"""By rule: facts that leave it without an answer. The other rules know all they need at any time."""

PASSING: dict[str, RuleInput] = {
    "hold": facts(
        Policy(hold=("other",)),
        state=make_state(
            (EventKind.HOLD, {"held": True, "reason": "故障"}),
            (EventKind.HOLD, {"held": False, "reason": "修好了"}),
        ),
    ),
    "sample_text": facts(send=make_send(text="你好，这里写要发的话。"), is_sandbox=True),
    "allow_to_all": facts(Policy(allow_to_all=True), send=make_send(filter=EVERYONE)),
    "allowed_tags": facts(
        Policy(allowed_tags=("会员",)), send=make_send(filter=Filter(tag_id=100)), tag="会员"
    ),
    "max_recipients": facts(Policy(max_recipients=1000)),
    "audience_drift": facts(DRIFT, applying=True, reviewed_count=834),
    "max_sends_per_apply": facts(Policy(max_sends_per_apply=3), due=3),
    "require_preview": facts(
        Policy(require_preview=True),
        state=make_state(
            (
                LedgerKind.PREVIEW,
                {"send": "sale", "revision": 1, "content_digest": compute_content_digest(make_send())},
            )
        ),
    ),
    "require_not_after": facts(Policy(require_not_after=True), send=make_send(not_after=NOW)),
    "quiet_hours": facts(Policy(quiet_hours="22:00-12:00")),
    "allowed_links": text("详见 https://shop.example.com/spring，或 mp.EXAMPLE.com"),
    "allowed_mini_programs": facts(Policy(allowed_mini_programs=("wx0000000000000002",)), send=SHOP),
    "banned_words": facts(Policy(banned_words=("最佳",)), send=make_send(text="佳节最后一天")),
    "required_text": facts(
        Policy(required_text=("规则见门店",)), send=make_send(text="规则，见店；规则见门 店")
    ),
    "require_trial": facts(
        Policy(require_trial="内测"),
        state=make_state(
            (EventKind.INTENT, intent_of(TRIAL)),
            (EventKind.ACCEPTED, named(TRIAL)),
            (LedgerKind.STATUS, named(TRIAL)),
        ),
    ),
    "checks": facts(Policy(checks=(CHECK,))),
    "duplicate_content_days": facts(Policy(duplicate_content_days=0), state=SAME),
    "quota": facts(account=PAPER, state=ONE_SENT, now=NOW + timedelta(days=1)),
    "quota_reserve": facts(Policy(quota_reserve=1), send=make_send(filter=EVERYONE), state=to_everyone(2)),
}
"""By rule: facts close to the edge that it lets pass."""
