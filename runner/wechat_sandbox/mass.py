"""Mass sending: to everyone or a tag, to openids, to one tester; state, recall, speed.

The audience of a job is fixed when the job is accepted.
"""

import json
import sqlite3

from wechat_sandbox import accounts, callbacks, clock, drafts, store
from wechat_sandbox import mass_rules as rules
from wechat_sandbox.answers import OK, ErrcodeError, Json, encode, read_json
from wechat_sandbox.calls import SERVICE, TAGGERS, VERIFIED, ApiCall, HttpRequest, flag, number, serve
from wechat_sandbox.drafts import ARRIVED, FIRST_MSG_DATA_ID, SUCCESS, article_url

SENDALL, SEND = "/cgi-bin/message/mass/sendall", "/cgi-bin/message/mass/send"
FIRST_MSG_ID = 3147483649
"""By tag or openid: above 2^31 as on WeChat, so that clients with 32-bit ids fail."""
FIRST_MSG_ID_TO_ALL = 1000000001
"""To everyone, a series of its own as on WeChat."""
SPEEDS = (80, 60, 45, 30, 10)
"""Ten thousand followers a minute by speed, as the pages of getSpeed and setSpeed have it (2026-11)."""
NO_LINKS = {"Count": 0, "ResultList": {}}
"""Events of jobs without articles carry it, and CheckState 0, as seen in the field."""


def send_key(request: HttpRequest) -> tuple[str, str]:
    """Return a send by its token and clientmsgid; two empty texts for anything else."""
    if request.path not in (SENDALL, SEND):
        return "", ""
    try:
        body = read_json(request.raw)
    except ValueError:
        return "", ""
    key = body.get("clientmsgid") if isinstance(body, dict) else None
    return (request.query.get("access_token", ""), key) if isinstance(key, str) else ("", "")


@serve(SENDALL, who=TAGGERS, daily=100, minute=60)
def sendall(call: ApiCall) -> Json:
    """Accept a job to everyone or to a tag. Source: sendAll (2026-11)."""
    to_all, addressed = rules.filter_audience(call)
    return _submit(call, addressed, to_all=to_all)


@serve(SEND, who=SERVICE, daily=100, minute=60)
def send(call: ApiCall) -> Json:
    """Accept a job to a list of openids. Source: massSend (2026-11)."""
    return _submit(call, rules.openid_audience(call), to_all=False)


def _submit(call: ApiCall, addressed: int, *, to_all: bool) -> Json:
    """Run the rules both kinds share, then store the job."""
    client_id = rules.clientmsgid(call.body)
    flag(call.body, "send_ignore_reprint")
    rules.check_repeat(call, client_id)
    rules.check_test_account(call)
    message = rules.read_message(call)
    rules.check_allowance(call, to_all=to_all)
    reached = rules.reach(call, addressed)
    waits = rules.needs_confirmation(call.account, to_all=to_all)
    lasts_s = rules.CONFIRM_S if waits else call.account.options.finish_after_s
    has_articles = "articles" in message
    draft = call.body["mpnews"]["media_id"] if has_articles else ""
    series = ("msg_id_to_all", FIRST_MSG_ID_TO_ALL) if to_all else ("msg_id", FIRST_MSG_ID)
    ids = {"msg_id": store.next_id(call.db, *series)}
    if has_articles:
        ids["msg_data_id"] = _msg_data_id(call, draft)
    row = {
        **ids,
        "appid": call.appid,
        "endpoint": call.request.path,
        "msgtype": call.body["msgtype"],
        "body": encode(call.body),
        "content": encode(message),
        "clientmsgid": client_id,
        "is_to_all": to_all,
        "created_at": call.now,
        "finish_at": call.now + lasts_s,
        "waits": waits,
        "status": "SENDING",
        "verdict": call.account.options.verdict,
        "total": addressed.bit_count(),
        "delivered": store.set_blob(reached),
        "delivered_count": reached.bit_count(),
        "draft": draft,
    }
    store.insert(call.db, "job", row)
    return {"errcode": 0, "errmsg": "send job submission success", **ids}


def _msg_data_id(call: ApiCall, draft: str) -> int:
    """Draw the id of a send's articles; the same draft keeps it, and its links, when sent again that day."""
    query = "SELECT msg_data_id FROM job WHERE appid = ? AND draft = ? AND created_at >= ?"
    earlier = store.first(call.db, query, (call.appid, draft, clock.day_start(call.now)))
    if earlier is not None:
        return int(earlier["msg_data_id"])
    return store.next_id(call.db, "msg_data_id", FIRST_MSG_DATA_ID)


@serve("/cgi-bin/message/mass/preview", who=TAGGERS)
def preview(call: ApiCall) -> Json:
    """Send one message to one follower; towxname wins over touser, and drafts stay.

    Source: preview (2026-11), whose response has no msg_id; older pages show one.
    """
    follower = rules.preview_follower(call)
    message = rules.read_message(call)
    rules.count_preview(call)
    row = {"appid": call.appid, "n": follower, "msgtype": call.body["msgtype"], "created_at": call.now}
    store.insert(call.db, "preview", {**row, "content": encode(message)})
    return {"errcode": 0, "errmsg": "preview success"}


@serve("/cgi-bin/message/mass/get", who=TAGGERS)
def get(call: ApiCall) -> Json:
    """Return a job's state. Source: massmsgget (2026-11)."""
    job = _job(call)
    if job is None:
        raise ErrcodeError(40059)
    return {"msg_id": job["msg_id"], "msg_status": job["status"]}


def _job(call: ApiCall) -> sqlite3.Row | None:
    """Return the job that a call names, its msg_id a number or a string."""
    return store.find(call.db, "job", appid=call.appid, msg_id=number(call.body, "msg_id", 40059))


@serve("/cgi-bin/message/mass/delete", who=TAGGERS, daily=10)
def delete(call: ApiCall) -> Json:
    """Recall a finished article or video job, whole or one article.

    Source: deleteMassMsg (2026-11). Pages go blank, cards stay in the chats; where several sends share an
    article, all lose it.
    """
    index = number(call.body, "article_idx", 40060, default=0)
    job = rules.check_recallable(_job(call))
    count = len(json.loads(job["content"]).get("articles", [None]))
    if not 0 <= index <= count:
        raise ErrcodeError(40060)
    recalled = set(json.loads(job["recalled"])) | ({index} if index else set(range(1, count + 1)))
    call.db.execute(
        "UPDATE job SET recalled = ?, status = CASE WHEN ? AND status = 'SEND_SUCCESS' THEN 'DELETE'"
        " ELSE status END WHERE msg_id = ? OR (appid = ? AND msg_data_id = ?)",
        (encode(sorted(recalled)), len(recalled) == count, job["msg_id"], call.appid, job["msg_data_id"]),
    )
    return OK


@serve("/cgi-bin/message/mass/speed/get", method="ANY", who=VERIFIED)
def speed_get(call: ApiCall) -> Json:
    """Return the sending speed, the fastest until it is set.

    Source: getSpeed (2026-11), which states no default and whose example contradicts the table of `SPEEDS`.
    """
    speed = store.get(call.db, f"speed:{call.appid}", 0)
    return {"speed": speed, "realspeed": SPEEDS[speed]}


@serve("/cgi-bin/message/mass/speed/set", who=VERIFIED)
def speed_set(call: ApiCall) -> Json:
    """Set the sending speed, from 0, the fastest, to 4; jobs last no longer. Source: setSpeed (2026-11)."""
    if "speed" not in call.body:
        raise ErrcodeError(45084)
    speed = number(call.body, "speed", 45083)
    if not 0 <= speed < len(SPEEDS):
        raise ErrcodeError(45083)
    store.put(call.db, f"speed:{call.appid}", speed)
    return OK


def advance(db: sqlite3.Connection, now: float) -> None:
    """Finish the jobs whose time has come."""
    due = db.execute(
        "SELECT * FROM job WHERE status = 'SENDING' AND finish_at <= ? ORDER BY finish_at, msg_id", (now,)
    )
    for job in due.fetchall():
        verdict = "err(40002)" if job["waits"] else job["verdict"]
        _finish(db, job, verdict, now)


def _finish(db: sqlite3.Connection, job: sqlite3.Row, verdict: str, now: float) -> None:
    """End one job with a verdict; only a success reaches the followers."""
    is_success, has_articles = verdict == SUCCESS, job["msg_data_id"] is not None
    db.execute(
        "UPDATE job SET status = ?, verdict = ?, waits = 0 WHERE msg_id = ?",
        ("SEND_SUCCESS" if is_success else "SEND_FAIL", verdict, job["msg_id"]),
    )
    # Not by a send to openids. Sources: draft_add, sendAll, older Batch sends guide (2026-11), which disagree
    # about a send to a tag.
    if is_success and job["endpoint"] == SENDALL:
        drafts.remove(db, job["appid"], job["draft"])
    sent = job["delivered_count"] if is_success else 0
    event = {
        "Event": "MASSSENDJOBFINISH",
        "MsgID": job["msg_id"],
        "Status": verdict,
        "TotalCount": job["total"],
        "FilterCount": job["delivered_count"],
        "SentCount": sent,
        "ErrorCount": job["delivered_count"] - sent,
        "CopyrightCheckResult": {**NO_LINKS, "CheckState": int(has_articles)},
        "ArticleUrlResult": _links(job) if is_success and has_articles else NO_LINKS,
    }
    callbacks.add(db, job["appid"], event, now)


def _links(job: sqlite3.Row) -> Json:
    """List the permanent links of a job's articles, as the event does."""
    count = len(json.loads(job["content"])["articles"])
    links = [
        {"ArticleIdx": index, "ArticleUrl": article_url(job["appid"], job["msg_data_id"], index)}
        for index in range(1, count + 1)
    ]
    return {"Count": count, "ResultList": {"item": links}}


def decide(db: sqlite3.Connection, msg_id: int, *, confirmed: bool, now: float) -> sqlite3.Row | None:
    """Confirm or refuse a waiting job as the administrator; the job then, None when none of that id waits."""
    job = store.find(db, "job", msg_id=msg_id, status="SENDING")
    account = accounts.find(db, job["appid"]) if job else None
    if job is None or account is None or not job["waits"]:
        return None
    if confirmed:
        finish_at = now + account.options.finish_after_s
        db.execute("UPDATE job SET waits = 0, finish_at = ? WHERE msg_id = ?", (finish_at, msg_id))
        advance(db, now)
    else:
        _finish(db, job, "err(40001)", now)
    return store.find(db, "job", msg_id=msg_id)


def whole_job_json(row: sqlite3.Row) -> Json:
    """Describe a job with the body received, its content and the parts recalled."""
    return {**job_json(row), **{name: json.loads(row[name]) for name in ("body", "content", "recalled")}}


def job_json(row: sqlite3.Row) -> Json:
    """Describe a job without what it sends."""
    names = ("msg_id", "msg_data_id", "appid", "endpoint", "msgtype", "clientmsgid", "status", "verdict")
    return {
        **{name: row[name] for name in (*names, "total")},
        "waiting_for_admin": bool(row["waits"]),
        "created_at": clock.iso(row["created_at"]),
        "finish_at": clock.iso(row["finish_at"]),
        "filtered": row["total"] - row["delivered_count"],
        "delivered": row["delivered_count"] if row["status"] in ARRIVED else 0,
    }
