"""`policy` and `approvals` of all, of an environment and of an account: the nearest decides each key."""

from pathlib import Path

import pytest

from wechat_campaigns.core.settings import Account, Approvals, Drift, Policy, Settings
from wechat_campaigns.source.settings import load_settings, settings_warnings

SETTINGS = """\
default_environment: production
links: {utm_source: wechat}
policy:
  allow_to_all: true
  allowed_tags: [会员, 新客]
  max_recipients: 100
  levels: {require_not_after: advisory}
approvals:
  count: 2
  approvers: {ann: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,
    bob: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb}
environments:
  rehearsal: {api: sandbox, policy: {max_recipients: 9}}
  own: {api: sandbox,
    approvals: {approvers: {eve: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee}}}
  production:
    api: https://api.weixin.qq.com
    policy: {max_recipients: 50, audience_drift: {percent: 5}}
    accounts:
      main:
        kind: service
        appid: wx0000000000000001
        secret: {env: A}
        policy:
          allow_to_all: false
          allowed_tags: []
          audience_drift: {percent: 7, floor: 1}
          levels: {quiet_hours: advisory}
          allowed_links: [example.com]
        approvals: {approvers: {cem: cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc}}
"""
SHOP = "production:\n  shop:\n    kind: service\n    appid: wx0000000000000002\n    secret: {env: B}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "_accounts").mkdir()
    (tmp_path / "_accounts/shop.yaml").write_text(f"{SHOP}    policy:\n      hold: true\n", encoding="utf-8")
    return tmp_path


def account(settings: Settings, name: str) -> Account:
    return settings.environment.accounts[name]


def test_the_nearest_decides_each_key_with_its_whole_value(root: Path) -> None:
    settings = load_settings(root)
    shared = Policy(
        allow_to_all=True, allowed_tags=("会员", "新客"), max_recipients=50, audience_drift=Drift(percent=5),
        levels={"require_not_after": "advisory"},
    )  # fmt: skip
    assert settings.policy == shared
    assert settings.policy_of(None) == shared
    assert settings.policy_of(account(settings, "main")) == Policy(
        max_recipients=50, audience_drift=Drift(percent=7, floor=1), levels={"quiet_hours": "advisory"},
        allowed_links=("example.com",),
    )  # fmt: skip
    assert settings.policy_of(account(settings, "shop")).hold is True
    assert settings_warnings(root, settings) == ()


def test_approvals_come_whole_from_the_nearest(root: Path) -> None:
    settings = load_settings(root)
    environment = settings.environment
    assert environment.approvals_of(account(settings, "main")) == Approvals(approvers={"cem": "c" * 64})
    assert environment.approvals_of(account(settings, "shop")) == Approvals(
        approvers={"ann": "a" * 64, "bob": "b" * 64}, count=2
    )
    assert environment.asks_approval
    rehearsal = load_settings(root, environment="rehearsal")
    assert not rehearsal.environment.asks_approval
    assert rehearsal.policy.max_recipients == 9
    assert "approvals" not in account(rehearsal, "service").rules
    own = load_settings(root, environment="own").environment
    assert (own.asks_approval, own.approvals) == (True, Approvals(approvers={"eve": "e" * 64}, count=1))


def test_each_rule_knows_its_holder_and_line(root: Path) -> None:
    settings = load_settings(root)
    file, other = (root / "_settings.yaml").as_posix(), (root / "_accounts/shop.yaml").as_posix()
    main, shop = (
        {key: (rule.holder, rule.place) for key, rule in account(settings, name).rules.items()}
        for name in ("main", "shop")
    )
    assert main == {
        "allow_to_all": ("account", f"{file}:25"),
        "allowed_tags": ("account", f"{file}:26"),
        "audience_drift": ("account", f"{file}:27"),
        "levels": ("account", f"{file}:28"),
        "allowed_links": ("account", f"{file}:29"),
        "max_recipients": ("environment", f"{file}:18"),
        "approvals": ("account", f"{file}:30"),
    }
    assert shop["hold"] == ("account", f"{other}:7")
    assert shop["approvals"] == ("settings", f"{file}:8")
    assert shop["allowed_tags"] == ("settings", f"{file}:5")
