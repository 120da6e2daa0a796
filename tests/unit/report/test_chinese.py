"""Reports in Chinese: columns that line up, lines that end where Chinese ends them, pages that say so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from rich.cells import cell_len

from tests.support.factories import NOW, make_send, plan_of
from wechat_campaigns.cli.language import choose
from wechat_campaigns.core.errors import Diagnostic, Location
from wechat_campaigns.core.model import Filter
from wechat_campaigns.core.words import _, set_language
from wechat_campaigns.report.concerns import fingerprints
from wechat_campaigns.report.data import plan_data
from wechat_campaigns.report.html import document, plan_html
from wechat_campaigns.report.markdown import plan_markdown
from wechat_campaigns.report.neutral import visible_record
from wechat_campaigns.report.text import Look, outcomes_text, plan_text
from wechat_campaigns.report.words import receivers_told
from wechat_campaigns.send.posting import Result, SendOutcome

LONG = "微信已受理，这一句话很长；它会在表格里折行，折行处不会以标点开头（括号也不会落在行尾）。"
SENDS = (
    make_send("sale", "秋茶到店，周六起就能尝" * 6, filter=Filter(tag="会员")),
    make_send("2026/spring/everyone", "to all in Latin letters, many of them", filter=Filter(is_to_all=True)),
    make_send("later", "晚一点", filter=Filter(tag="会员"), not_before=NOW + timedelta(days=1)),
)


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    choose("zh")
    yield
    choose("en")


def starts(line: str, words: str) -> int:
    """The column at which the words begin."""
    assert words in line, line
    return cell_len(line[: line.index(words)])


@pytest.mark.parametrize("width", [80, 120])
def test_columns_of_a_plan_line_up(width: int) -> None:
    """Headings, ids and receivers begin at the same column in every row, and no row is too wide."""
    lines = plan_text(plan_of(*SENDS), Look(width=width)).split("\n")
    head = next(line for line in lines if line.startswith("动作"))
    rows = {send.id: next(line for line in lines if f" {send.id} " in line) for send in SENDS}
    assert {starts(head, "群发")} == {starts(row, name) for name, row in rows.items()}
    everyone = rows.pop("2026/spring/everyone")
    assert {starts(head, "发给"), starts(everyone, "全部粉丝")} == {
        starts(r, "标签 会员") for r in rows.values()
    }
    assert {starts(head, "内容")} == {starts(row, "text: ") for row in (everyone, *rows.values())}
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", range(60, 121, 3))
def test_lines_break_as_chinese_does(width: int) -> None:
    """A cell that is too narrow breaks after any sign, and no line of it begins with a comma."""
    outcome = SendOutcome(
        id="sale", account="main", result=Result.UNKNOWN, reason=LONG, hint=LONG, notes=(LONG,)
    )
    text = outcomes_text([outcome], Look(width=width))
    assert max(map(cell_len, text.split("\n"))) <= width
    assert not [line for line in text.split("\n") if line.strip()[:1] in tuple("，。；）")]
    assert not [line for line in text.split("\n") if line.endswith("（")]
    assert "".join(text.split()).count("微信") == 2


def test_receivers_of_the_calendar_are_chinese() -> None:
    """A coming send to a list of openids, told from a record, reads as it does in the plan."""
    assert receivers_told("4 openids") == "4 个 openid"
    assert receivers_told("openids") == "openids"


def test_pages_say_their_language() -> None:
    """For screen readers and fonts; and English pages say English."""
    plan = plan_of(*SENDS)
    page = plan_html(plan, data=lambda _file: b"", timezone="Asia/Shanghai")
    assert '<html lang="zh-CN">' in page
    assert f"<h1>{plan.environment} 的群发计划：" in page
    set_language("en")
    assert '<html lang="en">' in document("x", "")


def test_comments_are_chinese_and_found_again() -> None:
    """The hidden first line is the same in every language."""
    told = plan_markdown(plan_of(*SENDS), timezone="Asia/Shanghai").split("\n")
    set_language("en")
    assert plan_markdown(plan_of(*SENDS), timezone="Asia/Shanghai").split("\n")[0] == told[0]
    assert told[1].startswith("## ")
    assert "的群发计划：" in told[1]


def test_machines_read_the_same_keys_and_codes() -> None:
    """Only sentences differ between the languages."""
    told = plan_data(plan_of(*SENDS))
    set_language("en")
    english = plan_data(plan_of(*SENDS))
    assert told["plan_digest"] == english["plan_digest"]
    assert [shape(one) for one in told["sends"]] == [shape(one) for one in english["sends"]]
    assert told["sends"] != english["sends"]


def shape(value: Any) -> Any:
    """A value without the sentences in it."""
    if isinstance(value, dict):
        sentences = ("reason", "hint", "what")
        return {key: shape(one) for key, one in value.items() if key not in sentences}
    return [shape(one) for one in value] if isinstance(value, list) else value


def test_a_finding_keeps_its_fingerprint() -> None:
    """GitLab and code scanning know it again, whatever language the run spoke."""

    def found() -> Diagnostic:
        what = _("there is no send {name}").format(name="sale")
        return Diagnostic(location=Location(file="a.yaml"), rule="unknown-send", message=what, hint="")

    (told,) = fingerprints([found()])
    assert found().message == "没有群发 sale"
    set_language("en")
    assert [told] == list(fingerprints([found()]))


def test_a_translated_message_is_made_harmless_too() -> None:
    """A message that knows its English is text like any other."""
    what = _("there is no send {name}").format(name="\u202esale")
    problem = Diagnostic(location=Location(file="a.yaml"), rule="r", message=what, hint="")
    assert "\u202e" not in visible_record(problem).message
