"""`settings`: the file becomes settings, or problems that never hold a secret."""

import shutil
from pathlib import Path

import pytest

from tests.support.outcomes import problem_line
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.core.settings import (
    AccountKind,
    ArticleOptions,
    CallbackSecrets,
    Drift,
    NotifyTarget,
    Policy,
    Secret,
)
from wechat_campaigns.source.settings import load_settings

CASES = Path(__file__).parents[2] / "settings"
INVALID = sorted((CASES / "invalid").glob("*.yaml"))


def problems_of(root: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(InvalidError) as caught:
        load_settings(root)
    return caught.value.problems


@pytest.fixture
def full(tmp_path: Path) -> Path:
    shutil.copy(CASES / "valid/full.yaml", tmp_path / "_settings.yaml")
    return tmp_path


@pytest.mark.parametrize("case", INVALID, ids=lambda path: path.stem)
def test_invalid_settings_have_exactly_their_problems(case: Path, tmp_path: Path) -> None:
    shutil.copy(case, tmp_path / "_settings.yaml")
    assert [problem_line(problem) for problem in problems_of(tmp_path)] == case.with_suffix(
        ".expected"
    ).read_text().splitlines()


@pytest.mark.parametrize(
    ("written", "instead"),
    [("ledger: git\n    accounts", "ledger: sqlite\n    accounts"), ("abcdef, ", "abcde0, "),
     ("http://127.0.0.1:8090", "https://api2.weixin.qq.com")],
    ids=["another ledger", "another AppID", "real as well"],
)  # fmt: skip
def test_environments_share_a_ledger_unless_one_rehearses_the_other(
    written: str, instead: str, tmp_path: Path
) -> None:
    """Only a rehearsal with the very AppID would mark real sends as sent."""
    text = (CASES / "invalid/ledger-of-real.yaml").read_text().replace(written, instead, 1)
    (tmp_path / "_settings.yaml").write_text(text)
    assert load_settings(tmp_path, environment="production").environment.name == "production"


def test_without_a_file_there_is_the_sandbox(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    environment = settings.environment
    assert (environment.name, environment.api, environment.ledger) == ("sandbox", "sandbox", "sqlite")
    assert settings.environments == {}
    assert (environment.default_account, environment.approvals) == ("service", None)
    assert {(a.name, a.kind, a.appid) for a in environment.accounts.values()} == {
        ("service", AccountKind.SERVICE, "wx0000000000000001"),
        ("subscription", AccountKind.SUBSCRIPTION, "wx0000000000000002"),
        ("test", AccountKind.TEST, "wx0000000000000003"),
    }
    assert {type(name) for name in environment.accounts} == {str}, "other programs print them"
    assert all(account.secret == Secret(sandbox=True) for account in environment.accounts.values())
    assert (settings.policy, settings.articles, settings.vars) == (Policy(), ArticleOptions(), {})


def test_an_environment_is_what_was_written(full: Path) -> None:
    settings = load_settings(full, environment="production")
    environment = settings.environment
    assert (environment.api, environment.ledger) == ("https://api.weixin.qq.com", "git:origin#ledger")
    assert environment.protected
    assert (environment.resend_after, environment.resend_until) == (90, 3600)
    assert environment.default_account == "main"
    assert environment.accounts["main"].secret == Secret(env="WECHAT_MAIN_SECRET")
    assert environment.accounts["资讯"].secret == Secret(command=("pass", "show", "wechat/news"))
    assert environment.vars == {"discount": 9}
    assert settings.vars == {"brand": "示例商城", "discount": 8}
    assert list(settings.environments) == ["sandbox", "staging", "production", "archive"]
    assert settings.policy.quiet_hours == "22:00-08:00"
    assert settings.policy.duplicate_content_days == 7
    assert settings.articles == ArticleOptions(theme="default", brand_color="#07C160", fix_images=True)


def test_an_unknown_environment_is_a_usage_error(full: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(full, environment="prod")
    assert "production" in caught.value.hint


def test_a_broken_environment_that_is_not_used_is_told_too(full: Path) -> None:
    """A rehearsal in the sandbox finds the mistake that production would meet."""
    path = full / "_settings.yaml"
    path.write_text(path.read_text().replace("kind: subscription", "kind: subscripton"))
    assert [p.rule for p in problems_of(full)] == ["unknown-value"]


def test_a_link_or_folder_for_the_settings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_settings.yaml").mkdir()
    assert [p.rule for p in problems_of(tmp_path)] == ["file-not-a-file"]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("policy: {require_not_after_al: true}", "$.policy.require_not_after_al"),
        ("vars: {a: b}\nvars: {a: c}", "$.vars"),
        ("policy: {88_abcdef: true}", "$.policy['***']"),
        ("notify: [{kind: wecom, url: {hushhush: x}}]", "$.notify[0].url['***']"),
        ("environments: {p: {api: sandbox, accounts: {a: {callback: {hushhush: x}}}}}", "callback['***']"),
    ],
)
def test_a_wrong_key_is_named_unless_it_may_be_a_secret(written: str, path: str, tmp_path: Path) -> None:
    (tmp_path / "_settings.yaml").write_text(written)
    found = [one for one in problems_of(tmp_path) if one.rule in ("unknown-key", "yaml-duplicate-key")]
    assert [one.path.endswith(path) for one in found] == [True]
    assert (path.rpartition(".")[2] in found[0].message) is ("*" not in path)


def test_operating_settings_are_read(tmp_path: Path) -> None:
    shutil.copy(CASES / "valid/operating.yaml", tmp_path / "_settings.yaml")
    settings = load_settings(tmp_path, environment="production")
    assert settings.policy == Policy(
        audience_drift=Drift(percent=20),
        require_not_after=True,
        allowed_tags=("会员", 2),
        allowed_links=("mp.weixin.qq.com", "example.com"),
        quota_reserve=1,
        hold=True,
        levels={"require_not_after": "advisory", "quota": "mandatory"},
    )
    assert settings.environment.accounts["main"].callback == CallbackSecrets(
        token=Secret(env="WECHAT_MAIN_TOKEN"), aes_key=Secret(file="/run/secrets/wechat_aes")
    )
    assert settings.testers["小李"].wxname == "xiaoli2026"
    assert [(robot.kind, robot.url, robot.when) for robot in settings.notify] == [
        ("wecom", Secret(env="WECOM_ROBOT_URL"), NotifyTarget(kind="wecom", url=Secret(env="A")).when),
        ("slack", Secret(env="SLACK_URL"), ("not_sent",)),
        ("command", Secret(), ("approval_needed", "sent")),
    ]


def test_an_environment_is_chosen(full: Path) -> None:
    default = load_settings(full).environment
    assert (default.name, default.default_account) == ("staging", "test")
    assert (default.resend_after, default.resend_until) == (1, 60)
    archive = load_settings(full, environment="archive").environment
    assert archive.api == "https://api.weixin.qq.com", "a slash at its end is left out"


def test_the_sandbox_knows_every_account_by_name(full: Path) -> None:
    accounts = load_settings(full, environment="sandbox").environment.accounts
    assert (accounts["main"].kind, accounts["main"].appid) == (AccountKind.SERVICE, "wx0000000000000001")
    assert accounts["资讯"].appid == "wx0000000000000002"
    assert accounts["main"].secret == Secret(sandbox=True)
