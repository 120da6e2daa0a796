"""A session in, its plan and every form of it out; the comparison with another commit where asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wechat_campaigns.cli.home import check_home
from wechat_campaigns.cli.session import Session, commit_of
from wechat_campaigns.core.errors import InvalidError, Problem, UsageError
from wechat_campaigns.core.words import _

if TYPE_CHECKING:
    from wechat_campaigns.core.model import Send
    from wechat_campaigns.ledger.fold import LedgerState
    from wechat_campaigns.plan.compare import Comparison
    from wechat_campaigns.plan.plan import Plan
    from wechat_campaigns.plan.policy.guard import SettingsChange
    from wechat_campaigns.render.prepare import Prepared

Forms = Mapping[str, Callable[[], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A plan and what it was made from."""

    prepared: Prepared
    plan: Plan
    comparison: Comparison | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What must be corrected, in files or because of what the platform said."""
        return (*self.prepared.errors, *unresolved(self.plan))


def make_plan(
    session: Session,
    select: tuple[str, ...],
    state: LedgerState,
    *,
    offline: bool = False,
    allowed: Mapping[str, str] | None = None,
    since: str | None = None,
    prepared: Prepared | None = None,
    again: Collection[str] = (),
) -> Made:
    """Plan the campaigns selected.

    Args:
        session: with settings and files.
        select: ids or patterns; empty means all.
        state: the folded ledger.
        offline: use no network; the state was read from what this machine has.
        allowed: policy rules set aside once.
        since: a commit to compare with, as the user wrote it.
        prepared: what the campaigns were rendered to, when they were already.
        again: unknown sends that are named themselves, whatever is selected; by `LedgerState.same`.
    """
    from wechat_campaigns.integrations.gate import ledger_left
    from wechat_campaigns.plan import plan
    from wechat_campaigns.plan.compare import with_warnings
    from wechat_campaigns.plan.decide import Setting
    from wechat_campaigns.plan.pipeline import survey
    from wechat_campaigns.plan.policy.facts import Grounds

    settings = session.settings
    check_home(session, state)
    prepared = prepared or prepared_of(session, select)
    comparison = _compared(session, prepared, select, since) if since is not None else None
    setting = Setting(
        present=prepared.presence(),
        resend_after_s=settings.environment.repeat_after_s,
        resend_until_s=settings.environment.repeat_until_s,
        resend=frozenset(again),
    )
    grounds = Grounds(
        settings=settings, state=state, now=session.clock(), allowed=allowed or {}, setting=setting
    )
    sends = (*prepared.sends, *plan.stored_orphans(prepared.sends, grounds))
    known = None
    if not offline:
        known = survey(
            sends,
            settings=settings,
            state=state,
            connect=session.reader,
            clock=session.clock,
            setting=setting,
        )
    # The reads said what time it is there.
    told = replace(setting, clock_error=session.watch.known_error())
    made = plan.make_plan(
        sends,
        invalid=prepared.invalid,
        grounds=replace(grounds, now=session.clock(), setting=told),
        known=known,
        commit=commit_of(session.options.root),
        with_orphans=not select,
        unbegun=session.unbegun(state),
        guards=session.newest_guards(),
        left=ledger_left(session),
        ledger_known=session.ledger_known,
    )
    if select and again:
        waiting = plan.orphans(sends, grounds)
        made = replace(made, orphans=tuple(one for one in waiting if state.same(one.known.send) in again))
    made = with_warnings(made, comparison) if comparison is not None else made
    return Made(prepared=prepared, plan=made, comparison=comparison)


def plan_forms(session: Session, made: Made, *, everything: bool = False) -> Forms:
    """Give a plan in every form, each written only when it is asked for."""
    plan, timezone = made.plan, session.settings.policy.timezone

    def text() -> str:
        return plan_text(session, made, everything=everything)

    def json() -> str:
        from wechat_campaigns.report.data import plan_data
        from wechat_campaigns.report.neutral import json_text

        return json_text(plan_data(plan))

    def github() -> str:
        from wechat_campaigns.report.problems import problems_github

        return "\n".join(filter(None, [problems_github(_problems(made)), session.guarded(text())]))

    def markdown() -> str:
        from wechat_campaigns.report.markdown import plan_markdown

        return plan_markdown(plan, timezone=timezone, comparison=made.comparison, problems=made.errors)

    def html() -> str:
        from wechat_campaigns.report.html import plan_html

        return plan_html(
            plan, data=session.read, timezone=timezone, comparison=made.comparison, problems=made.errors
        )

    return {"text": text, "json": json, "github": github, "markdown": markdown, "html": html, **_for_ci(made)}


def _for_ci(made: Made) -> Forms:
    def sarif() -> str:
        from wechat_campaigns.report.sarif import sarif

        return sarif(_problems(made))

    def codequality() -> str:
        from wechat_campaigns.report.gitlab import codequality

        return codequality(_problems(made))

    def widget() -> str:
        from wechat_campaigns.report.gitlab import widget

        return widget(made.plan)

    def junit() -> str:
        from wechat_campaigns.report.junit import plan_junit

        return plan_junit(made.plan)

    return {"sarif": sarif, "codequality": codequality, "widget": widget, "junit": junit}


def _problems(made: Made) -> tuple[Problem, ...]:
    from wechat_campaigns.report.concerns import plan_problems

    return plan_problems(made.plan, made.errors)


def plan_text(session: Session, made: Made, *, everything: bool = False) -> str:
    """Give a plan for the terminal, errors first."""
    from wechat_campaigns.report import text
    from wechat_campaigns.report.problems import problems_text

    errors = problems_text(made.errors, color=session.color)
    shown = text.plan_text(made.plan, replace(session.look, everything=everything))
    return "\n\n".join(filter(None, [errors, shown]))


def unresolved(plan: Plan) -> tuple[Problem, ...]:
    """List the problems that only the platform could tell, such as a tag it does not have."""
    return tuple(problem for planned in plan.sends for problem in planned.resolved.problems)


def prepared_of(session: Session, select: Sequence[str]) -> Prepared:
    """Render the campaigns a session names: all of them when `select` is empty."""
    from wechat_campaigns.render.prepare import prepare

    return prepare(
        session.options.root,
        settings=session.settings,
        files=session.files,
        variables=session.options.variables,
        only=select,
    )


def _compared(session: Session, prepared: Prepared, select: Sequence[str], ref: str) -> Comparison:
    import tempfile

    from wechat_campaigns.plan.compare import compare
    from wechat_campaigns.source.base_tree import resolve_ref, write_tree

    root = session.options.root
    commit = resolve_ref(root, ref)
    with tempfile.TemporaryDirectory(prefix="campaign-base-") as folder:
        base = Path(folder) / root.resolve().name
        base.mkdir()
        write_tree(root, commit, base)
        before, note = _rendered_before(session, base)
        settings = _settings_edits(root, base)
    campaigns = {send.campaign for send in prepared.sends}

    def comparable(send: Send) -> bool:
        # A campaign that is not planned was not selected, cannot be rendered any more, or is gone.
        gone = not select and not (root / Path(send.place.file).relative_to(base)).exists()
        return send.campaign in campaigns or gone

    return compare(
        filter(comparable, before), prepared.sends, ref=ref, commit=commit, settings=settings, note=note
    )


def _settings_edits(root: Path, base: Path) -> tuple[SettingsChange, ...]:
    from wechat_campaigns.plan.policy.guard import edits
    from wechat_campaigns.source.settings import settings_data

    try:
        before = settings_data(base)
    except InvalidError:
        before = {}  # so that every key is shown
    return edits(before, settings_data(root))


def _rendered_before(session: Session, base: Path) -> tuple[tuple[Send, ...], str]:
    from wechat_campaigns.render.prepare import prepare
    from wechat_campaigns.source.files import Files
    from wechat_campaigns.source.settings import load_settings

    name = session.settings.environment.name
    try:
        found = prepare(
            base,
            settings=session.as_asked(load_settings(base, environment=name)),
            files=Files(base),
            variables=session.options.variables,
        )
    except (InvalidError, UsageError) as error:
        said = _("that commit cannot be rendered for {name}, so every send counts as new: {error}")
        return (), said.format(name=name, error=error.what)
    if not found.invalid:
        return found.sends, ""
    said = _("{count} campaigns of that commit cannot be rendered and count as new")
    return found.sends, said.format(count=len(found.invalid))
