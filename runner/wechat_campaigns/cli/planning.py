"""A context in, its plan and every form of it out; the comparison with another commit where asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from wechat_campaigns.cli.context import Context
from wechat_campaigns.core.errors import Diagnostic

if TYPE_CHECKING:
    from wechat_campaigns.api import PlanResult

Forms = Mapping[str, Callable[[], str]]


def plan_forms(context: Context, made: PlanResult, *, everything: bool = False) -> Forms:
    """Give a plan in every form, each written only when it is asked for."""
    plan, timezone = made.plan, context.settings.policy.timezone

    def text() -> str:
        return plan_text(context, made, everything=everything)

    def json() -> str:
        from wechat_campaigns.report.data import plan_data
        from wechat_campaigns.report.neutral import json_text

        return json_text(plan_data(plan))

    def github() -> str:
        from wechat_campaigns.report.problems import problems_github

        return "\n".join(filter(None, [problems_github(_problems(made)), context.guarded(text())]))

    def markdown() -> str:
        from wechat_campaigns.report.markdown import plan_markdown

        return plan_markdown(plan, timezone=timezone, comparison=made.comparison, problems=made.errors)

    def html() -> str:
        from wechat_campaigns.report.html import plan_html

        return plan_html(
            plan, data=context.read, timezone=timezone, comparison=made.comparison, problems=made.errors
        )

    return {"text": text, "json": json, "github": github, "markdown": markdown, "html": html, **_for_ci(made)}


def _for_ci(made: PlanResult) -> Forms:
    def sarif() -> str:
        from wechat_campaigns.report.sarif import sarif

        return sarif(_problems(made))

    def codequality() -> str:
        from wechat_campaigns.report.gitlab import codequality

        return codequality(_problems(made))

    def widget() -> str:
        from wechat_campaigns.report.gitlab import widget

        return widget(made.plan)

    def junit() -> str:
        from wechat_campaigns.report.junit import plan_junit

        return plan_junit(made.plan)

    return {"sarif": sarif, "codequality": codequality, "widget": widget, "junit": junit}


def _problems(made: PlanResult) -> tuple[Diagnostic, ...]:
    from wechat_campaigns.report.concerns import plan_problems

    return plan_problems(made.plan, made.errors)


def plan_text(context: Context, made: PlanResult, *, everything: bool = False) -> str:
    """Give a plan for the terminal, errors first."""
    from wechat_campaigns.report import text
    from wechat_campaigns.report.problems import problems_text

    errors = problems_text(made.errors, color=context.color)
    shown = text.plan_text(made.plan, replace(context.look, everything=everything))
    return "\n\n".join(filter(None, [errors, shown]))
