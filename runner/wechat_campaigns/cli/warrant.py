"""By what right a command sends: who runs it, which rules are set aside, what was reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.streams import tell
from wechat_campaigns.core.errors import PolicyError, UsageError
from wechat_campaigns.core.words import _

if TYPE_CHECKING:
    from wechat_campaigns.ledger.fold import LedgerState
    from wechat_campaigns.plan.plan import Plan


def unknown_sends(state: LedgerState, ids: Sequence[str]) -> frozenset[str]:
    """Read the ID of each `--resend`, as `LedgerState.same` gives it. Raises UsageError: no unknown send."""
    from wechat_campaigns.ledger.records import SendStatus

    waiting = (known.send for known in state.sends.values() if known.status is SendStatus.UNKNOWN)
    unknown = {
        state.normalized_ledger_id(name) for name in waiting if state.is_in_namespace(state.ledger_id(name))
    }
    for send_id in ids:
        if state.normalized_ledger_id(send_id) not in unknown:
            raise UsageError(
                _("--resend {send}: no unknown send has this id").format(send=send_id),
                hint=_("take an id from `campaign status`"),
            )
    return frozenset(state.normalized_ledger_id(send_id) for send_id in ids)


def rules_aside(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read the RULE=REASON of each `--allow`."""
    from wechat_campaigns.plan.policy import OVERRIDABLE

    allowed = {}
    for pair in pairs:
        rule, _equals, reason = pair.partition("=")
        if rule not in OVERRIDABLE:
            raise UsageError(
                _("--allow {pair}: no rule of this name can be set aside").format(pair=pair),
                hint=_("use one of: {names}; a hold is lifted with `campaign unhold`").format(
                    names=", ".join(sorted(OVERRIDABLE))
                ),
            )
        if not reason.strip():
            raise UsageError(
                _("--allow {pair}: the reason is missing").format(pair=pair),
                hint=_("write --allow {rule}=REASON; the reason is recorded").format(rule=rule),
            )
        allowed[rule] = reason.strip()
    return allowed


def reviewed(
    context: Context, plan: Plan, state: LedgerState, plan_file: Path | None, digest: str | None
) -> tuple[Plan, str, dict[str, int | None]]:
    """Check the plan against what was reviewed.

    Returns:
        The plan with no resend that was not reviewed, the digest, the audiences as the review saw them.
    """
    from wechat_campaigns.plan import planfile

    if plan_file is not None:
        data = planfile.read(plan_file)
        if digest is not None:
            planfile.check_plan_digest(data, digest)
        plan = planfile.check_file(data, plan, state, context.clock())
        if names := planfile.unresolved_names(data, plan):
            told = _("The plan file was made offline, so nobody reviewed what these stand for: {names}.")
            tell(told.format(names=_(", ").join(names)))
        return plan, str(data["plan_digest"]), planfile.audiences(data)
    if digest is not None:
        return planfile.check_digest(digest, plan, state), digest, {}
    if context.settings.environment.protected:
        raise PolicyError(
            _("this environment is protected: apply needs a reviewed plan"),
            hint=_("give --plan FILE or --expect-digest DIGEST from the plan that was reviewed"),
            location=_("environment {name}").format(name=plan.environment),
        )
    audiences = {planned.send.id: planned.resolved.audience.count for planned in plan.calls()}
    return plan, plan.plan_digest, audiences
