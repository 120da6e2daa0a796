"""The platform's rules of mass sending, each with its name, its source and what is not known about it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from wechat_campaigns.sandbox import accounts, bits, clock
from wechat_campaigns.sandbox.accounts import Account
from wechat_campaigns.sandbox.answers import Refused
from wechat_campaigns.sandbox.calls import Call, named_row, number, strings

HOUR_S = 3600
REPEAT_AFTER_S = 60
DUPLICATE_FOR_S = 24 * HOUR_S
CLIENTMSGID_BYTES = 32
OPENIDS = range(2, 10_001)
MONTHLY = 4
CONFIRM_S = 30 * 60
NOT_CONTENT = ("send_ignore_reprint", "clientmsgid")
DELETABLE = ("mpnews", "mpvideo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule as it is told to people."""

    name: str
    says: str
    errcodes: tuple[int, ...]
    source: str
    unsure: str


RULES: list[Rule] = []
Checked = TypeVar("Checked", bound=Callable[..., Any])


def rule(name: str, *errcodes: int, source: str, unsure: str = "") -> Callable[[Checked], Checked]:
    """Enter a function into the list of rules; its docstring's first line is what the rule says."""

    def enter(function: Checked) -> Checked:
        says = (function.__doc__ or "").split("\n")[0].rstrip(".")
        RULES.append(Rule(name=name, says=says, errcodes=errcodes, source=source, unsure=unsure))
        return function

    return enter


@rule(
    "clientmsgid-length", 45067,
    source="sendAll (2026-11)",
    unsure="32 bytes by the 2026 page, 64 in older ones; the sandbox takes the stricter",
)  # fmt: skip
def clientmsgid(body: Mapping[str, Any]) -> str:
    """A clientmsgid has at most 32 bytes; without one the platform derives it from audience and content."""
    given = body.get("clientmsgid")
    if given is None or given == "":
        told = {key: value for key, value in body.items() if key not in NOT_CONTENT}
        return "auto:" + hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    if not isinstance(given, str):
        raise Refused(40035)
    if len(given.encode()) > CLIENTMSGID_BYTES:
        raise Refused(45067)
    return given


@rule(
    "clientmsgid-repeat", 45065, 45066,
    source="sendAll (2026-11)",
    unsure="a job that failed keeps its clientmsgid blocked here; the minute counts from the accepted call",
)  # fmt: skip
def repeated(db: sqlite3.Connection, appid: str, client_id: str, now: float) -> None:
    """A clientmsgid used within 24 hours is refused with the job's msg_id, within 60 seconds as too fast."""
    job = db.execute(
        "SELECT msg_id, created_at FROM job WHERE appid = ? AND clientmsgid = ? AND created_at > ?"
        " ORDER BY created_at DESC LIMIT 1",
        (appid, client_id, now - DUPLICATE_FOR_S),
    ).fetchone()
    if job is None:
        return
    if now - job["created_at"] < REPEAT_AFTER_S:
        raise Refused(45066)
    raise Refused(45065, msg_id=job["msg_id"])


@rule(
    "openid-count",
    40031,
    40130,
    40032,
    40003,
    source="massSend (2026-11)",
    unsure="an openid of another account refuses the whole call here; the platform may drop it silently",
)
def openids(call: Call) -> int:
    """A send by openid addresses 2 to 10,000 openids of the account's own followers."""
    wanted = strings(call.body, "touser", 40031)
    if len(wanted) < OPENIDS.start:
        raise Refused(40130)
    if len(wanted) >= OPENIDS.stop:
        raise Refused(40032)
    known = accounts.numbers_of(call.db, call.appid, wanted)
    if len(known) < len(set(wanted)):
        raise Refused(40003)
    return bits.from_members(known.values())


@rule(
    "filter",
    40035,
    40152,
    source="sendAll (2026-11)",
    unsure="an unknown tag_id answers 40152 by the page, -1 in field reports; the old group_id is still read",
)
def audience(call: Call) -> tuple[bool, int]:
    """A filter is everyone, or one tag of the account."""
    chosen = call.body.get("filter")
    if not isinstance(chosen, dict):
        raise Refused(40035)
    if chosen.get("is_to_all") in (True, 1):
        return True, call.account.subscribed
    tag_id = number(chosen, "tag_id" if "tag_id" in chosen else "group_id", 40152)
    tag = named_row(call, 40152, "SELECT members FROM tag WHERE appid = ? AND id = ?", call.appid, tag_id)
    return False, bits.from_blob(tag["members"]) & call.account.subscribed


@rule(
    "allowance",
    45028,
    source="Batch sends guide (2026-11)",
    unsure="a failed job gives its allowance back here; sends of the web console do not exist here",
)
def allowance(call: Call, *, to_all: bool) -> None:
    """A 订阅号 sends once a day, a 服务号 to everyone four times a calendar month."""
    if not call.quota:
        return
    if call.account.kind == "subscription":
        since, limit, only_all = clock.day_start(call.now), 1, False
    elif to_all:
        since, limit, only_all = clock.month_start(call.now), MONTHLY, True
    else:
        return
    used = call.db.execute(
        "SELECT COUNT(*) FROM job"
        " WHERE appid = ? AND created_at >= ? AND status != 'SEND_FAIL' AND is_to_all >= ?",
        (call.appid, since, only_all),
    ).fetchone()[0]
    if used >= limit:
        raise Refused(45028)


@rule(
    "reach",
    source="Batch sends guide, MASSSENDJOBFINISH (2026-11)",
    unsure="filters by region or sex do not exist here",
)
def reach(call: Call, chosen: int) -> int:
    """Followers who left, were blocked, or had four messages of a 服务号 this month are dropped silently."""
    reached = chosen & call.account.subscribed & ~call.account.blocked
    if not call.quota or call.account.kind != "service":
        return reached
    rows = call.db.execute(
        "SELECT delivered FROM job WHERE appid = ? AND created_at >= ? AND status != 'SEND_FAIL'",
        (call.appid, clock.month_start(call.now)),
    )
    return reached & ~bits.over((bits.from_blob(row[0]) for row in rows), MONTHLY)


@rule(
    "protection",
    source="Batch sends guide, API 群发保护 (2026-11)",
    unsure="the call is accepted and the job waits; the platform may answer 89505 instead",
)
def confirm_by(account: Account, now: float, *, to_all: bool) -> float | None:
    """With protection on, a send to everyone waits 30 minutes for the administrator, then fails."""
    return now + CONFIRM_S if to_all and account.options.protection else None


@rule(
    "originality",
    source="Batch sends and originality checks (2026-11)",
    unsure="the platform compares texts; the sandbox compares titles with its list of originals",
)
def originality(
    db: sqlite3.Connection, articles: list[Mapping[str, Any]], *, ignore_reprint: bool
) -> tuple[str, dict[str, Any]]:
    """An article judged a reprint stops the job unless its author allows it and send_ignore_reprint is 1."""
    items, worst = [], 1
    for index, article in enumerate(articles, 1):
        hit = db.execute("SELECT * FROM original WHERE title = ?", (article.get("title", ""),)).fetchone()
        if hit is not None:
            worst = max(worst, 2 if hit["can_reprint"] else 3)
            items.append(_reprint(index, hit))
    verdict = "send success"
    if worst == 3:
        verdict = "err(30002)"
    elif worst == 2 and not ignore_reprint:
        verdict = "err(30003)"
    return verdict, {"Count": len(items), "ResultList": {"item": items}, "CheckState": worst}


def _reprint(index: int, hit: sqlite3.Row) -> dict[str, Any]:
    """Describe one judged article as the event does."""
    return {
        "ArticleIdx": index,
        "UserDeclareState": 0,
        "AuditState": 11,
        "OriginalArticleUrl": hit["url"],
        "OriginalArticleType": 1,
        "CanReprint": hit["can_reprint"],
        "NeedReplaceContent": hit["can_reprint"],
        "NeedShowReprintSource": hit["can_reprint"],
    }


@rule(
    "recall",
    40059,
    40065,
    40060,
    source="deleteMassMsg (2026-11)",
    unsure="which of 40059 and 40065 a text job answers is not stated; the sandbox answers 40059",
)
def recallable(job: sqlite3.Row | None) -> sqlite3.Row:
    """Only finished article and video jobs sent by API can be recalled."""
    if job is None or job["msgtype"] not in DELETABLE:
        raise Refused(40059)
    if job["status"] != "SEND_SUCCESS":
        raise Refused(40065)
    return job
