"""Read a campaigns folder for the studio: what a workspace of files can reach."""

from __future__ import annotations

from datetime import date

from wechat_campaigns.api import compile_selected, plan_selected
from wechat_campaigns.cli.calendar import month_view
from wechat_campaigns.core.model import FileInfo
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.report.calendar import CalendarView
from wechat_campaigns.report.history import HistoryView, history_view
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.source.load import find_campaigns
from wechat_campaigns.studio.reads import Overview
from wechat_campaigns.wechat.statistics_file import read_statistics
from wechat_campaigns.workspace import Workspace


class OfflineReads:
    """One state of a campaigns folder; implements `studio.reads.Reads`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def render(self, campaign: str) -> CompileResult:
        """Render one campaign, by its id."""
        workspace = self._workspace
        found = find_campaigns(workspace.root, (), workspace.settings.namespace)[0]
        if not any(normalize_id(item.id) == normalize_id(campaign) for item in found):
            return CompileResult(sends=(), problems=(), invalid=())
        return compile_campaigns(
            workspace.root,
            settings=workspace.settings,
            files=workspace.files,
            variables=workspace.variables,
            only=(campaign,),
        )

    def overview(self) -> Overview:
        """Plan every campaign."""
        workspace = self._workspace
        compiled = compile_selected(workspace, ())
        state = workspace.unverified_state()
        plan = plan_selected(workspace, (), state, compiled=compiled).plan
        view = PlanView(plan=plan, timezone=self.timezone(), errors=compiled.errors)
        return Overview(files=tuple(compiled.files.values()), plan=view)

    def calendar(self, month: date | None) -> CalendarView:
        """Show the month of a day; None for this month."""
        return month_view(self._workspace, month)[0]

    def history(self) -> HistoryView:
        """Show past sends."""
        workspace, state = self._workspace, self._workspace.unverified_state()
        accounts, now = workspace.settings.environment.accounts, workspace.clock()
        kept = {a.appid: read_statistics(workspace.statistics_file(a.appid)) for a in accounts.values()}
        return history_view(state, accounts, kept, now=now)

    def read(self, file: FileInfo) -> bytes:
        """Read a file that a send carries."""
        return self._workspace.read(file)

    def timezone(self) -> str:
        """Return the time zone of the settings."""
        return self._workspace.settings.policy.timezone
