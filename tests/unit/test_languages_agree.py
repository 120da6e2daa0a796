"""What is stored, hashed or compared is the same in every language: plans, plan files, ledgers."""

import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any
from unittest import mock

from tests.support.factories import (
    NOW,
    FakeWorkspace,
    MemoryLedger,
    ScriptedApi,
    Stops,
    intent_of,
    make_article,
    make_known,
    make_send,
    make_settings,
    make_state,
    plan_of,
    view_of,
)
from tests.support.pseudo_locale import PseudoTranslations, use_translations
from wechat_campaigns.core.content import MediaIds
from wechat_campaigns.core.digest import canonical
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.messages import Articles
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.json import plan_data
from wechat_campaigns.send.apply import apply
from wechat_campaigns.send.outcome import Result, SendOutcome
from wechat_campaigns.send.posting import RunContext
from wechat_campaigns.wechat.responses import no_response_error, raise_for_errcode
from wechat_campaigns.wechat.transport import Request, Transport

OTHERS = (PseudoTranslations(), None)
"""Another language, and English."""
POLICY = Policy(allow_to_all=False, allowed_links=("example.com",), duplicate_content_days=0)
SETTINGS = make_settings(policy=POLICY)
ARTICLES = Articles(articles=(make_article(),))
SENDS = (
    make_send("due"),
    make_send("blocked", filter=Filter(is_to_all=True)),
    make_send("link", "看 https://else.invalid/a"),
    make_send("later", not_before=NOW + timedelta(hours=2)),
    make_send("over", not_after=NOW - timedelta(hours=2)),
    make_send("no-tag", filter=Filter(tag="没有")),
    make_send("edited", "改过"),
)
SENT = make_state((EventKind.INTENT, intent_of(make_send("edited"))),
                  (EventKind.ACCEPTED, {"send": "edited", "revision": 1, "call": 1}))  # fmt: skip


def in_both(job: Callable[[], Any]) -> list[Any]:
    found = []
    for language in OTHERS:
        with use_translations(language):
            found.append(job())
    return found


def planned() -> tuple[str, dict[str, Any]]:
    plan = plan_of(*SENDS, settings=SETTINGS, state=SENT)
    return plan.plan_digest, json.loads(canonical(plan_data(view_of(plan))))


def test_plan_file_is_the_same_in_every_language():
    (other, file), (english, ours) = in_both(planned)
    assert other == english
    assert file == ours
    assert {send["action"] for send in file["sends"]} == {
        "send", "blocked", "scheduled", "expired", "conflict",
    }  # fmt: skip
    assert {send["code"] for send in file["sends"]} >= {
        "new",
        "policy",
        "window_not_open",
        "unknown-tag",
        "edited",
    }


class ScriptedPlatform:
    """One account; each send gets the answer of its own name, given by the modules that word it."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    def mass_sendall(self, body: Any, **_more: Any) -> Any:
        name = body["text"]["content"] if "text" in body else ""
        if name == "spam":
            raise_for_errcode(
                "/cgi-bin/message/mass/sendall", {"errcode": 45002, "errmsg": "too long rid: 1-2"}
            )
        if name == "unreachable":
            nobody = "http://127.0.0.1:1"
            request = Request(method="POST", path="/cgi-bin/x", body=b"{}")
            Transport(nobody).exchange(request)
        if name == "lost":
            raise no_response_error("/cgi-bin/x", _("the connection was interrupted"))
        return {"errcode": 0, "msg_id": 7}

    def run(self, *sends: Send) -> tuple[SendOutcome, ...]:
        settings = make_settings(policy=Policy(duplicate_content_days=0))
        api = ScriptedApi(material_add_material={"media_id": "M"}, draft_add="D", draft_get=_drafts())
        api.mass_sendall = self.mass_sendall
        workspace: Any = FakeWorkspace(api, self.ledger, settings, read=lambda _file: b"cover")
        plan = plan_of(*sends, settings=settings, remote_facts={"main": make_known()})
        return apply(
            plan, workspace=workspace, run_context=RunContext(plan_digest="p" * 64), stopping=Stops()
        )


def _drafts(**changes: Any) -> dict[str, Any]:
    done = {upload.key: "M" for upload in ARTICLES.uploads()}
    given = ARTICLES.draft_articles(MediaIds(upload_results=done, material_ids={}))
    return {"news_item": [{**given[0], "content": "<section>正文</section>", **changes}]}


def applied() -> tuple[list[dict[str, Any]], list[SendOutcome]]:
    """Run sends that end in every way; one account stops at the first that cannot get through."""
    events, outcomes = [], []
    nonces = map(str, count())
    with mock.patch.object(secrets, "token_hex", side_effect=nonces):
        _apply(events, outcomes)
    return events, outcomes


def _apply(events: list[dict[str, Any]], outcomes: list[SendOutcome]) -> None:
    for sends in (
        [make_send("articles", content=ARTICLES), make_send("spam", "spam"), make_send("taken", "taken")],
        [make_send("lost", "lost"), make_send("unreachable", "unreachable")],
    ):
        platform = ScriptedPlatform()
        outcomes += platform.run(*sends)
        events += [event.as_dict() for event in platform.ledger.events()]


def test_an_apply_leaves_the_same_ledger_in_every_language():
    (events, told), (ours, told_english) = in_both(applied)
    assert events == ours
    results = [outcome.result for outcome in told]
    assert results == [outcome.result for outcome in told_english]
    assert {*results} == {Result.ACCEPTED, Result.REJECTED, Result.NOT_SENT, Result.UNKNOWN}
    assert all(outcome.reason.startswith("«") for outcome in told)
    kept = [event["data"] for event in events]
    assert [data.get("errcode", data.get("reason")) for data in kept if {"errcode", "reason"} & {*data}] == [
        45002,
        "not_sent",
    ]
    assert not any("why" in data for data in kept), "words are made for who reads"
