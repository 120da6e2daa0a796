"""The four statistics calls of 2025, and the six before them, which are switched off."""

from __future__ import annotations

from datetime import date, timedelta

from wechat_campaigns.sandbox.answers import ErrcodeError, Json
from wechat_campaigns.sandbox.calls import VERIFIED, ApiCall, Endpoints
from wechat_campaigns.sandbox.statistics import models, rules
from wechat_campaigns.sandbox.statistics.models import PublicArticle

ENDPOINTS = Endpoints()

FOLLOWED_DAYS = 30


@ENDPOINTS.add("/datacube/getarticletotaldetail", who=VERIFIED, needs_body=True, daily=1000)
def getarticletotaldetail(call: ApiCall) -> Json:
    """Follow the articles of one day for thirty days, figures cumulative. Source: its page (2026-11)."""
    (day,) = rules.days(call, 1)
    last = min(models.yesterday(call.now), day + timedelta(days=FOLLOWED_DAYS - 1))
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
        for article in models.list_articles(call.db, call.appid)
        if article.day == day
    ]
    return _answer(rows)


def _answer(rows: list[Json]) -> Json:
    """Write an answer; the figures here are always complete."""
    return {"list": rows, "is_delay": False}


@ENDPOINTS.add("/datacube/getarticleread", who=VERIFIED, needs_body=True, daily=1000)
def getarticleread(call: ApiCall) -> Json:
    """List the articles that were read on one day. Source: its page (2026-11)."""
    (day,) = rules.days(call, 1)
    rows = [
        _row(day, article, {"read_user": readers, "read_user_source": models.sources(readers)})
        for article in models.list_articles(call.db, call.appid)
        if (readers := _new_readers(article, day))
    ]
    return _answer(rows)


def _new_readers(article: PublicArticle, day: date) -> int:
    """Count the readers of one day."""
    return article.readers(day) - article.readers(day - timedelta(days=1))


def _row(day: date, article: PublicArticle, detail: Json) -> Json:
    """Write the figures of one article on one day."""
    return {"ref_date": day.isoformat(), "msgid": article.msgid, "detail": detail}


@ENDPOINTS.add("/datacube/getarticleshare", who=VERIFIED, needs_body=True, daily=1000)
def getarticleshare(call: ApiCall) -> Json:
    """List the articles that were shared on one day. Source: its page (2026-11)."""
    (day,) = rules.days(call, 1)
    rows = [
        _row(day, article, {"share_user": readers // 10})
        for article in models.list_articles(call.db, call.appid)
        if (readers := _new_readers(article, day)) >= 10
    ]
    return _answer(rows)


@ENDPOINTS.add("/datacube/getbizsummary", who=VERIFIED, needs_body=True, daily=1000)
def getbizsummary(call: ApiCall) -> Json:
    """Sum the account's articles by day, thirty days at most. Source: its page (2026-11)."""
    articles = models.list_articles(call.db, call.appid)
    return _answer([_summary(articles, day) for day in rules.days(call, FOLLOWED_DAYS)])


def _summary(articles: list[PublicArticle], day: date) -> Json:
    """Sum one day."""
    readers = [_new_readers(article, day) for article in articles]
    detail = {
        "read_user": sum(readers),
        "read_user_source": models.sources(sum(readers)),
        "share_user": sum(number // 10 for number in readers),
        "zaikan_user": 0,
        "like_user": 0,
        "comment_count": 0,
        "collection_user": 0,
        "redirect_ori_page_user": 0,
        "send_page_count": sum(article.day == day for article in articles),
    }
    return {"ref_date": day.isoformat(), "detail": detail}


@ENDPOINTS.add("/datacube/getarticlesummary", who=VERIFIED)
@ENDPOINTS.add("/datacube/getarticletotal", who=VERIFIED)
@ENDPOINTS.add("/datacube/getuserread", who=VERIFIED)
@ENDPOINTS.add("/datacube/getuserreadhour", who=VERIFIED)
@ENDPOINTS.add("/datacube/getusershare", who=VERIFIED)
@ENDPOINTS.add("/datacube/getusersharehour", who=VERIFIED)
def offline(_call: ApiCall) -> Json:
    """Refuse a call that the platform switched off. Source: live answers of 2026 (2026-11)."""
    raise ErrcodeError(47009)
