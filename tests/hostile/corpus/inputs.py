"""Arguments, plan files, exports and CI events that a stranger wrote; run in a checkout with one harmless campaign."""

# ruff: noqa: E501 (tables: a case a line)

import json

from tests.hostile.corpus.case import Case, text

_PLAN = {
    "format_version": "3.0", "rules": {}, "settings": [], "file_sha256": "0" * 64,
    "plan_digest": "0" * 64, "resolved_digest": None, "created_at": "2026-11-25T12:00:00+00:00",
    "expires_at": "2099-01-01T00:00:00+00:00", "environment": "sandbox", "commit": None, "offline": False,
    "counts": {}, "sends": [], "accounts": {},
}  # fmt: skip
PLANS: dict[str, str | bytes] = {
    "deep": "[" * 100_000,
    "not-utf-8": b'{"plan_digest": "\xff"}',
    "digest-list": json.dumps({**_PLAN, "plan_digest": ["a"]}),
    "sends-odd": json.dumps({**_PLAN, "sends": [None, 1, "x", {"id": {"a": 1}}]}),
    "environment-path": json.dumps({**_PLAN, "environment": "../../x"}),
    "commit-option": json.dumps({**_PLAN, "commit": "--output=@MARKER@"}),
    "escape": json.dumps({**_PLAN, "environment": "\x1b]0;owned\x07\x1b[2J"}),
    "pickle": b"cos\nsystem\n(S'touch MARKER'\ntR.",
}
EXPORTS: dict[str, str | bytes] = {
    "deep": "[" * 100_000 + "\n",
    "not-utf-8": b"\xff\xfe\n",
    "odd-event": json.dumps({"stream": "../../x", "seq": -1, "kind": "x", "data": {}, "hash": "x"}) + "\n",
    "sql": json.dumps(
        {"stream": "'; drop table event; --", "seq": 1, "kind": "hold", "data": {}, "hash": "x"}
    )
    + "\n",
    "escape": json.dumps({"stream": "\x1b]0;owned\x07", "seq": 1, "kind": "x", "data": {}, "hash": "x"})
    + "\n",
    "many-lines": "{}\n" * 100_000,
}
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "since-option": ("plan", "--offline", "--changed-since", "--output=@MARKER@"),
    "since-upload-pack": ("plan", "--offline", "--changed-since", "--upload-pack=touch @MARKER@"),
    "since-ext": ("plan", "--offline", "--changed-since", "ext::touch @MARKER@"),
    "since-line": ("plan", "--offline", "--changed-since", "a\nb"),
    "since-long": ("plan", "--offline", "--changed-since", "a" * 100_000),
    "var-template": ("plan", "--offline", "--var", "x={{ cycler.__init__.__globals__ }}"),
    "var-class": ("plan", "--offline", "--var", "__class__=1"),
    "var-control": ("plan", "--offline", "--var", "x=\x1b]0;owned\x07"),
    "var-long": ("plan", "--offline", "--var", "x=" + "a" * 100_000),
    "dir-root": ("validate", "--dir", "/etc"),
    "dir-up": ("validate", "--dir", "../home"),
    "dir-git": ("validate", "--dir", ".git"),
    "env-path": ("plan", "--offline", "--env", "../../x"),
    "select-up": ("plan", "--offline", "../../secret"),
    "select-stars": ("plan", "--offline", "*" * 1000 + "b"),
    "select-control": ("plan", "--offline", "\x1b]0;owned\x07"),
    "render-up": ("render", "../../secret"),
    "render-shell": ("render", "$(touch @MARKER@)"),
    "report-kind": ("plan", "--offline", "--report", "exe=@TRAP@/out/x"),
    "allow-long": ("plan", "--offline", "--allow", "quiet_hours=" + "x" * 100_000),
    "new-up": ("new", "../../outside"),
    "month-odd": ("calendar", "--month", "99999-99"),
    "since-day-odd": ("report", "--since", "0000-00-00"),
    "digest-odd": ("apply", "--auto-approve", "--expect-digest", "\x1b[2J"),
    "unknown-command": ("touch", "@MARKER@"),
}
EVENTS: dict[str, str | bytes] = {
    "deep": "[" * 100_000,
    "not-utf-8": b"\xff",
    "number-text": json.dumps({"pull_request": {"number": "1/../../x"}}),
    "head-option": json.dumps({"pull_request": {"number": 1, "head": {"sha": "--output=@MARKER@"}}}),
    "fork": json.dumps(
        {"pull_request": {"number": 1, "head": {"repo": {"fork": True, "full_name": "../x"}}}}
    ),
}
CI_VARIABLES = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REPOSITORY": "shop/campaigns",
    "GITHUB_REF": "refs/pull/1/merge",
    "GITHUB_SHA": "0" * 40,
    "GITHUB_API_URL": "http://127.0.0.1:9",
}


def cases() -> list[Case]:
    """Return the cases."""
    files: dict[str, str | bytes] = {"c.yaml": text("a")}
    made = [
        Case(
            name=f"plan-{name}",
            files={**files, "../../in": body},
            args=("apply", "--auto-approve", "--plan", "in"),
        )
        for name, body in PLANS.items()
    ]
    made += [
        Case(name=f"import-{name}", files={**files, "../../in": body}, args=("ledger", "import", "in"))
        for name, body in EXPORTS.items()
    ]
    made += [Case(name=f"argument-{name}", files=files, args=args) for name, args in ARGUMENTS.items()]
    made += [
        Case(
            name=f"event-{name}",
            files={**files, "../../in": body, "../../report.md": "# a\n"},
            args=("ci", "publish", "report.md"),
            environ={**CI_VARIABLES, "GITHUB_EVENT_PATH": "in"},
        )
        for name, body in EVENTS.items()
    ]
    return made
