"""List the draft box, and delete what edits left behind in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import click

from wechat_campaigns.cli.completers import accounts
from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import AUTO_APPROVE, DIR, ENV, VAR, WriteOption
from wechat_campaigns.cli.prompt import confirm
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode, InvalidError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.draft_box import BoxEntry, list_drafts, short_id
from wechat_campaigns.plan.draft_uses import BoxDraft, draft_uses, drafted_names, merged_uses
from wechat_campaigns.plan.resolve import find_materials
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.report.drafts import AccountDrafts, deleted_line, drafts_data, drafts_text
from wechat_campaigns.report.sanitize import inert
from wechat_campaigns.send.apply import LOCK_WAIT_S
from wechat_campaigns.send.draft_cleaning import MOST, delete_drafts
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings

if TYPE_CHECKING:
    from wechat_campaigns.core.model import Send
    from wechat_campaigns.core.settings import Account, Settings
    from wechat_campaigns.ledger.fold import LedgerState

_View: TypeAlias = "tuple[Settings, Sequence[Send]]"
"""The settings with one environment chosen, and what the folder says there."""
PROGRESS_EVERY = 100
"""Drafts between two lines of progress."""


@command(
    effect=Effect.WECHAT_READ,
    formats=TEXT_AND_JSON,
    options=(AUTO_APPROVE, DIR, ENV, VAR),
    examples={
        "campaign drafts --env production": N_("titles, when saved, who uses each"),
        "campaign drafts --clean --auto-approve": N_("delete what edits left behind, without asking"),
    },
)
@click.option(
    "--account", "names", multiple=True, shell_complete=accounts, help="Show only this account; repeatable."
)
@click.option(
    "--clean", cls=WriteOption, is_flag=True, help="Delete the drafts that edits left behind, after asking."
)
def drafts(context: OnlineContext, names: Sequence[str], clean: bool, auto_approve: bool) -> int:
    """List each account's drafts in WeChat: titles, when saved, made by this tool or not, used by which send.

    An edit of a campaign leaves the draft behind that this tool made for it before. `--clean` deletes those,
    at most 100 at a time. It keeps a draft that was edited by hand, that a campaign names, or that a send
    without a final result may still need. At most 2,000 drafts are listed.
    """
    selection = [context.account(name) for name in names] or [context.account(None)]
    state = context.initialized_state() if clean else context.state()
    views = _views(context, selection, strict=clean)
    listed = {account.name: _list(context, account, views, state) for account in selection}
    if clean:
        listed = _clean(context, selection, listed, auto_approve=auto_approve)
    context.output_data(lambda: inert(drafts_text(listed, context.text_options)), drafts_data(listed))
    return ExitCode.OK


def _views(context: OnlineContext, selection: Sequence[Account], *, strict: bool) -> list[_View]:
    """Render the folder for each environment that sends from one of the accounts.

    Raises:
        InvalidError: `strict`, and a campaign has problems: what cannot be read may name any draft.
    """
    appids = {account.appid for account in selection}
    views: list[_View] = []
    for name in dict.fromkeys([context.settings.environment.name, *context.settings.environments]):
        settings = load_settings(context.root, environment=name)
        if appids.isdisjoint(account.appid for account in settings.environment.accounts.values()):
            continue
        files, variables = Files(context.root), context.variables
        compiled = compile_campaigns(context.root, settings=settings, files=files, variables=variables)
        if strict and compiled.errors:
            raise InvalidError(compiled.errors)
        views.append((settings, compiled.sends))
    return views


def _list(
    context: OnlineContext, account: Account, views: Sequence[_View], state: LedgerState
) -> AccountDrafts:
    box: list[BoxEntry] = []
    total = 0
    for entry, total in list_drafts(context.read_api(account)):
        box.append(entry)
        if len(box) % PROGRESS_EVERY == 0:
            message = _("  {account}: {count:,} of {total:,} drafts")
            context.show_progress(message.format(account=account.name, count=len(box), total=total))
    return AccountDrafts(drafts=_uses(context, account, views, state, box), total=total)


def _uses(
    context: OnlineContext,
    account: Account,
    views: Sequence[_View],
    state: LedgerState,
    box: Sequence[BoxEntry],
) -> tuple[BoxDraft, ...]:
    """Return who needs each draft, in whichever environment."""
    found = []
    for settings, all_sends in views:
        moment = DecisionContext(settings=settings, state=state, now=context.clock())
        sends = [send for send in all_sends if moment.account(send).appid == account.appid]
        wanted = drafted_names(sends, moment)
        materials = find_materials(wanted, context.read_api(account)) if wanted else {}
        found.append(draft_uses(box, sends, moment, appid=account.appid, materials=materials))
    return tuple(map(merged_uses, zip(*found, strict=True)))


def _clean(
    context: OnlineContext,
    selection: Sequence[Account],
    listed: dict[str, AccountDrafts],
    *,
    auto_approve: bool,
) -> dict[str, AccountDrafts]:
    left = {name: [one for one in found.drafts if one.left_behind][:MOST] for name, found in listed.items()}
    count = sum(map(len, left.values()))
    if not count:
        return listed
    for name, drafts in left.items():
        for draft in drafts:
            row = _("  {account}: draft {draft}, {title}, made for {send}").format(
                account=name,
                draft=short_id(draft.entry.media_id),
                title=" / ".join(draft.entry.titles),
                send=draft.made_for,
            )
            context.show_progress(inert(row))
    if not auto_approve:
        question = _("Drafts to delete: {count}. This cannot be undone. Continue?").format(count=count)
        confirm(question, _("Not confirmed: nothing was done."))
    views = _views(context, selection, strict=True)  # a campaign may have been written during the question
    return {
        account.name: _clean_account(context, account, views, listed[account.name], left[account.name])
        for account in selection
    }


def _clean_account(
    context: OnlineContext,
    account: Account,
    views: Sequence[_View],
    listed: AccountDrafts,
    left: Sequence[BoxDraft],
) -> AccountDrafts:
    """Delete while no other runner of this account is at work, by what the ledger has by now."""
    if not left:
        return listed
    with context.ledger.lock(account.appid, LOCK_WAIT_S):
        state = context.initialized_state()
        box = [draft.entry for draft in left]
        now = [one for one in _uses(context, account, views, state, box) if one.left_behind]
        results = []
        for draft, reason in delete_drafts(now, context.write_api(account), state, account.appid):
            results.append((draft, reason))
            if not reason:  # said at once: a call that fails later must not hide it
                context.show_progress(inert(deleted_line(account.name, draft)))
    deleted = tuple(draft for draft, reason in results if not reason)
    gone = {draft.entry.media_id for draft in deleted}
    return AccountDrafts(
        drafts=tuple(one for one in listed.drafts if one.entry.media_id not in gone),
        total=listed.total - len(deleted),
        deleted=deleted,
        kept=tuple((draft, reason) for draft, reason in results if reason),
    )
