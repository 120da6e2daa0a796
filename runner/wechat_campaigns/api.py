"""The tool for other programs: `load` a campaigns folder, `plan` it, `apply` what was reviewed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wechat_campaigns.cli.home import keep_homes
from wechat_campaigns.cli.means import ports_of
from wechat_campaigns.cli.options import Options
from wechat_campaigns.cli.planning import make_plan, prepared_of
from wechat_campaigns.cli.session import Session
from wechat_campaigns.cli.warrant import actor
from wechat_campaigns.core.errors import Exit, InvalidError
from wechat_campaigns.integrations.gate import check_approved, check_looser, check_run, keep_guards

if TYPE_CHECKING:
    from wechat_campaigns.cli.planning import Made
    from wechat_campaigns.ledger.fold import LedgerState
    from wechat_campaigns.plan.plan import Plan
    from wechat_campaigns.render.prepare import Prepared
    from wechat_campaigns.send.posting import Outcome

__all__ = ["apply", "exit_code", "load", "plan"]


def load(
    root: Path | str = "campaigns",
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Session:
    """Open a campaigns folder; use it in a `with` block, which closes ledger and sandbox.

    Args:
        root: the campaigns folder.
        environment: a name of `_settings.yaml`; None takes the default one.
        variables: template variables that win over all others.

    Returns:
        What `plan` and `apply` take. Nothing is read before it is needed.
    """
    options = Options(
        root=Path(root),
        environment=environment,
        format="text",
        outputs=(),
        variables=dict(variables or {}),
        no_color=True,
        quiet=True,
    )
    return Session(options)


def plan(campaigns: Session, select: Sequence[str] = (), *, offline: bool = False) -> Plan:
    """Decide what would be sent; only reads are made.

    Args:
        campaigns: from `load`.
        select: ids or patterns; empty means all.
        offline: use no network: neither the platform nor the ledger's server is asked.

    Returns:
        The plan: `plan.digest`, `plan.counts()`, and `plan.sends` with an action and a reason each.

    Raises:
        InvalidError: campaigns have problems; it carries all of them.
        CampaignError: the platform or the ledger did not do what was asked.
    """
    campaigns.offline = offline
    return _made(campaigns, select, campaigns.state(verified=not offline), offline=offline).plan


def apply(
    campaigns: Session,
    select: Sequence[str] = (),
    *,
    digest: str,
    stopping: threading.Event | None = None,
) -> tuple[Outcome, ...]:
    """Plan again and send what is due, if the plan is still the one that was reviewed.

    Args:
        campaigns: from `load`.
        select: ids or patterns, the same as of the plan that was reviewed.
        digest: of that plan.
        stopping: once set, the send in hand is finished and no other is started.

    Returns:
        What happened to each send, in the order in which it happened; then the sends that were held back,
        because they are blocked, in conflict or expired.

    Raises:
        StalePlanError: the plan is another one by now; nothing was sent.
        PolicyError: this run may not apply, or an approval is missing.
        InvalidError: as for `plan`.
    """
    from wechat_campaigns.plan import planfile
    from wechat_campaigns.send.apply import apply as make
    from wechat_campaigns.send.posting import Warrant

    campaigns.offline = False
    check_run(campaigns)
    state = campaigns.begun_state(verified=True)
    prepared = prepared_of(campaigns, tuple(select))
    approval = check_approved(campaigns, prepared.sends, state)
    made = _made(campaigns, select, state, prepared=prepared)
    plan = planfile.check_digest(digest, made.plan, state)
    approval.check(plan)
    check_looser(campaigns, plan, covered=True, asking=False)
    ports = ports_of(campaigns, stopping or threading.Event())
    who = {**actor(campaigns), **approval.actor}
    warrant = Warrant(plan_digest=digest, actor=who)
    keep_guards(campaigns, plan, who)
    keep_homes(campaigns, plan, state, who)
    outcomes = make(plan, ports=ports, settings=campaigns.settings, warrant=warrant)
    return (*outcomes, *_held_back(plan))


def exit_code(outcomes: tuple[Outcome, ...]) -> Exit:
    """Choose the code with which the command would end: that of the worst outcome."""
    from wechat_campaigns.send.apply import exit_code as worst

    return worst(outcomes)


def _held_back(plan: Plan) -> Iterator[Outcome]:
    """Tell of the sends that the plan did not let through."""
    from wechat_campaigns.core.model import Action
    from wechat_campaigns.send.posting import Outcome, Result

    codes = {Action.BLOCKED: Exit.POLICY, Action.CONFLICT: Exit.POLICY, Action.EXPIRED: Exit.OK}
    for planned in plan.sends:
        if planned.action in codes:
            yield Outcome(
                id=planned.send.id,
                account=planned.account.name,
                result=Result.SKIPPED,
                why=planned.decision.reason,
                exit_code=codes[planned.action],
            )


def _made(
    campaigns: Session,
    select: Sequence[str],
    state: LedgerState,
    *,
    offline: bool = False,
    prepared: Prepared | None = None,
) -> Made:
    made = make_plan(campaigns, tuple(select), state, offline=offline, prepared=prepared)
    if made.errors:
        raise InvalidError(made.errors)
    return made
