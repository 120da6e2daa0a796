"""Draw self-contained HTML pages by the templates beside this module: plan, history, calendar, failure.

No script, no network, no form: a strict policy stands in each page, pictures are data: addresses. Whatever a
template prints is escaped, and hidden characters in it are made visible.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.html import design_css
from wechat_campaigns.core.i18n import HTML_LANGUAGE, _, current_language, status_word
from wechat_campaigns.ledger.records import account_of
from wechat_campaigns.messages import Articles
from wechat_campaigns.protocol.state import SendState
from wechat_campaigns.render.article.page import (
    MESSAGE_CHARS,
    PICTURE_BYTES,
    Data,
    Pictures,
    content,
    headline,
    templates_of,
)
from wechat_campaigns.report.attention import BLOCKED, is_folded, note_groups, problem_note
from wechat_campaigns.report.calendar import CalendarView
from wechat_campaigns.report.history import (
    SHOWN,
    SHOWN_FIGURES,
    ArticleRow,
    HistoryView,
    article_link,
    shown_cells,
    shown_figures,
)
from wechat_campaigns.report.phrases import change_diff, followers
from wechat_campaigns.report.phrases import sends as sends_text
from wechat_campaigns.report.plan_view import (
    ACCOUNT_KINDS,
    CONSOLE_QUOTA,
    WEEKDAYS,
    PlanView,
    Row,
    quota_text,
)

LIST_CHARS = 4_000_000
"""The maximum length of a list in a page, or of all changes."""
DAY_CHARS = 200_000
"""The maximum length of the sends of one day."""
RecordTable = tuple[str, Sequence[tuple[str, str]]]
"""A title, and rows of name and value."""


def plan_html(view: PlanView, *, data: Data) -> str:
    """Draw a plan: who receives what and when, what needs a person, then the messages of each account."""
    pictures = Pictures(data)
    shown = (row for row in view.in_order() if row.planned is not None)
    sends = sorted(shown, key=lambda row: (row.account, _is_long(row)))
    first = {row.account: row.id for row in reversed(sends)} if view.has_accounts else {}
    groups = note_groups(view.notes)
    anchors = {row.id: f"message-{number}" for number, row in enumerate(sends, 1)}

    return _render(
        "plan.html",
        view=view,
        days=view.days(),
        sends=sends,
        errors=note_groups(map(problem_note, view.errors)),
        blocked_actions=BLOCKED,
        notes=[note for group in groups if not is_folded(group) for note in group],
        folded=list(filter(is_folded, groups)),
        anchor=lambda row: anchors[row.id],
        begins_account=lambda row: first.get(row.account) == row.id,
        several=_has_several_articles,
        headline=headline,
        followers=followers,
        status_word=status_word,
        console_quota=_(CONSOLE_QUOTA),
        pictures=pictures,
        content=lambda send: content(send, address=pictures.address),
        change_diff=change_diff,
        message_chars=MESSAGE_CHARS + PICTURE_BYTES,
    )


def _has_several_articles(carried: Content) -> bool:
    shown = carried.visible
    return isinstance(shown, Articles) and len(shown.articles) > 1


def _is_long(row: Row) -> bool:
    """Return whether a message takes more than one screen; the short ones come first, side by side."""
    return row.planned is not None and isinstance(row.planned.send.content.visible, Articles)


def history_html(view: HistoryView) -> str:
    """Draw what was sent: totals, then the tables."""
    return _render(
        "history.html",
        view=view,
        article_link=article_link,
        headings=SHOWN,
        outcomes=[shown_cells(row) for row in view.rows],
        figure_headings=SHOWN_FIGURES,
        figure_rows=[shown_figures(row) for row in view.counted],
        message_chars=MESSAGE_CHARS,
    )


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
    record: SendState, tables: Sequence[RecordTable], articles: Sequence[ArticleRow], *, note: str
) -> str:
    """Draw the page of an archived send, to be printed: facts, approvals, outcome, figures.

    Args:
        note: why the archive has no page of the message.
    """
    return _render(
        "archive.html",
        record=record,
        account=account_of(record),
        tables=tables,
        figure_headings=SHOWN_FIGURES,
        figures=list(map(shown_figures, articles)),
        message_chars=MESSAGE_CHARS,
        note=note,
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
        "backticked": _backticked,
        "sends_text": sends_text,
        "quota_text": quota_text,
        "account_kinds": ACCOUNT_KINDS,
    }
    return environment


def _backticked(text: str) -> list[str]:
    """Cut a sentence at its backticks: every second part is code."""
    parts = text.split("`")
    return parts if len(parts) % 2 else [text]
