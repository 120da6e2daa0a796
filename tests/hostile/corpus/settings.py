"""Settings that name a stranger's address, program, file or password, and settings that are no settings."""

# ruff: noqa: E501 (tables: a case a line)

from collections.abc import Mapping

from tests.hostile.corpus.case import Case, text

ACCOUNT = "accounts: {main: {kind: service, appid: wx1234567890abcdef, secret: {env: WECHAT_MAIN_SECRET}}}"
TOUCH = "['sh', '-c', 'touch @MARKER@']"

LEDGER = {
    "git-ext": "git:ext::sh -c 'touch @MARKER@'#main",
    "git-ext-words": "git:ext::touch%20@MARKER@#main",
    "git-fd": "git:fd::17#main",
    "git-option": "git:--upload-pack=touch${IFS}@MARKER@#main",
    "git-upload-pack": "git:-u#touch",
    "git-branch-option": "git:origin#--upload-pack=touch",
    "git-file": "git:file://@TRAP@/checkout#main",
    "git-path": "git:@TRAP@/checkout#main",
    "git-up": "git:../../x#main",
    "git-http": "git:http://127.0.0.1:@PORT@/a#main",
    "git-https": "git:https://127.0.0.1:@PORT@/a#main",
    "git-token": "git:https://x-access-token:abcdefabcdef@127.0.0.1:@PORT@/a#main",
    "git-protocol": "git:git://127.0.0.1:@PORT@/a#main",
    "git-ssh-option": "git:ssh://-oProxyCommand=touch${IFS}@MARKER@/a#main",
    "git-ssh": "git:ssh://127.0.0.1:@PORT@/a#main",
    "git-scp": "git:-oProxyCommand=touch@127.0.0.1:a#main",
    "git-branch": "git:origin#../../heads/main",
    "git-branch-lock": "git:origin#main.lock",
    "git-branch-control": "git:origin#a\\eb",
    "sqlite-absolute": "sqlite:@TRAP@/outside.sqlite3",
    "sqlite-up": "sqlite:../../outside.sqlite3",
    "sqlite-uri": "sqlite:file:@TRAP@/outside.sqlite3?mode=rwc",
    "sqlite-secret": "sqlite:@TRAP@/secret.txt",
    "sqlite-env": "sqlite:.env",
    "sqlite-git": "sqlite:.git/config",
    "sqlite-device": "sqlite:/dev/zero",
    "sqlite-memory": "sqlite::memory:",
    "postgres": "postgresql://ledger@127.0.0.1:@PORT@/a",
    "postgres-password": "postgresql://ledger:hunter2hunter2@127.0.0.1:@PORT@/a",
    "postgres-options": "postgresql://ledger@127.0.0.1:@PORT@/a?options=-c%20x&passfile=@TRAP@/secret.txt",
    "postgres-socket": "postgresql:///a?host=@TRAP@",
    "postgres-hosts": "postgresql://a@127.0.0.1:@PORT@,127.0.0.1:@PORT@/a",
    "postgres-service": "postgresql:///?service=x&servicefile=@TRAP@/secret.txt",
    "http": "http://127.0.0.1:@PORT@/",
}
KEYS = {
    "secret-command": f"accounts: {{main: {{kind: service, appid: wx1234567890abcdef, secret: {{command: {TOUCH}}}}}}}",
    "secret-home": "accounts: {main: {kind: service, appid: wx1234567890abcdef, secret: {env: HOME}}}",
    "secret-cloud": "accounts: {main: {kind: service, appid: wx1234567890abcdef, secret: {env: AWS_SECRET_ACCESS_KEY}}}",
    "secret-option": "accounts: {main: {kind: service, appid: wx1234567890abcdef, secret: {env: '--help'}}}",
    "secret-file": "accounts: {main: {kind: service, appid: wx1234567890abcdef, secret: {file: /etc/passwd}}}",
    "secret-plain": "accounts: {main: {kind: service, appid: wx1234567890abcdef, secret: c0ffee}}",
    "secret-both": f"accounts: {{main: {{kind: service, appid: wx1234567890abcdef, secret: {{env: A, command: {TOUCH}}}}}}}",
    "callback-command": "accounts: {main: {kind: service, appid: wx1234567890abcdef, secret: {env: A}, "
    f"callback: {{token: {{command: {TOUCH}}}}}}}}}",
    "accounts-many": "accounts: {" + ", ".join(
        f"a{n}: {{kind: service, appid: wx{n:016x}, secret: {{env: A}}}}" for n in range(3000)) + "}",
    "account-name": "accounts: {'../../x': {kind: service, appid: wx1234567890abcdef, secret: {env: A}}}",
    "repeat-negative": f"{ACCOUNT}, resend_after: -1",
    "repeat-huge": f"{ACCOUNT}, resend_after: 99999999999999999999",
    "protected-text": f"{ACCOUNT}, protected: 'no'",
    "approvals-empty": f"{ACCOUNT}, approvals: {{approvers: []}}",
    "approvals-many": f"{ACCOUNT}, approvals: {{count: 99999, approvers: ['@everyone']}}",
    "vars-template": f"{ACCOUNT}, vars: {{x: '{{{{ cycler.__init__.__globals__ }}}}'}}",
    "vars-class": f"{ACCOUNT}, vars: {{__class__: 1}}",
}  # fmt: skip
WHOLE = {
    "notify-command": f"notify: [{{kind: slack, url: {{command: {TOUCH}}}}}]\n",
    "notify-env": "notify: [{kind: slack, url: {env: WECHAT_MAIN_SECRET}}]\n",
    "notify-address": "notify: [{kind: slack, url: 'http://127.0.0.1:@PORT@/'}]\n",
    "testers-option": "testers: {'--to': {wxname: '--help'}}\n",
    "theme-up": "articles: {theme: ../../../secret}\n",
    "theme-absolute": "articles: {theme: '/etc/passwd'}\n",
    "brand-color": "articles: {brand_color: 'red;background:url(http://127.0.0.1:@PORT@/)'}\n",
    "policy-regex": "policy: {allowed_links: ['(a+)+$', '*']}\n",
    "policy-zone": "policy: {timezone: ../../../etc/passwd}\n",
    "policy-zone-absolute": "policy: {timezone: '/dev/zero'}\n",
    "policy-quiet": "policy: {quiet_hours: '" + "9" * 10_000 + "'}\n",
    "policy-days": "policy: {duplicate_content_days: 99999999999999999999}\n",
    "policy-drift": "policy: {audience_drift: {percent: .inf}}\n",
    "policy-levels": "policy: {levels: {hold: advisory}}\n",
    "default-environment": "default_environment: '../../x'\n",
    "environment-name": "environments: {'../../x': {api: sandbox, ledger: sqlite}}\n",
    "environment-many": "environments: {" + ", ".join(f"e{n}: {{api: sandbox}}" for n in range(1000)) + "}\n",
    "laughs": "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)) + "vars: *a11\n",
    "alias-self": "vars: &a {b: *a}\n",
    "merge": "x: &a {api: sandbox}\nenvironments: {e: {<<: *a, ledger: sqlite}}\n",
    "duplicate": "policy: {allow_to_all: false}\npolicy: {allow_to_all: true}\n",
    "python-tag": "vars: !!python/object/apply:os.system ['touch @MARKER@']\n",
    "deep": "vars: {a: " + "[" * 20_000 + "]" * 20_000 + "}\n",
    "long": "vars: {a: '" + "a" * 900_000 + "'}\n",
    "empty": "",
    "list": "[a]\n",
    "two-documents": "vars: {a: b}\n---\nvars: {a: c}\n",
        "control": 'vars: {"a\\e]0;x\\a": b}\n',
}  # fmt: skip


def environments() -> dict[str, str]:
    """Give hostile environments by name, as YAML between braces."""
    real = 'api: "https://api.weixin.qq.com"'
    return {
        **{f"ledger-{name}": f'{real}, ledger: "{ledger}", {ACCOUNT}' for name, ledger in LEDGER.items()},
        **{f"key-{name}": f"{real}, ledger: sqlite, {more}" for name, more in KEYS.items()},
    }


def settings_of(environments: Mapping[str, str], default: str) -> str:
    """Write settings with these environments."""
    lines = "".join(f"  {name}: {{{body}}}\n" for name, body in environments.items())
    return f"default_environment: {default}\nenvironments:\n{lines}"


def _case(name: str, body: str) -> Case:
    return Case(name=name, files={"c.yaml": text("a"), "../_settings.yaml": body}, refused=None, alone=True)


def cases() -> list[Case]:
    """Return the environments, each in settings of its own, for those that the schema does not refuse already."""
    return [_case(name, settings_of({name: body}, name)) for name, body in environments().items()]


def whole() -> list[Case]:
    """Give settings that are hostile as a whole; each gets a checkout of its own."""
    return [_case(name, body) for name, body in WHOLE.items()]
