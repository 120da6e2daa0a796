"""Write problems as SARIF 2.1.0, which code scanning and many editors read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from wechat_campaigns import __version__
from wechat_campaigns.core.errors import Diagnostic, Location
from wechat_campaigns.report.attention import fingerprints
from wechat_campaigns.report.sanitize import json_text, line

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(problems: Sequence[Diagnostic]) -> str:
    """Write problems as one SARIF run.

    Source: SARIF 2.1.0, OASIS Standard, read 2026-11.
    """
    rules = sorted({problem.rule for problem in problems})
    driver = {"name": "campaign", "version": __version__, "rules": [{"id": rule} for rule in rules]}
    marked = zip(problems, fingerprints(problems), strict=True)
    results = [_result(problem, rules.index(problem.rule), mark) for problem, mark in marked]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(problem: Diagnostic, rule_index: int, fingerprint: str) -> dict[str, Any]:
    return {
        "ruleId": problem.rule,
        "ruleIndex": rule_index,
        "level": problem.level,
        "message": {"text": line(f"{problem.message} → {problem.hint}")},
        "locations": [{"physicalLocation": _location(problem.location)}],
        "partialFingerprints": {"campaignProblem/v1": fingerprint},
    }


def _location(place: Location) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(place.file.removeprefix("./"))}}
    if place.line is not None:
        location["region"] = {"startLine": place.line}
        if place.column is not None:
            location["region"]["startColumn"] = place.column
    return location
