"""Draw plans, outcomes and states for a terminal: tables that fit, hints below them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleRenderable, Group
from rich.containers import Lines
from rich.text import Text

from wechat_campaigns.core.i18n import _, current_language, ngettext, status_word
from wechat_campaigns.core.links import links
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.report.attention import FINISHED, note_groups
from wechat_campaigns.report.figures import figures_lines
from wechat_campaigns.report.history import HistoryView
from wechat_campaigns.report.line_breaks import breaks, columns
from wechat_campaigns.report.listing import listing
from wechat_campaigns.report.phrases import short_commit, zoned_moment
from wechat_campaigns.report.plan_view import OBVIOUS, ApplyView, PlanView, Row
from wechat_campaigns.report.sanitize import inert
from wechat_campaigns.report.send_status import StatusView, expired_words
from wechat_campaigns.send.outcome import Result, SendOutcome

ACTION_STYLE = {
    PlanAction.SEND: "bold green",
    PlanAction.RESEND: "bold green",
    PlanAction.SCHEDULED: "cyan",
    PlanAction.DRAFT: "cyan",
    PlanAction.SENT: "dim",
    PlanAction.EXPIRED: "dim",
    PlanAction.BLOCKED: "yellow",
    PlanAction.CONFLICT: "bold yellow",
    PlanAction.UNKNOWN: "bold magenta",
    PlanAction.INVALID: "bold red",
}
RESULT_STYLE = {
    Result.ACCEPTED: "bold green",
    Result.REJECTED: "bold red",
    Result.UNKNOWN: "bold magenta",
    Result.SKIPPED: "yellow",
    Result.NOT_SENT: "bold red",
}
SHOWN_LINKS = 5
"""Of one send."""
MAX_TABLE_ROWS = 100
"""Sends above which a plan is a line for each instead of a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """How text is drawn."""

    width: int = 100
    color: bool = False
    everything: bool = False
    """Show what needs no attention too: sends that were sent or are expired."""
    is_applied: bool = False
    """Draw the plan of a run that applies it: without what to run next."""
    timezone: str = "Asia/Shanghai"


def plan_text(view: PlanView, options: TextOptions) -> str:
    """Draw a plan: a table first, then what needs attention, then what apply would do."""
    rows = view.listed(everything=options.everything)
    attention = [f"  {line}" for line in _attention(view, everything=options.everything)]
    attention = ["", _("Needs attention:"), *attention] if attention else []
    accounts = ["", *view.accounts] if view.accounts else []
    linked = [f"  {line}" for line in _links(rows, everything=options.everything)]
    linked = ["", _("Links:"), *linked] if linked else []
    closing = ["", *_closing(view, hidden=len(rows) < len(view.rows), is_applied=options.is_applied)]
    if len(view.rows) > MAX_TABLE_ROWS:
        # Fitting thousands of rows into a table takes longer than making the plan.
        with_account = view.has_accounts
        lines = (_line(row, options.width, with_account=with_account) for row in rows)
        return "\n".join(map(inert, [_heading(view), *lines, *accounts, *linked, *attention, *closing]))
    parts: list[ConsoleRenderable] = [_text(_heading(view), style="bold")]
    parts += [_plan_listing(view, rows, options.width) if rows else _text(_("Nothing to send."))]
    parts += [_text(line) for line in accounts]
    parts += [_text(line, hang=4) for line in linked]
    parts += [_text(line, style="yellow", hang=4) for line in attention]
    parts += [_text(line, whole=view.digest in line) for line in closing]
    return _drawn(Group(*parts), options)


def outcomes_text(view: ApplyView, options: TextOptions) -> str:
    """Draw what became of each send of an apply."""
    if not view.outcomes:
        nothing = _("Nothing is due now.") if view.coming else _("Nothing to send.")
        return inert("\n".join([nothing, *view.coming]))
    rows = [
        (
            Text(status_word(outcome.result), style=RESULT_STYLE[outcome.result]),
            *(outcome.id, outcome.account, "" if outcome.msg_id is None else str(outcome.msg_id)),
            "\n".join(_happened(outcome, view.hints.get(outcome))),
        )
        for outcome in view.outcomes
    ]
    table = listing(("Result", "Send", "Account", "msg_id", "Details"), rows, options.width)
    template = _("{counts}.")
    if view.counts[Result.ACCEPTED]:
        template = _(
            "{counts}. Accepted does not mean delivered: run `campaign status` later to see the result."
        )
    closing = [template.format(counts=view.summary), *view.coming]
    return _drawn(Group(table, _text(""), *map(_text, closing)), options)


def status_text(view: StatusView, options: TextOptions) -> str:
    """Draw where sends stand."""
    if not (view.rows or view.expired):
        return _("Nothing has been sent so far.")
    rows = []
    for row in view.rows:
        known = row.known
        name = known.send
        if known.revision > 1:
            name = _("{send} (revision {number})").format(send=known.send, number=known.revision)
        note = f"{row.note}\n→ {row.hint}" if row.hint else row.note
        cells = (name, row.account, str(known.msg_id or ""), zoned_moment(known.at, options.timezone), note)
        rows.append((status_word(known.status), *cells))
    note = "\n→ ".join(expired_words())
    for send in view.expired:
        when = zoned_moment(send.not_after, options.timezone) if send.not_after is not None else ""
        cells = (send.id, send.account, "", when, note)
        rows.append((status_word(PlanAction.EXPIRED), *cells))
    headings = ("Status", "Send", "Account", "msg_id", "Time", "Note")
    return _drawn(listing(headings, rows, options.width), options)


def history_text(view: HistoryView, options: TextOptions) -> str:
    """Draw what was sent; the note writes in words what the counts of an event are."""
    parts: list[ConsoleRenderable] = [_text(view.total)]
    if view.rows:
        headings = ("Status", "Send", "Account", "To", "Followers", "Time", "Note")
        rows = [
            (
                *(status_word(row.status), row.send, row.account, row.recipients_text),
                *("" if row.addressed is None else f"{row.addressed:,}", row.at, row.note),
            )
            for row in view.rows
        ]
        parts += [_text(""), listing(headings, rows, options.width)]
    lines = [*view.notes, *(text for row in view.counted for text in figures_lines(row))]
    parts += [_text(line) for line in (["", *lines] if lines else [])]
    links = [f"{row.send}: {url}" for row in view.rows for url in row.links]
    # An address is not broken into lines: it would no longer be one.
    return "\n".join([_drawn(Group(*parts), options), *map(inert, ["", *links] if links else [])])


def tags_text(rows: Mapping[str, Sequence[Mapping[str, object]]], options: TextOptions) -> str:
    """Draw the tags of each account with their counts."""
    cells = [
        (account, str(tag["id"]), str(tag["name"]), str(tag.get("count", "")))
        for account, tags in rows.items()
        for tag in tags
    ]
    return drawn_listing(("Account", "tag_id", "Tag", "Followers"), cells, options)


def drawn_listing(headings: Sequence[str], rows: Sequence[Sequence[str]], options: TextOptions) -> str:
    """Draw rows below their headings; as `listing` takes them."""
    return _drawn(listing(headings, rows, options.width), options)


def _heading(view: PlanView) -> str:
    plan = view.plan
    heading = _("Plan for {environment}, {at}{commit}{offline}").format(
        environment=plan.environment,
        at=f"{view.created} {view.timezone}",
        commit=_(", commit {commit}").format(commit=short_commit(plan.commit, 12)) if plan.commit else "",
        offline=_(", offline: audiences unknown") if plan.offline else "",
    )
    return f"{heading}\n"


def _line(row: Row, width: int, *, with_account: bool) -> str:
    content = row.message[: width // 3]
    account = row.account if with_account else ""
    cells = [row.id, account, row.recipients, row.followers, content, row.window, row.reason]
    status = row.status + " " * (9 - columns(row.status))
    return "  ".join(filter(None, [status, *cells]))


def _plan_listing(view: PlanView, rows: Iterable[Row], width: int) -> ConsoleRenderable:
    headings = ["Action", "Send", "Account", "To", "Followers", "When", "Content", "Reason"]
    windows = any(row.planned and (row.planned.send.not_before or row.planned.send.not_after) for row in rows)
    cells: list[list[Text | str]] = []
    for row in rows:
        status = Text(row.status, style=ACTION_STYLE[row.action])
        # Problems at a line of a file stand above.
        reason = "" if row.code in OBVIOUS or row.problems else row.reason
        short = (status, row.id, row.account, row.recipients, row.followers)
        cells.append([*short, row.window, row.message, reason])
    without = {"Account": not view.has_accounts, "When": not windows, "Reason": not any(c[-1] for c in cells)}
    shown = [index for index, heading in enumerate(headings) if not without.get(heading)]
    return listing([headings[i] for i in shown], [[row[i] for i in shown] for row in cells], width)


def _attention(view: PlanView, *, everything: bool) -> Iterator[str]:
    """Write the notes; of many with one rule the first alone, and how many there are."""
    for group in note_groups(view.notes):
        shown = group.notes if everything or not group.is_folded else group.notes[:1]
        yield from (note.text for note in shown)
        if hidden := len(group.notes) - len(shown):
            more = ngettext(
                "… {count:,} more like it (`--all` lists it)",
                "… {count:,} more like it (`--all` lists them)",
                hidden,
            )
            yield more.format(count=hidden)


def _links(rows: Iterable[Row], *, everything: bool) -> Iterator[str]:
    """Write where the links of what is still to be sent lead; of many the first."""
    pending = (row for row in rows if row.planned is not None and row.action not in FINISHED)
    for row in pending:
        linked = links(row.planned.send.content) if row.planned is not None else []
        shown = linked if everything else linked[:SHOWN_LINKS]
        yield from (f"{row.id}: {link.line}" for link in shown)
        if hidden := len(linked) - len(shown):
            more = ngettext(
                "{send}: … {count:,} more link (`--all` lists it)",
                "{send}: … {count:,} more links (`--all` lists them)",
                hidden,
            )
            yield more.format(send=row.id, count=hidden)


def _closing(view: PlanView, *, hidden: bool, is_applied: bool) -> Iterator[str]:
    if is_applied:
        yield _("Summary: {counts}.").format(counts=view.summary)
        yield _("Digest: {digest}").format(digest=view.digest)
        return
    template = _("Summary: {counts}. This is only a plan: nothing was sent.")
    if hidden:
        template = _(
            "Summary: {counts} (`--all` also lists sent and expired ones). This is only a "
            "plan: nothing was sent."
        )
    yield template.format(counts=view.summary)
    yield _("Digest: {digest}").format(digest=view.digest)
    if view.ready:
        yield _("Running `{command}` now would make {total}.").format(command=view.command, total=view.total)
    yield from view.coming


def _happened(outcome: SendOutcome, hint: str | None) -> Iterator[str]:
    yield outcome.reason
    if hint:
        yield f"→ {hint}"
    yield from outcome.notes


class _Words(Text):
    """Text that may break after any Chinese sign, and never before a comma; rich breaks at blanks only."""

    hang = 0
    """Blanks before the lines after the first of a paragraph."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        """See `rich.text.Text.wrap`."""
        if options.get("no_wrap"):
            return super().wrap(console, width, **options)
        lines = Lines()
        for paragraph in self.split(allow_blank=True):
            first, *others = self._broken(paragraph, console, width)
            for line in others:
                line.pad_left(self.hang)
            lines.extend([first, *others])
        return lines

    def _broken(self, paragraph: Text, console: Console, width: int) -> Lines:
        if current_language() == "en":
            return paragraph.wrap(console, width - self.hang)
        lines = paragraph.divide(breaks(paragraph.plain, width - self.hang))
        for line in lines:
            line.rstrip_end(width)
        return lines


def _text(text: str, style: str = "", *, hang: int = 0, whole: bool = False) -> Text:
    """Take a text for drawing; a `whole` one is not broken into lines, because it is to be copied."""
    words = _Words(inert(text), style=style, no_wrap=whole or None, overflow="ignore" if whole else None)
    words.hang = hang
    return words


def _drawn(renderable: ConsoleRenderable, options: TextOptions) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=options.width,
        force_terminal=options.color,
        color_system="standard" if options.color else None,
        highlight=False,
        emoji=False,
        markup=False,
    )
    console.print(renderable, crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
