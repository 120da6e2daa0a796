"""Watch a campaigns folder, and keep each campaign as of its newest save, and of the last without errors."""

import secrets
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from watchfiles import BaseFilter, Change, watch

from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import CampaignError, InvalidError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import InvalidCampaign, Send
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.render.compile import CompileResult
from wechat_campaigns.render.render import CompiledCampaign
from wechat_campaigns.report.calendar import CalendarView
from wechat_campaigns.report.history import HistoryView
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.source.load import CampaignFile

SETTLED_MS: Final = 20
"""Editors save in several steps; what has not changed for so long is whole."""
LONGEST_MS: Final = 400
"""Saves without a pause are shown at least this often."""
LOOK_MS: Final = 1000
"""How often the folder itself is looked at: it may have been replaced."""


class Live:
    """The number of the newest save, and what keeps saves from being seen."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        self._count = 0
        self._changed = threading.Condition()
        self.trouble = ""

    @property
    def version(self) -> str:
        """A word that changes with every save, and differs between two runs."""
        return f"{self._run}-{self._count}"

    def bump(self, trouble: str = "") -> None:
        """Wake every request that waits: something was saved, or saves are not seen any more."""
        with self._changed:
            self._count += 1
            self.trouble = trouble
            self._changed.notify_all()

    def wait(self, version: str, timeout_s: float) -> str:
        """Wait until the version is another one, at most so long; the version then."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, timeout_s)
            return self.version


class _Visible(BaseFilter):
    """Lets through what is not hidden: swap files of editors and the folder of git are."""

    ignore_entity_patterns = (r"^\.", r"~$", r"^4913$")  # the last one is how Vim tries whether it may write

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def __call__(self, change: Change, path: str) -> bool:
        parts = Path(path).relative_to(self._root).parts
        return not any(part.startswith(".") for part in parts) and super().__call__(change, path)


def follow(root: Path, live: Live, stop: threading.Event) -> None:
    """Count saves below a folder until `stop` is set; where watching fails, say so and try again."""
    real = root.resolve()
    while not stop.is_set():
        try:
            _follow(real, live, stop)
        except (OSError, RuntimeError) as error:
            if not live.trouble:
                live.bump(getattr(error, "strerror", None) or str(error))
            stop.wait(LOOK_MS / 1000)


def _follow(root: Path, live: Live, stop: threading.Event) -> None:
    seen = _identity(root)
    saves = watch(
        root,
        watch_filter=_Visible(root),
        debounce=LONGEST_MS,
        step=SETTLED_MS,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=False,
    )
    first = True
    for changes in saves:
        if first and live.trouble:
            live.bump()
        first = False
        if changes:
            live.bump()
        if _has_new_folder(changes):
            # What was put into it before the system watched it, nobody reported.
            stop.wait(0.2)
            live.bump()
        if _identity(root) != seen:
            live.bump()
            return


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _has_new_folder(changes: set[tuple[Change, str]]) -> bool:
    with suppress(OSError):
        return any(change is Change.added and Path(path).is_dir() for change, path in changes)
    return False


OVERVIEW_S: Final = 20
"""What is due changes without a save."""


Overview = tuple[dict[str, Any], PlanView]
"""What the page lists of every campaign of a folder, and a plan of them made offline."""


def fault_problem(campaign: str, file: str, fault: Exception) -> Diagnostic:
    """Make the problem of a campaign on which this program fails, so that all else is shown."""
    message = _("the program fails on this campaign: {fault}").format(fault=type(fault).__name__)
    hint = _("run `campaign plan --offline {id}`, and report the bug that it names").format(id=campaign)
    if isinstance(fault, CampaignError):
        message, hint = str(fault), fault.hint
    return Diagnostic(location=Location(file=file), rule="bug", message=message, hint=hint)


def faulty(item: CampaignFile, fault: Exception) -> CompiledCampaign:
    """Return what there is of a campaign on which this program fails: the problem."""
    return CompiledCampaign(id=item.id, file_problems=(fault_problem(item.id, item.display_path, fault),))


def contain(compiled: CompileResult, show: Callable[[CompileResult], Overview]) -> Overview:
    """Show campaigns; one that cannot be shown, even alone, is invalid beside the others.

    Raises:
        CampaignError: what `show` raises whatever the campaigns.
    """
    try:
        return show(compiled)
    except Exception:
        sound = compiled
        for name, item in compiled.files.items():
            sends = tuple(send for send in compiled.sends if normalize_id(send.campaign) == name)
            try:
                show(replace(compiled, sends=sends, invalid=(), problems=()))
            except Exception as fault:
                problems = faulty(item, fault).file_problems
                sound = replace(
                    sound,
                    sends=tuple(send for send in sound.sends if send not in sends),
                    problems=(*sound.problems, *problems),
                    invalid=(*sound.invalid, InvalidCampaign(id=item.display_path, problems=problems)),
                )
        return show(sound)


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
        self._pictures: dict[str, tuple[str, Picture]] = {}
        """By campaign, as of which version; its last good one is shown beside errors."""
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


FETCH_S: Final = 60.0


class Desks:
    """The desk of the checkout, and one for each piece of work that somebody looked at.

    Args:
        open_desk: opens the desk of a piece of work by its name, that of the checkout by an empty one. Raises
            CampaignError where it is missing.
        fetch: fetches what others did; returns what differs once they did something, or raises CampaignError.
    """

    def __init__(self, open_desk: Callable[[str], Desk], fetch: Callable[[], Hashable] = tuple) -> None:
        self._open_desk, self._fetch = open_desk, fetch
        self._found: Hashable = None
        self._looking = threading.Lock()
        self._open: dict[str, Desk] = {}
        self.behind = ""
        """Why it is not known what others did."""
        self._opening = threading.Lock()

    def of(self, work: str) -> Desk:
        """Return the desk of a piece of work."""
        with self._opening:
            if work not in self._open:
                self._open[work] = self._open_desk(work)
            return self._open[work]

    def look(self) -> dict[str, str]:
        """Fetch what others did; if it is something new, or cannot be fetched, every page is told.

        Returns:
            `behind`: why it could not be fetched; empty if it was.
        """
        with self._looking:
            try:
                found, behind = self._fetch(), ""
            except CampaignError as error:
                found, behind = self._found, str(error)
            if (found, behind) != (self._found, self.behind):
                self._found, self.behind = found, behind
                for desk in self:
                    desk.live.bump(desk.live.trouble)
            return {"behind": behind}

    def keep_looking(self, stop: threading.Event) -> None:
        """Fetch now, and again and again until `stop` is set."""
        while not stop.is_set():
            self.look()
            stop.wait(FETCH_S)

    def __iter__(self) -> Iterator[Desk]:
        """Yield the desks that are open."""
        return iter(list(self._open.values()))
