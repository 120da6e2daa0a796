"""Mass sending: to everyone or a tag, to openids, to one tester; state, recall, speed."""

from __future__ import annotations

import json
import sqlite3

from wechat_sandbox import store, strict_json
from wechat_sandbox.answers import OK, ErrcodeError, Json, encode
from wechat_sandbox.calls import (
    SERVICE,
    TAGGERS,
    VERIFIED,
    ApiCall,
    HttpRequest,
    flag,
    number,
    serve,
    text,
)
from wechat_sandbox.mass import content, models, rules
from wechat_sandbox.outcomes import SUCCESS

SENDS = ("/cgi-bin/message/mass/sendall", "/cgi-bin/message/mass/send")
ACCEPTED = "send job submission success"


def send_key(request: HttpRequest) -> tuple[str, str]:
    """Return a send by its token and clientmsgid; two empty texts for anything else."""
    if request.path not in SENDS:
        return "", ""
    try:
        body = strict_json.read(request.raw)
    except ValueError:
        return "", ""
    key = body.get("clientmsgid") if isinstance(body, dict) else None
    return (request.query.get("access_token", ""), key) if isinstance(key, str) else ("", "")


@serve("/cgi-bin/message/mass/sendall", who=TAGGERS, needs_body=True, daily=100, minute=60)
def sendall(call: ApiCall) -> Json:
    """Accept a job to everyone or to a tag. Source: sendAll (2026-11)."""
    to_all, addressed = rules.filter_audience(call)
    return _submit(call, addressed, to_all=to_all)


@serve("/cgi-bin/message/mass/send", who=SERVICE, needs_body=True, daily=100, minute=60)
def send(call: ApiCall) -> Json:
    """Accept a job to a list of openids. Source: massSend (2026-11)."""
    return _submit(call, rules.openid_audience(call), to_all=False)


def _submit(call: ApiCall, addressed: int, *, to_all: bool) -> Json:
    """Run the rules both kinds share, then store the job; its success uses up the draft."""
    client_id = rules.clientmsgid(call.body)
    ignore_reprint = flag(call.body, "send_ignore_reprint")
    rules.check_repeat(call, client_id)
    rules.check_test_account(call)
    message = content.read(call)
    rules.check_allowance(call, to_all=to_all)
    articles = message.get("articles", [])
    verdict, originality = rules.originality(call.db, articles, ignore_reprint=ignore_reprint)
    confirm_by = rules.confirm_by(call.account, call.now, to_all=to_all)
    reached = rules.reach(call, addressed)
    ids = models.add(
        call.db,
        appid=call.appid,
        endpoint=call.request.path,
        body=call.body,
        content=message,
        clientmsgid=client_id,
        is_to_all=to_all,
        total=addressed.bit_count(),
        delivered=reached,
        created_at=call.now,
        finish_at=confirm_by or call.now + models.duration_s(call.db, call.account, reached.bit_count()),
        confirm_by=confirm_by,
        verdict=call.account.options.verdict if verdict == SUCCESS else verdict,
        copyright=originality if "articles" in message else {},
        draft=call.body["mpnews"]["media_id"] if "articles" in message else "",
        takes_draft="articles" in message and rules.takes_draft(call, to_all=to_all),
    )
    return {"errcode": 0, "errmsg": ACCEPTED, **ids}


@serve("/cgi-bin/message/mass/preview", who=TAGGERS, needs_body=True)
def preview(call: ApiCall) -> Json:
    """Send one message to one follower; towxname wins over touser, and drafts stay.

    Source: preview (2026-11), whose response has no msg_id; older pages show one: strictly none.
    """
    follower = rules.preview_follower(call)
    message = content.read(call, preview=True)
    rules.count_preview(call)
    row = {"appid": call.appid, "n": follower, "msgtype": call.body["msgtype"], "created_at": call.now}
    store.insert(call.db, "preview", {**row, "content": encode(message), "body": encode(call.body)})
    ids = {} if call.strict else {"msg_id": store.next_id(call.db, "msg_id", models.FIRST_MSG_ID)}
    return {"errcode": 0, "errmsg": "preview success", **ids}


@serve("/cgi-bin/message/mass/get", who=TAGGERS, needs_body=True)
def get(call: ApiCall) -> Json:
    """Return a job's state. Source: massmsgget (2026-11)."""
    job = _job(call)
    if job is None:
        raise ErrcodeError(40059)
    return {"msg_id": job["msg_id"], "msg_status": job["status"]}


def _job(call: ApiCall) -> sqlite3.Row | None:
    """Look up the job a call names, its msg_id a number or a string."""
    query = "SELECT * FROM job WHERE appid = ? AND msg_id = ?"
    return store.first(call.db, query, (call.appid, number(call.body, "msg_id", 40059)))


@serve("/cgi-bin/message/mass/delete", who=TAGGERS, needs_body=True, daily=10)
def delete(call: ApiCall) -> Json:
    """Recall a finished article or video job, whole or one article.

    Source: deleteMassMsg (2026-11). Pages go blank, cards stay in the chats; where several sends share an
    article, all lose it.
    """
    if call.body.get("msg_id"):
        named, index = _job(call), number(call.body, "article_idx", 40060, default=0)
    else:
        named, index = models.find_by_link(call.db, call.appid, text(call.body, "url", 40059))
    job = rules.check_recallable(named)
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
    """Return the sending speed. Source: getSpeed (2026-11); its example contradicts the table."""
    speed = models.speed(call.db, call.appid)
    return {"speed": speed, "realspeed": models.SPEEDS[speed]}


@serve("/cgi-bin/message/mass/speed/set", who=VERIFIED, needs_body=True)
def speed_set(call: ApiCall) -> Json:
    """Set the sending speed, 0 the fastest to 4; a running job keeps its own. Source: setSpeed (2026-11)."""
    if "speed" not in call.body:
        raise ErrcodeError(45084)
    speed = number(call.body, "speed", 45083)
    if not 0 <= speed < len(models.SPEEDS):
        raise ErrcodeError(45083)
    models.set_speed(call.db, call.appid, speed)
    return OK
