"""Draw what commands found for a terminal: tables that fit, hints below them.

What only one of the commands needs is imported in its function: the others start without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from wechat_campaigns.core.i18n import _, ngettext, status_word
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.ledger.records import job_id
from wechat_campaigns.plan.plan import OPEN
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.report.attention import FINISHED, is_folded, note_groups
from wechat_campaigns.report.phrases import (
    moment,
    recorded_recipients,
    short_commit,
    status_counts,
    zoned_moment,
)
from wechat_campaigns.report.plan_view import PlanView, Row
from wechat_campaigns.report.problems import problems_text
from wechat_campaigns.report.sanitize import inert, line
from wechat_campaigns.report.terminal import BOLD, STYLES, YELLOW, TextOptions, painted
from wechat_campaigns.send.outcome import Result, SendOutcome

if TYPE_CHECKING:
    from wechat_campaigns.plan.doctor import Check
    from wechat_campaigns.plan.draft_box import AccountDrafts
    from wechat_campaigns.report.history import HistoryView
    from wechat_campaigns.report.send_status import SendRow, StatusView

SHOWN_LINKS = 5
"""Of one send."""
MOST_ROWS = 100
"""Sends of several accounts that are listed one by one."""
MOST_ACCOUNTS = 10
"""Accounts of which a plan or `doctor` lists what needs nobody."""
_EXPECTED = OPEN | FINISHED | {PlanAction.HANDED_OVER}
"""What a plan of many sends only counts; what it says of one stands in its notes."""


def plan_text(
    view: PlanView,
    options: TextOptions,
    *,
    everything: bool = False,
    named: bool = False,
    is_applied: bool = False,
) -> str:
    """Draw a plan: errors and a table first, then what needs attention, then what apply would do.

    Args:
        everything: show what needs no attention too: sends that were sent or are expired.
        named: its campaigns were named: show what was sent or is expired, unless the sends are many.
        is_applied: draw the plan of a run that applies it: without what to run next.
    """
    rows, plan = view.listed(everything=everything or named), view.plan
    heading = _("Plan for {environment}, {at}{commit}{offline}").format(
        environment=plan.environment,
        at=f"{view.created} {view.timezone}",
        commit=_(", commit {commit}").format(commit=short_commit(plan.commit, 12)) if plan.commit else "",
        offline=_(", offline: audiences unknown") if plan.offline else "",
    )
    parts = [problems_text(view.errors, color=options.color), ""] if view.errors else []
    top = [_("Summary: {counts}.").format(counts=view.glance), view.hosts.text]
    parts += [options.lines(heading, style=BOLD), *map(options.lines, filter(None, top)), ""]
    changes = [text if row is None else _(": ").join((row.id, text)) for row, text in view.changes]
    if changes:
        parts += [options.lines("\n  ".join(changes), hang=4, style=YELLOW), ""]
    folded = _are_folded(rows) and not everything
    shown = tuple(row for row in rows if row.action not in _EXPECTED) if folded else rows
    if folded:
        parts.append(_counts_by_account(((row.account, row.action) for row in rows), options))
    if shown or not rows:
        parts += [""] if folded else []
        parts.append(_plan_table(view, shown, options) if shown else _("Nothing to send."))
    accounts = view.accounts
    if folded or (len(view.budgets) > MOST_ACCOUNTS and not everything):
        every = _("`campaign plan --all` lists each send and what the accounts may still send.")
        accounts = (every, *accounts[len(view.budgets) :])
    if accounts:
        parts += ["", *map(options.lines, accounts)]
    if linked := list(_links(view, shown, everything=everything)):
        parts += ["", _("Links:"), *(options.lines(f"  {one}", hang=4) for one in linked)]
    if notes := list(_attention(view, everything=everything)):
        parts += ["", options.lines(_("Needs attention:"), style=YELLOW)]
        parts += [options.lines(f"  {note}", hang=4, style=YELLOW) for note in notes]
    closing = [] if is_applied else [_("This is only a plan: nothing was sent.")]
    if closing and len(rows) < len(view.rows):
        closing.append(_("`campaign plan --all` also lists what was sent or has expired."))
    parts += ["", *map(options.lines, closing)]
    # A digest is not broken into lines, because it is to be copied.
    parts.append(_("Digest: {digest}").format(digest=view.digest))
    if not is_applied:
        step = [view.next_step] if view.ready or view.approved_in or view.plan.unapproved() else []
        parts += map(options.lines, [*step, *view.coming])
    return "\n".join(parts)


def approval_text(view: PlanView, options: TextOptions) -> str:
    """Draw sends that wait for an approval, and what changed of each since the last one."""
    title = _("To approve in {environment}, by the plan of {at}:")
    title = title.format(environment=view.plan.environment, at=f"{view.created} {view.timezone}")
    changes = [text if row is None else _(": ").join((row.id, text)) for row, text in view.changes]
    changes += [note.text for note in view.notes if note.rule == "settings" and not view.changes]
    parts = [options.lines(title, style=BOLD), ""]
    parts += [options.lines("\n  ".join(changes), hang=4, style=YELLOW), ""] if changes else []
    parts += [_plan_table(view, view.rows, options)] if view.rows else []
    if linked := list(_links(view, view.rows, everything=True)):
        parts += ["", _("Links:"), *(options.lines(f"  {one}", hang=4) for one in linked)]
    return "\n".join(parts)


def outcomes_text(view: PlanView, options: TextOptions) -> str:
    """Draw what became of each send of an apply."""
    if not view.outcomes:
        nothing = _("Nothing is due now.") if view.coming else _("Nothing to send.")
        return inert("\n".join([nothing, *view.coming]))
    rows, parts, shown = [], list[str](), list(view.outcomes)
    if _are_folded(shown):
        parts = [_counts_by_account(((one.account, one.result) for one in shown), options), ""]
        shown = [one for one in shown if one.result is not Result.ACCEPTED or one.notes]
    for one in shown:
        details = [one.reason, *([f"→ {one.hint}"] if one.exit_code and one.hint else []), *one.notes]
        cells = (status_word(one.result), one.id, one.account, str(one.msg_id or ""))
        rows.append((*cells, "\n".join(details)))
    headings = ("Result", "Send", "Account", "msg_id", "Note")
    closing = _("{counts}.")
    if any(one.result is Result.ACCEPTED for one in view.outcomes):
        closing = _(
            "{counts}. Accepted does not mean delivered: run `campaign status` later to see the result."
        )
    parts += [options.table(headings, rows, [one.result for one in shown]), ""] if rows else []
    return "\n".join([*parts, *map(options.lines, [closing.format(counts=view.results), *view.coming])])


def status_text(view: StatusView, options: TextOptions) -> str:
    """Draw where sends stand."""
    if not view.rows:
        return _("Nothing has been sent so far.")
    rows, parts, shown = [], list[str](), view.rows
    if _are_folded(shown):
        parts = [_counts_by_account(((row.account, row.status) for row in shown), options)]
        parts += ["", options.lines(_("`campaign status --accounts NAME` lists each send of an account."))]
        shown = view.attention + tuple(row for row in shown if row.status is Fate.REJECTED)
    for row in shown:
        known = row.known
        name = known.send
        if known.revision > 1:
            name = _("{send} (revision {number})").format(send=known.send, number=known.revision)
        note = f"{row.note}\n→ {row.hint}" if row.hint else row.note
        cells = (name, row.account, str(job_id(known) or ""), zoned_moment(known.at, options.timezone), note)
        rows.append((status_word(row.status), *cells))
    if rows:
        parts += [*parts[1:2], options.table(("Status", "Send", "Account", "msg_id", "Time", "Note"), rows)]
    return "\n".join(parts)


def history_text(view: HistoryView, options: TextOptions) -> str:
    """Draw what was sent; the note writes in words what the counts of an event are."""
    from wechat_campaigns.plan.statistics import FiguresStatus
    from wechat_campaigns.report.history import figures_lines
    from wechat_campaigns.report.spreadsheet import cell_text

    parts = [options.lines(view.total)]
    if view.rows:
        headings = ("Status", "Send", "Account", "To", "Followers", "Time", "Note")
        rows = [
            (
                *(status_word(row.known.fate), row.known.send, row.account),
                recorded_recipients(row.recipients),
                *("" if row.addressed is None else f"{row.addressed:,}", cell_text(row.moment), row.note),
            )
            for row in view.rows
        ]
        parts += ["", options.table(headings, rows)]
    answer = [
        _("{word}: {name}, {rate}").format(word=word, name=line(f"{row.name} {row.title}"), rate=rate)
        for word, row, rate in view.answer
    ]
    counted = (row for row in view.articles if row.figures is not FiguresStatus.NOT_COUNTED)
    notes = [*answer, *filter(None, [view.note]), *(text for row in counted for text in figures_lines(row))]
    parts += ["", *map(options.lines, notes)] if notes else []
    links = [f"{one.values['Send']}{_(': ')}{url}" for one in view.lines for url in one.links if url]
    # An address is not broken into lines: it would no longer be one.
    return "\n".join([*parts, *map(inert, ["", *links] if links else [])])


def tags_text(rows: Mapping[str, Sequence[Mapping[str, object]]], options: TextOptions) -> str:
    """Draw the tags of each account with their counts."""
    cells = [
        (account, str(tag["id"]), str(tag["name"]), str(tag.get("count", "")))
        for account, tags in rows.items()
        for tag in tags
    ]
    return options.table(("Account", "tag_id", "Tag", "Followers"), cells)


def drafts_text(accounts: Mapping[str, AccountDrafts], options: TextOptions) -> str:
    """Draw a table of the drafts, then what is not listed."""
    from wechat_campaigns.plan.draft_box import short_id

    headings = ["Account", "media_id", "Content", "Updated", "Note"]
    rows, notes = [], []
    for name, found in accounts.items():
        for one in found.drafts:
            made_for, note = found.made_for.get(one.media_id), ""
            if made_for is not None:
                note = _("made for {send}")
                if one.media_id in found.replaced:
                    note = _("made for {send}; replaced by a newer draft")
            titles, updated = " / ".join(one.titles), moment(one.updated_at, options.timezone)
            rows.append([name, short_id(one.media_id), titles, updated, note.format(send=made_for)])
        if not found.drafts:
            notes.append(_("{account}: the draft box is empty").format(account=name))
    if len(accounts) == 1:
        headings, rows = headings[1:], [row[1:] for row in rows]
    table = options.table(headings, rows) if rows else ""
    return "\n\n".join(filter(None, [table, "\n".join(notes)]))


def doctor_text(checks: Sequence[Check], options: TextOptions) -> str:
    """Write one line a check, of many accounts only what is wrong; hints below, and a summary."""
    from wechat_campaigns.plan.doctor import Severity

    drawn, shown = [], checks
    accounts = {check.account for check in checks if check.account}
    if len(accounts) > MOST_ACCOUNTS:
        shown = [check for check in checks if not check.account or check.grade is not Severity.OK]
        ready = len(accounts - {check.account for check in shown})
        every = _("{ready:,} of {count:,} accounts are ready; `--accounts NAME` lists their checks.")
        drawn = [options.lines(every.format(ready=ready, count=len(accounts))), ""]
    for check in shown:
        grade = painted(status_word(check.grade), STYLES[check.grade] if options.color else "")
        drawn.append(_(": ").join([grade, line(check.name), line(check.message)]))
        drawn += [f"    → {line(check.hint)}"] if check.hint else []
    grades = [check.grade for check in checks]
    fine, wrong, bad = (grades.count(grade) for grade in (Severity.OK, Severity.WARNING, Severity.ERROR))
    totals = [
        *([_("{count} ok").format(count=fine)] if fine else []),
        *([ngettext("{count:,} warning", "{count:,} warnings", wrong).format(count=wrong)] if wrong else []),
        *([ngettext("{count:,} error", "{count:,} errors", bad).format(count=bad)] if bad else []),
    ]
    return "\n".join([*drawn, "", _(", ").join(totals)])


def _are_folded(rows: Sequence[Row | SendOutcome | SendRow]) -> bool:
    """Return whether so many sends of several accounts are counted by account, but for what needs eyes."""
    return len(rows) > MOST_ROWS and len({row.account for row in rows}) > 1


def _counts_by_account(pairs: Iterable[tuple[str, StrEnum]], options: TextOptions) -> str:
    """Draw one line an account: how many of its sends there are of each status."""
    accounts: dict[str, Counter[StrEnum]] = {}
    for account, status in pairs:
        accounts.setdefault(account, Counter())[status] += 1
    return options.table(("Account", "Sends"), [(name, status_counts(accounts[name])) for name in accounts])


def _plan_table(view: PlanView, rows: Sequence[Row], options: TextOptions) -> str:
    headings = ("Action", "Send", "Account", "To", "Followers", "When", "Content", "Reason")
    windows = any(row.planned and (row.planned.send.not_before or row.planned.send.not_after) for row in rows)
    cells = []
    for row in rows:
        # Problems at a line of a file stand above; what does not fit on a line is not measured.
        reason = "" if row.problems else row.note
        short = (row.status, row.id, row.account, row.recipients, row.followers)
        message = _(": ").join((row.kind, row.content)) if row.kind else ""
        cells.append((*short, row.window, message[: options.width + 1], reason))
    without = {"Account": not view.has_accounts, "When": not windows, "Reason": not any(c[-1] for c in cells)}
    shown = [index for index, heading in enumerate(headings) if not without.get(heading)]
    chosen = [[row[i] for i in shown] for row in cells]
    return options.table([headings[i] for i in shown], chosen, [row.action for row in rows])


def _attention(view: PlanView, *, everything: bool) -> Iterator[str]:
    """Write the notes; of many with one rule the first alone, and how many there are."""
    for group in note_groups(view.notes):
        shown = group[:1] if is_folded(group) and not everything else group
        yield from (note.text for note in shown)
        if hidden := len(group) - len(shown):
            yield _more(hidden)


def _links(view: PlanView, rows: Iterable[Row], *, everything: bool) -> Iterator[str]:
    """Write where the links of what is still to be sent lead; of many the first."""
    for row in rows:
        if row.planned is None or row.action in FINISHED:
            continue
        linked = row.planned.send.content.visible.links()
        shown = linked if everything else linked[:SHOWN_LINKS]
        yield from (_(": ").join([row.id, view.hosts.line(link)]) for link in shown)
        if hidden := len(linked) - len(shown):
            yield _(": ").join([row.id, _more(hidden)])


def _more(hidden: int) -> str:
    template = ngettext(
        "… {count:,} more like it (`--all` lists it)", "… {count:,} more like it (`--all` lists them)", hidden
    )
    return template.format(count=hidden)
