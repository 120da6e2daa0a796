"""A secret or an openid in the wrong place is in no output of any command, in any format or file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.redact import redact_message

APPSECRET = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
AES_KEY = "Zx9CvBnM1qWeRtY2uIoPaS3dFgHjK4lQwErT5yUiOp6"
OPENID = "oR5Gjjl_eiZoUpGozMo7dbBJ362A"
TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
GITLAB_TOKEN = "glpat-7Hq2sXv9Zt3Kd8Lm5Np1"
PLAIN = "Correct-Horse7battery"
"""A passphrase: nothing but its place says that it is secret."""
WORD = "hunterzwei"
ROBOT = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7aaa-4bc4-97a0-0ec2sifa5aaa"

ACCOUNT = "kind: service, appid: wx1234567890abcdef"
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
CAMPAIGN = "filter: {tag: 会员}\nmsgtype: text\ncontent: 周年庆今晚开始\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A checkout: its settings, its one campaign, a file beside it, and what must not be shown."""

    name: str
    value: str
    settings: str
    campaign: str = CAMPAIGN
    file: str = ""


def settings(account: str = GOOD_ACCOUNT, *, ledger: str = "sqlite", more: str = "") -> str:
    return SETTINGS.replace("{account}", account).replace("{ledger}", ledger).replace("{more}", more)


IN_ACCOUNT = {
    "text": "        secret: {v}",
    "quoted": '        secret: "{v}"',
    "list": "        secret: [{v}]",
    "map-key": "        secret: {{{v}: x}}",
    "map-empty": "        secret: {{{v}}}",
    "other-key": "        secret: {{value: {v}}}",
    "env-list": "        secret: {{env: [{v}]}}",
    "env-dollar": "        secret: {{env: ${v}}}",
    "env-two": "        secret: {{env: NAME, value: {v}}}",
    "env-colon": "        secret: {{env：{v}}}",
    "command-text": "        secret: {{command: {v}}}",
    "command-map": "        secret: {{command: {{{v}: 1}}}}",
    "command-run": "        secret: {{command: [{v}]}}",
    "chinese-colon": "        secret：{v}",
    "chinese-colon-blank": "        secret： {v}",
    "chinese-colon-key": "        secret：{v}: x",
    "chinese-colon-flow": "        callback: {{secret：{v}}}",
    "no-space": "        secret:{v}",
    "no-space-key": "        secret:{v}: x",
    "equals": "        secret={v}",
    "equals-key": "        secret={v}: x",
    "capital": "        Secret: {v}",
    "plural": "        secrets: {v}",
    "misspelt": "        secert: {v}",
    "misspelt-map": "        secert: {{{v}: 1}}",
    "app-secret": "        app_secret: {v}",
    "AppSecret": "        AppSecret: {v}",
    "app-secret-map": "        appsecret: {{{v}: 1}}",
    "password": "        password: {v}",
    "token": "        token: {v}",
    "below": "        secret:\n          {v}",
    "below-colon": "        secret:\n          {v}：x",
    "below-cramped": "        secret:\n          {v}:x",
    "below-key": "        secret:\n          {v}: x",
    "below-broken": "        secret:\n          {v}：x\n          env: NAME",
    "below-cramped-broken": "        secret:\n          {v}:x\n          env: NAME",
    "twice": "        secret:\n          {v}: x\n          {v}: y",
    "tag": "        secret: !{v} x",
    "alias": "        secret: *{v}",
    "anchor": "        secret: &{v} x",
    "comment": "        secret: x #{v}",
    "unclosed": '        secret: "{v}',
    "unclosed-list": "        secret: [{v}",
    "block": "        secret: |\n          {v}",
    "callback-text": "        callback: {v}",
    "callback-list": "        callback: [{v}]",
    "callback-key": "        callback: {{{v}: x}}",
    "callback-token": "        callback: {{token: {v}}}",
    "callback-token-key": "        callback: {{token: {{{v}: x}}}}",
    "callback-token-env": "        callback: {{token: {{env: [{v}]}}}}",
    "callback-aes": "        callback: {{aes_key: {v}}}",
    "callback-aes-colon": "        callback: {{aes_key：{v}}}",
    "callback-colon": "        callback：{v}",
    "callback-other": "        callback: {{token: {{env: A}}, aeskey: {v}}}",
    "key": "        {v}: x",
    "key-number": "        {v}: 1",
}
AT_TOP = {
    "notify-text": "notify: {v}",
    "notify-list": "notify: [{v}]",
    "notify-map": "notify: {{{v}: x}}",
    "notify-kind": "notify: [{{kind: {v}, url: {{env: A}}}}]",
    "notify-url": "notify: [{{kind: wecom, url: {v}}}]",
    "notify-url-key": "notify: [{{kind: wecom, url: {{{v}: x}}}}]",
    "notify-url-env": "notify: [{{kind: wecom, url: {{env: [{v}]}}}}]",
    "notify-key": "notify: [{{kind: wecom, url: {{env: A}}, {v}: x}}]",
    "notify-when": "notify: [{{kind: wecom, url: {{env: A}}, when: [{v}]}}]",
    "notify-webhook": "notify: [{{kind: wecom, webhook: {v}}}]",
    "notify-colon": "notify：{v}",
    "testers-text": "testers: {{li: {{wxname: [{v}]}}}}",
    "testers-openid": "testers: {{li: {{openid: [{v}]}}}}",
    "testers-openid-key": "testers: {{li: {{openid: {{{v}: 1}}}}}}",
    "secret-at-top": "secret: {v}",
    "secret-at-top-map": "secret: {{{v}: 1}}",
    "openids-at-top": "openids: {{{v}: 1}}",
    "token-at-top": "access_token: {v}",
}
SHAPED_AT_TOP = {
    "key-at-top": "{v}: x",
    "default": "default_account: {v}",
    "policy-key": "policy: {{{v}: 1}}",
    "policy-hold": "policy: {{hold: [{v}]}}",
    "policy-timezone": "policy: {{timezone: {v}}}",
    "policy-level": "policy: {{levels: {{{v}: mandatory}}}}",
    "policy-link": "policy: {{allowed_links: ['{v}']}}",
    "color": "articles: {{brand_color: '{v}'}}",
    "theme": "articles: {{theme: {v}}}",
    "testers-list": "testers: [{v}]",
    "testers-alias": "testers: {{'{v}': x}}",
    "testers-value": "testers: {{li: '{v}'}}",
    "vars-key": "vars: {{'{v}': null}}",
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
    "postgres-encoded": "postgresql://db.example.com/x?pass%77ord={v}",
    "postgres-scheme": "postgres://u:{v}@db.example.com/x",
    "mysql": "mysql://u:{v}@db.example.com/x",
    "map": "{{url: 'git:https://{v}@git.example.com/a/b.git'}}",
    "list": "['git:https://{v}@git.example.com/a/b.git']",
}
IN_CAMPAIGN = {
    "openids-one": "filter: {{openids: [{v}]}}\nmsgtype: text\ncontent: x\n",
    "openids-text": "filter: {{openids: {v}}}\nmsgtype: text\ncontent: x\n",
    "openids-key": "filter: {{openids: {{{v}: 1}}}}\nmsgtype: text\ncontent: x\n",
    "openids-nested": "filter: {{openids: [[{v}]]}}\nmsgtype: text\ncontent: x\n",
    "openids-map": "filter: {{openids: [{{{v}: 1}}]}}\nmsgtype: text\ncontent: x\n",
    "openids-twice": "filter: {{openids: [{v}, {v}]}}\nmsgtype: text\ncontent: x\n",
    "openids-bad": "filter: {{openids: ['{v}!', '{v} ']}}\nmsgtype: text\ncontent: x\n",
    "openids-colon": "filter: {{openids：{v}}}\nmsgtype: text\ncontent: x\n",
    "openids-misspelt": "filter: {{opneids: {{{v}: 1}}}}\nmsgtype: text\ncontent: x\n",
    "openids-number": "filter: {{openids: {{file: [{v}]}}}}\nmsgtype: text\ncontent: x\n",
    "openids-below": "filter:\n  openids:\n    {v}: 1\n    {v}: 2\nmsgtype: text\ncontent: x\n",
    "openids-broken": "filter:\n  openids:\n    - a\n    {v}:x\nmsgtype: text\ncontent: x\n",
    "touser": "filter: {{tag: a}}\ntouser: {{{v}: 1}}\nmsgtype: text\ncontent: x\n",
    "secret": "filter: {{tag: a}}\nmsgtype: text\ncontent: x\nsecret: {{{v}: 1}}\n",
}
SHAPED_IN_CAMPAIGN = {
    "key": "filter: {{tag: a}}\nmsgtype: text\ncontent: x\n'{v}': 1\n",
    "filter-key": "filter: {{'{v}': 1}}\nmsgtype: text\ncontent: x\n",
    "filter-list": "filter: [{v}]\nmsgtype: text\ncontent: x\n",
    "filter-text": "filter: '{v}'\nmsgtype: text\ncontent: x\n",
    "msgtype": "filter: {{tag: a}}\nmsgtype: {v}\ncontent: x\n",
    "account": "filter: {{tag: a}}\nmsgtype: text\ncontent: x\naccount: {v}\n",
    "file": "filter: {{tag: a}}\nmsgtype: text\ncontent: {{text_file: {v}}}\n",
    "openid-file": "filter: {{openids: {{file: {v}}}}}\nmsgtype: text\ncontent: x\n",
    "template": "filter: {{tag: a}}\nmsgtype: text\ncontent: '{{{{ {v} }}}}'\n",
    "template-filter": "filter: {{tag: a}}\nmsgtype: text\ncontent: '{{{{ x | {v} }}}}'\n",
    "template-broken": "filter: {{tag: a}}\nmsgtype: text\ncontent: '{{{{ {v} '\n",
    "template-tag": "filter: {{tag: a}}\nmsgtype: text\ncontent: '{{% {v} %}}'\n",
    "template-include": "filter: {{tag: a}}\nmsgtype: text\ncontent: '{{% include \"{v}\" %}}'\n",
    "not-after": "filter: {{tag: a}}\nmsgtype: text\ncontent: x\nnot_after: '{v}'\n",
    "vars": "filter: {{tag: a}}\nmsgtype: text\ncontent: x\nvars: {{'{v}': [null]}}\n",
    "for-each": "filter: {{tag: a}}\nmsgtype: text\ncontent: x\nfor_each: [{v}]\n",
    "duplicate": "filter: {{tag: a}}\nmsgtype: text\ncontent: x\n{v}: 1\n{v}: 2\n",
    "cover": (
        "filter: {{tag: a}}\nmsgtype: mpnews\n"
        "content: {{articles: [{{title: a, body: {v}.md, cover: {{file: {v}}}}}]}}\n"
    ),
}


def _cases() -> Iterator[Case]:
    yield from _in_accounts()
    yield from _elsewhere()
    yield from _in_campaigns()


def _in_accounts() -> Iterator[Case]:
    for name, text in IN_ACCOUNT.items():
        for value in (
            (PLAIN, APPSECRET, AES_KEY) if name not in ("key", "key-number") else (APPSECRET, AES_KEY)
        ):
            yield Case(f"account-{name}-{value[:4]}", value, settings(text.format(v=value)))
    for name in (
        "text",
        "list",
        "map-key",
        "below-key",
        "callback-text",
        "callback-key",
        "chinese-colon-flow",
    ):
        for value in (WORD, "Ab3", "0123456789", "1e17", "0777", "12:30:45", PLAIN * 4, f"{PLAIN}'\\\\x"):
            text = IN_ACCOUNT[name].format(v=value)
            yield Case(f"account-{name}-odd-{value[:8]}-{len(value)}", value, settings(text))


def _elsewhere() -> Iterator[Case]:
    for name, text in AT_TOP.items():
        for value in (PLAIN, ROBOT if "url" in name or "web" in name else OPENID):
            yield Case(f"top-{name}-{value[:5]}", value, settings(more=text.format(v=value)))
    for name, text in SHAPED_AT_TOP.items():
        for value in (APPSECRET, OPENID, TOKEN):
            yield Case(f"top-{name}-{value[:4]}", value, settings(more=text.format(v=value)))
    for name, text in LEDGERS.items():
        for value in (TOKEN, GITLAB_TOKEN, PLAIN):
            yield Case(f"ledger-{name}-{value[:4]}", value, settings(ledger=text.format(v=value)))


def _in_campaigns() -> Iterator[Case]:
    for name, text in IN_CAMPAIGN.items():
        for value in (OPENID, "oWeb-28x7_abc"):
            yield Case(f"campaign-{name}-{value[:4]}", value, settings(), text.format(v=value))
    for name, text in SHAPED_IN_CAMPAIGN.items():
        for value in (APPSECRET, OPENID):
            value = f"a{value[1:]}" if value == APPSECRET else value  # a name that a template may have
            yield Case(f"campaign-{name}-{value[:4]}", value, settings(), text.format(v=value))
    listed = "filter: {openids: {file: people.txt}}\nmsgtype: text\ncontent: x\n"
    for number, lines in enumerate(
        (f"{OPENID}\n", f"{OPENID},张三\n{OPENID}\n", f"{OPENID}\n{OPENID}\n", f"﻿{OPENID}")
    ):
        yield Case(f"file-{number}", OPENID, settings(), listed, lines)


CASES = list(_cases())
SANDBOX = "environments: {sandbox: {api: sandbox}}\n"
FORMS = {
    "plan": ("json", "github", "markdown", "html", "codequality", "widget"),
    "validate": ("json", "github", "codequality"),
}


def test_the_table_is_as_large_as_it_claims() -> None:
    """Every case has a name of its own."""
    assert len({case.name for case in CASES}) == len(CASES) >= 150


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for all that a run writes, bug reports too."""
    (tmp_path / "out").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "out"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "out"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "out" / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checkout(case: Case, home: Path) -> set[Path]:
    folder = home / "campaigns"
    folder.mkdir()
    (folder / "_settings.yaml").write_text(case.settings, encoding="utf-8")
    (folder / "sale.yaml").write_text(case.campaign, encoding="utf-8")
    if case.file:
        (folder / "people.txt").write_text(case.file, encoding="utf-8")
    return {path for path in home.rglob("*") if path.is_file()}


def commands(out: Path) -> list[list[str]]:
    given = {
        name: [f"--report={kind}={out / f'{name}.{kind}'}" for kind in kinds] for name, kinds in FORMS.items()
    }
    return [
        ["validate", *given["validate"]],
        ["validate", "--format", "github"],
        ["plan", "--offline", *given["plan"]],
        ["--lang", "zh", "plan", "--offline", "--format", "markdown"],
        ["render", "sale"],
        ["fmt", "--check", "--format", "json"],
        ["doctor"],
    ]


def written(home: Path, before: set[Path]) -> Iterator[tuple[str, bytes]]:
    for path in home.rglob("*"):
        if path.is_file() and path not in before:
            yield path.name, path.read_bytes()


def shown(value: str, text: str) -> bool:
    """Whether the value, or a part of it that gives it away, is in a text."""
    return value in text or (
        len(value) > 16 and any(value[at : at + 14] in text for at in range(len(value) - 13))
    )


@pytest.mark.deep
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_misplaced_secret_is_not_shown(case: Case, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither on standard output or error, nor in any file of any format; and no run ends as a bug."""
    before = checkout(case, home)
    for command in commands(home / "out"):
        code = run(command)
        said = capfd.readouterr()
        assert not shown(case.value, said.out), (command, said.out)
        assert not shown(case.value, said.err), (command, said.err)
        assert code != 1, (command, said.err)
    for name, data in written(home, before):
        assert not shown(case.value, data.decode("utf-8", "replace")), name


@pytest.mark.parametrize("name", LEDGERS)
def test_who_logs_in_is_no_part_of_a_ledger(name: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A token or a password in the address is an error of the settings, before anything is asked there."""
    checkout(Case(name, TOKEN, settings(ledger=LEDGERS[name].format(v=TOKEN))), home)
    assert run(["validate", "--format", "json"]) == 3
    assert "_settings.yaml" in capfd.readouterr().out


@pytest.mark.parametrize(
    "ledger",
    ["git", "git:origin#ledger", "git:ssh://git@git.example.com/a/b.git#l",
     "git:git@git.example.com:a/b.git#l", "git:https://git.example.com/a/b.git#ledger",
     "postgresql://u@db.example.com/x", "sqlite:state/ledger.db"],
)  # fmt: skip
def test_an_address_without_a_secret_is_fine(ledger: str, home: Path) -> None:
    """The user of ssh, and that of PostgreSQL, are no secrets."""
    checkout(Case("fine", "", settings(ledger=f'"{ledger}"')), home)
    assert run(["validate"]) == 0


REAL = [
    case
    for case in CASES
    if case.name.startswith(("account-chinese-colon-C", "ledger-ssh", "campaign-key-oR"))
]


@pytest.mark.parametrize("case", REAL, ids=lambda case: case.name)
def test_the_real_command_does_not_show_it(case: Case, home: Path) -> None:
    """The same by the command itself, in a process of its own."""
    before = checkout(case, home)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home / "out"),
        "LC_ALL": "C.UTF-8",
    }
    for command in commands(home / "out"):
        done = subprocess.run(
            [sys.executable, "-m", "wechat_campaigns", *command],
            cwd=home, env=environ, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert not shown(case.value, done.stdout + done.stderr), command
        assert "Traceback" not in done.stderr
    assert not [
        name for name, data in written(home, before) if shown(case.value, data.decode("utf-8", "replace"))
    ]


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
