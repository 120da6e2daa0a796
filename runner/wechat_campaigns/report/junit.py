"""Write problems and plans as JUnit XML, which most CI servers show as test results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.report.plan_view import PlanView, Row
from wechat_campaigns.report.problems import problems_text
from wechat_campaigns.report.sanitize import inert, line


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    name: str
    group: str
    failure: str = ""
    details: str = ""
    skipped: str = ""


def problems_junit(problems: Iterable[Diagnostic], command: str = "validate") -> str:
    """Write one failed case for each file with errors, and one that passes when there is none."""
    by_file: dict[str, list[Diagnostic]] = defaultdict(list)
    for problem in problems:
        if problem.level == "error":
            by_file[problem.location.file].append(problem)
    cases = [_broken(file, of_file, command) for file, of_file in by_file.items()]
    return _suite(f"campaign {command}", cases or [_Case(name=_("all campaigns"), group=command)])


def plan_junit(view: PlanView) -> str:
    """Write one case for each send: blocked is a failure, expired is skipped, all else passes."""
    return _suite("campaign plan", [_row(row, view.environment) for row in view.rows])


def _row(row: Row, group: str) -> _Case:
    if row.problems:
        return _broken(row.id, row.problems, group)
    if row.failed:
        details = f"{row.reason}\n→ {row.hint}"
        return _Case(name=row.id, group=group, failure=f"{row.status}: {row.reason}", details=details)
    return _Case(name=row.id, group=group, skipped=row.reason if row.action is PlanAction.EXPIRED else "")


def _broken(name: str, problems: Sequence[Diagnostic], group: str) -> _Case:
    return _Case(name=name, group=group, failure=problems[0].message, details=problems_text(problems))


def _suite(name: str, cases: list[_Case]) -> str:
    failures = sum(bool(case.failure) for case in cases)
    skipped = sum(bool(case.skipped) for case in cases)
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}"'
    body = "".join(_case(case) for case in cases)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="{name}" {counts}>\n'
        f'<testsuite name="{name}" {counts}>\n{body}</testsuite>\n</testsuites>'
    )


def _case(case: _Case) -> str:
    inner = ""
    if case.failure:
        inner = f"<failure message={_attribute(case.failure)}>{escape(inert(case.details))}</failure>"
    elif case.skipped:
        inner = f"<skipped message={_attribute(case.skipped)}/>"
    return f"<testcase classname={_attribute(case.group)} name={_attribute(case.name)}>{inner}</testcase>\n"


def _attribute(text: str) -> str:
    return quoteattr(line(text))
