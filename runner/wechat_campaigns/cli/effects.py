"""Declare what a command changes, and refuse it where nobody, or only a person, may change that."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import _

READ_ONLY: Final = "CAMPAIGN_READ_ONLY"
"""The variable that refuses every write; only `0`, `false`, `no` and the empty text leave it off."""


class Effect(StrEnum):
    """The most that a command changes; what it prints, or writes to a file of an option, does not count."""

    NONE = "none"
    LOCAL = "local"
    LEDGER_READ = "ledger-read"
    LEDGER_COPY = "ledger-copy"
    WECHAT_READ = "wechat-read"
    WECHAT_COPY = "wechat-copy"
    CODE_HOST = "code-host"
    LEDGER_RECORD = "ledger-record"
    LEDGER_DECISION = "ledger-decision"
    WECHAT_WRITE = "wechat-write"


MEANINGS: Final[Mapping[Effect, str]] = {
    Effect.NONE: "changes nothing: looks at files; obeys no address, secret or program of the settings",
    Effect.LOCAL: "changes files of this machine; obeys no address, secret or program of the settings",
    Effect.LEDGER_READ: "changes nothing: connects to the ledger that the settings name, reads no secret",
    Effect.LEDGER_COPY: "writes files of this machine; else as ledger-read",
    Effect.WECHAT_READ: "changes nothing: queries WeChat, and records a final answer",
    Effect.WECHAT_COPY: "queries WeChat, and writes files of this machine",
    Effect.CODE_HOST: "writes a comment on GitHub",
    Effect.LEDGER_RECORD: "records in the ledger what happened, or a stop; never leads to another send",
    Effect.LEDGER_DECISION: "records in the ledger what a person decided about past sends or the rules",
    Effect.WECHAT_WRITE: "changes WeChat: reaches followers or testers, or makes drafts",
}

READING: Final = frozenset({Effect.NONE, Effect.LEDGER_READ, Effect.WECHAT_READ})
OF_FILES: Final = frozenset({Effect.NONE, Effect.LOCAL, Effect.CODE_HOST})
"""What gets a workspace of files: it opens no ledger, reads no secret, and connects to nothing."""
OF_LEDGER: Final = frozenset({Effect.LEDGER_READ, Effect.LEDGER_COPY})
"""What also gets the ledger; every other effect gets WeChat and the secrets."""
OF_PERSONS: Final = frozenset({Effect.LEDGER_DECISION, Effect.WECHAT_WRITE})
"""What a coding agent may do in the sandbox only."""


class Agent(NamedTuple):
    """A coding agent and where its variable is documented."""

    name: str
    source: str


AGENTS: Final[Mapping[str, Agent]] = {
    "CLAUDECODE": Agent("Claude Code", "https://code.claude.com/docs/en/env-vars"),
    "CURSOR_AGENT": Agent("Cursor", "https://github.com/databricks/cli/pull/4287"),
    "GEMINI_CLI": Agent("Gemini CLI", "https://google-gemini.github.io/gemini-cli/docs/tools/shell.html"),
    "CODEX_CI": Agent("Codex", "https://github.com/openai/codex/pull/9366"),
    "CODEX_THREAD_ID": Agent("Codex", "https://github.com/openai/codex/pull/10096"),
    "CODEX_SANDBOX": Agent("Codex", "https://github.com/openai/codex/blob/main/AGENTS.md"),
    "CODEX_SANDBOX_NETWORK_DISABLED": Agent("Codex", "https://github.com/openai/codex/blob/main/AGENTS.md"),
    "COPILOT_AGENT": Agent("Copilot", "https://github.com/microsoft/vscode/pull/316267"),
    "OPENCODE": Agent("OpenCode", "https://github.com/vercel/vercel/pull/15834"),
    "CLINE_ACTIVE": Agent("Cline", "https://github.com/cline/cline/pull/7858"),
    "GOOSE_TERMINAL": Agent("Goose", "https://github.com/google-gemini/gemini-cli/pull/21032"),
    "AMP_CURRENT_THREAD_ID": Agent("Amp", "https://github.com/microsoft/vscode/issues/311734"),
    "AUGMENT_AGENT": Agent("Augment", "https://github.com/microsoft/vscode/issues/311734"),
    "ANTIGRAVITY_AGENT": Agent("Antigravity", "https://github.com/microsoft/vscode/issues/311734"),
    "AI_AGENT": Agent("AI_AGENT", "https://github.com/agentsmd/agents.md/issues/136"),
}
"""A variable that an agent sets for the commands that it runs. Sources read 2026-11.

Aider sets none. Variables that people set to configure an agent, such as `CODEX_HOME` or `GOOSE_PROVIDER`, do
not tell who runs a command, and `AGENT` is a common name on build machines.
"""


def is_read_only(environ: Mapping[str, str]) -> bool:
    """Whether `CAMPAIGN_READ_ONLY` is set."""
    return environ.get(READ_ONLY, "").strip().lower() not in ("", "0", "false", "no")


def running_agent(environ: Mapping[str, str]) -> str | None:
    """Return the coding agent that runs this process; None for a person or a CI job."""
    return next((agent.name for variable, agent in AGENTS.items() if environ.get(variable)), None)


def check_read_only(command: str, effect: Effect, environ: Mapping[str, str]) -> None:
    """Refuse a command that writes where `CAMPAIGN_READ_ONLY` is set.

    Raises:
        PolicyError: it writes.
    """
    if effect not in READING and is_read_only(environ):
        raise PolicyError(
            _("`{command}` can change something ({effect}), and {variable} is set").format(
                command=command, effect=effect.value, variable=READ_ONLY
            ),
            hint=_("use a command that only reads, such as `campaign plan`"),
        )


def agent_error(command: str, agent: str) -> PolicyError:
    """Make the error for what an agent may not do outside the sandbox; it names no way round."""
    return PolicyError(
        _(
            "`{command}` reaches real followers or changes what may be sent to them, and a coding agent "
            "({agent}) runs it"
        ).format(command=command, agent=agent),
        hint=_(
            "ask a person to run this command; an agent may use `campaign validate`, `campaign render`, "
            "`campaign plan` and `campaign hold`"
        ),
    )
