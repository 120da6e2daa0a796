"""A reviewed plan file and a fresh plan in, every difference between them out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from wechat_campaigns.core.digest import canonical, plan_digest, plan_row, sha256
from wechat_campaigns.core.errors import StalePlanError, UsageError
from wechat_campaigns.core.i18n import _, status_word
from wechat_campaigns.core.model import Draft, PlanAction
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.plan.decision import RECENT, PlanDecision
from wechat_campaigns.plan.plan import PENDING, Plan, PlannedSend, covered_digest, is_covered
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.plan.stored_intent import stored_row

MAJOR = "1"
PENDING_WORDS = frozenset(action.value for action in PENDING)
MAX_BYTES = 64 * 1024 * 1024


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Write a plan file: canonical JSON and a final line feed.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(canonical(data) + b"\n")
    except OSError as error:
        raise UsageError(
            _("the plan file cannot be written: {error}").format(error=error.strerror),
            hint=_("pass a writable path to `--out`"),
            location=str(path),
        ) from error


def read(path: Path) -> dict[str, Any]:
    """Read a plan file.

    Raises:
        UsageError: it is missing, not a plan file, or of another major version.
    """
    from wechat_campaigns.source.schemas.findings import validator  # costs time, and a plan reads no file

    hint = _("create it with `campaign plan --out FILE`")
    try:
        raw = path.read_bytes()
        data = json.loads(raw) if len(raw) <= MAX_BYTES else None
        canonical(data)  # half a surrogate pair could be neither compared nor printed
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(_("the plan file cannot be read"), hint=hint, location=str(path)) from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, str) and version.partition(".")[0] != MAJOR:
        raise UsageError(
            _("the plan file has format {found}; this version reads {major}.x").format(
                found=version, major=MAJOR
            ),
            hint=_("plan again with the version that will apply it"),
            location=str(path),
        )
    if (
        not isinstance(data, dict)
        or not validator("plan").is_valid(data)
        or not _is_aware(data["expires_at"])
    ):
        raise UsageError(_("this is not a plan file"), hint=hint, location=str(path))
    return dict(data)


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
    if reviewed["environment"] != plan.environment:
        made_for = _("the plan was made for environment {reviewed}, but this is {environment}")
        raise _stale_plan_error(
            made_for.format(reviewed=reviewed["environment"], environment=plan.environment)
        )
    check_not_expired(reviewed, now)
    resends = [row for row in _rows(reviewed) if "body_sha256" in row]
    found = as_reviewed(plan, state, reviewed["plan_digest"], resends)
    if found is None:
        raise _stale_plan_error(
            _("; ").join(_differences(reviewed, plan)) or _("the pending sends are not the same")
        )
    if moved := _moved(reviewed, found):
        raise _stale_plan_error(_("; ").join(moved))
    return found


def expires_at(reviewed: Mapping[str, Any]) -> datetime:
    """Read after which moment nothing is sent by a plan file."""
    return datetime.fromisoformat(reviewed["expires_at"])


def horizon(reviewed: Mapping[str, Any]) -> datetime | None:
    """Read until when the review covered what becomes due; None when it set no limit."""
    written = reviewed.get("horizon")
    return datetime.fromisoformat(written) if written else None


def check_whole(reviewed: Mapping[str, Any]) -> None:
    """Refuse a plan file that is not as it was written.

    Raises:
        StalePlanError: says so.
    """
    if not _is_whole(reviewed):
        raise _stale_plan_error(_("the plan file was edited after it was written"))


def check_not_expired(reviewed: Mapping[str, Any], now: datetime) -> None:
    """Refuse a plan file that has expired.

    Raises:
        StalePlanError: says when.
    """
    if now > (ended := expires_at(reviewed)):
        raise _stale_plan_error(_("the plan expired {when}").format(when=china_time(ended, now)))


def check_digest(reviewed: str, plan: Plan, state: LedgerState) -> Plan:
    """Refuse when the plan's digest is not the reviewed one.

    Returns:
        The plan, with the resends that were reviewed and no other.

    Raises:
        StalePlanError: with both digests.
    """
    found = as_reviewed(plan, state, reviewed)
    if found is None:
        raise _stale_plan_error(
            _("the digest of the plan is {digest}, expected {expected}").format(
                digest=plan.plan_digest, expected=reviewed
            )
        )
    return found


def as_reviewed(
    plan: Plan, state: LedgerState, reviewed: str, resends: Sequence[Mapping[str, Any]] | None = None
) -> Plan | None:
    """Hold a plan against the digest that was reviewed.

    What was posted under that digest already counts as a part of it, so that an apply that was cut off can be
    run again. A resend that was not in the reviewed plan is left out, and keeps nothing else from being sent.

    Args:
        resends: rows of the reviewed plan, where its file is at hand.

    Returns:
        The plan, with the resends that were reviewed; None when something else would be sent.
    """
    rows = [stored_row(k.intent, k.send) for k in _resent_under(state, reviewed) if k.intent is not None]
    offered: list[PlannedSend] = []
    for one in plan.sends:
        if one.action in PENDING or _sent_under(one, state, reviewed):
            rows.append(plan_row(one.send, one.content_digest, one.account.appid))
        elif one.resend_intent is not None:
            offered.append(one)
    choices = [offered, []] if resends is None else [[one for one in offered if one.row in resends]]
    rules = [plan.loosened_rules] if plan.loosened_rules else [(), plan.accepted_changes]
    for chosen in choices:
        if reviewed in [covered_digest([*rows, *(one.row for one in chosen)], looser) for looser in rules]:
            left = {id(one) for one in offered if one not in chosen}  # another account may use its id
            sends = tuple(_not_reviewed(one) if id(one) in left else one for one in plan.sends)
            return replace(plan, sends=sends)
    return None


def _not_reviewed(planned: PlannedSend) -> PlannedSend:
    reason = _("{why}; the reviewed plan does not contain this resend").format(why=planned.decision.reason)
    decision = PlanDecision(
        action=PlanAction.UNKNOWN,
        reason=reason,
        hint=_("make a new plan, have it reviewed, and apply it with its digest"),
        code=planned.decision.code,
    )
    return replace(planned, decision=decision, resend_intent=None)


def _resent_under(state: LedgerState, reviewed: str) -> Iterator[SendRecord]:
    """List what was posted once more under a plan, and came to an end."""
    for record in state.sends.values():
        first = record.intent.data.get("plan_digest") if record.intent is not None else None
        if record.resend_plan_digest == reviewed != first and record.status is not SendStatus.UNKNOWN:
            yield record


def _sent_under(planned: PlannedSend, state: LedgerState, reviewed: str) -> bool:
    known = state.send(planned.account.appid, planned.send.id, planned.send.revision)
    return known is not None and known.intent is not None and known.intent.data.get("plan_digest") == reviewed


def is_coming(send: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Tell whether a plan file says that a send becomes due within its horizon."""
    last = horizon(data)
    if last is None or send["action"] != PlanAction.SCHEDULED:
        return False
    return datetime.fromisoformat(send["not_before"]) <= last


def covers(send: Mapping[str, Any]) -> bool:
    """Tell whether the digest of a plan file covers a send in it."""
    return "resend" in send or send["action"] in PENDING_WORDS


def is_held(send: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Tell whether a plan file says that a send is expected and not made: blocked, in conflict or missed."""
    if send["action"] == PlanAction.EXPIRED and send.get("not_after"):
        age = datetime.fromisoformat(data["created_at"]) - datetime.fromisoformat(send["not_after"])
        return bool(data.get("ledger_known", True)) and age < RECENT
    return send["action"] in (PlanAction.BLOCKED, PlanAction.CONFLICT)


def with_checksum(data: Mapping[str, Any]) -> dict[str, Any]:
    """Add the fingerprint of all the rest to a plan as data: the audiences, for one, are under no digest."""
    return {**data, "file_sha256": sha256(data)}


def _is_whole(data: Mapping[str, Any]) -> bool:
    rest = {key: value for key, value in data.items() if key != "file_sha256"}
    try:
        loosened = [
            [rule["key"], rule["before"], rule["after"]]
            for rule in data["settings"]
            if rule["looser"] and rule["since"] == "last apply"
        ]
        resolved = None if data["offline"] else sha256(_meanings(data))
        digests = (sha256(rest), plan_digest(_rows(data), loosened=loosened), resolved)
        return digests == (data["file_sha256"], data["plan_digest"], data["resolved_digest"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _meanings(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {send["id"]: dict(send["resolved"]) for send in data["sends"] if send.get("resolved")}


def _moved(data: Mapping[str, Any], plan: Plan) -> list[str]:
    """Name what does not stand for what it stood for; of an offline plan nobody knows."""
    before = _meanings(data)
    return [
        moved
        for one in plan.sends
        for moved in _moved_of(one.send.id, before.get(one.send.id, {}), one.resolved_names)
    ]


def _moved_of(send_id: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    message = _("{send}: {name} was {before} and is now {after}")
    return [
        message.format(name=name, send=send_id, before=was, after=after[name])
        for name, was in before.items()
        if name in after and after[name] != was
    ]


def check_resolved_names(planned: PlannedSend, now: PlannedSend) -> None:
    """Refuse a send whose names stand for something else than when its plan was made.

    Raises:
        StalePlanError: names them.
    """
    if moved := _moved_of(planned.send.id, planned.resolved_names, now.resolved_names):
        raise _stale_plan_error(_("; ").join(moved))


def unresolved_names(data: Mapping[str, Any], plan: Plan) -> list[str]:
    """Name what was not looked up for a plan file that was made offline, so that nothing can be compared."""
    names = {name: None for planned in plan.sends for name in planned.resolved_names}
    return list(names) if data["resolved_digest"] is None else []


def _rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give what the digest covers of the sends in a plan file."""
    return [_row(send) for send in data["sends"] if covers(send)]


def _row(send: Mapping[str, Any]) -> dict[str, Any]:
    appid = send["account"]["appid"]
    row = {"appid": appid, **{key: send[key] for key in ("id", "revision", "content_digest", "not_after")}}
    return row | (send["resend"] if "resend" in send else {"not_before": send["not_before"]})


def check_plan_digest(reviewed: Mapping[str, Any], digest: str) -> None:
    """Refuse a plan file that is not the one whose digest was handed on.

    Raises:
        StalePlanError: with both digests.
    """
    if reviewed["plan_digest"] != digest:
        found = _("the plan file has the digest {digest}, expected {expected}")
        raise _stale_plan_error(found.format(digest=reviewed["plan_digest"], expected=digest))


def audiences(reviewed: Mapping[str, Any]) -> dict[str, int | None]:
    """Read how many followers each send of a plan file was counted to have."""
    return {send["id"]: send.get("audience", {}).get("count") for send in reviewed["sends"]}


def _differences(reviewed: Mapping[str, Any], plan: Plan) -> list[str]:
    before = {row["id"]: row for row in _rows(reviewed)}
    after = {p.send.id: p for p in plan.sends if is_covered(p)}
    added = sorted(set(after) - set(before))
    found = [_("{send} is not in the reviewed plan").format(send=name) for name in added]
    every = {p.send.id: p for p in plan.sends}
    found += [_no_more(name, every.get(name)) for name in sorted(set(before) - set(after))]
    for name in sorted(set(before) & set(after)):
        if before[name].get("content_digest") != after[name].content_digest:
            found.append(_content_changed(after[name], reviewed))
        elif before[name].get("revision") != after[name].send.revision:
            found.append(_("{send}: `revision` changed").format(send=name))
        elif before[name]["appid"] != after[name].account.appid:
            moved = _("{send} would be sent from another AppID, {appid}")
            found.append(moved.format(send=name, appid=after[name].account.appid))
        elif before[name].keys() != after[name].row.keys():
            found.append(_no_more(name, after[name]))
        elif before[name] != after[name].row:
            found.append(_("{send}: the send window changed").format(send=name))
    return found


def _content_changed(planned: PlannedSend, reviewed: Mapping[str, Any]) -> str:
    send = planned.send
    what = _("{send}: the content or the recipients changed")
    if isinstance(send.content, Draft):
        what = _("{send}: the articles of the draft {draft}, the content or the recipients changed")
        if reviewed["offline"]:
            what = _("{send}: the reviewed plan was made offline, without the articles of the draft {draft}")
        return what.format(send=send.id, draft=send.content.name)
    return what.format(send=send.id)


def _no_more(name: str, planned: PlannedSend | None) -> str:
    if planned is None:
        return _("{send} no longer exists").format(send=name)
    return _("{send} is now {action}: {reason}").format(
        send=name, action=status_word(planned.action), reason=planned.decision.reason
    )


def _stale_plan_error(what: str) -> StalePlanError:
    return StalePlanError(
        _("the reviewed plan cannot be applied: {what}").format(what=what),
        hint=_("make a new plan, have it reviewed, and apply it with its digest"),
    )


def _is_aware(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
