"""Everything that the page may ask of a campaigns folder: no method sends or writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from wechat_campaigns.core.model import FileInfo
from wechat_campaigns.render.compile import CompileResult
from wechat_campaigns.report.calendar import CalendarView
from wechat_campaigns.report.history import HistoryView
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.source.load import CampaignFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Every campaign of a folder, and what a plan made offline decides about its sends."""

    files: tuple[CampaignFile, ...]
    plan: PlanView


class Reads(Protocol):
    """One state of a campaigns folder; each method raises `CampaignError` when it cannot be read."""

    def render(self, campaign: str) -> CompileResult:
        """Render one campaign, by its id."""
        ...

    def overview(self) -> Overview:
        """Plan every campaign offline."""
        ...

    def calendar(self, month: date | None) -> CalendarView:
        """Show the month of a day; None for this month."""
        ...

    def history(self) -> HistoryView:
        """Show past sends."""
        ...

    def read(self, file: FileInfo) -> bytes:
        """Read a file that a send carries, from below the campaigns folder alone."""
        ...

    def timezone(self) -> str:
        """Return the time zone of the settings."""
        ...
