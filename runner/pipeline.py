"""The rooms in a row: a campaigns folder in, rendered sends, a plan out. Plan and apply both go this way.

Reads files and, through the ports given, the platform; sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from runner import limits
from runner.decide import decide
from runner.digest import send_digest
from runner.errors import Problem
from runner.ledger.state import LedgerState
from runner.load import Files, load_campaigns
from runner.model import Account, Action, Campaign, Send, Settings
from runner.plan import Invalid, Plan, make_plan
from runner.ports import Clock, ReadApi
from runner.render import render
from runner.resolve import Known, ask
from runner.template import Templates

SIDE_BY_SIDE = 16
"""Accounts that are asked at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a campaigns folder would send, whatever was sent before."""

    sends: tuple[Send, ...]
    problems: tuple[Problem, ...]
    """Errors of files and campaigns, and warnings of sends."""
    invalid: tuple[Invalid, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Only what must be corrected."""
        return tuple(problem for problem in self.problems if problem.level == "error")


def prepare(
    root: Path,
    *,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> Prepared:
    """Load, validate, render and check against the platform's limits.

    Args:
        root: the campaigns folder.
        settings: with the environment chosen.
        files: reads below `root`.
        variables: from `--var`.
        only: ids, patterns or paths; empty means all.

    Raises:
        UsageError: no such folder, or `only` selects nothing.
        MissingExtraError: an article needs the extra `articles`.
    """
    loaded = load_campaigns(root, only)
    templates = Templates(files)
    sends: list[Send] = []
    invalid = [
        Invalid(id=name, problems=tuple(p for p in loaded.problems if p.place.file == name))
        for name in sorted({problem.place.file for problem in loaded.problems})
    ]
    found = list(loaded.problems)
    for campaign in loaded.campaigns:
        made, problems = _rendered(campaign, settings, files, variables or {}, templates)
        errors = tuple(problem for problem in problems if problem.level == "error")
        found += problems
        sends += made
        if errors:
            invalid.append(Invalid(id=campaign.id, problems=errors))
    return Prepared(sends=tuple(sends), problems=tuple(found), invalid=tuple(invalid))


def survey(
    sends: Iterable[Send],
    *,
    settings: Settings,
    state: LedgerState,
    connect: Callable[[Account], ReadApi],
    clock: Clock,
) -> dict[str, Known]:
    """Ask the platform what a plan needs, once for each account that has something to send.

    Raises:
        ApiError, UnreachableError, LostAnswerError: a read failed.
    """
    now = clock()
    concerned: dict[str, list[Send]] = {}
    for send in sends:
        appid = settings.environment.accounts[send.account].appid
        action = decide(send, send_digest(send), appid=appid, state=state, now=now).action
        if action in (Action.SEND, Action.WAIT):
            concerned.setdefault(send.account, []).append(send)
    accounts = settings.environment.accounts
    readers = {name: connect(accounts[name]) for name in sorted(concerned)}
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        known = pool.map(lambda name: ask(concerned[name], readers[name], clock), readers)
        return dict(zip(readers, known, strict=True))


def plan_from(
    prepared: Prepared,
    *,
    settings: Settings,
    state: LedgerState,
    known: Mapping[str, Known] | None,
    now: datetime,
    commit: str | None,
    allowed: Mapping[str, str],
    selected: bool,
) -> Plan:
    """Make the plan of what was prepared.

    Args:
        prepared: by `prepare`.
        settings: the same.
        state: the folded ledger.
        known: by `survey`; None plans offline.
        now: the present moment.
        commit: of the campaigns.
        allowed: policy rules set aside once.
        selected: whether only some campaigns were asked for.
    """
    return make_plan(
        prepared.sends,
        invalid=prepared.invalid,
        settings=settings,
        state=state,
        known=known,
        now=now,
        commit=commit,
        allowed=allowed,
        with_orphans=not selected,
    )


def _rendered(
    campaign: Campaign,
    settings: Settings,
    files: Files,
    variables: Mapping[str, str],
    templates: Templates,
) -> tuple[list[Send], list[Problem]]:
    rendered = render(campaign, settings=settings, files=files, variables=variables, templates=templates)
    problems = list(rendered.problems)
    sends = []
    for send in rendered.sends:
        found = limits.check(send, settings.environment.accounts[send.account], source=campaign.source)
        warnings = tuple(problem for problem in found if problem.level == "warning")
        problems += [*send.findings, *found]
        if len(warnings) == len(found):
            sends.append(replace(send, findings=(*send.findings, *warnings)))
    # The batches of one openid list repeat what is wrong with their content.
    return sends, list(dict.fromkeys(problems))
