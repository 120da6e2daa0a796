"""Write the two reports that GitLab shows in a merge request."""

from __future__ import annotations

from collections.abc import Sequence

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.report.attention import fingerprints
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.sanitize import json_text, line

SEVERITY = {"error": "major", "warning": "minor", "advice": "info"}
NO_CHANGES = '{"create": 0, "update": 0, "delete": 0}'
"""The widget's counts when there is no plan."""


def codequality(problems: Sequence[Diagnostic]) -> str:
    """Write problems for `artifacts:reports:codequality`; a fingerprint stays when lines move.

    Source: GitLab Docs, Code Quality, report format, read 2026-11.
    """
    return json_text(
        [
            {
                "description": line(f"{problem.message} → {problem.hint}"),
                "check_name": problem.rule,
                "fingerprint": fingerprint,
                "severity": SEVERITY[problem.level],
                "location": {
                    "path": problem.location.file.removeprefix("./"),
                    "lines": {"begin": problem.location.line or 1},
                },
            }
            for problem, fingerprint in zip(problems, fingerprints(problems), strict=True)
        ]
    )


def widget(view: PlanView) -> str:
    """Write a plan's counts for `artifacts:reports:terraform`: create is due now, update is due later.

    A plan never deletes anything. Source: GitLab Docs, Terraform integration in merge requests,
    read 2026-11; the three keys are all the widget reads.
    """
    due = view.counts.get(PlanAction.SEND, 0) + view.counts.get(PlanAction.RESEND, 0)
    return json_text({"create": due, "update": view.counts.get(PlanAction.SCHEDULED, 0), "delete": 0})
