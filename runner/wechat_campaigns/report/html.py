"""Draw self-contained HTML pages by the templates beside this module: plan, history, calendar, failure.

No script, no network, no form: a strict policy stands in each page, pictures are data: addresses. Whatever a
template prints is escaped, and hidden characters in it are made visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.i18n import Language, _, current_language
from wechat_campaigns.core.model import Articles, Send
from wechat_campaigns.core.patterns import escape_invisible
from wechat_campaigns.render.article.page import (
    MESSAGE_CHARS,
    PICTURE_BYTES,
    Data,
    Pictures,
    article_html,
    content,
    findings_table,
)
from wechat_campaigns.report.archive_data import ArchiveInput, found_figures
from wechat_campaigns.report.archive_words import ORIGIN_WORDS, archive_tables
from wechat_campaigns.report.calendar import WEEKDAYS, CalendarView
from wechat_campaigns.report.chart import COLOURS, chart
from wechat_campaigns.report.comparison import GROUP_HEADINGS, shown_group
from wechat_campaigns.report.diff import change_diff
from wechat_campaigns.report.figures import SHOWN_FIGURES, shown_figures
from wechat_campaigns.report.history import SHOWN, HistoryView, shown_cells
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.sanitize import visible_record

LIST_CHARS = 4_000_000
"""The maximum length of a list in a page, or of all changes."""
DAY_CHARS = 200_000
"""The maximum length of the sends of one day."""
MAX_BARS = 40
HTML_LANGUAGE: Final[Mapping[Language, str]] = {"en": "en", "zh": "zh-CN"}


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a page has room for, and how many items it has not."""

    text: Markup
    left_out: int


def plan_html(view: PlanView, *, data: Data) -> str:
    """Draw a plan: the facts, what changed, each message in a phone's width."""
    pictures = Pictures(data)

    def message(send: Send) -> Markup:
        return _trusted(content(replace(send, content=visible_record(send.content)), pictures=pictures))

    return _render(
        "plan.html",
        view=view,
        rows=view.listed(),
        pictures=pictures,
        content=message,
        findings=_findings,
        change_diff=change_diff,
        message_chars=MESSAGE_CHARS + PICTURE_BYTES,
    )


def history_html(view: HistoryView) -> str:
    """Draw what was sent, with a chart."""
    links = [(row.send, url) for row in view.rows for url in row.links]
    return _render(
        "history.html",
        view=view,
        links=links,
        colours=COLOURS,
        chart=chart(view.rows[-MAX_BARS:], title=_("Followers per send")),
        headings=SHOWN,
        cells=shown_cells,
        figure_headings=SHOWN_FIGURES,
        figure_cells=shown_figures,
        group_headings=GROUP_HEADINGS,
        group_cells=shown_group,
        max_bars=MAX_BARS,
        message_chars=MESSAGE_CHARS,
    )


def calendar_html(view: CalendarView) -> str:
    """Draw a month: a grid of days, then the count by account and recipients."""
    return _render("calendar.html", view=view, weekdays=WEEKDAYS, day_chars=DAY_CHARS)


def archive_html(archive: ArchiveInput) -> str:
    """Draw the page of an archived send, to be printed: facts, approvals, outcome, figures, message."""
    message = archive.message
    pictures = Pictures(message.data)
    send = visible_record(message.send) if message.send is not None else None
    articles = send.content.articles if send is not None and isinstance(send.content, Articles) else ()
    bodies = [(article, _trusted(article_html(article, pictures=pictures))) for article in articles]
    other = send is not None and not articles
    return _render(
        "archive.html",
        record=archive.record,
        tables=archive_tables(archive),
        figures=found_figures(archive.articles),
        figure_headings=SHOWN_FIGURES,
        figure_cells=shown_figures,
        origin=_(ORIGIN_WORDS[message.origin]),
        articles=bodies,
        content=_trusted(content(send, pictures=pictures)) if send is not None and other else "",
        pictures=pictures,
    )


def failure_html(title: str, text: str) -> str:
    """Draw the report of a run that failed."""
    return _render("failure.html", title=title, text=text)


def fitted(render: Callable[[Any], str], items: Iterable[Any], chars: int) -> Fitted:
    """Render items while there is room; those after the first that does not fit are only counted.

    Args:
        render: one item; it returns markup.
        chars: the maximum length of all.
    """
    parts: list[str] = []
    rest = iter(items)
    for item in rest:
        part = render(item)
        if len(part) > chars:
            return Fitted(Markup().join(parts), 1 + sum(1 for _item in rest))
        chars -= len(part)
        parts.append(part)
    return Fitted(Markup().join(parts), 0)


def _render(template: str, **values: Any) -> str:
    page_css = resources.files("wechat_campaigns.render.article").joinpath("page.css").read_text("utf-8")
    values = {"language": HTML_LANGUAGE[current_language()], "page_css": _trusted(page_css), **values}
    return _environment().get_template(template).render(list_chars=LIST_CHARS, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("wechat_campaigns.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
    )
    environment.filters["number"] = "{:,}".format
    environment.globals |= {"_": _, "fitted": fitted}
    return environment


def _finalize(value: Any) -> Any:
    return escape_invisible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _findings(problems: Iterable[Diagnostic]) -> Markup:
    return _trusted(findings_table(visible_record(tuple(problems))))


def _trusted(html: str) -> Markup:
    """Mark what `render.article.page` or a style sheet wrote as markup; it has escaped its campaign text."""
    return Markup(html)  # noqa: S704
