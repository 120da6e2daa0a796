"""One due send with what is known about it in, the rules that object out.

Each rule is a function of `Facts` to a sentence, or None when it has nothing to say. To add one: write it,
name it in `RULES`, describe its setting in `schema/settings.schema.json` and `model.Policy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from runner.ledger.state import LedgerState
from runner.model import Account, AccountKind, Audience, Policy, Send
from runner.quota import SERVICE_PER_MONTH, allowance, counts, same_receivers


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """A rule that stands against a send."""

    rule: str
    what: str
    remedy: str
    blocks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a rule may look at."""

    send: Send
    digest: str
    account: Account
    audience: Audience
    policy: Policy
    state: LedgerState
    now: datetime
    due: int
    """How many sends the whole plan would make."""
    ahead: int
    """How many of this account's, using its allowance, come before this one in the plan."""
    twin: str | None
    """A send of the same plan with the same content and receivers, if one comes before."""
    offline: bool


def objections(facts: Facts, allowed: Mapping[str, str]) -> tuple[Objection, ...]:
    """Ask every rule.

    Args:
        facts: about one due send.
        allowed: rule id to the reason for which it is set aside; such a rule is not asked.
    """
    found = (rule(facts) for name, rule in RULES.items() if name not in allowed)
    return tuple(objection for objection in found if objection is not None)


def allow_to_all(facts: Facts) -> Objection | None:
    """Everyone may be addressed only where the settings say so."""
    if not facts.send.filter.is_to_all or facts.policy.allow_to_all:
        return None
    return Objection(
        rule="allow_to_all",
        what="the filter is everyone, which the policy does not allow",
        remedy="use a tag, or set policy.allow_to_all in _settings.yaml",
    )


def max_recipients(facts: Facts) -> Objection | None:
    """An audience may not be larger than declared; an unknown one blocks unless the plan is offline."""
    limit, count = facts.policy.max_recipients, facts.audience.count
    if limit is None or (count is not None and count <= limit):
        return None
    if count is None:
        return Objection(
            rule="max_recipients",
            what=f"the audience is unknown, so the limit of {limit} cannot be checked",
            remedy="plan with the platform reachable; apply checks it in any case",
            blocks=not facts.offline,
        )
    return Objection(
        rule="max_recipients",
        what=f"the audience is {count}, the policy allows {limit}",
        remedy="choose a smaller tag, or raise policy.max_recipients",
    )


def max_sends_per_apply(facts: Facts) -> Objection | None:
    """A run that would send more than declared sends nothing: it is likely not what was meant."""
    limit = facts.policy.max_sends_per_apply
    if limit is None or facts.due <= limit:
        return None
    return Objection(
        rule="max_sends_per_apply",
        what=f"this run would make {facts.due} sends, the policy allows {limit}",
        remedy="name the campaigns to apply, or raise policy.max_sends_per_apply",
    )


def require_preview(facts: Facts) -> Objection | None:
    """A tester must have received exactly this content."""
    if not facts.policy.require_preview or (facts.account.appid, facts.digest) in facts.state.previews:
        return None
    return Objection(
        rule="require_preview",
        what="no tester has received exactly this content",
        remedy=f"run `campaign preview '{facts.send.id}' --to WXNAME`, look at it on the phone",
    )


def quiet_hours(facts: Facts) -> Objection | None:
    """Nobody is disturbed at night."""
    return quiet_now(facts.policy, facts.now)


def quiet_now(policy: Policy, now: datetime) -> Objection | None:
    """Say whether `now` lies within the quiet hours; the begin belongs to them, the end does not."""
    if policy.quiet_hours is None:
        return None
    begin, end = (time.fromisoformat(part) for part in policy.quiet_hours.split("-"))
    local = now.astimezone(ZoneInfo(policy.timezone)).time()
    quiet = begin <= local < end if begin <= end else local >= begin or local < end
    if not quiet:
        return None
    return Objection(
        rule="quiet_hours",
        what=f"it is {local:%H:%M} in {policy.timezone}, within the quiet hours",
        remedy=f"apply after {end:%H:%M}",
    )


def duplicate_content(facts: Facts) -> Objection | None:
    """The same content to the same receivers under another id is most likely a renamed file."""
    since = facts.now - timedelta(days=facts.policy.duplicate_content_days)
    if facts.policy.duplicate_content_days == 0:
        return None
    twins = [facts.twin] if facts.twin else []
    twins += [
        known.send
        for known in facts.state.by_digest(facts.account.appid, facts.digest)
        if known.send != facts.send.id and known.at >= since and known.at_risk
    ]
    if not twins:
        return None
    return Objection(
        rule="duplicate_content",
        what=f"the same content to the same receivers is already in {twins[0]}",
        remedy="give the file its old name back, or change the content",
    )


def quota(facts: Facts) -> Objection | None:
    """The account must have allowance left, as far as the ledger knows."""
    account = facts.account
    if not counts(account.kind, facts.send.filter.is_to_all):
        return _four_a_month(facts)
    left = allowance(account.appid, account.kind, facts.state, facts.now)
    if left.used + facts.ahead < left.limit:
        return None
    return Objection(
        rule="quota",
        what=f"{account.name} may send {left.limit} in {left.period}: "
        f"{left.used} used, {facts.ahead} ahead in this plan",
        remedy="wait for the next period, or move the send to another account",
    )


def _four_a_month(facts: Facts) -> Objection | None:
    if facts.account.kind is not AccountKind.SERVICE:
        return None
    before = same_receivers(facts.account.appid, facts.send, facts.state, facts.now)
    if before < SERVICE_PER_MONTH:
        return None
    return Objection(
        rule="quota",
        what=f"these receivers have been sent {before} this month: who has had four gets no more, silently",
        remedy="choose another tag or wait for the next month",
        blocks=False,
    )


RULES: Mapping[str, Callable[[Facts], Objection | None]] = {
    "allow_to_all": allow_to_all,
    "max_recipients": max_recipients,
    "max_sends_per_apply": max_sends_per_apply,
    "require_preview": require_preview,
    "quiet_hours": quiet_hours,
    "duplicate_content": duplicate_content,
    "quota": quota,
}
"""Every rule by its id, the word of `--allow RULE=reason`."""
