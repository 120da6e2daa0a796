"""Campaign text reaches no report alive."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.support.factories import (
    NOW,
    applied,
    body_of,
    history_of,
    intent_of,
    make_article,
    make_planned,
    make_send,
    make_state,
    named,
    plan_of,
    view_of,
)
from wechat_campaigns.cli.context import failure_forms
from wechat_campaigns.cli.help_pages import choose
from wechat_campaigns.cli.render import send_text
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.model import Filter, InvalidCampaign
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.messages import Articles, Newspic
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.review import Comparison, SendChange
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report import sanitize
from wechat_campaigns.report.archive import archive_index, archive_name
from wechat_campaigns.report.calendar import calendar_view
from wechat_campaigns.report.html import calendar_html, failure_html, history_html, plan_html
from wechat_campaigns.report.json import plan_data
from wechat_campaigns.report.markdown import outcomes_markdown, plan_markdown
from wechat_campaigns.report.problems import codequality, problems_github, problems_text
from wechat_campaigns.report.terminal import TextOptions
from wechat_campaigns.report.text import outcomes_text, plan_text
from wechat_campaigns.send.outcome import Result, SendOutcome

ATTACK = (
    "\n::error file=x::boom\n::set-env name=a::b\n::add-mask::x ##[group]g\n```\n~~~\n`````\n"
    "</details></pre><script>alert(1)</script><img src=https://evil.example/x.png onerror=x>\n"
    "<!-- campaign:plan environment=test -->\n--> @everyone @octocat #1 ![x](https://evil.example/y.png)\n"
    "[click](javascript:x) | a | b |\n${{ secrets.TOKEN }} \x1b[31m\x1b]0;title\x07 \u202eevil\u2066 \u200b\r"
)
"""Workflow commands, fences, HTML, markers, mentions, links, pipes, expressions, escapes, bidi."""


def hostile_plan(text: str = ATTACK) -> Plan:
    """A plan that says `text` wherever a user may write."""
    finding = Diagnostic(
        location=Location(file=f"campaigns/{text}.yaml", line=1), rule="r", message=text, hint=text
    )
    article = make_article(text, author=text, digest=text, html=f"<p>{text}</p>")
    sends = (
        make_send("a", text, filter=Filter(tag=text), diagnostics=(replace(finding, level="warning"),)),
        make_send(f"b{text}", "x"),
        make_send("c", content=Articles(articles=(article,))),
        make_send("d", content=Newspic(title=text, text=text, images=())),
    )
    planned = tuple(make_planned(send) for send in sends)
    plan = plan_of(invalid=(InvalidCampaign(id=f"i{text}", problems=(finding,)),), commit=text)
    return replace(plan, sends=planned, environment=text, created_at=NOW)


def hostile_comparison(plan: Plan, text: str = ATTACK) -> Comparison:
    """A comparison in which that text was edited, added and removed."""
    send = plan.sends[0].send
    changes = (
        SendChange(id=text, before=None, after=send),
        SendChange(id=text, before=make_send("a", "old"), after=send),
        SendChange(id=text, before=send, after=None),
    )
    return Comparison(ref=text, commit="c" * 40, changes=changes, note=text)


HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
PIECES = st.sampled_from([*ATTACK.split("\n"), "\n", "`", "::", "<!--", "\u202e", "|", "\\", "会员"])
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@pytest.fixture(autouse=True, params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> None:
    choose(request.param)


def reports(plan: Plan, text: str) -> dict[str, str]:
    """Every report that carries campaign text and is read as plain text by a machine."""
    problems = view_of(plan).problems
    view = view_of(plan, "UTC", comparison=hostile_comparison(plan, text), errors=problems)
    outcome = SendOutcome(
        id=text, account=text, result=Result.NOT_SENT, reason=text, hint=text, notes=(text,)
    )
    options = TextOptions()
    return {
        "text": plan_text(view, options),
        "outcomes": outcomes_text(applied(outcome), options),
        "problems": problems_text(problems),
        "shown": send_text(make_send("a", text)),
        "json": sanitize.json_text(plan_data(view)),
        "codequality": codequality(problems),
        "markdown": _without_marker(plan_markdown(view)),
        "applied": _without_marker(outcomes_markdown(applied(outcome, plan=plan))),
        "failed": failure_forms(
            UsageError(text, hint=text, location=text), command="plan", environment="e", settings_file="s"
        )["text"](),
    }


def _without_marker(text: str) -> str:
    first, _, rest = text.partition("\n")
    assert re.fullmatch(r"<!-- campaign:\w+ environment=[\w.%~]* -->", first)
    return rest


@pytest.mark.deep
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(TEXTS)
def test_no_report_holds_a_word_of_command(text: str) -> None:
    assert_inert(text)


def assert_inert(text: str) -> None:
    for name, report in reports(hostile_plan(text), text).items():
        for word in ("##[", "<!--", "${{"):
            assert word not in report, (name, word)
        assert not re.search(r"^\s*::", report, re.MULTILINE), name
        assert not HIDDEN.search(report), name


def test_the_attack_itself_reaches_no_report_alive() -> None:
    assert_inert(ATTACK)


@given(TEXTS)
def test_annotations_hold_no_command_but_our_own(text: str) -> None:
    lines = problems_github(view_of(hostile_plan(text)).problems).split("\n")
    assert all(re.match(r"::(error|warning|notice) (file|title)=", line) for line in lines)
    assert not any("::" in line.partition("::")[2].partition("::")[2] for line in lines)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(TEXTS)
def test_markdown_shows_campaign_text_as_code_only(text: str) -> None:
    plan = hostile_plan(text)
    markdown = plan_markdown(view_of(plan, "UTC", comparison=hostile_comparison(plan, text)))
    for token in MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(markdown):
        for child in token.children or []:
            assert child.type not in ("image", "link_open", "html_inline"), child
            assert child.type != "text" or "@" not in child.content
        if token.type == "html_block":
            assert OUR_HTML.fullmatch(token.content), token.content
            assert not re.search(r"<(?!/?(details|summary|code)\b|!--)", token.content)


OUR_HTML = re.compile(
    r"(<!-- campaign:plan environment=\S* -->|</details>|<details( open)?><summary>.*</summary>)\n"
)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_runs_nothing_and_fetches_nothing() -> None:
    plan = hostile_plan()
    view = view_of(plan, "UTC", comparison=hostile_comparison(plan), errors=view_of(plan).problems)
    assert_still(plan_html(view, data=lambda _file: b""))


def test_pages_of_past_sends_run_nothing_and_fetch_nothing() -> None:
    send = make_send("a", ATTACK)
    body = {**body_of(send), "text": {"content": ATTACK}}
    counts = dict.fromkeys(("addressed", "sent", "left_out", "failed"), 1)
    event = {"msg_id": 7, "status": "send success", "links": ["javascript:alert(1)"], **counts}
    state = make_state(
        (EventKind.INTENT, intent_of(send, account=ATTACK, body=body)),
        (EventKind.ACCEPTED, named(send)),
        (LedgerKind.CALLBACK, event),
    )
    past = history_of(state)
    month = calendar_view(NOW.date().replace(day=1), hostile_plan(), past.rows, NOW)
    assert {entry.title for entry in month.entries} >= {" ".join(ATTACK.split())}
    titles = {archive_name(one): ATTACK for one in state.sends}
    index, titled = archive_index(state.sends, {}).decode(), archive_index(state.sends, titles).decode()
    for page in (history_html(past), calendar_html(month), index, titled, failure_html(ATTACK, ATTACK)):
        assert_still(page)
        assert "⟨U+202E⟩evil" in page


def assert_still(page: str) -> None:
    tags = _Tags()
    tags.feed(page)
    names = {name for name, _ in tags.found}
    assert not names & {"script", "object", "embed", "form", "link", "base", "iframe"}
    for name, attributes in tags.found:
        assert not [key for key in attributes if key.startswith("on")], name
        assert name != "a" or re.match(r"#|[\w.%-]+/index\.html$", attributes.get("href") or "#"), attributes
        assert name != "img" or (attributes.get("src") or "data:").startswith("data:")
    assert "default-src 'none'" in page
    assert not HIDDEN.search(page)


def test_data_reports_stay_data() -> None:
    plan = hostile_plan()
    data = json.loads(sanitize.json_text(plan_data(view_of(plan))))
    assert data["sends"][0]["content"]["content"] == ATTACK
    json.loads(codequality(view_of(plan).problems))


KINDS = ["text", "json", "github", "markdown", "html", "codequality"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_run_prints_its_error_masked_in_every_form(kind: str) -> None:
    openid = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
    error = UsageError(f"{openid} selects none", hint=f"not {openid}", location="access_token=SEEN")
    report = failure_forms(error, command="plan", environment="e", settings_file="_settings.yaml")[kind]()
    assert "selects none" in report
    assert "not " in report
    assert openid not in report
    assert "SEEN" not in report


def test_problems_of_one_plan_are_told_once() -> None:
    plan = hostile_plan()
    problems = view_of(plan, errors=plan.invalid[0].problems).problems
    assert len(problems) == len(set(problems))
    assert isinstance(problems[0], Diagnostic)
    assert problems[0].level == "error"
