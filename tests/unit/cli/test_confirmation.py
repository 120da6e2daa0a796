"""Before a send a person is told what, from whom and to how many, and everyone costs a typed name."""

from __future__ import annotations

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
from wechat_campaigns.cli.confirmation import calls_confirmed, calls_text
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


def test_the_question_names_account_receivers_and_count() -> None:
    assert calls_text(planned(SALE)) == "  sale → main: tag 会员, 1,000 followers"


def test_a_yes_sends_to_a_tag() -> None:
    agreed, (text,) = asked(planned(SALE), "yes")
    assert agreed
    env = plan_of().environment
    sends = "1 send to 1,000 followers"
    assert text == f"{env}: about to make {sends}. This cannot be undone. Type yes to continue"


def resent(send: Send) -> PlannedSend:
    """A row of a send that would be posted once more."""
    state = make_state((EventKind.INTENT, intent_of(send, at=NOW - timedelta(hours=1))))
    (row,) = plan_of(send, state=state, settings=OPEN).sends
    assert row.action is PlanAction.RESEND
    return row


def test_a_resend_is_asked_for_like_a_send() -> None:
    plan = replace(planned(SALE), sends=(make_planned(SALE), resent(make_send("card", "贺卡"))))
    (_sale, card) = calls_text(plan).splitlines()
    assert "card → main" in card
    assert "贺卡" in card
    agreed, (text,) = asked(plan, "yes")
    assert agreed
    assert "1 send, 1 resend" in text
    alone = replace(plan, sends=plan.sends[1:])
    assert ": about to make 1 resend to 1,000 followers." in asked(alone, "yes")[1][0]


def test_a_resend_to_everyone_wants_the_accounts_name() -> None:
    plan = replace(planned(), sends=(resent(ALL),))
    assert not asked(plan, "yes")[0]
    assert asked(plan, "main")[0]


@pytest.mark.parametrize("answer", ["y", "", "YES", "no", " yes"])
def test_nothing_else_is_a_yes(answer: str) -> None:
    assert not asked(planned(SALE), answer)[0]


def test_everyone_wants_the_accounts_name() -> None:
    name = make_planned(ALL).account.name
    assert not asked(planned(ALL, SALE), "yes")[0]
    agreed, (text,) = asked(planned(ALL, SALE), name)
    assert agreed
    assert "EVERYONE" in text


def test_every_account_that_sends_to_everyone_is_asked_for() -> None:
    names = sorted(planned.account.name for planned in two_accounts().due())
    assert asked(two_accounts(), *names)[0]
    assert not asked(two_accounts(), names[0], names[0])[0]
