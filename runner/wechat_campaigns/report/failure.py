"""A run that ended in an error in, its report in every form out: a report is written whatever the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

from wechat_campaigns.core.errors import CampaignError, Diagnostic, InvalidError, Location
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.words import _
from wechat_campaigns.report.gitlab import NO_CHANGES, codequality
from wechat_campaigns.report.html import document
from wechat_campaigns.report.junit import problems_junit
from wechat_campaigns.report.markdown import failure_markdown
from wechat_campaigns.report.neutral import FORMAT_VERSION, inert, json_text
from wechat_campaigns.report.problems import problem_dict, problems_github, problems_text
from wechat_campaigns.report.sarif import sarif


def failure_forms(
    error: CampaignError, *, command: str, environment: str, settings_file: str
) -> Mapping[str, Callable[[], str]]:
    """Give the report of a failed run by kind.

    Args:
        error: what ended it; tokens, AppSecrets and openids in its texts are masked, as on standard error.
        command: `plan`, `apply` or `validate`.
        environment: its name, as far as it is known.
        settings_file: where an error that belongs to no file is shown.
    """
    masked = CampaignError(redact(error.message), hint=redact(error.hint), location=redact(error.location))
    problems = (
        error.problems if isinstance(error, InvalidError) else (_problem(error, masked, settings_file),)
    )
    said = _("{command} failed: {error}").format(command=command, error=str(masked))
    text = f"{problems_text(problems)}\n\n{inert(said)}\n→ {inert(masked.hint)}"
    title = _("campaign {command} failed").format(command=command)
    data = {
        "format_version": FORMAT_VERSION,
        "error": {
            "what": masked.message,
            "where": masked.location,
            "hint": masked.hint,
            "exit_code": error.exit_code,
        },
        "problems": [problem_dict(problem) for problem in problems],
    }
    return {
        "text": lambda: text,
        "json": lambda: json_text(data),
        "github": lambda: problems_github(problems),
        "markdown": lambda: failure_markdown(masked, problems, command=command, environment=environment),
        "html": lambda: document(title, f"<pre>{escape(text)}</pre>\n"),
        "sarif": lambda: sarif(problems),
        "codequality": lambda: codequality(problems),
        "widget": lambda: NO_CHANGES,
        "junit": lambda: problems_junit(problems, command),
    }


def _problem(error: CampaignError, masked: CampaignError, settings_file: str) -> Diagnostic:
    rule = f"run-{error.exit_code.name.lower()}"
    return Diagnostic(location=Location(file=settings_file), rule=rule, message=str(masked), hint=masked.hint)
