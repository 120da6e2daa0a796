"""What a campaign is rendered for: the environments that it names, and the moments of its window."""

from pathlib import Path

import pytest

from tests.support.factories import make_settings
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.model import compute_content_digest
from wechat_campaigns.core.settings import Policy, Settings
from wechat_campaigns.protocol.keys import Message
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings

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


def compiled(folder: Path, settings: Settings, *only: str, **campaigns: str) -> CompileResult:
    for name, text in campaigns.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return compile_campaigns(folder, settings=settings, files=Files(folder), only=only)


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
