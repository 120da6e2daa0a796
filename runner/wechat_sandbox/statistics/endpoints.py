"""The four statistics calls of 2025, and the six before them, which are switched off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

from wechat_sandbox.answers import ErrcodeError, Json
from wechat_sandbox.calls import VERIFIED, ApiCall, serve
from wechat_sandbox.statistics import models, rules
from wechat_sandbox.statistics.models import PublicArticle

MONTH = 30
"""How many days an article is followed for, and the longest span of a call."""


@serve("/datacube/getarticletotaldetail", who=VERIFIED, needs_body=True, daily=1000)
def getarticletotaldetail(call: ApiCall) -> Json:
    """Follow the articles of one day for thirty days, figures cumulative. Source: its page (2026-11)."""
    (day,) = rules.days(call, 1)
    last = min(models.yesterday(call.now), day + timedelta(days=MONTH - 1))
    counted = [day + timedelta(days=number) for number in range((last - day).days + 1)]
    rows = [
        {
            "ref_date": day.isoformat(),
            "msgid": article.msgid,
            "publish_type": article.publish_type,
            "title": article.title,
            "content_url": article.url,
            "detail_list": [models.total(article, counted_day) for counted_day in counted],
        }
        for article in _articles(call, last)
        if article.day == day
    ]
    return _answer(call, rows, last)


def _articles(call: ApiCall, last: date) -> list[PublicArticle]:
    """List the account's articles, their figures up to `last` as far as they are counted yet."""
    delay = timedelta(days=rules.is_delay(call, last))
    return models.list_articles(call.db, call.account, last - delay)


def _answer(call: ApiCall, rows: list[Json], last: date) -> Json:
    return {"list": rows, "is_delay": rules.is_delay(call, last)}


@serve("/datacube/getarticleread", who=VERIFIED, needs_body=True, daily=1000)
def getarticleread(call: ApiCall) -> Json:
    """List the articles that were read on a day. Source: its page (2026-11)."""
    return _daily(call, _read)


@serve("/datacube/getarticleshare", who=VERIFIED, needs_body=True, daily=1000)
def getarticleshare(call: ApiCall) -> Json:
    """List the articles that were shared on a day. Source: its page (2026-11)."""
    return _daily(call, _shared)


def _daily(call: ApiCall, detail_of: Callable[[PublicArticle, date], Json]) -> Json:
    """List the articles that have a detail for what was new on a day.

    The page takes one day, notes say thirty: strictly one.
    """
    days = rules.days(call, 1 if call.strict else MONTH)
    articles = _articles(call, days[-1])
    rows = [
        {"ref_date": day.isoformat(), "msgid": article.msgid, "detail": detail}
        for day in days
        for article in articles
        if (detail := detail_of(article, day))
    ]
    return _answer(call, rows, days[-1])


def _read(article: PublicArticle, day: date) -> Json:
    """Write how many read an article on a day; nothing for nobody."""
    new = article.new_sources(day)
    readers = sum(new.values())
    return {"read_user": readers, "read_user_source": models.sources(new)} if readers else {}


def _shared(article: PublicArticle, day: date) -> Json:
    """Write how many shared an article on a day; nothing for nobody."""
    shares = article.new_figures(day)["share_user"]
    return {"share_user": shares} if shares else {}


@serve("/datacube/getbizsummary", who=VERIFIED, needs_body=True, daily=1000)
def getbizsummary(call: ApiCall) -> Json:
    """Sum the account's articles by day, thirty days at most. Source: its page (2026-11)."""
    days = rules.days(call, MONTH)
    articles = _articles(call, days[-1])
    return _answer(call, [_summary(articles, day) for day in days], days[-1])


def _summary(articles: list[PublicArticle], day: date) -> Json:
    new = [article.new_figures(day) for article in articles]
    names = ("read_user", "share_user", "zaikan_user", "like_user", "comment_count", "collection_user")
    sums = {name: sum(figures[name] for figures in new) for name in names}
    sources: Counter[str] = Counter()
    for article in articles:
        sources.update(article.new_sources(day))
    detail = {
        **sums,
        "read_user_source": models.sources(sources),
        "redirect_ori_page_user": 0,
        "send_page_count": sum(article.day == day for article in articles),
    }
    return {"ref_date": day.isoformat(), "detail": detail}


@serve("/datacube/getarticlesummary", who=VERIFIED)
@serve("/datacube/getarticletotal", who=VERIFIED)
@serve("/datacube/getuserread", who=VERIFIED)
@serve("/datacube/getuserreadhour", who=VERIFIED)
@serve("/datacube/getusershare", who=VERIFIED)
@serve("/datacube/getusersharehour", who=VERIFIED)
def offline(_call: ApiCall) -> Json:
    """Refuse a call that WeChat switched off.

    Source: answers that developers reported in 2026 (2026-11).
    """
    raise ErrcodeError(47009)
