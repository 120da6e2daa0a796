"""A campaign that is bound to an environment is rendered in no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.errors import UsageError
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


def compiled(folder: Path, environment: str, bound: str) -> CompileResult:
    (folder / "_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    (folder / "sale.yaml").write_text(f"environments: {bound}\n{TEXT}", encoding="utf-8")
    (folder / "other.yaml").write_text(TEXT, encoding="utf-8")
    settings = load_settings(folder, environment=environment)
    return compile_campaigns(folder, settings=settings, files=Files(folder))


@pytest.mark.slow
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
    result = compiled(tmp_path, environment, bound)
    assert [send.id for send in result.sends] == ids
    assert not result.problems
    message = Message("wx0000000000000001", "sale", 1, compute_content_digest(result.sends[0]))
    assert result.presence_check()(message) is ("sale" in ids)


def test_unknown_environment_is_an_error(tmp_path: Path) -> None:
    """A typing error would leave the campaign out for ever."""
    (problem,) = compiled(tmp_path, "staging", "[prodution]").errors
    assert (problem.path, problem.rule) == ("$.environments[0]", "environment")
    assert "production" in problem.hint


@pytest.mark.slow
def test_selecting_it_elsewhere_is_refused(tmp_path: Path) -> None:
    """Whoever names a campaign expects it to be sent: an empty plan would pass for success."""
    compiled(tmp_path, "production", "[staging]")
    settings = load_settings(tmp_path, environment="production")
    for only in (("sale",), ("other", "sale"), ("s*",)):
        with pytest.raises(UsageError, match="production"):
            compile_campaigns(tmp_path, settings=settings, files=Files(tmp_path), only=only)
    found = compile_campaigns(tmp_path, settings=settings, files=Files(tmp_path), only=("*",))
    assert [send.id for send in found.sends] == ["other"]
