"""Before a send a person is told how many there are and to how many, and everyone costs a typed name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.factories import (
    NOW,
    intent_of,
    make_planned,
    make_send,
    make_settings,
    make_state,
    plan_of,
)
from wechat_campaigns.cli.apply import calls_confirmed
from wechat_campaigns.core.model import Filter, PlanAction, Send
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.protocol.events import EventKind

SALE = make_send("sale", filter=Filter(tag="会员"))
OPEN = make_settings(policy=Policy(allow_to_all=True))
ALL = make_send("news", filter=Filter(is_to_all=True))


def planned(*sends: Send) -> Plan:
    return replace(plan_of(), sends=tuple(map(make_planned, sends)))


def two_accounts() -> Plan:
    first = make_planned(ALL)
    other = replace(first, account=replace(first.account, name="other"))
    return replace(plan_of(), sends=(first, other))


def asked(plan: Plan, *answers: str) -> tuple[bool, list[str]]:
    """What came of the answers, and the questions put."""
    left, questions = list(answers), []

    def ask(text: str) -> str:
        questions.append(text)
        return left.pop(0)

    return calls_confirmed(plan, ask), questions


def resent(send: Send) -> PlannedSend:
    """A row of a send that would be posted once more."""
    state = make_state((EventKind.INTENT, intent_of(send, at=NOW - timedelta(hours=1))))
    (row,) = plan_of(send, state=state, settings=OPEN).sends
    assert row.action is PlanAction.RESEND
    return row


def test_a_resend_is_asked_for_like_a_send() -> None:
    plan = replace(planned(SALE), sends=(make_planned(SALE), resent(make_send("card", "贺卡"))))
    agreed, (text,) = asked(plan, "yes")
    assert agreed
    assert "1 send, 1 resend" in text
    alone = replace(plan, sends=plan.sends[1:])
    assert ": about to make 1 resend to 1,000 followers." in asked(alone, "yes")[1][0]


@pytest.mark.parametrize(
    ("plan", "answer", "agreed"),
    [
        (planned(SALE), "yes", True),
        *((planned(SALE), answer, False) for answer in ("y", "", "YES", "no", " yes")),
        (planned(ALL, SALE), "yes", False),
        (planned(ALL, SALE), "main", True),
        (replace(planned(), sends=(resent(ALL),)), "yes", False),
        (replace(planned(), sends=(resent(ALL),)), "main", True),
    ],
)
def test_yes_sends_and_the_accounts_name_sends_to_everyone(plan: Plan, answer: str, agreed: bool) -> None:
    found, (text,) = asked(plan, answer)
    assert found is agreed
    assert ("EVERYONE" in text) is any(one.send.filter.is_to_all for one in plan.calls())


def test_the_question_counts_sends_and_followers() -> None:
    said = "about to make 1 send to 1,000 followers. This cannot be undone. Type yes to continue"
    assert asked(planned(SALE), "yes")[1] == [f"{plan_of().environment}: {said}"]


def test_every_account_that_sends_to_everyone_is_asked_for() -> None:
    names = sorted(planned.account.name for planned in two_accounts().due())
    assert asked(two_accounts(), *names)[0]
    assert not asked(two_accounts(), names[0], names[0])[0]
