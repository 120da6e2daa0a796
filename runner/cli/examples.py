"""What `--help` shows below the options of each command: command lines, with what each does."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("campaign", "what would be sent, of all campaigns"),
        ("campaign apply sale", "send one campaign, after a question"),
    ),
    "init": (
        ("campaign init shop", "a new repository in the folder shop"),
        ("campaign init --ci gitlab", "here, with GitLab's workflow"),
    ),
    "new": (
        ("campaign new", "asks, on a terminal"),
        ("campaign new 2026/spring/sale --tag 会员", "a text to a tag"),
        ("campaign new news --msgtype mpnews --tag-id 2 --media-id MEDIA", "a draft that exists"),
    ),
    "validate": (
        ("campaign validate", "all campaigns and the settings"),
        ("campaign validate sale --format json", "one, for a program"),
        ("campaign validate --fix-images", "would it pass with its pictures converted?"),
        ("campaign validate --output sarif=problems.sarif", "also as a file for code scanning"),
    ),
    "fmt": (
        ("campaign fmt", "write every file in the usual shape"),
        ("campaign fmt --check", "only say which would change"),
    ),
    "render": (
        ("campaign render sale", "the text here, pages in .campaign/render"),
        ("campaign render 'tasting[beijing]' --open", "one send of a for_each, in the browser"),
        ("campaign render news --open --watch", "while you write"),
    ),
    "schema": (
        ("campaign schema settings --out schema/settings.schema.json", "for an editor"),
    ),
    "plan": (
        ("campaign plan", "all campaigns"),
        ("campaign plan '2026/*' --offline", "some, without asking WeChat"),
        ("campaign plan --env production --out plan.json", "what a reviewer approves"),
        ("campaign plan --changed-since main --output html=plan.html", "what a branch changes"),
    ),
    "apply": (
        ("campaign apply sale", "show, ask, send"),
        ("campaign apply --env production --plan plan.json", "exactly what was reviewed"),
        ("campaign apply --allow quiet_hours='live show, agreed with the duty manager'", "one rule, once"),
    ),
    "preview": (
        ("campaign preview sale --to 小李", "a tester of the settings"),
        ("campaign preview 'tasting[beijing]' --to wechat-name", "any WeChat name"),
    ),
    "draft": (
        ("campaign draft news", "upload, add the draft, send nothing"),
        ("campaign draft 'tasting[beijing]' --auto-approve", "one send of a for_each, without a question"),
    ),
    "status": (
        ("campaign status", "every send of the ledger"),
        ("campaign status sale --wait", "until WeChat has finished"),
    ),
    "recall": (
        ("campaign recall news", "all articles of a send"),
        ("campaign recall news --article 2", "the second one only"),
    ),
    "report": (
        ("campaign report --output csv=sends.csv", "for a spreadsheet"),
    ),
    "calendar": (
        ("campaign calendar", "this month"),
    ),
    "doctor": (
        ("campaign doctor --env production", "before the first real send"),
    ),
    "hold": (
        ("campaign hold main --why '客服系统故障'", "every runner stops before its next call"),
    ),
    "unhold": (
        ("campaign unhold main --why '已恢复'", "sends may go on"),
    ),
    "tags": (
        ("campaign tags --env production --account main", "names, ids, counts"),
    ),
    "ledger": (
        ("campaign ledger init --env production", "once, before the first send"),
        ("campaign ledger verify", "is every event as it was written?"),
    ),
    "ledger init": (
        ("campaign ledger init --env production", "once, before the first send"),
    ),
    "ledger baseline": (
        ("campaign ledger baseline --all --why 'sent by hand'", "nothing of this is sent again"),
        ("campaign ledger baseline --before 2026-12-01 --why archive", "windows that ended before"),
    ),
    "ledger log": (
        ("campaign ledger log --format json", "every event whole"),
    ),
    "ledger verify": (
        ("campaign ledger verify --env production", "before and after a restore"),
    ),
    "ledger export": (
        ("campaign ledger export --out ledger.jsonl", "a copy"),
    ),
    "ledger import": (
        ("campaign ledger import ledger.jsonl", "into an empty ledger"),
    ),
    "ledger settle": (
        ("campaign ledger settle sale --sent 3147483648 --why 'seen in the console'", "it went out"),
        ("campaign ledger settle sale --not-sent --why 'not in the console'", "it may be sent again"),
    ),
    "environments": (
        ("campaign environments sale", "rehearsed, staged, in production?"),
    ),
    "ci": (
        ("campaign ci publish report.md", "the comment of a pull request"),
    ),
    "ci publish": (
        ("campaign ci publish report.md", "the comment of a pull request"),
    ),
    "ci outputs": (
        ("campaign ci outputs plan.json", "digest, pending, due for later steps"),
    ),
    "listen": (
        ("campaign listen --env production", "behind your server with TLS"),
    ),
    "sandbox": (
        ("campaign sandbox", "a WeChat on http://127.0.0.1:8090"),
        ("campaign sandbox --state .campaign/sandbox.sqlite3", "the phones of the last rehearsal"),
    ),
    "completion": (
        ('source <(campaign completion bash)', "bash 4.4 or newer; zsh likewise"),
        ("campaign completion fish | source", "fish"),
    ),
}  # fmt: skip
"""Command path without `campaign` to its examples; `tests/unit/cli/test_examples.py` parses each."""


def epilog(path: str) -> str:
    """Write the examples of a command as click shows them below its options."""
    rows = EXAMPLES.get(path, ())
    lines = "\n".join(f"  {line}\n      {what}" for line, what in rows)
    return f"\b\nExamples:\n{lines}" if rows else ""
