"""Keep what the page shows: each campaign as of its newest save, and as of the last one without errors."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import CampaignError, InvalidError
from wechat_campaigns.core.model import Send
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.render.compile import CompileResult
from wechat_campaigns.report.calendar import CalendarView
from wechat_campaigns.report.history import HistoryView
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.source.load import CampaignFile
from wechat_campaigns.studio.live import Live

KEPT: Final = 100
"""Campaigns whose last good picture is kept."""
OVERVIEW_S: Final = 20
"""What is due changes without a save."""


Overview = tuple[tuple[CampaignFile, ...], PlanView]
"""Every campaign of a folder, and what a plan made offline decides about its sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """One state of a campaigns folder; each raises `CampaignError` when it cannot be read."""

    render: Callable[[str], CompileResult]
    """One campaign, by its id."""
    overview: Callable[[], Overview]
    calendar: Callable[[date | None], CalendarView]
    """The month of a day; None for this month."""
    history: Callable[[], HistoryView]
    file: Callable[[FileInfo], bytes]
    """A file that a send carries, from below the campaigns folder alone."""
    timezone: Callable[[], str]
    """Of the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A campaign as followers would see it."""

    sends: tuple[Send, ...]
    problems: tuple[Diagnostic, ...]
    """Of the newest save."""
    fault: CampaignError | None = None
    """Why it cannot be rendered at all."""
    at: datetime
    """When the sends were rendered."""
    timezone: str = "UTC"
    """Of the settings."""
    stale: bool = False
    """Whether the sends are of an earlier save, because the newest has errors."""

    def send(self, send_id: str) -> Send | None:
        """Find a send by its id."""
        return next((send for send in self.sends if send.id == send_id), None)


class Desk:
    """Reads the folder once for each save; any number of requests share the result.

    Args:
        open_reads: gives the folder as it is now.
        now: the present moment, in a zone.
    """

    def __init__(self, open_reads: Callable[[], Reads], live: Live, now: Callable[[], datetime]) -> None:
        self.live = live
        self._open_reads, self._now = open_reads, now
        self._reads: tuple[str, Reads] | None = None
        self._pictures: OrderedDict[str, tuple[str, Picture]] = OrderedDict()
        self._overview: tuple[str, float, Overview] | None = None
        self._opening, self._drawing, self._planning = threading.Lock(), threading.Lock(), threading.Lock()

    @property
    def reads(self) -> Reads:
        """The folder as of the newest save."""
        with self._opening:
            version = self.live.version
            if self._reads is None or self._reads[0] != version:
                self._reads = version, self._open_reads()
            return self._reads[1]

    def picture(self, campaign: str) -> Picture:
        """Show a campaign; with errors, its last good picture and the errors."""
        with self._drawing:
            version = self.live.version
            last = self._pictures.get(campaign)
            if last is not None and last[0] == version:
                return last[1]
            picture = self._draw(campaign, last[1] if last is not None else None)
            self._pictures[campaign] = version, picture
            self._pictures.move_to_end(campaign)
            while len(self._pictures) > KEPT:
                self._pictures.popitem(last=False)
            return picture

    def _draw(self, campaign: str, last: Picture | None) -> Picture:
        now, fault = self._now(), None
        sends: tuple[Send, ...] = ()
        problems: tuple[Diagnostic, ...] = ()
        timezone = "UTC"
        try:
            reads = self.reads
            made, timezone = reads.render(campaign), reads.timezone()
            sends = tuple(s for s in made.sends if normalize_id(s.campaign) == normalize_id(campaign))
            problems = made.problems
        except InvalidError as error:
            problems = error.problems
        except CampaignError as error:
            fault = error
        failed = fault is not None or any(problem.level == "error" for problem in problems)
        if failed and last is not None and last.sends:
            return replace(last, problems=problems, fault=fault, stale=True)
        return Picture(sends=sends, problems=problems, fault=fault, at=now, timezone=timezone)

    def overview(self) -> Overview:
        """Plan every campaign, again when something was saved or a little time is over.

        Raises:
            CampaignError: the folder, its settings or its ledger cannot be read.
        """
        with self._planning:
            version, now = self.live.version, time.monotonic()
            kept = self._overview
            if kept is None or kept[0] != version or now - kept[1] > OVERVIEW_S:
                self._overview = kept = version, now, self.reads.overview()
            return kept[2]

    def warm(self) -> None:
        """Plan once before the first request; a fault is answered to the request that meets it."""
        with suppress(CampaignError):
            self.overview()

    def file(self, sha256: str) -> FileInfo | None:
        """Find a file that a picture shows, by the hash of its bytes."""
        with self._drawing:
            sends = [send for _version, picture in self._pictures.values() for send in picture.sends]
        files = (upload.file for send in sends for upload in send.content.uploads())
        return next((file for file in files if file is not None and file.sha256 == sha256), None)
