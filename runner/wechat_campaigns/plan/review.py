"""Compare a plan with the one that was reviewed, and sends with those of an earlier commit."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from wechat_campaigns.core.digest import plan_digest
from wechat_campaigns.core.errors import StalePlanError
from wechat_campaigns.core.i18n import _, status_word
from wechat_campaigns.core.model import PlanAction, Send, filter_form, plan_row
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import resend_plan_digest
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.plan import OPEN, PENDING, Plan, PlannedSend, SendKey, is_covered, stored_row
from wechat_campaigns.plan.planfile import (
    PLAN_AGAIN_HINT,
    check_usable,
    check_whole,
    covered_rows,
    digest_error,
    filters_of,
    resolved_names,
    stale_plan_error,
)
from wechat_campaigns.plan.policy import OF_THE_MOMENT
from wechat_campaigns.plan.rule_changes import Rules, SettingsChange, changed_keys
from wechat_campaigns.plan.warnings import warning
from wechat_campaigns.protocol.state import Fate, SendState

MOST_NAMED: Final = 10
"""Sends in one message; more are counted by account."""


def check_file(reviewed: Mapping[str, Any], plan: Plan, state: LedgerState, now: datetime) -> Plan:
    """Refuse when what would be sent is not what was reviewed.

    Args:
        state: the folded ledger, for sends already made under the reviewed plan.

    Returns:
        The plan, with the resends that were reviewed and no other.

    Raises:
        StalePlanError: the file is not as it was written; or names every send that differs.
    """
    check_whole(reviewed)
    check_usable(reviewed, plan.environment, now)
    found = as_reviewed(plan, state, reviewed["plan_digest"], covered_rows(reviewed))
    if found is None:
        made = {one.key: one.row for one in plan.sends if _sent_under(one, state, reviewed["plan_digest"])}
        rows = [row for key, row in _by_key(covered_rows(reviewed)).items() if made.get(key) != row]
        differences = _rule_differences(Rules(reviewed["rules_sha256"], reviewed["rules"]), plan)
        differences += _differences(rows, plan, filters_of(reviewed), offline=reviewed["offline"])
        raise stale_plan_error(_("; ").join(differences) or _("the pending sends are not the same"))
    names = {} if reviewed["offline"] else resolved_names(reviewed)
    changed = [text for one in found.sends for text in _changed_names_of(one, names.get(one.key))]
    if changed:
        raise stale_plan_error(_("; ").join(changed))
    return with_seen_names(found, reviewed)


def check_digest(reviewed: str, plan: Plan, state: LedgerState) -> Plan:
    """Refuse when the plan's digest is not the reviewed one.

    Returns:
        The plan, with the resends that were reviewed and no other.

    Raises:
        StalePlanError: with both digests.
    """
    found = as_reviewed(plan, state, reviewed)
    if found is None:
        raise digest_error(plan.plan_digest, reviewed)
    return found


def check_rules(reviewed: Plan, plan: Plan) -> None:
    """Refuse a plan made later by other rules than those that somebody agreed to.

    Raises:
        StalePlanError: names each rule that changed.
    """
    if changed := _rule_differences(reviewed.rules, plan):
        raise stale_plan_error(_("; ").join(changed))


def change_error(reviewed: PlannedSend, plan: Plan, file: Mapping[str, Any] | None) -> StalePlanError | None:
    """Return in what a plan made later has another send; None where it has the same.

    Args:
        reviewed: the send as it was when the run began.
        file: the data of the plan file that was reviewed: what it says goes before what the run could read.
    """
    written = _by_key(covered_rows(file) if file is not None else ())
    now = tuple(one for one in plan.sends if one.key == reviewed.key)
    now = now or tuple(one for one in plan.sends if one.send.id == reviewed.send.id)
    rows, were = [written.get(reviewed.key, reviewed.row)], {reviewed.key: filter_form(reviewed.send)}
    changed = _differences(rows, replace(plan, sends=now), filters_of(file) if file is not None else were)
    changed += [text for one in now for text in _changed_names_of(one, reviewed.resolved_names)]
    return stale_plan_error(_("; ").join(changed)) if changed else None


def check_resolved_names(planned: PlannedSend, now: PlannedSend) -> None:
    """Refuse a send whose names stand for something else than when its plan was made.

    Raises:
        StalePlanError: names them.
    """
    if changed := _changed_names_of(now, planned.resolved_names):
        raise stale_plan_error(_("; ").join(changed))


def with_seen_names(plan: Plan, reviewed: Mapping[str, Any]) -> Plan:
    """Block what the review did not see: sends whose names a plan file says otherwise, or not at all.

    Who reviews a plan that was made offline is told that it looked up none.
    """
    if reviewed["offline"]:
        return plan
    before = resolved_names(reviewed)
    sends = tuple(_as_seen(one, before[one.key]) if one.key in before else one for one in plan.sends)
    return replace(plan, sends=sends)


def _as_seen(planned: PlannedSend, before: Mapping[str, Any] | None) -> PlannedSend:
    changed = _changed_names_of(planned, before)
    if before is None and planned.resolved_names:
        unseen = _("the review did not see what these names stand for: {names}")
        changed = [unseen.format(names=_(", ").join(planned.resolved_names))]
    if not changed or planned.action not in OPEN:
        return planned
    return _left(planned, PlanAction.BLOCKED, _("; ").join(changed))


def as_reviewed(
    plan: Plan, state: LedgerState, reviewed: str, written: Sequence[Mapping[str, Any]] | None = None
) -> Plan | None:
    """Hold a plan against the digest that was reviewed.

    What was posted under that digest already counts as a part of it, so that an apply that was cut off can be
    run again. A resend that was not in the reviewed plan is left out, and keeps nothing else from being sent.

    Args:
        written: rows of the reviewed plan, where its file is at hand.

    Returns:
        The plan, with the resends that were reviewed; None when something else would be sent.
    """
    rows: list[Mapping[str, Any]] = [
        stored_row(k.intent, k.send) for k in _resent_under(state, reviewed) if k.intent is not None
    ]
    offered: list[PlannedSend] = []
    for one in plan.sends:
        if one.action in PENDING or _sent_under(one, state, reviewed):
            rows.append(_row_of(one, written or ()))
        elif one.resend_intent is not None:
            offered.append(one)
    choices = [offered, []] if written is None else [[one for one in offered if one.row in written]]
    for chosen in choices:
        if reviewed == plan_digest([*rows, *(one.row for one in chosen)], plan.rules.sha256):
            left = {id(one) for one in offered if one not in chosen}  # another account may use its id
            reason = _("{why}; the reviewed plan does not contain this resend")
            sends = tuple(
                _left(one, PlanAction.UNKNOWN, reason.format(why=one.reason)) if id(one) in left else one
                for one in plan.sends
            )
            return replace(plan, sends=sends)
    return None


def _row_of(planned: PlannedSend, written: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Write the row of a pending send; a draft that cannot be read now stands as it was reviewed."""
    row = plan_row(planned.send, planned.content_digest, planned.account.appid)
    if planned.failure is None or not isinstance(planned.send.content, Draft):
        return row
    return _by_key(written).get(planned.key, row)


def _left(planned: PlannedSend, action: PlanAction, reason: str) -> PlannedSend:
    return planned.left_by_review(action, reason, _(PLAN_AGAIN_HINT))


def _resent_under(state: LedgerState, reviewed: str) -> Iterator[SendState]:
    """List what was posted once more under a plan, and came to an end."""
    for record in state.unended_sends:
        is_open = record.fate is Fate.UNKNOWN
        if resend_plan_digest(record) == reviewed != record.data.get("plan_digest") and not is_open:
            yield record


def _sent_under(planned: PlannedSend, state: LedgerState, reviewed: str) -> bool:
    known = state.send(planned.account.appid, planned.send.id, planned.send.revision)
    return known is not None and known.data.get("plan_digest") == reviewed


def within_horizon(plan: Plan, last: datetime | None) -> Plan:
    """Block what is due and was not to become due within the horizon of a reviewed plan."""
    if last is None:
        return plan
    reason = _("its window opened after the horizon of the reviewed plan")
    sends = tuple(
        _left(one, PlanAction.BLOCKED, reason) if one.is_due and (one.send.not_before or last) > last else one
        for one in plan.sends
    )
    return replace(plan, sends=sends)


def _rule_differences(reviewed: Rules, plan: Plan) -> list[str]:
    if reviewed.sha256 == plan.rules.sha256:
        return []
    message = _("rule changed: {key}: {before} → {after}")
    found = [
        message.format(key=one.key, before=one.before, after=one.after)
        for one in changed_keys(reviewed.shown, plan.rules.shown)
    ]
    return found or [_("a rule changed whose value no report shows")]


def _differences(
    rows: Iterable[Mapping[str, Any]],
    plan: Plan,
    filters: Mapping[SendKey, Mapping[str, Any]],
    *,
    offline: bool = False,
) -> list[str]:
    """List in what the rows of a reviewed plan are not those of a plan made now.

    Args:
        filters: to whom each went by the reviewed plan.
    """
    before = _by_key(rows)
    every = {one.key: one for one in plan.sends}
    after = {key: one for key, one in every.items() if is_covered(one)}
    added = {key: after[key] for key in sorted(after.keys() - before.keys())}
    found: list[tuple[str, str]] = []
    for key, row in sorted(before.items()):
        same = [one for one in added if one[1] == row["id"] and key not in every]
        now = after.get(key) or (added.pop(same[0]) if same else None)
        if now is None:
            found.append((key[0], _no_more(row["id"], every.get(key))))
        elif (difference := _difference(row, now, filters.get(key), offline=offline)) is not None:
            found.append((key[0], difference))
    new = _("{send} is not in the reviewed plan")
    found = [*((appid, new.format(send=name)) for appid, name, _rev in added), *found]
    if len(found) <= MOST_NAMED:
        return [text for _appid, text in found]
    names = {one.account.appid: one.account.name for one in plan.sends}
    counts = Counter(names.get(appid, appid) for appid, _text in found)
    by_account = _(", ").join(f"{name} ({count:,})" for name, count in counts.most_common())
    return [_("{count:,} sends differ: {accounts}").format(count=len(found), accounts=by_account)]


def _by_key(rows: Iterable[Mapping[str, Any]]) -> dict[SendKey, Mapping[str, Any]]:
    return {(row["appid"], row["id"], row["revision"]): row for row in rows}


def _difference(
    before: Mapping[str, Any], now: PlannedSend, was_filter: Mapping[str, Any] | None, *, offline: bool
) -> str | None:
    name = now.send.id
    if before["content_digest"] != now.content_digest:
        if was_filter != filter_form(now.send):
            return _("{send}: the recipients changed").format(send=name)
        what = _("{send}: the content changed")
        if isinstance(now.send.content, Draft):
            what = _("{send}: the articles of the draft {draft} changed, or it names another draft")
            if offline:
                what = _(
                    "{send}: the reviewed plan was made offline, without the articles of the draft {draft}"
                )
        return what.format(send=name, draft=getattr(now.send.content, "name", ""))
    if before["revision"] != now.send.revision:
        return _("{send}: `revision` changed").format(send=name)
    if before["appid"] != now.account.appid:
        moved = _("{send} would be sent from another AppID, {appid}")
        return moved.format(send=name, appid=now.account.appid)
    if before.keys() != now.row.keys():
        return _no_more(name, now)
    return _("{send}: the send window changed").format(send=name) if before != now.row else None


def _no_more(name: str, planned: PlannedSend | None) -> str:
    if planned is None:
        return _("{send} no longer exists, or is not selected").format(send=name)
    return _("{send} is now {action}: {reason}").format(
        send=name, action=status_word(planned.action), reason=planned.reason
    )


def _changed_names_of(now: PlannedSend, before: Mapping[str, Any] | None) -> list[str]:
    """Return what each name stood for and what it stands for now, where both are known."""
    after, message = now.resolved_names or {}, _("{send}: {name} was {before} and is now {after}")
    return [
        message.format(name=name, send=now.send.id, before=was, after=after[name])
        for name, was in (before or {}).items()
        if name in after and after[name] != was
    ]


# --- sends since a commit, both rendered by the same code --------------------------------------------------

NOT_IN_THIS_CHANGE: Final = "not-in-this-change"


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
    """A commit as the user wrote it, or approvals in words; empty: there is nothing to compare with."""
    commit: str
    """Empty where it could not be compared."""
    changes: tuple[SendChange, ...] = ()
    unchanged: frozenset[str] = frozenset()
    """Ids of sends that are exactly what they were."""
    settings: tuple[SettingsChange, ...] = ()
    """Keys of the settings that differ."""
    note: str = ""
    """Why there is nothing to compare with, or only a part."""
    pictures: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """By sha256, the small pictures that edited sends had before."""

    def of_sends(self, ids: Collection[str]) -> "Comparison":
        """Return what it says of these sends."""
        changes = tuple(one for one in self.changes if one.id in ids)
        return replace(self, changes=changes, unchanged=self.unchanged & {*ids})

    def joined(self, other: "Comparison") -> "Comparison":
        """Return this one with what another found about other sends."""
        return replace(
            self,
            commit=self.commit or other.commit,
            changes=(*self.changes, *other.changes),
            unchanged=self.unchanged | other.unchanged,
            settings=tuple(dict.fromkeys((*self.settings, *other.settings))),
            note=_("; ").join(filter(None, (self.note, other.note))),
            pictures={**self.pictures, **other.pictures},
        )


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
    what = _("this plan would send it, but it has not been edited since {ref}").format(ref=comparison.ref)
    hint = _("confirm that it may be sent together with this change, or apply it separately first")
    sends = tuple(
        one.with_warnings([warning(one.send, NOT_IN_THIS_CHANGE, what, hint, path="$")])
        if one.action in PENDING and one.send.id in comparison.unchanged
        else one
        for one in plan.sends
    )
    return replace(plan, sends=sends, settings_edits=comparison.settings)


def _essence(send: Send | None) -> tuple[object, ...] | None:
    if send is None:
        return None
    return send.content_digest, send.revision, send.not_before, send.not_after


def answers_for(comparison: Comparison | None, planned: PlannedSend) -> bool:
    """Return whether a change answers for a send that is held back: it edits it, and an edit can free it.

    The author of a campaign cannot end a hold. Without a comparison every send counts.
    """
    if comparison is None:
        return True
    rules = {violation.rule for violation in planned.violations if violation.blocks}
    waits_for_its_moment = planned.action is PlanAction.BLOCKED and rules <= OF_THE_MOMENT
    return planned.send.id not in comparison.unchanged and not waits_for_its_moment
