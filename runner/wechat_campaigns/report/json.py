"""Turn plans, outcomes and states into plain data for JSON: versioned, without a secret or an openid.

A code stands beside each sentence, and sentences are English whatever the locale. Added keys raise the minor
version; a reader ignores what it does not know and refuses another major. The shape is published as
`schema/plan.schema.json`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wechat_campaigns.core.digest import PLAN_FORMAT, sha256, to_plain_data
from wechat_campaigns.core.model import batch_form, filter_form
from wechat_campaigns.core.redact import redact
from wechat_campaigns.plan.plan import PlannedSend, SendKey, is_covered, resend_data
from wechat_campaigns.plan.planfile import with_checksum
from wechat_campaigns.plan.rule_changes import written_rules
from wechat_campaigns.report.plan_view import PlanView, Row
from wechat_campaigns.report.problems import problem_dict
from wechat_campaigns.report.sanitize import FORMAT_VERSION, in_english

if TYPE_CHECKING:
    from wechat_campaigns.core.settings import Account
    from wechat_campaigns.plan.doctor import Check
    from wechat_campaigns.plan.draft_box import AccountDrafts, BoxEntry
    from wechat_campaigns.report.send_status import StatusView


def plan_data(view: PlanView) -> dict[str, Any]:
    """Return a plan as plain data: the plan file and `--format json`."""
    plan = view.plan
    settings = [("last apply", change) for change in plan.settings_changes]
    settings += [("commit", change) for change in plan.settings_edits]
    coming = {one.key for one in plan.coming(view.horizon)} if view.horizon is not None else frozenset()
    data = {
        "format_version": PLAN_FORMAT,
        "plan_digest": view.digest,
        "resolved_digest": plan.resolved_digest,
        "created_at": _time(plan.created_at),
        "expires_at": _time(plan.expires_at),
        "environment": plan.environment,
        "commit": plan.commit,
        "horizon": _time(view.horizon),
        "offline": plan.offline,
        "approved": plan.approved,
        "ledger_known": plan.ledger_known,
        "unverified": list(plan.unverified),
        "counts": {action.value: count for action, count in view.counts.items()},
        "heads": {appid: head._asdict() for appid, head in sorted(plan.heads.items())},
        "sends": [_row(row, view, coming) for row in view.rows],
        "accounts": {
            budget.account.name: {
                name: getattr(budget, name)
                for name in ("period", "limit", "used", "uses", "calls_left", "calls_limit")
            }
            | {"rules": written_rules(budget.account, own=True)}
            for budget in view.budgets
        },
        "overlaps": [{**asdict(one), "day": one.day.isoformat()} for one in view.overlaps],
        "rules": dict(plan.rules.shown),
        "rules_sha256": plan.rules.sha256,
        "settings": [
            {
                "since": since,
                "key": redact(change.key),
                "before": redact(change.before),
                "after": redact(change.after),
            }
            for since, change in settings
        ],
    }
    return with_checksum(in_english(data))


def outcomes_data(view: PlanView) -> dict[str, Any]:
    """Return what became of each send as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        "outcomes": [
            {
                key: value
                for key, value in asdict(outcome).items()
                if key not in ("exit_code", "key", "missed")
            }
            for outcome in view.outcomes
        ],
    }


def status_data(view: StatusView) -> dict[str, Any]:
    """Return where sends stand as plain data."""
    from wechat_campaigns.report.send_status import past_send  # a plan does without it

    return {
        "format_version": FORMAT_VERSION,
        "sends": [past_send(row) for row in view.rows],
        "unverified": view.unverified,
        "failed": [
            {"appid": appid, "message": error.message, "location": error.location, "hint": error.hint}
            for appid, error in view.failed.items()
        ],
    }


def drafts_data(accounts: Mapping[str, AccountDrafts]) -> dict[str, Any]:
    """Return the drafts of each account as plain data."""
    return {
        "accounts": {
            name: {"drafts": [_draft_data(one, found) for one in found.drafts]}
            for name, found in accounts.items()
        }
    }


def _draft_data(draft: BoxEntry, found: AccountDrafts) -> dict[str, Any]:
    return {
        "media_id": draft.media_id,
        "titles": list(draft.titles),
        "updated_at": _time(draft.updated_at),
        "made_for": found.made_for.get(draft.media_id),
        "replaced": draft.media_id in found.replaced,
    }


def doctor_data(checks: Sequence[Check], accounts: Mapping[str, Account]) -> dict[str, Any]:
    """Return the findings and the rules in force for each account as plain data."""
    return {
        "rules": {name: written_rules(one) for name, one in accounts.items()},
        "checks": [
            {key: getattr(check, key) for key in ("name", "account", "grade", "message", "hint")}
            for check in checks
        ],
    }


def _row(row: Row, view: PlanView, coming: Collection[SendKey]) -> dict[str, Any]:
    planned = row.planned
    data = {
        "id": row.id,
        "action": row.action.value,
        "code": row.code,
        "reason": row.reason,
        "hint": row.hint,
        "covered": planned is not None and is_covered(planned),
        "coming": planned is not None and planned.key in coming,
        "change": row.change or None,
        "held": planned is not None and view.plan.is_held(planned, view.horizon),
        "problems": [problem_dict(problem) for problem in row.problems],
    }
    return data if planned is None else data | _planned(planned, offline=view.plan.offline)


def _planned(planned: PlannedSend, *, offline: bool) -> dict[str, Any]:
    send, audience = planned.send, planned.resolved.audience
    return {
        "account": {
            "name": planned.account.name,
            "kind": planned.account.kind.value,
            "appid": planned.account.appid,
        },
        "errcode": planned.errcode,
        "revision": send.revision,
        "content_digest": planned.content_digest,
        "filter": filter_form(send),
        "audience": {
            "count": audience.count,
            "source": audience.source,
            "as_of": _time(audience.as_of),
            "last": {"count": last.count, "at": _time(last.as_of)} if (last := audience.last) else None,
        },
        "msgtype": send.msgtype,
        "content": _content(to_plain_data(send.content)),
        "not_before": to_plain_data(send.not_before),
        "not_after": to_plain_data(send.not_after),
        **({"by_hand": True} if send.by_hand else {}),
        **({"batch": batch_form(send)} if send.batch is not None else {}),
        "approval": _approval(planned),
        "resolved": None if offline else planned.resolved_names,
        **({"resend": resend_data(planned.resend_intent)} if planned.resend_intent is not None else {}),
        "links": [link._asdict() for link in send.content.visible.links()],
        "uploads": [
            {"key": item.key, "reused": reused is not None} for item, reused in planned.resolved.uploads
        ],
        "warnings": [problem_dict(finding) for finding in send.diagnostics],
        "violations": [asdict(violation) for violation in planned.violations],
    }


def _approval(planned: PlannedSend) -> dict[str, Any] | None:
    if (verdict := planned.approval) is None:
        return None
    lack = verdict.lack.value if verdict.lack is not None else None
    return {"approved": lack is None, "by": [one.approver for one in verdict.by], "lack": lack}


def _content(content: dict[str, Any]) -> dict[str, Any]:
    # An article's HTML is shown by `render`; here its fingerprint and its size are enough.
    if content.get("stored") is not None:
        return {**content, "stored": _content(content["stored"])}
    if "articles" not in content:
        return content
    articles = [
        {key: value for key, value in article.items() if key not in ("html", "images")}
        | {"html_sha256": sha256(article["html"]), "html_chars": len(article["html"])}
        for article in content["articles"]
    ]
    return {**content, "articles": articles}


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment is not None else None
