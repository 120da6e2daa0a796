"""Write the report of a run that ended in an error, in every form."""

from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import CampaignError, InvalidError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.report.markdown import failure_markdown
from wechat_campaigns.report.problems import Formats, problem_dict, problem_formats, problems_text
from wechat_campaigns.report.sanitize import FORMAT_VERSION, inert, json_text


def failure_forms(error: CampaignError, *, command: str, environment: str, settings_file: str) -> Formats:
    """Return the report of a failed run by kind.

    Args:
        error: what ended it; tokens, AppSecrets and openids were masked as it was made.
        command: such as `plan` or `ledger init`.
        settings_file: where an error that belongs to no file is shown.
    """
    message = _(": ").join(filter(None, [error.location, error.message]))
    problems: tuple[Diagnostic, ...] = (
        Diagnostic(
            location=Location(file=settings_file),
            rule=f"run-{error.exit_code.name.lower()}",
            message=message,
            hint=error.hint,
        ),
    )
    if isinstance(error, InvalidError):
        problems = error.problems
    failed = _("{command} failed: {error}").format(command=command, error=message)
    text = f"{problems_text(problems)}\n\n{inert(failed)}\n→ {inert(error.hint)}"
    title = _("campaign {command} failed").format(command=command)
    data = {
        "format_version": FORMAT_VERSION,
        "error": {
            "message": error.message,
            "location": error.location,
            "hint": error.hint,
            "exit_code": error.exit_code,
        },
        "problems": [problem_dict(problem) for problem in problems],
    }

    def html() -> str:
        from wechat_campaigns.report.html import failure_html  # needs Jinja

        return failure_html(title, str(error), error.hint, problems)

    return {
        **problem_formats(problems),
        "text": lambda: text,
        "json": lambda: json_text(data),
        "markdown": lambda: failure_markdown(error, problems, command=command, environment=environment),
        "html": html,
        "widget": lambda: '{"create": 0, "update": 0, "delete": 0}',
    }
