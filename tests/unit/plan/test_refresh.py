"""The packages in a row, from files to a plan."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.factories import NOW, TAGS, ScriptedApi, intent_of, make_settings, make_state, named
from wechat_campaigns.core.errors import NotSentError
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.planner import make_plan
from wechat_campaigns.plan.resolve import refresh
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.source.files import Files

GOOD = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"
BROKEN = "filter: {tag: 会员}\nmsgtype: text\n"
UNDEFINED = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ nobody }}'\n"
TOO_LONG = "filter: {tag: 会员}\nmsgtype: text\ncontent: " + "长" * 5000 + "\n"
TO_ALL = "filter: {is_to_all: true}\nmsgtype: text\ncontent: 大家好\n"


def prepared(root: Path, only: tuple[str, ...] = (), **files: str) -> CompileResult:
    for name, text in files.items():
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    return compile_campaigns(root, settings=make_settings(), files=Files(root), only=only)


def test_each_file_becomes_a_send_or_its_problems(tmp_path: Path):
    """One bad campaign of each kind does not hide the good one, and every one is named."""
    made = prepared(tmp_path, good=GOOD, broken=BROKEN, undefined=UNDEFINED, toolong=TOO_LONG)
    assert [send.id for send in made.sends] == ["good"]
    assert len(made.invalid) == 3
    assert all(invalid.problems for invalid in made.invalid)
    assert len(made.errors) >= 3


def test_selection_prepares_only_the_named_campaigns(tmp_path: Path):
    made = prepared(tmp_path, ("good",), good=GOOD, broken=BROKEN)
    assert ([send.id for send in made.sends], made.errors) == (["good"], ())


def api_of(**answers: Any) -> ScriptedApi:
    given = {"tags_get": [list(TAGS)], "user_get": {"total": 5}, "openapi_quota_get": {"remain": 9}}
    return ScriptedApi(**(given | answers))


def asked(made: CompileResult, api: ScriptedApi, state: LedgerState | None = None) -> Any:
    context = DecisionContext(settings=make_settings(), state=state or LedgerState(), now=NOW)
    return refresh(made.sends, context, connect=lambda _account: api, clock=lambda: NOW)


def test_survey_queries_only_accounts_with_pending_sends(tmp_path: Path):
    made, api = prepared(tmp_path, good=GOOD), api_of()
    send = made.sends[0]
    state = make_state((EventKind.INTENT, intent_of(send)), (EventKind.ACCEPTED, named(send)))
    assert asked(made, api, state) == {}
    assert api.calls == []
    assert set(asked(made, api)) == {"main"}


def test_an_account_that_does_not_answer_is_an_error_of_its_own(tmp_path: Path):
    made = prepared(tmp_path, good=GOOD)
    fault = NotSentError("no connection", hint="check the network", location="/cgi-bin/tags/get")
    facts = asked(made, api_of(tags_get=fault))["main"]
    assert facts.offline
    assert facts.error is not None
    assert facts.error.location == "account main, /cgi-bin/tags/get"


def test_plan_from_files(tmp_path: Path):
    made = prepared(tmp_path, good=GOOD, all=TO_ALL, broken=BROKEN)
    plan = make_plan(
        made.sends,
        invalid=made.invalid,
        context=DecisionContext(settings=make_settings(), state=LedgerState(), now=NOW),
        remote_facts=asked(made, api_of()),
    )
    assert {p.send.id: p.action.value for p in plan.sends} == {"good": "send", "all": "blocked"}
    assert [invalid.id for invalid in plan.invalid] == [made.invalid[0].id]
    assert plan.expires_at == NOW + timedelta(hours=24)
