"""Plans and outcomes in, plain data for JSON out: versioned, with no secret and no openid.

Added keys raise the minor version; a reader ignores what it does not know and refuses another major.
The shape is published as `schema/plan.schema.json`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from wechat_campaigns.core.digest import filter_form, sha256, to_plain_data
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.redact import redact
from wechat_campaigns.plan.budget import Budget, budgets
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.plan.planfile import with_checksum
from wechat_campaigns.plan.stored import resend_data
from wechat_campaigns.report.neutral import FORMAT_VERSION
from wechat_campaigns.report.problems import problem_dict
from wechat_campaigns.report.standing import Standing
from wechat_campaigns.send.posting import SendOutcome


def plan_data(plan: Plan) -> dict[str, Any]:
    """Give a plan as plain data: the plan file and `--format json`."""
    return with_checksum(_plan(plan))


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "plan_digest": plan.plan_digest,
        "resolved": plan.resolved_digest,
        "created_at": _time(plan.created_at),
        "expires_at": _time(plan.expires_at),
        "environment": plan.environment,
        "commit": plan.commit,
        "offline": plan.offline,
        "ledger_known": plan.ledger_known,
        "summary": {action.value: count for action, count in plan.counts().items()},
        "sends": [_planned(planned, offline=plan.offline) for planned in plan.sends]
        + [
            {"id": invalid.id, "action": "invalid", "problems": [problem_dict(p) for p in invalid.problems]}
            for invalid in plan.invalid
        ]
        + [
            {
                "id": orphan.send_state.send,
                "action": "unknown",
                "reason": orphan.decision.reason,
                "hint": orphan.decision.hint,
            }
            for orphan in plan.unknown_sends
        ],
        "accounts": {budget.account.name: _budget(budget) for budget in budgets(plan)},
        "settings": [
            {
                "since": since,
                "key": redact(c.key),
                "before": redact(c.before),
                "after": redact(c.after),
                "looser": c.is_looser,
            }
            for since, found in (("last apply", plan.settings_changes), ("commit", plan.settings_edits))
            for c in found
        ],
    }


def _budget(budget: Budget) -> dict[str, Any]:
    allowance = budget.allowance
    return {
        "period": allowance.period,
        "limit": allowance.limit,
        "used": allowance.used,
        "uses": budget.uses,
        "refused": list(budget.blocked),
        "dropped": list(budget.frequency_capped),
        "calls_left": budget.calls_left,
        "calls_limit": budget.calls_limit,
    }


def outcomes_data(outcomes: Iterable[SendOutcome]) -> dict[str, Any]:
    """Give what became of each send as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        "outcomes": [
            {
                "id": outcome.id,
                "account": outcome.account,
                "result": outcome.result.value,
                "why": outcome.reason,
                "hint": outcome.hint,
                "msg_id": outcome.msg_id,
                "msg_data_id": outcome.msg_data_id,
                "errcode": outcome.errcode,
                "notes": list(outcome.notes),
            }
            for outcome in outcomes
        ],
    }


def status_data(standings: Iterable[Standing]) -> dict[str, Any]:
    """Give where sends stand as plain data."""
    return {"format_version": FORMAT_VERSION, "sends": [_standing(row) for row in standings]}


def _standing(row: Standing) -> dict[str, Any]:
    known, told = row.known, row.told
    counts = {key: getattr(told, key) for key in ("total", "filtered", "sent", "errors")} if told else None
    return {
        "id": known.send,
        "revision": known.revision,
        "account": row.account,
        "status": known.status.value,
        "msg_id": known.msg_id,
        "msg_data_id": known.msg_data_id,
        "at": _time(known.at),
        "note": row.note,
        "hint": row.hint,
        "recalled": list(known.recalled_articles),
        "counts": counts,
        "links": list(told.links) if told else [],
    }


def _planned(planned: PlannedSend, *, offline: bool) -> dict[str, Any]:
    send, audience = planned.send, planned.resolved.audience
    return {
        "id": send.id,
        "action": planned.action.value,
        "reason": planned.decision.reason,
        "hint": planned.decision.hint,
        "account": {
            "name": planned.account.name,
            "kind": planned.account.kind.value,
            "appid": planned.account.appid,
        },
        "revision": send.revision,
        "content_digest": planned.content_digest,
        "filter": filter_form(send),
        "audience": {"count": audience.count, "source": audience.source, "as_of": _time(audience.as_of)},
        "msgtype": send.msgtype.value,
        "content": _content(to_plain_data(send.content)),
        "not_before": to_plain_data(send.not_before),
        "not_after": to_plain_data(send.not_after),
        "resolved": None if offline else planned.resolved_names,
        **({"resend": resend_data(planned.resend_intent)} if planned.resend_intent is not None else {}),
        "uploads": [_upload(item.key, reused) for item, reused in planned.resolved.uploads],
        "warnings": [problem_dict(finding) for finding in send.diagnostics],
        "policy": [
            {
                "rule": o.rule,
                "what": o.message,
                "hint": o.hint,
                "blocks": o.blocks,
                "level": o.level,
                "verdict": o.verdict.value,
            }
            for o in planned.violations
        ],
        "problems": [problem_dict(problem) for problem in planned.resolved.problems]
        if planned.action is PlanAction.INVALID
        else [],
    }


def _upload(key: str, reused: str | None) -> dict[str, Any]:
    return {"key": key, "reused": reused is not None}


def _content(content: dict[str, Any]) -> dict[str, Any]:
    # An article's HTML is shown by `render`; here its fingerprint and its size are enough.
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
