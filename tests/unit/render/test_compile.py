"""What a campaign is rendered for: the environments that it names, and the moments of its window."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.factories import SERVICE, SUBSCRIPTION, make_settings
from tests.support.folder import compiled
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.model import compute_content_digest
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.messages import Text
from wechat_campaigns.protocol.keys import Message
from wechat_campaigns.render.compile import CompileResult, validate_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings
from wechat_campaigns.source.validate import MAX_TWICE_CHARS

SETTINGS = """
default_environment: staging
environments:
  staging: {api: sandbox, ledger: sqlite}
  production:
    api: https://api.weixin.qq.com
    ledger: git
    accounts: {main: {kind: service, appid: wx0000000000000001, secret: {env: SECRET}}}
"""
TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 今晚八点\n"


def bound_to(folder: Path, environment: str, bound: str, *only: str) -> CompileResult:
    (folder / "_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    settings = load_settings(folder, environment=environment)
    return compiled(folder, settings, *only, sale=f"environments: {bound}\n{TEXT}", other=TEXT)


def in_window(folder: Path, window: str, timezone: str = "Asia/Shanghai") -> CompileResult:
    settings = make_settings(policy=Policy(timezone=timezone))
    return compiled(folder, settings, sale=f"{TEXT}{window}")


@pytest.mark.parametrize(
    ("environment", "bound", "ids"),
    [
        ("staging", "[staging]", ["other", "sale"]),
        ("production", "[staging]", ["other"]),
        ("production", "[staging, production]", ["other", "sale"]),
        ("production", "[sandbox]", ["other"]),
    ],
)
def test_it_is_sent_where_it_is_bound_to(
    tmp_path: Path, environment: str, bound: str, ids: list[str]
) -> None:
    result = bound_to(tmp_path, environment, bound)
    assert [send.id for send in result.sends] == ids
    assert not result.problems
    message = Message("wx0000000000000001", "sale", 1, compute_content_digest(result.sends[0]))
    assert result.presence_check()(message) is ("sale" in ids)


def test_what_every_plan_asks_is_found_by_the_child(tmp_path: Path) -> None:
    """Only the child is bounded: the texts of strangers are parsed there, and by several at a time."""
    (sale,) = compiled(tmp_path, make_settings(), sale=TEXT).sends
    assert vars(sale)["content_digest"] == compute_content_digest(sale)
    assert vars(sale.content)["reading"] == Text(content="今晚八点").reading


def test_unknown_environment_is_an_error(tmp_path: Path) -> None:
    """A typing error would leave the campaign out for ever."""
    (problem,) = bound_to(tmp_path, "staging", "[prodution]").errors
    assert (problem.path, problem.rule) == ("$.environments[0]", "environment")
    assert "production" in problem.hint


def test_selecting_it_elsewhere_is_refused(tmp_path: Path) -> None:
    """Whoever names a campaign expects it to be sent: an empty plan would pass for success."""
    for only in (("sale",), ("other", "sale"), ("s*",)):
        with pytest.raises(UsageError, match="production"):
            bound_to(tmp_path, "production", "[staging]", *only)
    assert [send.id for send in bound_to(tmp_path, "production", "[staging]", "*").sends] == ["other"]


@pytest.mark.parametrize(
    ("written", "timezone", "moment"),
    [
        ("2026-12-01 19:30", "Asia/Shanghai", "2026-12-01T19:30:00+08:00"),
        ("2026-12-1 9:30", "Asia/Shanghai", "2026-12-01T09:30:00+08:00"),
        ('"2026-12-01 19:30:15"', "Asia/Shanghai", "2026-12-01T19:30:15+08:00"),
        ("2026-12-01T19:30", "Europe/Berlin", "2026-12-01T19:30:00+01:00"),
        ("2026-12-01 19:30 +09:00", "Asia/Shanghai", "2026-12-01T19:30:00+09:00"),
        ("2026-12-01T11:30:00Z", "Asia/Shanghai", "2026-12-01T11:30:00+00:00"),
        ("2026-12-01t11:30:00.5z", "Asia/Shanghai", "2026-12-01T11:30:00.500000+00:00"),
    ],
)
def test_time_is_read_in_the_zone_of_the_settings(
    tmp_path: Path, written: str, timezone: str, moment: str
) -> None:
    found = in_window(tmp_path, f"not_before: {written}\n", timezone)
    assert found.problems == ()
    (send,) = found.sends
    assert send.not_before is not None
    assert send.not_before.isoformat() == moment


@pytest.mark.parametrize(
    ("window", "timezone", "rule"),
    [
        ("not_before: 2026-03-29 02:30\n", "Europe/Berlin", "impossible-date"),  # skipped in spring
        ("not_before: 2026-10-25 02:30\n", "Europe/Berlin", "impossible-date"),  # twice in autumn
        ("not_before: 2026-12-01 25:00\n", "Asia/Shanghai", "impossible-date"),
        ("not_before: 12-01 19:30\n", "Asia/Shanghai", "date-form"),
        ("not_before: 2026-12-01 19:30\nnot_after: 2026-12-01 19:00\n", "Asia/Shanghai", "window-empty"),
        ("not_before: 2026-12-01 19:30\nnot_after: 2026-12-01T11:00:00Z\n", "Asia/Shanghai", "window-empty"),
    ],
)
def test_impossible_window_makes_no_send(tmp_path: Path, window: str, timezone: str, rule: str) -> None:
    found = in_window(tmp_path, window, timezone)
    assert [problem.rule for problem in found.errors] == [rule]
    assert found.sends == ()


# --- former ids ---------------------------------------------------------------------------------


EACH = f"{TEXT}for_each:\n"
SALE = {"sale": TEXT}
CITIES = {"sale": f"{EACH}  北京: {{}}\n  上海: {{}}\n"}


Told = list[tuple[str, int | None, str]]
"""File, line and JSON path."""


def problems(root: Path, *only: str, **files: str) -> Told:
    """What `plan` finds about `formerly`, and `validate` as well."""
    made = compiled(root, make_settings(), *only, **files)
    found = validate_campaigns(root, settings=make_settings(), files=Files(root), only=only)
    assert list(made.problems) == found[1]
    return told(made.problems)


def told(found: Sequence[Diagnostic]) -> Told:
    mine = [problem for problem in found if problem.rule == "formerly"]
    assert {problem.level for problem in mine} <= {"error"}
    return [(Path(problem.location.file).stem, problem.location.line, problem.path) for problem in mine]


@pytest.mark.parametrize("only", [(), ("new",)])
@pytest.mark.parametrize(
    ("beside", "text", "path"),
    [
        (SALE, f"{TEXT}formerly: [gone, sale]\n", "$.formerly[1]"),
        (SALE, f"{TEXT}formerly: [SALE]\n", "$.formerly[0]"),
        (CITIES, f"{TEXT}formerly: ['sale[北京]']\n", "$.formerly[0]"),
        (CITIES, f"{EACH}  西安: {{}}\nformerly: [sale]\n", "$.formerly[0]"),
        (CITIES, f"{EACH}  西安: {{formerly: ['sale[上海]']}}\n", "$.for_each.西安.formerly[0]"),
        (CITIES, f"{EACH}  上海: {{formerly: [sale]}}\n", "$.for_each.上海.formerly[0]"),
        (
            {"sale": "for_each: ["},
            f"{EACH}  西安: {{formerly: ['sale[上海]']}}\n",
            "$.for_each.西安.formerly[0]",
        ),
        ({}, f"{EACH}  a: {{}}\n  b: {{formerly: ['new[A]']}}\n", "$.for_each.b.formerly[0]"),
        ({}, f"{EACH}  a: {{}}\n  b: {{}}\nformerly: ['new[a]']\n", "$.formerly[0]"),
    ],
)
def test_former_id_that_is_still_in_use_is_an_error(
    tmp_path: Path, only: tuple[str, ...], beside: dict[str, str], text: str, path: str
) -> None:
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "formerly" in one)
    assert problems(tmp_path, *only, **beside, new=text) == [("new", line, path)]


@pytest.mark.parametrize(
    ("beside", "text"),
    [
        ({}, f"{TEXT}formerly: [sale]\n"),
        ({}, f"{TEXT}formerly: [New, new]\n"),
        ({}, f"{EACH}  a: {{formerly: ['new[b]', new, 'new[a]']}}\nformerly: [new]\n"),
        (CITIES, f"{EACH}  西安: {{formerly: ['sale[西安]']}}\n"),
        (CITIES, f"{EACH}  西安: {{formerly: [sale]}}\n"),
        (SALE, f"{EACH}  西安: {{formerly: ['sale[西安]']}}\n"),
    ],
)
def test_unused_id_may_be_a_former_id(tmp_path: Path, beside: dict[str, str], text: str) -> None:
    assert problems(tmp_path, **beside, new=text) == []


@pytest.mark.parametrize("only", [(), ("other",)], ids=["all selected", "another selected"])
@pytest.mark.parametrize(
    ("send_id", "revision", "is_there"),
    [
        ("sale[北京]", 1, True),
        ("sale[北京]", 2, False),
        ("sale[上海]", 3, True),
        ("sale[上海]", 1, False),
        ("sale[西安]", 1, False),
        ("other", 1, True),
        ("gone", 1, False),
    ],
)
def test_message_is_current_by_entry_and_revision(
    only: tuple[str, ...], send_id: str, revision: int, is_there: bool, tmp_path: Path
) -> None:
    sale = f"{EACH}  北京: {{}}\n  上海: {{revision: 3}}\n"
    everything = compiled(tmp_path, make_settings(), sale=sale, other=TEXT)
    digests = {send.id: compute_content_digest(send) for send in everything.sends}
    is_current = compiled(tmp_path, make_settings(), *only).presence_check()
    message = Message(SERVICE, send_id, revision, digests.get(send_id, ""))
    assert is_current(message) is is_there
    assert not is_current(message._replace(content_digest="what it was before an edit"))
    assert not is_current(message._replace(appid=SUBSCRIPTION))


def test_entry_with_another_key_had_it_under_each_former_id_of_its_campaign(tmp_path: Path) -> None:
    each = "for_each: {w: {formerly: ['b[x]', 'other[z]']}, v: {}}\n"
    made = compiled(tmp_path, make_settings(), c=f"{TEXT}formerly: [a, b]\n{each}")
    formerly = {send.id: send.formerly for send in made.sends}
    assert formerly == {
        "c[w]": ("a[w]", "b[w]", "b[x]", "other[z]", "a[x]"),
        "c[v]": ("a[v]", "b[v]"),
    }


def test_problems_of_a_campaign_are_in_the_order_of_its_lines(tmp_path: Path) -> None:
    (tmp_path / "market.yaml").write_text(
        "filter: {tag: 会员}\nmsgtype: mpnews\ncontent:\n  newspic:\n    title: 标题，不超过 32 字\n"
        "    text: 这里写要发的话\n    images: [{file: a.jpg}, {file: b.jpg}]\n",
        encoding="utf-8",
    )
    _sends, found = validate_campaigns(tmp_path, settings=make_settings(), files=Files(tmp_path))
    assert [problem.location.line for problem in found] == [5, 6, 7, 7]


BROKEN = """filter: {tag: 会员}
msgtype: mpnews
revison: 2
content:
  articles:
    - title: "{{ titel }}"
      authr: 小满
      cover: {file: no.jpg}
      body: no.md
      digest: 2026
    - title: 茶
      cover: {media_id: C}
"""


def test_what_the_schema_refuses_hides_no_problem_beside_it(tmp_path: Path) -> None:
    """A misspelt key, an unknown variable and two missing files are four problems at once."""
    row = compiled(tmp_path, make_settings(), sale=BROKEN)
    assert (len(row.invalid), len(row.errors)) == (1, 7)
    count, found = validate_campaigns(tmp_path, settings=make_settings(), files=Files(tmp_path))
    seen = sorted((problem.location.line, problem.rule) for problem in found)
    assert count == 0
    assert seen == [
        (3, "unknown-key"), (6, "template"), (7, "unknown-key"), (8, "file-missing"), (9, "file-missing"),
        (10, "wrong-type"), (11, "missing-key"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken", ["msgtype: text\n", "- a\n", "filter: {tag: a}\nmsgtype: mpnews\ncontent: {}\n"]
)
def test_a_file_with_nothing_left_to_check_has_its_own_problems_alone(tmp_path: Path, broken: str) -> None:
    result = compiled(tmp_path, make_settings(), sale=broken)
    assert [problem.id for problem in result.invalid] == [(tmp_path / "sale.yaml").as_posix()]


def test_a_long_file_with_problems_is_checked_once(tmp_path: Path) -> None:
    padding = "# …\n" * (MAX_TWICE_CHARS // 4)
    assert len(compiled(tmp_path, make_settings(), sale=BROKEN + padding).errors) == 4
