"""Write the view of past sends as plain data, Markdown and CSV; `text` and `html` have the other forms."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from wechat_campaigns.core.i18n import _, status_word
from wechat_campaigns.report.history_view import HistoryView, PastSend
from wechat_campaigns.report.sanitize import FORMAT_VERSION, cell, json_text, line

COLUMNS = (
    "at", "account", "send", "revision", "recipients", "status", "addressed", "sent", "left_out", "failed",
    "msg_id", "commit", "note",
)  # fmt: skip
"""Of CSV and JSON."""
SHOWN = (
    "At", "Account", "Send", "To", "Status", "Addressed", "Sent", "Left out", "Failed", "Note",
)  # fmt: skip
"""Headings of what people read."""
_FORMULA = re.compile(r"((?:^|[,;|，；])[\s\"'“”‘’]*)(?=[=+\-@＝＋－﹣−＠])")
"""Where a formula may begin: at the start, and behind what a spreadsheet may take for the end of a cell."""


def shown_cells(row: PastSend) -> tuple[str | int | None, ...]:
    """List what stands below the headings `SHOWN`."""
    counts = (row.addressed, row.sent, row.left_out, row.failed)
    return row.at, row.account, row.send, row.recipients_text, status_word(row.status), *counts, row.note


def history_data(view: HistoryView) -> dict[str, Any]:
    """Give the report as plain data."""
    sends = [
        {**{name: getattr(row, name) for name in COLUMNS}, "links": list(row.links)} for row in view.rows
    ]
    return {"format_version": FORMAT_VERSION, "sends": sends}


def history_json(view: HistoryView) -> str:
    """Write the report as JSON."""
    return json_text(history_data(view))


def history_markdown(view: HistoryView) -> str:
    """Write the report as Markdown."""
    lines = [f"# {view.total}", ""]
    if view.rows:
        lines += [f"| {' | '.join(map(_, SHOWN))} |", "|" + "---|" * len(SHOWN)]
        lines += [f"| {' | '.join(map(_cell, shown_cells(row)))} |" for row in view.rows]
    links = [f"- {cell(row.send)}: {cell(url, 300)}" for row in view.rows for url in row.links]
    return "\n".join([*lines, *(["", f"## {_('Articles')}", "", *links] if links else [])])


def history_csv(view: HistoryView) -> str:
    """Write the outcomes as CSV for a spreadsheet; nothing in it is taken for a formula.

    Every field is quoted. A formula would begin with a sign such as `=`, half-width or full-width, at the
    start of a field or behind a separator: an apostrophe stands before each.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in view.rows:
        writer.writerow([_spreadsheet(getattr(row, name)) for name in COLUMNS])
    return out.getvalue().rstrip("\n")


def _cell(value: str | int | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else cell(value)


def _spreadsheet(value: str | int | None) -> str:
    if isinstance(value, int) or value is None:
        return "" if value is None else str(value)
    return _FORMULA.sub(r"\1'", line(value))
