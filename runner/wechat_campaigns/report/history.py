"""Build the view of what was sent in a stretch of time, oldest first; write it as data, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wechat_campaigns.core.i18n import _, status_word
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SendRecord, SendStatus
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.report.phrases import recorded_recipients
from wechat_campaigns.report.sanitize import FORMAT_VERSION, cell, line
from wechat_campaigns.report.send_status import send_status


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSend:
    """One send that was begun, as every form of the report shows it; counts are None without an event."""

    moment: datetime
    account: str
    send: str
    revision: int
    recipients: str
    """`everyone`, `tag 会员`, `tag_id 2` or `openids`."""
    status: str
    may_have_reached: bool
    """Whether followers have, or may have, received it."""
    audience: int | None
    """Followers as they were counted before it."""
    addressed: int | None
    sent: int | None
    left_out: int | None
    failed: int | None
    msg_id: int | None
    commit: str
    """Of the campaigns, as the run knew it; empty when it did not."""
    note: str
    links: tuple[str, ...]

    @property
    def at(self) -> str:
        """When it was begun, in China time."""
        return self.moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")

    @property
    def recipients_text(self) -> str:
        """The recipients in the reader's language."""
        return recorded_recipients(self.recipients)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """What was sent, as every form of the report shows it."""

    total: str
    rows: tuple[PastSend, ...]


def past_sends(
    state: LedgerState,
    accounts: Mapping[str, Account],
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[PastSend, ...]:
    """List what was begun from `since` on and before `until`; baselines have no time of their own."""
    appids = {account.appid for account in accounts.values()}
    chosen = [
        known
        for known in state.sends.values()
        if known.appid in appids
        and known.status is not SendStatus.BASELINE
        and (since is None or known.at >= since)
        and (until is None or known.at < until)
    ]
    chosen.sort(key=lambda known: (known.at, known.appid, known.send))
    return tuple(_past_send(known, state, now) for known in chosen)


def history_view(sends: Sequence[PastSend]) -> HistoryView:
    """Build the view of past sends."""
    return HistoryView(total=_total(sends), rows=tuple(sends))


def _past_send(known: SendRecord, state: LedgerState, now: datetime) -> PastSend:
    row = send_status(known.account or known.appid, known, state, now)
    actor = known.intent.data.get("actor", {}) if known.intent is not None else {}
    event = row.told
    return PastSend(
        moment=known.at,
        account=row.account,
        send=known.send,
        revision=known.revision,
        recipients="everyone" if known.to_all else known.recipients,
        status=known.status.value,
        may_have_reached=known.may_have_reached,
        audience=known.audience,
        addressed=event.addressed if event is not None else known.audience,
        sent=event.sent if event is not None else None,
        left_out=event.left_out if event is not None else None,
        failed=event.failed if event is not None else None,
        msg_id=known.msg_id,
        commit=str(actor.get("commit", ""))[:12],
        note=row.note,
        links=event.links if event is not None else (),
    )


def _total(sends: Sequence[PastSend]) -> str:
    if not sends:
        return _("Nothing was sent in this period.")
    counts = [past.sent for past in sends if past.sent is not None]
    if not counts:
        return _(
            "Sends: {begun}. No WeChat event has arrived yet, so the number of followers reached is unknown"
        ).format(begun=len(sends))
    template = _("Sends: {begun}. Followers reached: {reached:,} (sends with a WeChat event: {told})")
    return template.format(begun=len(sends), reached=sum(counts), told=len(counts))


COLUMNS = (
    "at", "account", "send", "revision", "recipients", "status", "addressed", "sent", "left_out", "failed",
    "msg_id", "commit", "note",
)  # fmt: skip
"""Of CSV and JSON."""
SHOWN = (
    "Time", "Account", "Send", "To", "Status", "Addressed", "Sent", "Left out", "Failed", "Note",
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
