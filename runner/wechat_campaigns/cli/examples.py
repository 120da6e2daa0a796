"""What `--help` shows below the options of each command: command lines, with what each does."""

from __future__ import annotations

from collections.abc import Mapping

from wechat_campaigns.core.words import N_, _

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("campaign", N_("what would be sent, of all campaigns")),
        ("campaign apply sale", N_("send one campaign, after a question")),
    ),
    "init": (
        ("campaign init shop", N_("a new repository in the folder shop")),
        ("campaign init --ci gitlab", N_("here, with GitLab's workflow")),
    ),
    "new": (
        ("campaign new", N_("asks, on a terminal")),
        ("campaign new 2026/spring/sale --tag 会员", N_("a text to a tag")),
        ("campaign new news --msgtype mpnews --tag-id 2 --media-id MEDIA", N_("a draft that exists")),
    ),
    "validate": (
        ("campaign validate", N_("all campaigns and the settings")),
        ("campaign validate sale --format json", N_("one, for a program")),
        ("campaign validate --fix-images", N_("would it pass with its pictures converted?")),
        ("campaign validate --output sarif=problems.sarif", N_("also as a file for code scanning")),
    ),
    "fmt": (
        ("campaign fmt", N_("write every file in the usual shape")),
        ("campaign fmt --check", N_("only say which would change")),
    ),
    "render": (
        ("campaign render sale", N_("the text here, pages in the state folder")),
        ("campaign render 'tasting[beijing]' --open", N_("one send of a for_each, in the browser")),
        ("campaign render news --open --watch", N_("while you write")),
    ),
    "schema": (
        ("campaign schema settings --out schema/settings.schema.json", N_("for an editor")),
    ),
    "plan": (
        ("campaign plan", N_("all campaigns")),
        ("campaign plan '2026/*' --offline", N_("some, without asking WeChat")),
        ("campaign plan --env production --out plan.json", N_("what a reviewer approves")),
        ("campaign plan --changed-since main --output html=plan.html", N_("what a branch changes")),
    ),
    "apply": (
        ("campaign apply sale", N_("show, ask, send")),
        ("campaign apply --env production --plan plan.json", N_("exactly what was reviewed")),
        (
            "campaign apply --allow quiet_hours='live show, agreed with the duty manager'",
            N_("one rule, once"),
        ),
    ),
    "preview": (
        ("campaign preview sale --to 小李", N_("a tester of the settings")),
        ("campaign preview 'tasting[beijing]' --to wechat-name", N_("any WeChat name")),
    ),
    "draft": (
        ("campaign draft news", N_("upload, add the draft, send nothing")),
        (
            "campaign draft 'tasting[beijing]' --auto-approve",
            N_("one send of a for_each, without a question"),
        ),
    ),
    "status": (
        ("campaign status", N_("every send of the ledger")),
        ("campaign status sale --wait", N_("until WeChat has finished")),
    ),
    "recall": (
        ("campaign recall news", N_("all articles of a send")),
        ("campaign recall news --article 2", N_("the second one only")),
    ),
    "report": (
        ("campaign report --output csv=sends.csv", N_("for a spreadsheet")),
    ),
    "calendar": (
        ("campaign calendar", N_("this month")),
    ),
    "doctor": (
        ("campaign doctor --env production", N_("before the first real send")),
    ),
    "hold": (
        ("campaign hold main --why '客服系统故障'", N_("every runner stops before its next call")),
    ),
    "unhold": (
        ("campaign unhold main --why '已恢复'", N_("sends may go on")),
    ),
    "tags": (
        ("campaign tags --env production --account main", N_("names, ids, counts")),
    ),
    "ledger": (
        ("campaign ledger init --env production", N_("once, before the first send")),
        ("campaign ledger verify", N_("is every event as it was written?")),
    ),
    "ledger init": (
        ("campaign ledger init --env production", N_("once, before the first send")),
    ),
    "ledger baseline": (
        ("campaign ledger baseline --all --why 'sent by hand'", N_("nothing of this is sent again")),
        ("campaign ledger baseline --before 2026-12-01 --why archive", N_("windows that ended before")),
    ),
    "ledger log": (
        ("campaign ledger log --format json", N_("every event whole")),
    ),
    "ledger verify": (
        ("campaign ledger verify --env production", N_("before and after a restore")),
    ),
    "ledger export": (
        ("campaign ledger export --out ledger.jsonl", N_("a copy")),
    ),
    "ledger guard": (
        (
            "campaign ledger guard --env production --why 'larger tag agreed on'",
            N_("accept looser rules"),
        ),
    ),
    "ledger import": (
        ("campaign ledger import ledger.jsonl", N_("into an empty ledger")),
        (
            "campaign ledger import ledger.jsonl --as-backup --why 'the disk is gone'",
            N_("the ledger is lost"),
        ),
    ),
    "ledger settle": (
        ("campaign ledger settle sale --sent 3147483648 --why 'seen in the console'", N_("it went out")),
        ("campaign ledger settle sale --not-sent --why 'not in the console'", N_("it may be sent again")),
    ),
    "environments": (
        ("campaign environments sale", N_("rehearsed, staged, in production?")),
    ),
    "ci": (
        ("campaign ci publish report.md", N_("the comment of a pull request")),
    ),
    "ci publish": (
        ("campaign ci publish report.md", N_("the comment of a pull request")),
    ),
    "ci outputs": (
        ("campaign ci outputs plan.json", N_("digest, pending, due for later steps")),
    ),
    "listen": (
        ("campaign listen --env production", N_("behind your server with TLS")),
    ),
    "sandbox": (
        ("campaign sandbox", N_("a WeChat on http://127.0.0.1:8090")),
        ("campaign sandbox --rehearsal", N_("the phones of the last rehearsal")),
    ),
    "completion": (
        ('source <(campaign completion bash)', N_("bash 4.4 or newer; zsh likewise")),
        ("campaign completion fish | source", N_("fish")),
    ),
}  # fmt: skip
"""Command path without `campaign` to its examples; `tests/unit/cli/test_examples.py` parses each."""


def epilog(path: str) -> str:
    """Write the examples of a command as click shows them below its options."""
    rows = EXAMPLES.get(path, ())
    lines = "\n".join(f"  {line}\n      {_(what)}" for line, what in rows)
    return f"\b\n{_('Examples:')}\n{lines}" if rows else ""
