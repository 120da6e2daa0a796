"""Write the report of a run that ended in an error, in every form."""

from __future__ import annotations

from wechat_campaigns.core.errors import CampaignError, Diagnostic, InvalidError, Location
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact
from wechat_campaigns.report.formats import OF_PROBLEMS, Formats, form, formats
from wechat_campaigns.report.gitlab import NO_CHANGES
from wechat_campaigns.report.markdown import failure_markdown
from wechat_campaigns.report.problems import problem_dict, problems_text
from wechat_campaigns.report.sanitize import FORMAT_VERSION, inert, json_text


def failure_forms(error: CampaignError, *, command: str, environment: str, settings_file: str) -> Formats:
    """Give the report of a failed run by kind.

    Args:
        error: what ended it; tokens, AppSecrets and openids in its texts are masked, as on standard error.
        command: `plan`, `apply` or `validate`.
        settings_file: where an error that belongs to no file is shown.
    """
    masked = CampaignError(redact(error.message), hint=redact(error.hint), location=redact(error.location))
    problems = (
        error.problems if isinstance(error, InvalidError) else (_problem(error, masked, settings_file),)
    )
    failed = _("{command} failed: {error}").format(command=command, error=str(masked))
    text = f"{problems_text(problems)}\n\n{inert(failed)}\n→ {inert(masked.hint)}"
    title = _("campaign {command} failed").format(command=command)
    data = {
        "format_version": FORMAT_VERSION,
        "error": {
            "message": masked.message,
            "location": masked.location,
            "hint": masked.hint,
            "exit_code": error.exit_code,
        },
        "problems": [problem_dict(problem) for problem in problems],
    }
    return {
        **formats(OF_PROBLEMS, problems),
        "text": lambda: text,
        "json": lambda: json_text(data),
        "markdown": lambda: failure_markdown(masked, problems, command=command, environment=environment),
        "html": form("html.failure_html", title, str(masked), masked.hint, problems),
        "widget": lambda: NO_CHANGES,
    }


def _problem(error: CampaignError, masked: CampaignError, settings_file: str) -> Diagnostic:
    rule = f"run-{error.exit_code.name.lower()}"
    return Diagnostic(location=Location(file=settings_file), rule=rule, message=str(masked), hint=masked.hint)
