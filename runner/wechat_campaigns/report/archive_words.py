"""Write the facts of an archived send in words, for its page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.report.archive_data import APPROVALS, OUTCOME, PLAN, ArchiveInput, Origin, ledger_data
from wechat_campaigns.report.phrases import recorded_recipients
from wechat_campaigns.report.send_status import reach

Table = tuple[str, list[tuple[str, str]]]
"""A title, and its rows of name and value."""

ORIGIN_WORDS: Mapping[Origin, str] = {
    Origin.COMMIT: N_("Rendered at the commit that was sent; its digest is the one in the ledger."),
    Origin.FOLDER: N_(
        "Rendered from the campaigns folder as it is now; its digest is the one in the ledger."
    ),
    Origin.LEDGER: N_("The body that was posted, from the ledger."),
    Origin.MISSING: N_(
        "The message is not shown: neither the commit nor the campaigns folder renders what was sent."
    ),
}


def archive_tables(archive: ArchiveInput) -> list[Table]:
    """List the tables of the page: the plan, who agreed, the outcome."""
    data = ledger_data(archive.record, archive.state, archive.events)
    plan, approvals, outcome = (data[name] for name in (PLAN, APPROVALS, OUTCOME))
    return [
        (_("Plan"), _filled(_plan_rows(archive, plan))),
        (_("Approvals"), _filled(_approval_rows(approvals))),
        (_("Outcome"), _filled(_outcome_rows(archive, outcome))),
    ]


def _filled(rows: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(_(name), str(value)) for name, value in rows if value not in (None, "")]


def _plan_rows(archive: ArchiveInput, plan: Mapping[str, Any]) -> list[tuple[str, Any]]:
    record = archive.record
    who = "everyone" if record.to_all else record.recipients
    return [
        (N_("Environment"), archive.environment),
        (N_("AppID"), record.appid),
        (N_("Posted"), _moment(plan["posted_at"])),
        (N_("To"), recorded_recipients(who)),
        (N_("Followers"), _count((plan["audience"] or {}).get("count"))),
        (N_("Commit"), plan["commit"]),
        (N_("Plan digest"), plan["plan_digest"]),
        (N_("Content digest"), plan["content_digest"]),
    ]


def _approval_rows(approvals: Mapping[str, Any]) -> list[tuple[str, Any]]:
    overrides = approvals["overrides"].items()
    settled = [f"{_moment(one['at'])} {one['reason']}" for one in approvals["settled"]]
    return [
        (N_("Approved"), approvals["approved"] or _("no approval is recorded")),
        (N_("Sent by"), approvals["actor"].get("user")),
        (N_("CI run"), approvals["actor"].get("run")),
        (N_("Previewed"), _(", ").join(_moment(one["at"]) for one in approvals["previews"])),
        (N_("Overrides"), _("; ").join(f"{rule}{_(': ')}{reason}" for rule, reason in overrides)),
        (N_("Settled"), _("; ").join(settled)),
    ]


def _outcome_rows(archive: ArchiveInput, outcome: Mapping[str, Any]) -> list[tuple[str, Any]]:
    job = archive.state.job_result(archive.record)
    known = (row.article.url for row in archive.articles if row.article is not None)
    links = job.links if job is not None and job.links else filter(None, known)
    return [
        (N_("Status"), status_word(outcome["status"])),
        (N_("Accepted"), _moment(outcome["accepted_at"])),
        ("msg_id", outcome["msg_id"]),
        ("msg_data_id", outcome["msg_data_id"]),
        ("errcode", outcome["errcode"]),
        (N_("Reason"), archive.record.reason_text),
        (N_("Delivery"), reach(job) if job is not None else None),
        (N_("Articles"), " ".join(links)),
        (N_("Recalled articles"), _(", ").join(map(str, outcome["recalled_articles"]))),
    ]


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _moment(text: str | None) -> str:
    """Write a moment in China time."""
    return f"{datetime.fromisoformat(text).astimezone(CHINA):%Y-%m-%d %H:%M}" if text else ""
