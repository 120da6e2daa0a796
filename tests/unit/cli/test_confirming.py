"""Before a send a person is told what, from whom and to how many, and everyone costs a typed name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from factories import make_planned, make_send, plan_of

from runner.cli.confirming import confirmed, question
from runner.model import Filter, Send
from runner.plan import Plan

SALE = make_send("sale", filter=Filter(tag="会员"))
ALL = make_send("news", filter=Filter(is_to_all=True))


def planned(*sends: Send) -> Plan:
    """A plan in which all of these are due."""
    return replace(plan_of(), sends=tuple(map(make_planned, sends)))


def two_accounts() -> Plan:
    """A plan that goes to everyone of two accounts."""
    first = make_planned(ALL)
    other = replace(first, account=replace(first.account, name="other"))
    return replace(plan_of(), sends=(first, other))


def asked(plan: Plan, *answers: str) -> tuple[bool, list[str]]:
    """What came of the answers, and the questions put."""
    left, questions = list(answers), []

    def ask(text: str) -> str:
        questions.append(text)
        return left.pop(0)

    return confirmed(plan, ask), questions


def test_the_question_names_account_receivers_and_count() -> None:
    """All three stand in the line of each send."""
    assert question(planned(SALE)) == "  sale → main: tag 会员, 1,000 followers"


def test_a_yes_sends_to_a_tag() -> None:
    """The environment and the number of sends are in the question."""
    agreed, (text,) = asked(planned(SALE), "yes")
    assert agreed
    assert text == f"{plan_of().environment}: a send cannot be undone. Type yes to make 1 send"


@pytest.mark.parametrize("answer", ["y", "", "YES", "no", " yes"])
def test_nothing_else_is_a_yes(answer: str) -> None:
    """A habit of pressing y or Enter sends nothing."""
    assert not asked(planned(SALE), answer)[0]


def test_everyone_wants_the_accounts_name() -> None:
    """A yes is not enough, the name is."""
    name = make_planned(ALL).account.name
    assert not asked(planned(ALL, SALE), "yes")[0]
    agreed, (text,) = asked(planned(ALL, SALE), name)
    assert agreed
    assert "EVERYONE" in text


def test_every_account_that_sends_to_everyone_is_asked_for() -> None:
    """One name does not stand for two accounts."""
    names = sorted(planned.account.name for planned in two_accounts().due())
    assert asked(two_accounts(), *names)[0]
    assert not asked(two_accounts(), names[0], names[0])[0]
