"""Times as people write them: in the time zone of the settings, or with an offset of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.factories import make_settings
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.source.files import Files


def compiled(folder: Path, window: str, timezone: str = "Asia/Shanghai") -> CompileResult:
    text = f"filter: {{tag: 会员}}\nmsgtype: text\ncontent: x\n{window}"
    (folder / "sale.yaml").write_text(text, encoding="utf-8")
    settings = replace(make_settings(), policy=Policy(timezone=timezone))
    return compile_campaigns(folder, settings=settings, files=Files(folder))


@pytest.mark.slow
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
    found = compiled(tmp_path, f"not_before: {written}\n", timezone)
    assert found.problems == ()
    (send,) = found.sends
    assert send.not_before is not None
    assert send.not_before.isoformat() == moment


@pytest.mark.slow
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
    found = compiled(tmp_path, window, timezone)
    assert [problem.rule for problem in found.errors] == [rule]
    assert found.sends == ()
