"""What WeChat refuses of mass sends: each rule with its name, its source and what is uncertain."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from wechat_sandbox import bitmaps, clock, store
from wechat_sandbox.accounts import OfficialAccount
from wechat_sandbox.answers import ErrcodeError, Json
from wechat_sandbox.calls import ApiCall, named_row, number, strings, text
from wechat_sandbox.counters import count
from wechat_sandbox.outcomes import SUCCESS
from wechat_sandbox.users.models import numbers_of
from wechat_sandbox.users.rules import follower_number

HOUR_S = 3600
DUPLICATE_FOR_S = 24 * HOUR_S
CLIENTMSGID_BYTES = 32
OPENIDS = range(2, 10_001)
MONTHLY = 4
DAILY = 1
CONFIRM_S = 30 * 60
PREVIEWS_A_DAY = 100
"""By WeChat name; strictly those by openid as well, as older reports have it."""
NOT_CONTENT = ("send_ignore_reprint", "clientmsgid")
RECALLABLE = ("mpnews", "mpvideo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule as people read it."""

    name: str
    says: str
    errcodes: tuple[int, ...]
    source: str
    unsure: str


RULES: list[Rule] = []
Check = TypeVar("Check", bound=Callable[..., Any])


def rule(name: str, *errcodes: int, source: str, unsure: str = "") -> Callable[[Check], Check]:
    """Add a function to `RULES`; the first line of its docstring is the rule in words."""

    def enter(function: Check) -> Check:
        says = (function.__doc__ or "").split("\n")[0].rstrip(".")
        RULES.append(Rule(name=name, says=says, errcodes=errcodes, source=source, unsure=unsure))
        return function

    return enter


@rule(
    "clientmsgid-length", 45067,
    source="sendAll; an answer to 36 characters that a developer reported in 2023 (2026-11)",
    unsure="which characters it may have",
)  # fmt: skip
def clientmsgid(body: Mapping[str, Any]) -> str:
    """A clientmsgid has at most 32 bytes; without one WeChat derives it from audience and content."""
    value = body.get("clientmsgid")
    if value is None or value == "":
        content = {key: value for key, value in body.items() if key not in NOT_CONTENT}
        return "auto:" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    if not isinstance(value, str):
        raise ErrcodeError(40035)
    if len(value.encode()) > CLIENTMSGID_BYTES:
        raise ErrcodeError(45067)
    return value


@rule(
    "clientmsgid-repeat", 45065, 45066,
    source="sendAll; answers that developers reported up to 2025 (2026-11)",
    unsure="whether a job that failed keeps its clientmsgid blocked: strictly yes; 45066 comes only while a"
    " fault delays the first request",
)  # fmt: skip
def check_repeat(call: ApiCall, client_id: str) -> None:
    """A clientmsgid used within 24 hours is refused at once, with the job's msg_id."""
    job = call.db.execute(
        "SELECT msg_id FROM job WHERE appid = ? AND clientmsgid = ? AND created_at > ?"
        " AND (? OR status != 'SEND_FAIL') ORDER BY created_at DESC LIMIT 1",
        (call.appid, client_id, call.now - DUPLICATE_FOR_S, call.strict),
    ).fetchone()
    if job is not None:
        raise ErrcodeError(45065, msg_id=job["msg_id"])


@rule(
    "openid-count", 40031, 40130, 40032, 40003,
    source="massSend (2026-11)",
    unsure="an openid of another account refuses the whole call here; the platform may drop it silently",
)  # fmt: skip
def openid_audience(call: ApiCall) -> int:
    """A send by openid addresses 2 to 10,000 openids of the account's own followers."""
    openids = strings(call.body, "touser", 40031)
    if len(openids) < OPENIDS.start:
        raise ErrcodeError(40130)
    if len(openids) >= OPENIDS.stop:
        raise ErrcodeError(40032)
    numbers = numbers_of(call.db, call.appid, openids)
    if len(numbers) < len(set(openids)):
        raise ErrcodeError(40003)
    return bitmaps.from_numbers(numbers.values())


@rule(
    "filter", 40008, 40035, 40152, 268488001,
    source="sendAll; answers that developers reported in 2023 (2026-11)",
    unsure="an unknown tag_id answers 40152 by the page, -1 in field reports; a tag_id sent as a string"
    " stands in examples and was answered 268488001: strictly refused; the old group_id is still read",
)  # fmt: skip
def filter_audience(call: ApiCall) -> tuple[bool, int]:
    """A filter is everyone, or one tag of the account."""
    condition = call.body.get("filter")
    if not isinstance(condition, dict):
        raise ErrcodeError(40035)
    if isinstance(condition.get("is_to_all"), str):
        raise ErrcodeError(40008)
    if condition.get("is_to_all") in (True, 1):
        return True, call.account.subscribed
    tag_id = number(condition, "tag_id" if "tag_id" in condition else "group_id", 40152)
    if call.strict and isinstance(condition.get("tag_id"), str):
        raise ErrcodeError(268488001)
    tag = named_row(call, 40152, "SELECT members FROM tag WHERE appid = ? AND id = ?", call.appid, tag_id)
    return False, bitmaps.from_blob(tag["members"]) & call.account.subscribed


@rule(
    "allowance",
    45028,
    source="Batch sends guide (2026-11)",
    unsure="the day of a 服务号 stands on one page and nobody reported it: strictly it holds; a failed job"
    " gives its allowance back; sends of the web console do not exist here",
)
def check_allowance(call: ApiCall, *, to_all: bool) -> None:
    """A 订阅号 sends once a day, a 服务号 to everyone once a day and four times a calendar month."""
    today, month = (clock.day_start(call.now), DAILY), (clock.month_start(call.now), MONTHLY)
    limits: tuple[tuple[float, int], ...] = ()
    if call.account.kind == "subscription":
        limits = (today,)
    elif call.account.kind == "service" and to_all:
        limits = (today, month) if call.strict else (month,)
    for since, limit in limits if call.quota else ():
        used = call.db.execute(
            "SELECT COUNT(*) FROM job"
            " WHERE appid = ? AND created_at >= ? AND status != 'SEND_FAIL' AND is_to_all >= ?",
            (call.appid, since, call.account.kind == "service"),
        ).fetchone()[0]
        if used >= limit:
            raise ErrcodeError(45028)


@rule(
    "test-account", 48001, 48008,
    source="answers that developers reported in 2025 and 2026, older reports of 48008 (2026-11)",
    unsure="whether anything is delivered: here it is; whether other types than articles and text are"
    " refused: strictly yes",
)  # fmt: skip
def check_test_account(call: ApiCall) -> None:
    """A test account may call all but mass/send, and sends articles and text only."""
    if call.strict and call.account.kind == "test" and call.body.get("msgtype") not in ("mpnews", "text"):
        raise ErrcodeError(48008)


@rule(
    "draft",
    source="draft_add, sendAll, older Batch sends guide (2026-11)",
    unsure="whether a send to a tag takes the draft as well: strictly yes",
)
def takes_draft(call: ApiCall, *, to_all: bool) -> bool:
    """A draft goes when a send to everyone succeeds; a failed job and a send to openids leave it."""
    return to_all or (call.strict and call.body.get("touser") is None)


@rule(
    "media", 40007, 40128,
    source="sendAll, an answer of the platform to temporary media (2026-11)",
    unsure="whether mass/send takes temporary media: strictly not; a preview does here",
)  # fmt: skip
def check_permanent(call: ApiCall, media: sqlite3.Row) -> sqlite3.Row:
    """Images and voices of a send are permanent material; temporary ones are refused."""
    takes_temporary = call.request.path.endswith("/preview") or (
        call.request.path.endswith("/send") and not call.strict
    )
    if not media["permanent"] and not takes_temporary:
        raise ErrcodeError(40128)
    return media


@rule(
    "video", 40007, 48022,
    source="sendAll, staff in the vendor's forum (2026-11)",
    unsure="whether any video uploaded by API can be sent: strictly not; one of the web console always",
)  # fmt: skip
def check_video(call: ApiCall, media: sqlite3.Row) -> sqlite3.Row:
    """A video is one of the web console, or an id of media/uploadvideo where API video may be sent."""
    if media["kind"] == "video" and not media["permanent"]:
        raise ErrcodeError(40007)
    if media["by_api"] and not call.api_video:
        raise ErrcodeError(48022)
    return media


@rule(
    "reach",
    source="Batch sends guide, MASSSENDJOBFINISH (2026-11)",
    unsure="filters by region or sex do not exist here",
)
def reach(call: ApiCall, addressed: int) -> int:
    """Followers who left, were blocked, or had four messages of a 服务号 this month are dropped silently."""
    reached = addressed & call.account.subscribed & ~call.account.blocked
    if not call.quota or call.account.kind != "service":
        return reached
    rows = call.db.execute(
        "SELECT delivered FROM job WHERE appid = ? AND created_at >= ? AND status != 'SEND_FAIL'",
        (call.appid, clock.month_start(call.now)),
    )
    return reached & ~bitmaps.in_at_least((bitmaps.from_blob(row[0]) for row in rows), MONTHLY)


@rule(
    "protection",
    source="Batch sends guide, API 群发保护 (2026-11)",
    unsure="the call is accepted and the job waits; the platform may answer 89505 instead",
)
def confirm_by(account: OfficialAccount, now: float, *, to_all: bool) -> float | None:
    """With protection on, a send to everyone waits 30 minutes for the administrator, then fails."""
    return now + CONFIRM_S if to_all and account.options.protection else None


@rule(
    "originality",
    source="Batch sends and originality checks (2026-11)",
    unsure="the platform compares texts; the sandbox compares titles with its list of originals",
)
def originality(
    db: sqlite3.Connection, articles: list[Mapping[str, Any]], *, ignore_reprint: bool
) -> tuple[str, Json]:
    """An article judged a reprint stops the job unless its author allows it and send_ignore_reprint is 1."""
    items, worst = [], 1
    for index, article in enumerate(articles, 1):
        original = store.first(db, "SELECT * FROM original WHERE title = ?", (article.get("title", ""),))
        if original is not None:
            worst = max(worst, 2 if original["can_reprint"] else 3)
            items.append(_reprint(index, original))
    verdict = SUCCESS
    if worst == 3:
        verdict = "err(30002)"
    elif worst == 2 and not ignore_reprint:
        verdict = "err(30003)"
    return verdict, {"Count": len(items), "ResultList": {"item": items}, "CheckState": worst}


def _reprint(index: int, original: sqlite3.Row) -> Json:
    return {
        "ArticleIdx": index,
        "UserDeclareState": 0,
        "AuditState": 11,
        "OriginalArticleUrl": original["url"],
        "OriginalArticleType": 1,
        "CanReprint": original["can_reprint"],
        "NeedReplaceContent": original["can_reprint"],
        "NeedShowReprintSource": original["can_reprint"],
    }


@rule(
    "recall", 40059, 40065, 40060,
    source="deleteMassMsg (2026-11)",
    unsure="which of 40059 and 40065 a text job answers is not stated; the sandbox answers 40059",
)  # fmt: skip
def check_recallable(job: sqlite3.Row | None) -> sqlite3.Row:
    """Only finished article and video jobs sent by API can be recalled."""
    if job is None or job["msgtype"] not in RECALLABLE:
        raise ErrcodeError(40059)
    if job["status"] != "SEND_SUCCESS":
        raise ErrcodeError(40065)
    return job


def preview_follower(call: ApiCall) -> int:
    """Find the follower a preview goes to; 40132, 40003 or 43004 without one."""
    if call.body.get("towxname"):
        wxname = text(call.body, "towxname", 40132)
        query = "SELECT n FROM follower WHERE appid = ? AND wxname = ?"
        follower = int(named_row(call, 40132, query, call.appid, wxname)["n"])
    else:
        follower = follower_number(call, text(call.body, "touser", 40003))
    if not call.account.subscribed >> follower & 1:
        raise ErrcodeError(43004)
    return follower


def count_preview(call: ApiCall) -> None:
    """Count a preview by WeChat name; refuse with 45009 when the day has had enough of them."""
    if call.strict or call.body.get("towxname"):
        used = count(call.db, call.appid, "towxname", f"preview {clock.day(call.now)}")
        if call.quota and used > PREVIEWS_A_DAY:
            raise ErrcodeError(45009)
