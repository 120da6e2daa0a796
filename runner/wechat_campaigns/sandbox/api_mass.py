"""Mass sending: to everyone or a tag, to openids, to one tester; state, recall, speed."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from wechat_campaigns.sandbox import clock, contents, jobs, rules, store
from wechat_campaigns.sandbox.accounts import numbers_of
from wechat_campaigns.sandbox.answers import OK, Refused, encode
from wechat_campaigns.sandbox.api_draft import use_up
from wechat_campaigns.sandbox.calls import (
    SERVICE,
    TAGGERS,
    VERIFIED,
    Call,
    Endpoint,
    flag,
    named_row,
    number,
    text,
)

ACCEPTED = "send job submission success"
PREVIEWS_A_DAY = 100
SPEEDS = (80, 60, 45, 30, 10)
"""Ten thousand receivers a minute by speed."""
DEFAULT_SPEED = 0


def sendall(call: Call) -> dict[str, Any]:
    """Accept a job to everyone or to a tag. Source: sendAll (2026-11)."""
    to_all, chosen = rules.audience(call)
    return _submit(call, chosen, to_all=to_all)


def send(call: Call) -> dict[str, Any]:
    """Accept a job to a list of openids. Source: massSend (2026-11)."""
    return _submit(call, rules.openids(call), to_all=False)


def _submit(call: Call, chosen: int, *, to_all: bool) -> dict[str, Any]:
    """Run the rules both kinds share, then store the job and use up its draft."""
    client_id = rules.clientmsgid(call.body)
    ignore_reprint = flag(call.body, "send_ignore_reprint")
    rules.repeated(call.db, call.appid, client_id, call.now)
    content = contents.read(call)
    rules.allowance(call, to_all=to_all)
    verdict, copyright_result = rules.originality(
        call.db, content.get("articles", []), ignore_reprint=ignore_reprint
    )
    confirm_by = rules.confirm_by(call.account, call.now, to_all=to_all)
    job = jobs.NewJob(
        appid=call.appid,
        endpoint=call.path,
        body=call.body,
        content=content,
        clientmsgid=client_id,
        is_to_all=to_all,
        total=chosen.bit_count(),
        delivered=rules.reach(call, chosen),
        created_at=call.now,
        finish_at=confirm_by or call.now + call.account.options.finish_after_s,
        confirm_by=confirm_by,
        verdict=call.account.options.verdict if verdict == jobs.SUCCESS else verdict,
        copyright=copyright_result if "articles" in content else {},
    )
    ids = jobs.accept(call.db, job)
    if "articles" in content:
        use_up(call.db, call.appid, call.body["mpnews"]["media_id"])
    return {"errcode": 0, "errmsg": ACCEPTED, **ids}


def preview(call: Call) -> dict[str, Any]:
    """Send one message to one follower; towxname wins over touser, and drafts stay.

    Source: preview (2026-11).
    """
    follower = _receiver(call)
    content = contents.read(call, preview=True)
    if call.body.get("towxname"):
        named = store.count(call.db, call.appid, "towxname", f"preview {clock.day(call.now)}")
        if call.quota and named > PREVIEWS_A_DAY:
            raise Refused(45009)
    kept = {"appid": call.appid, "n": follower, "msgtype": call.body["msgtype"], "created_at": call.now}
    store.insert(call.db, "preview", {**kept, "content": encode(content), "body": encode(call.body)})
    msg_id = store.next_id(call.db, "msg_id", jobs.FIRST_MSG_ID)
    return {"errcode": 0, "errmsg": "preview success", "msg_id": msg_id}


def _receiver(call: Call) -> int:
    """Find the follower a preview goes to; 40132, 40003 or 43004 when there is none."""
    if call.body.get("towxname"):
        wxname = text(call.body, "towxname", 40132)
        query = "SELECT n FROM follower WHERE appid = ? AND wxname = ?"
        follower = int(named_row(call, 40132, query, call.appid, wxname)["n"])
    else:
        openid = text(call.body, "touser", 40003)
        known = numbers_of(call.db, call.appid, [openid])
        if openid not in known:
            raise Refused(40003)
        follower = known[openid]
    if not call.account.subscribed >> follower & 1:
        raise Refused(43004)
    return follower


def get(call: Call) -> dict[str, Any]:
    """Tell a job's state. Source: massmsgget (2026-11)."""
    job = _job(call)
    if job is None:
        raise Refused(40059)
    return {"msg_id": job["msg_id"], "msg_status": job["status"]}


def _job(call: Call) -> sqlite3.Row | None:
    """Look up the job a call names, its msg_id a number or a string."""
    return jobs.find(call.db, call.appid, number(call.body, "msg_id", 40059))


def delete(call: Call) -> dict[str, Any]:
    """Recall a finished article or video job, whole or one article.

    Source: deleteMassMsg (2026-11). Pages go blank, cards stay in the chats; several sends of one article do
    not occur here, as a draft is sent once.
    """
    job, index = (
        _named(call)
        if not call.body.get("msg_id")
        else (_job(call), number(call.body, "article_idx", 40060, default=0))
    )
    job = rules.recallable(job)
    count = len(json.loads(job["content"]).get("articles", [None]))
    if not 0 <= index <= count:
        raise Refused(40060)
    gone = set(json.loads(job["recalled"])) | ({index} if index else set(range(1, count + 1)))
    call.db.execute(
        "UPDATE job SET recalled = ?, status = ? WHERE msg_id = ?",
        (encode(sorted(gone)), "DELETE" if len(gone) == count else job["status"], job["msg_id"]),
    )
    return OK


def _named(call: Call) -> tuple[sqlite3.Row | None, int]:
    """Find job and article by the link of an article."""
    url = call.body.get("url")
    if not isinstance(url, str) or not url:
        raise Refused(40059)
    query = dict(part.partition("=")[::2] for part in url.partition("?")[2].partition("#")[0].split("&"))
    job = call.db.execute(
        "SELECT * FROM job WHERE appid = ? AND CAST(msg_data_id AS TEXT) = ?",
        (call.appid, query.get("mid", "")),
    ).fetchone()
    return job, number(query, "idx", 40060, default=1)


def speed_get(call: Call) -> dict[str, Any]:
    """Tell the sending speed. Source: getSpeed (2026-11); its example contradicts the table."""
    speed = int(store.get(call.db, f"speed:{call.appid}", DEFAULT_SPEED))
    return {"speed": speed, "realspeed": SPEEDS[speed]}


def speed_set(call: Call) -> dict[str, Any]:
    """Set the sending speed, 0 the fastest to 4. Source: setSpeed (2026-11)."""
    if "speed" not in call.body:
        raise Refused(45084)
    speed = number(call.body, "speed", 45083)
    if not 0 <= speed < len(SPEEDS):
        raise Refused(45083)
    store.put(call.db, f"speed:{call.appid}", speed)
    return OK


ENDPOINTS = (
    Endpoint(
        path="/cgi-bin/message/mass/sendall", run=sendall, who=VERIFIED, needs_body=True, daily=100, minute=60
    ),
    Endpoint(path="/cgi-bin/message/mass/send", run=send, who=SERVICE, needs_body=True, daily=100, minute=60),
    Endpoint(path="/cgi-bin/message/mass/preview", run=preview, who=TAGGERS, needs_body=True),
    Endpoint(path="/cgi-bin/message/mass/get", run=get, who=TAGGERS, needs_body=True),
    Endpoint(path="/cgi-bin/message/mass/delete", run=delete, who=VERIFIED, needs_body=True, daily=10),
    Endpoint(path="/cgi-bin/message/mass/speed/get", run=speed_get, method="ANY", who=VERIFIED),
    Endpoint(path="/cgi-bin/message/mass/speed/set", run=speed_set, who=VERIFIED, needs_body=True),
)
