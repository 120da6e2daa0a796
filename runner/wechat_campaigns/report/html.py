"""Draw self-contained HTML pages by the templates beside this module: plan, history, calendar, failure.

No script, no network, no form: a strict policy stands in each page, pictures are data: addresses. Whatever a
template prints is escaped, and hidden characters in it are made visible.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.html import design_css
from wechat_campaigns.core.i18n import HTML_LANGUAGE, _, current_language, status_word
from wechat_campaigns.core.model import compute_message_digest
from wechat_campaigns.ledger.records import account_of
from wechat_campaigns.protocol.state import SendState
from wechat_campaigns.render.phone import MESSAGE_CHARS, PICTURE_BYTES, Data, Pictures, content, templates_of
from wechat_campaigns.report.attention import BLOCKED, FINISHED, is_folded, note_groups, problem_note
from wechat_campaigns.report.calendar import CalendarView
from wechat_campaigns.report.changes import change_diff
from wechat_campaigns.report.history import (
    SHOWN,
    SHOWN_FIGURES,
    HistoryView,
    ReportLine,
    article_link,
    shown,
)
from wechat_campaigns.report.phrases import sends as sends_text
from wechat_campaigns.report.phrases import unverified_text
from wechat_campaigns.report.plan_view import ACCOUNT_KINDS, CONSOLE_QUOTA, WEEKDAYS, PlanView, quota_text
from wechat_campaigns.report.spreadsheet import Cell

LIST_CHARS = 4_000_000
"""The maximum length of a list in a page, or of all changes."""
DAY_CHARS = 200_000
"""The maximum length of the sends of one day, or of the hosts of a plan."""
SORTS = ("Time", "Delivered", "Readers", "Read rate", "Shares", "New followers")
"""The columns by which a reader may sort the report."""
ArchiveRow = tuple[str, str, str, Sequence[str]]
"""Folder, title and id of a send, then its time, account, recipients and status."""
RecordTable = tuple[str, Sequence[tuple[str, str]]]
"""A title, and rows of name and value."""


def plan_html(view: PlanView, *, data: Data) -> str:
    """Draw a plan: who receives what and when, what changed, what needs a person, then each message."""
    kept = view.comparison.pictures if view.comparison is not None else {}
    pictures = Pictures(lambda file: kept[file.sha256] if file.sha256 in kept else data(file))
    sends = [row for row in view.in_order() if row.planned is not None]
    groups = note_groups(view.notes)
    numbers = {row.id: number for number, row in enumerate(sends, 1)}
    digests = {row.id: compute_message_digest(row.planned.send) for row in sends if row.planned is not None}
    shown_at = {digests[row.id]: row.id for row in reversed(sends)}

    return _render(
        "plan.html",
        view=view,
        days=view.days(),
        sends=sends,
        errors=note_groups(map(problem_note, view.errors)),
        blocked_actions=BLOCKED,
        finished=FINISHED,
        notes=[note for group in groups if not is_folded(group) for note in group],
        folded=list(filter(is_folded, groups)),
        number_of=numbers.__getitem__,
        shown_at=lambda row: shown_at[digests[row.id]],
        status_word=status_word,
        console_quota=_(CONSOLE_QUOTA),
        pictures=pictures,
        content=lambda send: content(send, address=pictures.address),
        change_diff=change_diff,
        message_chars=MESSAGE_CHARS + PICTURE_BYTES,
        day_chars=DAY_CHARS,
    )


def history_html(view: HistoryView) -> str:
    """Draw what was sent: the best and the worst, totals, then a list that is sorted without a script."""
    values = [one.values for one in view.lines]
    headings = [one for one in SHOWN if any(cells.get(one) not in (None, "") for cells in values)]
    sorts = [one for one in SORTS if one in headings]
    return _render(
        "history.html",
        view=view,
        article_link=article_link,
        headings=headings,
        shown=shown,
        sorts=sorts,
        status_word=status_word,
        lines=list(zip(view.lines, values, *(_places(values, heading) for heading in sorts), strict=True)),
        message_chars=MESSAGE_CHARS,
    )


def _places(lines: Sequence[Mapping[str, Cell]], heading: str) -> list[int]:
    """Return the place of each line when they are sorted by a column, from 1; 0 without a value.

    Counts and rates: the highest first. Times: the earliest first, as the lines stand.
    """
    values = [cells.get(heading) for cells in lines]
    if heading == "Time":
        return list(range(1, len(values) + 1))
    ranked = sorted({value for value in values if isinstance(value, int | float)}, reverse=True)
    places = {value: place for place, value in enumerate(ranked, 1)}
    return [places[value] if isinstance(value, int | float) else 0 for value in values]


def calendar_html(view: CalendarView) -> str:
    """Draw a month: a grid of days, then what each account may still send."""
    return _render(
        "calendar.html",
        view=view,
        weekdays=WEEKDAYS,
        console_quota=_(CONSOLE_QUOTA),
        day_chars=DAY_CHARS,
    )


def archive_html(
    record: SendState,
    tables: Sequence[RecordTable],
    articles: Sequence[ReportLine],
    *,
    title: str,
    note: str,
    has_picture: bool,
    unverified: Sequence[str],
) -> str:
    """Draw the page of an archived send, to be printed: facts, approvals, outcome, events, figures.

    Args:
        title: what followers read of it.
        note: why the archive has no page of the message.
        has_picture: whether the archive has one of the phone.
        unverified: accounts whose events were read without their AppSecret.
    """
    headings = ("Title", *SHOWN_FIGURES)
    return _render(
        "archive.html",
        record=record,
        account=account_of(record),
        unverified_names=unverified,
        tables=tables,
        figure_headings=headings,
        figures=[shown(row.values, headings) for row in articles],
        message_chars=MESSAGE_CHARS,
        title=title,
        note=note,
        has_picture=has_picture,
        by_hand=record.is_by_hand,
    )


def archives_html(rows: Sequence[ArchiveRow], unverified: Sequence[str]) -> str:
    """Draw the list of archives, each of which leads to the page of its send."""
    return _render(
        "archives.html", rows=rows, headings=("Time", "Account", "To", "Status"), unverified_names=unverified
    )


def failure_html(title: str, message: str, hint: str = "", problems: Iterable[Diagnostic] = ()) -> str:
    """Draw the report of a run that failed."""
    groups = note_groups(map(problem_note, problems))
    return _render("failure.html", title=title, message=message, hint=hint, groups=groups)


def fitted(render: Callable[[Any], str], items: Iterable[Any], chars: int) -> tuple[Markup, int]:
    """Render items while there is room; those after the first that does not fit are only counted.

    Args:
        render: one item; it returns markup.
        chars: the maximum length of all.

    Returns:
        What there is room for, and how many items are left out.
    """
    parts: list[str] = []
    rest = iter(items)
    for item in rest:
        part = render(item)
        if len(part) > chars:
            return Markup().join(parts), 1 + sum(1 for _item in rest)
        chars -= len(part)
        parts.append(part)
    return Markup().join(parts), 0


def _render(template: str, **values: Any) -> str:
    values = {
        "language": HTML_LANGUAGE[current_language()],
        "design_css": Markup(design_css()),  # noqa: S704 - our own style sheet
        **values,
    }
    return _environment().get_template(template).render(list_chars=LIST_CHARS, **values)


@cache
def _environment() -> Environment:
    environment = templates_of("wechat_campaigns.report")
    environment.filters["number"] = "{:,}".format
    environment.globals |= {
        "fitted": fitted,
        "sends_text": sends_text,
        "quota_text": quota_text,
        "account_kinds": ACCOUNT_KINDS,
        "unverified_text": unverified_text,
    }
    return environment
