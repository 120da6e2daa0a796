"""Write the findings of `campaign doctor` as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wechat_campaigns.core.i18n import _, ngettext, status_word
from wechat_campaigns.plan.doctor import Check, Severity
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.report.terminal import painted
from wechat_campaigns.report.text import TextOptions

_STYLE = {Severity.OK: "32", Severity.WARNING: "33", Severity.ERROR: "1;31"}


def doctor_text(checks: Sequence[Check], options: TextOptions) -> str:
    """Write one line a check, its hint below it, and a summary."""
    lines = []
    for check in checks:
        grade = painted(status_word(check.grade), _STYLE[check.grade] if options.color else "")
        lines.append(_(": ").join([grade, line(check.name), line(check.message)]))
        lines += [f"    → {line(check.hint)}"] if check.hint else []
    counts = {grade: sum(check.grade is grade for check in checks) for grade in Severity}
    totals = [_total(grade, count) for grade, count in counts.items() if count]
    return "\n".join([*lines, "", _(", ").join(totals)])


def _total(grade: Severity, count: int) -> str:
    """Write how many checks have a grade: `13 ok`, `2 warnings`."""
    if grade is Severity.ERROR:
        return ngettext("{count:,} error", "{count:,} errors", count).format(count=count)
    if grade is Severity.WARNING:
        return ngettext("{count:,} warning", "{count:,} warnings", count).format(count=count)
    return _("{count} ok").format(count=count)


def doctor_data(checks: Sequence[Check]) -> dict[str, Any]:
    """Return the findings as plain data."""
    return {
        "checks": [
            {"name": check.name, "grade": check.grade.value, "message": check.message, "hint": check.hint}
            for check in checks
        ]
    }
