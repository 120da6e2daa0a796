"""Write a plan in every output format."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from wechat_campaigns.api import PlanResult
from wechat_campaigns.cli.context import Context
from wechat_campaigns.core.names import quoted
from wechat_campaigns.report.outlook import APPLY
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.problems import Formats, problem_formats, problems_text
from wechat_campaigns.report.sanitize import json_text


def view_of(context: Context, result: PlanResult, *, horizon: datetime | None = None) -> PlanView:
    """Build the view that every output format of a plan renders."""
    timezone = context.settings.policy.timezone
    return PlanView(
        plan=result.plan,
        timezone=timezone,
        comparison=result.comparison,
        errors=result.errors,
        horizon=horizon,
        command=apply_command(context),
    )


def apply_command(context: Context) -> str:
    """Write what sends the plan of this run: with its selection, its options and its plan file.

    A protected environment wants one that was reviewed.
    """
    environment, asked = context.settings.environment, click.get_current_context().params
    words = [APPLY, *map(quoted, asked.get("select", ()))]
    options = [
        f" --{name} {quoted(value)}" for name in ("var", "resend", "allow") for value in asked.get(name, ())
    ]
    if (file := asked.get("out") or asked.get("plan_file")) or environment.protected:
        # An absolute path is one of this machine, and a report is read elsewhere.
        name = "FILE" if file is None or file.is_absolute() else quoted(str(file))
        options.append(f" --plan {name}")
    return f"{' '.join(words)}{environment.env_option}{''.join(options)}"


def plan_formats(context: Context, view: PlanView, *, everything: bool = False) -> Formats:
    """Write a plan in every output format, each only when it is asked for."""
    from wechat_campaigns.report.json import plan_data, widget
    from wechat_campaigns.report.markdown import plan_markdown

    of_problems = problem_formats(view.problems)

    def text() -> str:
        return plan_text(context, view, everything=everything)

    def github() -> str:
        return "\n".join(filter(None, [of_problems["github"](), context.guarded(text())]))

    def html() -> str:
        from wechat_campaigns.report.html import plan_html

        return plan_html(view, data=context.read)

    return {
        "text": text,
        "json": lambda: json_text(plan_data(view)),
        "markdown": lambda: plan_markdown(view),
        "html": html,
        "github": github,
        "codequality": of_problems["codequality"],
        "widget": lambda: widget(view),
    }


def plan_text(context: Context, view: PlanView, *, everything: bool = False, is_applied: bool = False) -> str:
    """Write a plan for the terminal, errors first."""
    from wechat_campaigns.report import text

    errors = problems_text(view.errors, color=context.color)
    options = replace(context.text_options, everything=everything, is_applied=is_applied)
    plan = text.plan_text(view, options)
    return "\n\n".join(filter(None, [errors, plan]))
