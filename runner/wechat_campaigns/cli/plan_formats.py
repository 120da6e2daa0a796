"""Write a plan in every output format."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wechat_campaigns.cli.context import Context, Formats
from wechat_campaigns.core.errors import Diagnostic

if TYPE_CHECKING:
    from wechat_campaigns.api import PlanResult


def plan_formats(context: Context, result: PlanResult, *, everything: bool = False) -> Formats:
    """Write a plan in every output format, each only when it is asked for."""
    plan, timezone = result.plan, context.settings.policy.timezone

    def text() -> str:
        return plan_text(context, result, everything=everything)

    def json() -> str:
        from wechat_campaigns.report.data import plan_data
        from wechat_campaigns.report.neutral import json_text

        return json_text(plan_data(plan))

    def github() -> str:
        from wechat_campaigns.report.problems import problems_github

        return "\n".join(filter(None, [problems_github(_problems(result)), context.guarded(text())]))

    def markdown() -> str:
        from wechat_campaigns.report.markdown import plan_markdown

        return plan_markdown(plan, timezone=timezone, comparison=result.comparison, problems=result.errors)

    def html() -> str:
        from wechat_campaigns.report.html import plan_html

        return plan_html(
            plan, data=context.read, timezone=timezone, comparison=result.comparison, problems=result.errors
        )

    return {
        "text": text,
        "json": json,
        "github": github,
        "markdown": markdown,
        "html": html,
        **_ci_formats(result),
    }


def _ci_formats(result: PlanResult) -> Formats:
    def sarif() -> str:
        from wechat_campaigns.report.sarif import sarif

        return sarif(_problems(result))

    def codequality() -> str:
        from wechat_campaigns.report.gitlab import codequality

        return codequality(_problems(result))

    def widget() -> str:
        from wechat_campaigns.report.gitlab import widget

        return widget(result.plan)

    def junit() -> str:
        from wechat_campaigns.report.junit import plan_junit

        return plan_junit(result.plan)

    return {"sarif": sarif, "codequality": codequality, "widget": widget, "junit": junit}


def _problems(result: PlanResult) -> tuple[Diagnostic, ...]:
    from wechat_campaigns.report.concerns import plan_problems

    return plan_problems(result.plan, result.errors)


def plan_text(context: Context, result: PlanResult, *, everything: bool = False) -> str:
    """Write a plan for the terminal, errors first."""
    from wechat_campaigns.report import text
    from wechat_campaigns.report.problems import problems_text

    errors = problems_text(result.errors, color=context.color)
    table = text.plan_text(result.plan, replace(context.text_options, everything=everything))
    return "\n\n".join(filter(None, [errors, table]))
