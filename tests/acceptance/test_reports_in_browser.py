"""Report and calendar in a real Chromium: nothing is fetched, nothing complained of, every bar in sight."""

import base64
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys

from tests.support.browser import open_browser, programs
from tests.support.factories import (
    NOW,
    SERVICE,
    history_of,
    intent_of,
    make_article,
    make_send,
    make_state,
    named,
    plan_of,
    view_of,
)
from wechat_campaigns.cli.ci import BROWSERS
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.core.model import Filter
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.records import JobResult
from wechat_campaigns.messages import Articles
from wechat_campaigns.plan.review import compare
from wechat_campaigns.plan.statistics import FiguresStatus
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.state import SendState
from wechat_campaigns.report.calendar import calendar_view
from wechat_campaigns.report.history import HistoryView, ReportLine
from wechat_campaigns.report.html import calendar_html, history_html, plan_html
from wechat_campaigns.report.send_status import SendRow
from wechat_campaigns.wechat.statistics import ArticleFigures, PublishedArticle

pytestmark = pytest.mark.deep

NAMES = ("2026/spring/新品上市", "周年庆[北京]", "<img src=x onerror=alert(1)>", "会员日")
LOADED = "return performance.getEntriesByType('resource').map(entry => entry.name)"


def pages() -> dict[str, str]:
    """A month with four past sends, one of them without an event, and five coming ones."""
    steps: list[Any] = []
    for number, name in enumerate(NAMES):
        send = make_send(name, text=name)
        at = NOW - timedelta(hours=2 * (len(NAMES) - number))
        steps += [
            (EventKind.INTENT, intent_of(send, at=at, account="main", audience={"count": 9000})),
            (EventKind.ACCEPTED, named(send, msg_id=number)),
            (LedgerKind.STATUS, named(send, msg_id=number)),
        ]
        counts = {"addressed": 9000, "sent": 7000 + number, "left_out": 1000, "failed": 100}
        steps += (
            [(LedgerKind.CALLBACK, {"msg_id": number, "status": "send success", **counts})] if number else []
        )
    state = make_state(*steps)
    coming = [make_send(f"来{n}", text=str(n), not_before=NOW + timedelta(days=n)) for n in range(1, 6)]
    begun = history_of(state).lines
    month = calendar_view(date(2026, 12, 1), plan_of(*coming, state=state), history_of(state).rows, NOW)
    lines = [article_line(f"2026/autumn/{name}", number) for number, name in enumerate(NAMES)]
    view = HistoryView([*begun, *lines])
    return {"report": history_html(view), "calendar": calendar_html(month)}


def article_line(name: str, number: int) -> ReportLine:
    """An article with every figure that a table can have."""
    counts: dict[str, Any] = {"readers": 123_456, "shares": 4_321, "likes": 1_234, "comments": 321}
    rates: dict[str, Any] = {"read_rate": 0.1234, "finish_rate": 0.4321, "average_minutes": 1.25}
    latest = ArticleFigures(day=NOW.date(), sources={"message": 100_000}, new_followers=99, **counts, **rates)
    article = PublishedArticle(
        msg_data_id=number, index=1, published=NOW.date(), publish_type=0, title="山里的早晨", days=(latest,)
    )
    sent: dict[str, Any] = {"at": NOW, "sent": 980_000, "left_out": 20_000, "failed": 0}
    told = JobResult(msg_id=number, status="send success", addressed=1_000_000, **sent)
    known = SendState(SERVICE, name, 1, first_at=NOW)
    send = SendRow(account="subscription", known=known, told=told, note="")
    return ReportLine(
        account="subscription", at=NOW, send=send, figures=FiguresStatus.COUNTING, article=article
    )


@pytest.mark.optional_part
def test_plan_page_fits_a_phone(tmp_path: Path) -> None:
    article = make_article("秋茶" * 20, html="<p>一段</p>" * 99, cover=Media(media_id="C"))
    sends = [
        make_send("2026/" + "long-name" * 12, text="https://example.com/" + "x" * 200),
        make_send("tea", content=Articles(articles=(article,))),
    ]
    page = tmp_path / "plan.html"
    page.write_text(plan_html(view_of(plan_of(*sends), "UTC"), data=lambda _file: b""), encoding="utf-8")
    narrow = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    cell = "getComputedStyle(document.querySelector('.schedule td:nth-child(4)'), '::before').content"
    with open_browser(width=500, height=900) as chrome:
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
        chrome.get(page.as_uri())
        seen = f"return [document.documentElement.scrollWidth, {cell}]"
        assert chrome.execute_script(seen) == [390, '"To  "']  # type: ignore[no-untyped-call]
        article = chrome.find_element("css selector", ".article")
        folded = article.rect["height"]
        box = chrome.find_element("css selector", ".unfold input")
        box.send_keys(Keys.SPACE)
        assert article.rect["height"] > folded


@pytest.mark.optional_part
def test_a_minute_on_a_phone_shows_what_was_exchanged(tmp_path: Path) -> None:
    """Another link and one recipient more are seen on two screens; the lines to sign are on paper alone."""
    was, now = (make_send("sale", f"https://{host}.example/s") for host in ("tea", "tee"))
    few, more = (
        make_send("vip", "你好", filter=Filter(openids=tuple(f"o{n}" for n in range(m)))) for m in (2, 3)
    )
    plan = plan_of(now, more)
    comparison = compare([was, few], [now, more], ref="main", commit="c")
    page = tmp_path / "plan.html"
    page.write_text(
        plan_html(view_of(plan, "UTC", comparison=comparison), data=lambda _file: b""), encoding="utf-8"
    )
    narrow = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    tops = "return [...document.querySelectorAll(arguments[0])].map((one) => one.getBoundingClientRect().top)"
    with open_browser(width=500, height=844) as chrome:
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
        chrome.get(page.as_uri())

        def places(selector: str) -> list[float]:
            return list(chrome.execute_script(tops, selector))  # type: ignore[no-untyped-call]

        for selector, count in (("#hosts .badge", 1), (".schedule a[href='#changed']", 2), ("#approve", 1)):
            found = places(selector)
            assert (selector, len(found)) == (selector, count)
            assert max(found) < 2 * 844
        sign = chrome.find_element("css selector", ".sign")
        assert not sign.is_displayed()
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert sign.is_displayed()
        assert len(sign.find_elements("css selector", "span")) == 3


@pytest.mark.optional_part
@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_pages_load_nothing_and_do_not_scroll_sideways(tmp_path: Path, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    with open_browser(width=width, height=900) as chrome:
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for name, html in pages().items():
            (tmp_path / f"{name}.html").write_text(html, encoding="utf-8")
            chrome.get((tmp_path / f"{name}.html").as_uri())
            assert chrome.get_log("browser") == []  # type: ignore[no-untyped-call]
            assert chrome.execute_script(LOADED) == []  # type: ignore[no-untyped-call]
            beyond = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert chrome.execute_script(beyond) == 0  # type: ignore[no-untyped-call]
        chips = chrome.find_elements("css selector", "td .chip")
        assert len(chips) == len(NAMES) + 5


def month_of_thirty() -> str:
    """The report of a month with thirty sends of articles, the readers of each its own number."""
    steps: list[Any] = []
    for day in range(30):
        send = make_send(f"2026/11/{day}", text="x")
        at = datetime(2026, 11, 1 + day, 2, tzinfo=UTC)
        counts = {"addressed": 9000, "sent": 8700 + day, "left_out": 290, "failed": 10 - day % 2}
        steps += [
            (EventKind.INTENT, intent_of(send, at=at, account="main", audience={"count": 9000})),
            (EventKind.ACCEPTED, named(send, msg_id=day)),
            (LedgerKind.STATUS, named(send, msg_id=day, msg_status="SEND_SUCCESS")),
            (LedgerKind.CALLBACK, {"msg_id": day, "status": "send success", **counts}),
        ]
    lines = []
    for one, number in zip(
        history_of(make_state(*steps)).lines, (7 * n % 30 for n in range(30)), strict=True
    ):
        shown = article_line("", number)
        figures = replace(shown.latest, readers=1000 + number, read_rate=number / 100 or None)
        article = replace(shown.article, title=f"第 {number} 篇：山里的早晨", days=(figures,))
        lines.append(replace(one, figures=FiguresStatus.COUNTING, article=article))
    return history_html(HistoryView(lines))


@pytest.mark.optional_part
@pytest.mark.parametrize("width", [390, 1000, 1280])
def test_report_is_sorted_without_a_script_and_printed_on_few_pages(tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    page.write_text(month_of_thirty(), encoding="utf-8")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    seen = (
        "return [...document.querySelectorAll('.sorted tbody tr')]"
        ".sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)"
        ".map((row) => row.querySelector('.title').textContent.split(' ')[1])"
    )
    with open_browser(width=width, height=900) as chrome:
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        chrome.get(page.as_uri())

        def order(*ids: str) -> list[int]:
            for one in ids:
                chrome.find_element("id", one).send_keys(Keys.SPACE)
            return [int(number) for number in chrome.execute_script(seen)]  # type: ignore[no-untyped-call]

        by_time, numbers = [7 * n % 30 for n in range(30)], list(range(30))
        assert order() == by_time
        assert order("sort-3") == numbers[::-1]
        assert order("sort-4") == numbers[::-1]
        assert order("reverse") == [*numbers[1:], 0]  # what has no rate stays last
        assert order("sort-1") == by_time[::-1]
        paper = chrome.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
        assert 1 < len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(paper["data"]))) <= 6


@pytest.mark.optional_part
def test_no_heading_of_a_table_is_torn_in_chinese(tmp_path: Path) -> None:
    set_language("zh")
    sends = [make_send(f"x{number}", text=f"新茶{number}") for number in range(3)]
    plan = plan_html(view_of(plan_of(*sends), "UTC"), data=lambda _file: b"")
    lines = (
        "return [...document.querySelectorAll('thead th')].filter((one) => {"
        " const range = document.createRange(); range.selectNodeContents(one);"
        " const ends = [...range.getClientRects()].map((rect) => Math.round(rect.bottom));"
        " return !/[（ ]/.test(one.textContent) && new Set(ends).size > 1;"
        "}).map((one) => one.textContent)"
    )
    with open_browser(width=1280, height=900) as chrome:
        for name, page in {"plan": plan, **pages()}.items():
            (tmp_path / f"{name}.html").write_text(page, encoding="utf-8")
            chrome.get((tmp_path / f"{name}.html").as_uri())
            paper = 1017 if name == "report" else 690  # A4 on its side, or upright
            for width, media in ((1201, "screen"), (1280, "screen"), (paper, "print")):
                size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
                chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
                torn = chrome.execute_script(lines)  # type: ignore[no-untyped-call]
                beyond = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
                wider = chrome.execute_script(beyond)  # type: ignore[no-untyped-call]
                assert (name, width, torn, wider) == (name, width, [], 0)


@pytest.mark.optional_part
def test_paper_holds_the_whole_article(tmp_path: Path) -> None:
    lines = "".join(f"<p>第 {number} 段</p>" for number in range(200))
    article = make_article(html=lines, cover=Media(media_id="C"))
    page = tmp_path / "plan.html"
    plan = plan_of(make_send("tea", content=Articles(articles=(article,))))
    page.write_text(plan_html(view_of(plan, "UTC"), data=lambda _file: b""), encoding="utf-8")
    with open_browser(width=1280, height=900) as chrome:
        chrome.get(page.as_uri())
        assert chrome.find_element("css selector", ".article").rect["height"] <= 1400
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert chrome.find_element("css selector", ".article").rect["height"] > 2000


@pytest.mark.optional_part
def test_chromium_takes_a_picture_of_each_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    wrapper = folder / BROWSERS[0]
    wrapper.write_text(f'#!/bin/sh\nexec {programs()[0]} --no-sandbox "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    article = make_article(html="<p>一段</p>" * 60, cover=Media(media_id="C"))
    plan = plan_of(make_send("a", text="你好"), make_send("b", content=Articles(articles=(article,))))
    page = tmp_path / "plan.html"
    page.write_text(plan_html(view_of(plan, "UTC"), data=lambda _file: b""), encoding="utf-8")
    assert run(["ci", "phones", str(page), str(tmp_path / "phones")]) == ExitCode.OK
    sizes = []
    for number in (1, 2):
        with Image.open(tmp_path / "phones" / f"message-{number}.png") as picture:
            sizes.append(picture.size)
            assert len(picture.convert("RGB").getcolors(1_000_000) or ()) > 20
    assert all(375 < width < 450 for width, _height in sizes)
    assert sizes[0][1] < 500 < 1500 < sizes[1][1]
