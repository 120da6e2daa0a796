"""Draw what opens as a page of its own: articles, picture posts, the plan, the calendar, the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import MAXYEAR, date, datetime
from typing import Any

from flask import render_template
from markupsafe import Markup

from wechat_campaigns.core.html import design_css
from wechat_campaigns.core.i18n import HTML_LANGUAGE, current_language
from wechat_campaigns.core.model import Articles, Images, Media, Newspic, Send
from wechat_campaigns.report.html import calendar_html, history_html, plan_html
from wechat_campaigns.report.sanitize import visible_record
from wechat_campaigns.studio.desk import Desk
from wechat_campaigns.studio.phone import MISSING, article_html, local_pictures, media_url


def article_page(send: Send, number: int, *, dark: bool) -> str | None:
    """Draw what opens behind the card of an article, from 1, or a picture post as it is swiped.

    Args:
        dark: roughly as in dark mode.

    Returns:
        A whole HTML document; None when nothing of that number opens.
    """
    shown = visible_record(send)
    common = {
        "language": HTML_LANGUAGE[current_language()],
        "css": Markup(design_css()),  # noqa: S704 - our own style sheet
        "account": shown.account,
        "dark": dark,
    }
    match shown.content:
        case Articles() if 1 <= number <= len(shown.content.articles):
            article = shown.content.articles[number - 1]
            # nh3 cleaned it, and the page runs no script.
            html = Markup(article_html(article, dark=dark))  # noqa: S704
            return render_template("article.html", article=article, title=article.title, html=html, **common)
        case Newspic() as post if number == 1:
            return _post_page(post.title, post.text, post.images, common)
        case Images() as post if number == 1:
            return _post_page(post.title or "", post.recommend or "", post.images, common)
    return None


def report_page(desk: Desk, name: str, month: str) -> str:
    """Draw the plan, the calendar or the results, as `--report html=FILE` writes them.

    Args:
        month: of the calendar, `2026-12`; anything else stands for this month.
    """
    reads = desk.reads
    if name == "plan":
        return local_pictures(plan_html(desk.overview().plan, data=reads.read))
    if name == "results":
        return history_html(reads.history())
    return calendar_html(reads.calendar(_month(month)))


def _post_page(title: str, text: str, images: Iterable[Media], common: Mapping[str, Any]) -> str:
    pictures = [media_url(image) or MISSING for image in images]
    return render_template("article.html", title=title, text=text, pictures=pictures, **common)


def _month(text: str) -> date | None:
    try:
        month = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        return None
    return month if month.year < MAXYEAR else None
