"""The sends of two commits in, what changed between them out; both were rendered by the same code."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send, compute_content_digest
from wechat_campaigns.plan.plan import PENDING, Plan, PlannedSend
from wechat_campaigns.plan.policy import OF_THE_MOMENT
from wechat_campaigns.plan.policy.rule_changes import SettingsChange
from wechat_campaigns.plan.warnings import warning

RULE = "not-in-this-change"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendChange:
    """One send before and after: None before is new, None after is removed."""

    id: str
    before: Send | None
    after: Send | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of the sends since a commit."""

    ref: str
    commit: str
    changes: tuple[SendChange, ...] = ()
    unchanged: frozenset[str] = frozenset()
    """Ids of sends that are exactly what they were."""
    settings: tuple[SettingsChange, ...] = ()
    """Keys of the settings that differ."""
    note: str = ""
    """Why there is nothing to compare with, or only a part."""


def compare(
    before: Iterable[Send],
    after: Iterable[Send],
    *,
    ref: str,
    commit: str,
    settings: tuple[SettingsChange, ...] = (),
    note: str = "",
) -> Comparison:
    """Compare by what a follower would receive, and when.

    Args:
        before: sends rendered at `ref`.
        commit: the full hash it stands for.
        note: about sends that could not be rendered at `ref`.
    """
    old, new = ({send.id: send for send in sends} for sends in (before, after))
    changes = [
        SendChange(id=name, before=old.get(name), after=new.get(name))
        for name in sorted(old.keys() | new.keys())
        if _essence(old.get(name)) != _essence(new.get(name))
    ]
    unchanged = frozenset(new) - {change.id for change in changes}
    return Comparison(
        ref=ref, commit=commit, changes=tuple(changes), unchanged=unchanged, settings=settings, note=note
    )


def with_warnings(plan: Plan, comparison: Comparison) -> Plan:
    """Warn of each pending send that the change under review did not edit; the digest stays the same."""
    sends = tuple(_warned(planned, comparison) for planned in plan.sends)
    return replace(plan, sends=sends, settings_edits=comparison.settings)


def _warned(planned: PlannedSend, comparison: Comparison) -> PlannedSend:
    if planned.action not in PENDING or planned.send.id not in comparison.unchanged:
        return planned
    what = _("this plan would send it, but it has not been edited since {ref}").format(ref=comparison.ref)
    hint = _("confirm that it may be sent together with this change, or apply it separately first")
    return planned.with_warnings([warning(planned.send, RULE, what, hint, path="$")])


def _essence(send: Send | None) -> tuple[object, ...] | None:
    if send is None:
        return None
    return compute_content_digest(send), send.revision, send.not_before, send.not_after


def answers_for(comparison: Comparison | None, planned: PlannedSend) -> bool:
    """Return whether a change answers for a send that is held back: it edits it, and an edit can free it.

    The author of a campaign cannot end a hold. Without a comparison every send counts.
    """
    if comparison is None:
        return True
    rules = {violation.rule for violation in planned.violations if violation.blocks}
    waits_for_its_moment = planned.action is PlanAction.BLOCKED and rules <= OF_THE_MOMENT
    return planned.send.id not in comparison.unchanged and not waits_for_its_moment
