"""Problems and plans in, JUnit XML out: what most CI servers show as test results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.words import _
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.report.concerns import HELD_BACK
from wechat_campaigns.report.neutral import inert, line
from wechat_campaigns.report.problems import problems_text


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
    cases = [_broken(file, found, command) for file, found in by_file.items()]
    return _suite(f"campaign {command}", cases or [_Case(name=_("all campaigns"), group=command)])


def plan_junit(plan: Plan) -> str:
    """Write one case for each send: held back is a failure, expired is skipped, all else passes."""
    cases = [_broken(invalid.id, list(invalid.problems), plan.environment) for invalid in plan.invalid]
    for planned in plan.sends:
        reason, hint = planned.decision.reason, planned.decision.hint
        bad = planned.action in HELD_BACK or planned.action is PlanAction.INVALID
        cases.append(
            _Case(
                name=planned.send.id,
                group=plan.environment,
                failure=f"{planned.action}: {reason}" if bad else "",
                details=f"{reason}\n→ {hint}" if bad else "",
                skipped=reason if planned.action is PlanAction.EXPIRED else "",
            )
        )
    cases += [
        _Case(
            name=orphan.send_state.send, group=plan.environment, failure=f"unknown: {orphan.decision.reason}"
        )
        for orphan in plan.unknown_sends
    ]
    return _suite("campaign plan", cases)


def _broken(name: str, problems: list[Diagnostic], group: str) -> _Case:
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
