"""A value of `_settings.yaml` is in no message about it, wherever it stands: it may be a secret."""

from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.redact import redact_message

TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
PLAIN = "Correct-Horse7battery"
"""A passphrase: nothing says that it is secret."""
ODD = ("hunterzwei", "0123456789", "1e17", "0777", "12:30:45", "Correct-Horse7battery" * 4)
"""What YAML may take for something else, and what a message cuts to size."""
SETTINGS = """default_environment: production
environments:
  production:
    api: http://127.0.0.1:9
    ledger: {ledger}
    accounts:
      main:
        kind: service
        appid: wx1234567890abcdef
{account}
{more}
"""
GOOD_ACCOUNT = "        secret: {env: WECHAT_MAIN_SECRET}"


def settings(account: str = GOOD_ACCOUNT, *, ledger: str = "sqlite", more: str = "") -> str:
    return SETTINGS.replace("{account}", account).replace("{ledger}", ledger).replace("{more}", more)


IN_ACCOUNT = {
    "text": "        secret: {v}",
    "list": "        secret: [{v}]",
    "map-key": "        secret: {{{v}: x}}",
    "other-key": "        secret: {{value: {v}}}",
    "env-list": "        secret: {{env: [{v}]}}",
    "env-dollar": "        secret: {{env: ${v}}}",
    "env-colon": "        secret: {{env：{v}}}",
    "command-text": "        secret: {{command: {v}}}",
    "command-run": "        secret: {{command: [{v}]}}",
    "chinese-colon": "        secret：{v}",
    "chinese-colon-key": "        secret：{v}: x",
    "no-space": "        secret:{v}",
    "equals": "        secret={v}",
    "misspelt": "        secert: {v}",
    "below": "        secret:\n          {v}",
    "below-key": "        secret:\n          {v}: x",
    "below-broken": "        secret:\n          {v}：x\n          env: NAME",
    "twice": "        secret:\n          {v}: x\n          {v}: y",
    "tag": "        secret: !{v} x",
    "alias": "        secret: *{v}",
    "anchor": "        secret: &{v} x",
    "comment": "        secret: x #{v}",
    "unclosed": '        secret: "{v}',
    "block": "        secret: |\n          {v}",
    "token-text": "        token: {v}",
    "token-key": "        token: {{{v}: x}}",
    "ledger-key-text": "        ledger_key: {v}",
    "ledger-key-key": "        ledger_key: {{{v}: x}}",
    "ledger-key-env-list": "        ledger_key: {{env: [{v}]}}",
    "callback-text": "        callback: {v}",
    "callback-key": "        callback: {{{v}: x}}",
    "callback-token-key": "        callback: {{token: {{{v}: x}}}}",
    "key": "        {v}: x",
}
AT_TOP = {
    "notify-text": "notify: {v}",
    "notify-map": "notify: {{{v}: x}}",
    "notify-kind": "notify: [{{kind: {v}, url: {{env: A}}}}]",
    "notify-url": "notify: [{{kind: wecom, url: {v}}}]",
    "notify-url-key": "notify: [{{kind: wecom, url: {{{v}: x}}}}]",
    "notify-key": "notify: [{{kind: wecom, url: {{env: A}}, {v}: x}}]",
    "notify-when": "notify: [{{kind: wecom, url: {{env: A}}, when: [{v}]}}]",
    "testers-text": "testers: {{li: {{wxname: [{v}]}}}}",
    "testers-openid-key": "testers: {{li: {{openid: {{{v}: 1}}}}}}",
    "secret-at-top": "secret: {v}",
    "openids-at-top": "openids: {{{v}: 1}}",
}
ANYWHERE = {
    "key-at-top": "{v}: x",
    "default": "default_account: {v}",
    "policy-key": "policy: {{{v}: 1}}",
    "policy-hold": "policy: {{hold: {v}}}",
    "policy-timezone": "policy: {{timezone: {v}}}",
    "policy-link": "policy: {{allowed_links: ['{v}']}}",
    "color": "articles: {{brand_color: '{v}'}}",
    "testers-value": "testers: {{li: '{v}'}}",
    "environment": "x: {{'{v}': 1}}",
}
LEDGERS = {
    "https-user": "git:https://{v}@git.example.com/a/b.git#ledger",
    "https-password": "git:https://u:{v}@git.example.com/a/b.git#ledger",
    "https-upper": "git:HTTPS://{v}@git.example.com/a/b.git#ledger",
    "http-user": "git:http://{v}@127.0.0.1/a/b.git#ledger",
    "ssh-password": "git:ssh://u:{v}@git.example.com/a/b.git#ledger",
    "scp-password": "git:u:{v}@git.example.com:a/b.git#ledger",
    "https-query": "git:https://git.example.com/a/b.git?access_token={v}#ledger",
    "https-private": "git:https://git.example.com/a/b.git?password={v}#ledger",
    "no-branch": "git:https://{v}@git.example.com/a/b.git",
    "postgres": "postgresql://u:{v}@db.example.com/x",
    "postgres-query": "postgresql://db.example.com/x?password={v}",
    "postgres-scheme": "postgres://u:{v}@db.example.com/x",
    "mysql": "mysql://u:{v}@db.example.com/x",
    "map": "{{url: 'git:https://{v}@git.example.com/a/b.git'}}",
    "list": "['git:https://{v}@git.example.com/a/b.git']",
}
CASES = {
    **{f"account-{name}": settings(text.format(v=PLAIN)) for name, text in IN_ACCOUNT.items()},
    **{f"top-{name}": settings(more=text.format(v=PLAIN)) for name, text in (AT_TOP | ANYWHERE).items()},
    **{f"ledger-{name}": settings(ledger=text.format(v=PLAIN)) for name, text in LEDGERS.items()},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checkout(home: Path, text: str) -> None:
    (home / "campaigns").mkdir()
    (home / "campaigns" / "_settings.yaml").write_text(text, encoding="utf-8")
    (home / "campaigns" / "sale.yaml").write_text("filter: {tag: 会员}\nmsgtype: text\ncontent: x\n", "utf-8")


def said(home: Path, text: str, capfd: pytest.CaptureFixture[str]) -> str:
    """What commands print about such settings, for people and for programs; none ends as a bug."""
    checkout(home, text)
    for words in ("validate --format json", "--lang zh plan --offline --format markdown", "doctor"):
        assert run(words.split()) != 1
    printed = capfd.readouterr()
    return printed.out + printed.err


@pytest.mark.parametrize("case", CASES)
def test_no_value_of_the_settings_is_repeated(
    case: str, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert PLAIN[:14] not in said(home, CASES[case], capfd)


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", ["text", "list", "map-key", "below-key", "callback-text"])
def test_no_odd_value_is_repeated(
    name: str, value: str, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = settings(IN_ACCOUNT[name].format(v=value))
    assert value[:14] not in said(home, text, capfd).replace(str(home), "")


@pytest.mark.parametrize("name", LEDGERS)
def test_who_logs_in_is_no_part_of_a_ledger(name: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    checkout(home, settings(ledger=LEDGERS[name].format(v=TOKEN)))
    assert run(["validate", "--format", "json"]) == 3
    assert "_settings.yaml" in capfd.readouterr().out


@pytest.mark.parametrize(
    "ledger",
    ["git", "git:origin#ledger", "git:ssh://git@git.example.com/a/b.git#l",
     "git:git@git.example.com:a/b.git#l", "git:https://git.example.com/a/b.git#ledger",
     "postgresql://u@db.example.com/x", "sqlite:state/ledger.db"],
)  # fmt: skip
def test_an_address_without_a_secret_is_fine(ledger: str, home: Path) -> None:
    checkout(home, settings(ledger=f'"{ledger}"'))
    assert run(["validate"]) == 0


@pytest.mark.parametrize(
    "text",
    ["write `secret: {env: NAME}`", "write `secret: …`, with a half-width colon and a space",
     "file `a/b.md` does not exist", "write the full address, with https://", "`appid` is wx1234567890abcdef",
     "add `secret: {env: NAME}` and store the AppSecret in that environment variable",
     "user@example.com", "git@host:a/b"],
)  # fmt: skip
def test_advice_stays_whole(text: str) -> None:
    """Masking must not eat what a reader needs."""
    assert redact_message(text) == text
