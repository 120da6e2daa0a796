"""The findings of `campaign doctor` in, text and plain data out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wechat_campaigns.core.words import english_text
from wechat_campaigns.plan.doctor import Check, Severity
from wechat_campaigns.report.neutral import FORMAT_VERSION, line
from wechat_campaigns.report.text import Look
from wechat_campaigns.report.words import counted

_STYLE = {Severity.OK: "32", Severity.WARNING: "33", Severity.ERROR: "1;31"}


def doctor_text(checks: Sequence[Check], look: Look) -> str:
    """Write one line a check, its hint below it, and a summary."""
    lines = []
    for check in checks:
        grade = f"\x1b[{_STYLE[check.grade]}m{check.grade}\x1b[0m" if look.color else check.grade.value
        lines.append(f"{grade}: {line(check.name)}: {line(check.message)}")
        lines += [f"    → {line(check.hint)}"] if check.hint else []
    counts = {grade: sum(check.grade is grade for check in checks) for grade in Severity}
    return "\n".join([*lines, "", counted(counts)])


def doctor_data(checks: Sequence[Check]) -> dict[str, Any]:
    """Give the findings as plain data."""
    return {
        "format_version": FORMAT_VERSION,
        "checks": [
            {
                "name": english_text(check.name),
                "grade": check.grade.value,
                "what": check.message,
                "hint": check.hint,
            }
            for check in checks
        ],
    }
