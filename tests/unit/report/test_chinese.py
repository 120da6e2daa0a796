"""Reports in Chinese: columns that line up, lines that end where Chinese ends them, pages that say so."""

import json
from datetime import timedelta

import pytest

from tests.support.factories import NOW, make_send, plan_of, view_of
from wechat_campaigns.cli.context import failure_forms
from wechat_campaigns.cli.help_pages import choose
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _, set_language
from wechat_campaigns.core.model import Filter, PlanAction
from wechat_campaigns.report.html import failure_html, plan_html
from wechat_campaigns.report.markdown import plan_markdown
from wechat_campaigns.report.phrases import recorded_recipients, status_counts
from wechat_campaigns.report.problems import (
    fingerprints,
    problem_dict,
    problems_data,
    problems_github,
    problems_text,
)
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.report.terminal import TextOptions, columns
from wechat_campaigns.report.text import plan_text

SENDS = (
    make_send("sale", "秋茶到店，周六起就能尝" * 6, filter=Filter(tag="会员")),
    make_send("2026/spring/everyone", "to all in Latin letters, many of them", filter=Filter(is_to_all=True)),
    make_send("later", "晚一点", filter=Filter(tag="会员"), not_before=NOW + timedelta(days=1)),
)


@pytest.fixture(autouse=True)
def chinese() -> None:
    choose("zh")


def starts(line: str, words: str) -> int:
    assert words in line, line
    return columns(line[: line.index(words)])


@pytest.mark.parametrize(
    ("text", "width"),
    [("tea", 3), ("秋茶，", 6), ("ﾁｬ", 2), ("e\u0301", 1), ("👍", 2), ("👍🏽", 2), ("❤", 1), ("❤\ufe0f", 2),
     ("👩\u200d❤\ufe0f\u200d👨茶", 4), ("a\u200bb", 2)],
)  # fmt: skip
def test_a_sign_takes_the_columns_that_a_terminal_gives_it(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize("width", [80, 120])
def test_columns_of_a_plan_line_up(width: int) -> None:
    lines = plan_text(view_of(plan_of(*SENDS)), TextOptions(width=width)).split("\n")
    head = next(line for line in lines if line.startswith("状态"))
    rows = {send.id: next(line for line in lines if f" {send.id} " in line) for send in SENDS}
    assert {starts(head, "群发")} == {starts(row, name) for name, row in rows.items()}
    everyone = rows.pop("2026/spring/everyone")
    assert {starts(head, "发给"), starts(everyone, "全部粉丝")} == {
        starts(r, "标签 会员") for r in rows.values()
    }
    below = [line for line in lines if "文字：" in line]
    assert len({columns(line) - columns(line.lstrip()) for line in below}) == 1
    assert max(map(columns, lines)) <= width


def test_a_chinese_colon_stands_before_links_and_digests() -> None:
    view = view_of(plan_of(make_send("sale", "全场 8 折：https://example.com/sale")))
    assert "  sale：https://example.com/sale" in plan_text(view, TextOptions(width=120))
    assert "<li>sale：<code>" in plan_html(view, data=lambda _file: b"")


def test_receivers_of_the_calendar_are_chinese() -> None:
    assert recorded_recipients("4 openids") == "4 个 openid"
    assert recorded_recipients("openids") == "openid 名单"


def test_pages_say_their_language() -> None:
    plan = plan_of(*SENDS)
    page = plan_html(view_of(plan), data=lambda _file: b"")
    assert '<html lang="zh-CN">' in page
    assert f"<h1>{plan.environment} 的群发计划：" in page
    set_language("en")
    assert '<html lang="en">' in failure_html("x", "")


def test_comments_are_chinese_and_found_again() -> None:
    told = plan_markdown(view_of(plan_of(*SENDS))).split("\n")
    set_language("en")
    assert plan_markdown(view_of(plan_of(*SENDS))).split("\n")[0] == told[0]
    assert told[1].startswith("## ")
    assert "的群发计划：" in told[1]


def no_such_send(name: str) -> Diagnostic:
    message = _("no send has the id {name}").format(name=name)
    return Diagnostic(location=Location(file="a.yaml"), rule="unknown-send", message=message, hint="")


def test_a_finding_keeps_its_fingerprint() -> None:
    (chinese,) = fingerprints([no_such_send("sale")])
    assert no_such_send("sale").message == "没有名为 sale 的群发"
    set_language("en")
    assert [chinese] == list(fingerprints([no_such_send("sale")]))


def test_problems_are_english_for_machines_and_harmless() -> None:
    written = json_text(problems_data([no_such_send("\u202esale")]))
    assert '"message": "no send has the id \\u202esale"' in written


def test_the_level_of_a_problem_is_a_word() -> None:
    problem = Diagnostic(location=Location(file="a.yaml", line=3), rule="r", message="坏", hint="改")
    assert problems_text([problem]).startswith("a.yaml:3: 错误：坏 [r]")
    assert problems_github([problem]).startswith("::error file=a.yaml")
    assert problem_dict(problem)["level"] == "error"


def test_counts_are_phrases() -> None:
    counts = {PlanAction.SEND: 4, PlanAction.CONFLICT: 1, PlanAction.SCHEDULED: 2, PlanAction.SENT: 0}
    assert status_counts(counts) == "待发 4 次、有冲突 1 次、定时待发 2 次"
    set_language("en")
    assert status_counts(counts) == "4 to send, 1 in conflict, 2 scheduled"


def test_the_json_of_a_failed_run_is_english() -> None:
    error = UsageError(no_such_send("sale").message, hint=_("use an id from `campaign status`"), location="a")
    forms = failure_forms(error, command="plan", environment="e", settings_file="_settings.yaml")
    assert "没有名为 sale 的群发" in forms["text"]()
    failed = json.loads(forms["json"]())
    (problem,) = failed["problems"]
    for found, message in ((failed["error"], "no send"), (problem, "a: no send")):
        assert found["message"] == f"{message} has the id sale"
        assert found["hint"] == "use an id from `campaign status`"
