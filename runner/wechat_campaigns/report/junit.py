"""Write problems and plans as JUnit XML, which most CI servers show as test results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.problems import problems_text
from wechat_campaigns.report.sanitize import inert, line


def problems_junit(problems: Iterable[Diagnostic], command: str = "validate") -> str:
    """Write one failed case for each file with errors, and one that passes when there is none."""
    by_file: dict[str, list[Diagnostic]] = defaultdict(list)
    for problem in problems:
        if problem.level == "error":
            by_file[problem.location.file].append(problem)
    cases = [_broken(_case(file, command), of_file) for file, of_file in by_file.items()]
    return _suite(f"campaign {command}", cases or [_case(_("all campaigns"), command)])


def plan_junit(view: PlanView) -> str:
    """Write one case for each send: blocked is a failure, expired is skipped, all else passes."""
    cases = []
    for row in view.rows:
        case = _case(row.id, view.environment)
        if row.problems:
            _broken(case, row.problems)
        elif row.failed:
            failure = SubElement(case, "failure", message=line(f"{row.status}: {row.reason}"))
            failure.text = inert(f"{row.reason}\n→ {row.hint}")
        elif row.action is PlanAction.EXPIRED:
            SubElement(case, "skipped", message=line(row.reason))
        cases.append(case)
    return _suite("campaign plan", cases)


def _case(name: str, group: str) -> Element:
    return Element("testcase", classname=line(group), name=line(name))


def _broken(case: Element, problems: Sequence[Diagnostic]) -> Element:
    failure = SubElement(case, "failure", message=line(problems[0].message))
    failure.text = inert(problems_text(problems))
    return case


def _suite(name: str, cases: Sequence[Element]) -> str:
    counts = {"tests": len(cases), "failures": 0, "errors": 0, "skipped": 0}
    counts["failures"] = sum(case.find("failure") is not None for case in cases)
    counts["skipped"] = sum(case.find("skipped") is not None for case in cases)
    suites = Element("testsuites", {"name": name, **{key: str(n) for key, n in counts.items()}})
    SubElement(suites, "testsuite", suites.attrib).extend(cases)
    indent(suites, space="")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}'
