"""Read a campaigns folder for the studio: offline, connected to no account, the ledger closed for writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NoReturn

from wechat_campaigns.api import compile_selected, plan_selected
from wechat_campaigns.cli.calendar import month_view
from wechat_campaigns.core.extras import is_extra_installed
from wechat_campaigns.core.interfaces import Clock
from wechat_campaigns.core.model import FileInfo
from wechat_campaigns.core.settings import Account, ArticleOptions, Secret
from wechat_campaigns.guard.secrets import Secrets
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.report.calendar import CalendarView
from wechat_campaigns.report.figures import article_rows
from wechat_campaigns.report.history import HistoryView, begun_records, past_sends
from wechat_campaigns.report.plan_view import plan_view
from wechat_campaigns.source.load import find_campaigns
from wechat_campaigns.studio.reads import Overview, Trial
from wechat_campaigns.wechat.statistics_file import read_statistics
from wechat_campaigns.workspace import Workspace


class _NoSecrets(Secrets):
    """Refuses: nothing that is shown requires a secret."""

    def of_account(self, account: Account, *, trusted: bool = False) -> NoReturn:
        raise AssertionError("the studio reads no secret")

    def other(self, place: Secret, *, name: str) -> NoReturn:
        raise AssertionError("the studio reads no secret")


class OfflineWorkspace(Workspace):
    """A workspace whose doors to the platform and to the ledger's writes are walled up."""

    def _connect(self, account: Account) -> NoReturn:
        raise AssertionError("the studio connects to no account")

    def open_ledger(self, clock: Clock | None = None, *, copies: Path | None = None) -> NoReturn:
        """Refuse: what is read offline is read from this machine's copy."""
        raise AssertionError("the studio opens no ledger")

    def __post_init__(self) -> None:
        self.secrets = _NoSecrets(self)


class OfflineReads:
    """One state of a campaigns folder; implements `studio.reads.Reads`."""

    def __init__(self, workspace: OfflineWorkspace) -> None:
        workspace.offline = True
        self._workspace = workspace

    def render(self, campaign: str, trial: Trial) -> CompileResult:
        """Render one campaign, by its id."""
        workspace = self._workspace
        if not any(
            normalize_id(item.id) == normalize_id(campaign) for item in find_campaigns(workspace.root)[0]
        ):
            return CompileResult(sends=(), problems=(), invalid=())
        return compile_campaigns(
            workspace.root,
            settings=replace(workspace.settings, articles=self._tried(trial)),
            files=workspace.files,
            variables=workspace.variables,
            only=(campaign,),
        )

    def overview(self) -> Overview:
        """Plan every campaign."""
        workspace = self._workspace
        compiled = compile_selected(workspace, ())
        state = workspace.state(verified=False)
        plan = plan_selected(workspace, (), state, offline=True, compiled=compiled).plan
        view = plan_view(plan, timezone=self.timezone(), errors=compiled.errors)
        return Overview(files=tuple(compiled.files.values()), plan=view)

    def calendar(self, month: date | None) -> CalendarView:
        """Show the month of a day; None for this month."""
        return month_view(self._workspace, month)[0]

    def history(self) -> HistoryView:
        """Show past sends."""
        workspace, state = self._workspace, self._workspace.state(verified=False)
        accounts, now = workspace.settings.environment.accounts, workspace.clock()
        kept = {a.appid: read_statistics(workspace.statistics_file(a.appid)) for a in accounts.values()}
        articles = article_rows(begun_records(state, accounts), state, accounts, kept, now=now)
        return HistoryView(past_sends(state, accounts, now=now), articles)

    def read(self, file: FileInfo) -> bytes:
        """Read a file that a send carries."""
        return self._workspace.read(file)

    def timezone(self) -> str:
        """Name the time zone of the settings."""
        return self._workspace.settings.policy.timezone

    def options(self) -> ArticleOptions:
        """Say how articles are made, as the settings have it."""
        return self._workspace.settings.articles

    def themes(self) -> tuple[str, ...]:
        """Name the themes that can be tried out; without the libraries of articles there is none."""
        if not is_extra_installed("articles"):
            return ()
        from wechat_campaigns.render.article.theme import theme_names

        return theme_names(self._workspace.root)

    def _tried(self, trial: Trial) -> ArticleOptions:
        options = replace(self.options(), tried_theme=trial.theme)
        return replace(options, brand_color=trial.color) if trial.color else options
