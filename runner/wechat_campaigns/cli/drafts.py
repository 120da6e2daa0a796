"""Make drafts without sending them, list the draft box, and delete what edits left behind in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import click

from wechat_campaigns.api import decision_context, plan_selected
from wechat_campaigns.cli.context import OnlineContext, campaign_of, no_send_error
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import AUTO_APPROVE, DIR, ENV, VAR, WriteOption, accounts, campaign_ids
from wechat_campaigns.cli.prompt import confirm
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode, InvalidError, UsageError
from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.plan.decision import DecisionContext, decide
from wechat_campaigns.plan.draft_box import BoxEntry, list_drafts, short_id
from wechat_campaigns.plan.draft_uses import BoxDraft, draft_uses, drafted_names, merged_uses
from wechat_campaigns.plan.plan import PENDING, Plan, PlannedSend
from wechat_campaigns.plan.resolve import find_materials
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.render.compile import compile_campaigns
from wechat_campaigns.report.drafts import AccountDrafts, deleted_line, drafts_data, drafts_text
from wechat_campaigns.report.sanitize import inert
from wechat_campaigns.send import drafting
from wechat_campaigns.send.apply import LOCK_WAIT_S
from wechat_campaigns.send.draft_cleaning import MOST, delete_drafts
from wechat_campaigns.send.drafting import ReadyDraft
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings
from wechat_campaigns.wechat import payloads

if TYPE_CHECKING:
    from wechat_campaigns.core.model import Send
    from wechat_campaigns.core.settings import Account, Settings
    from wechat_campaigns.ledger.fold import LedgerState


Draft = tuple["PlannedSend", "ReadyDraft"]
UNSENT = PENDING | {PlanAction.DRAFT}


@command(
    effect=Effect.WECHAT_WRITE,
    formats=TEXT_AND_JSON,
    options=(AUTO_APPROVE, DIR, ENV, VAR),
    examples={
        "campaign draft news": N_("upload the files and add the draft, send nothing"),
        "campaign draft 'tasting[beijing]' --auto-approve": N_(
            "make the draft of one send of a for_each, without asking"
        ),
    },
)
@click.argument("select", metavar="ID", shell_complete=campaign_ids)
def draft(context: OnlineContext, select: str, auto_approve: bool) -> int:
    """Make the draft of an article without sending it, so that it can be checked in the WeChat console.

    Uploads its pictures and adds the draft; nothing is sent. `campaign apply` later sends exactly this
    draft, and refuses if it was edited by hand in the meantime. ID is a campaign, or one send of it:
    sale[beijing].
    """
    state = context.initialized_state()
    result = plan_selected(context, (campaign_of(select),), state, checked=False)
    if result.compiled.errors:
        raise InvalidError(result.compiled.errors)
    pending = _pending(result.plan, context.full_id(select))
    _confirm_drafts(context, pending, auto_approve=auto_approve)
    drafts = [(planned, _make_draft(context, planned)) for planned in pending]
    context.output_data(
        lambda: inert(_drafted_text(drafts)), {"drafts": [_drafted_row(draft) for draft in drafts]}
    )
    return ExitCode.OK


def _pending(plan: Plan, select: str) -> list[PlannedSend]:
    """Pick the sends asked for that still wait for their draft."""
    wanted_id = normalize_id(select)
    matches = [p for p in plan.sends if wanted_id in (normalize_id(p.send.id), normalize_id(p.send.campaign))]
    if not matches:
        raise no_send_error(select, (planned.send for planned in plan.sends))
    kind = matches[0].send.msgtype
    if not all(payloads.needs_draft(planned.send.content) for planned in matches):
        raise UsageError(
            _("{send} does not need a draft: it sends {kind} as it is").format(
                send=select, kind=_(kind.value)
            ),
            hint=_(
                "use `campaign render` to view it: only articles and picture posts written in the "
                "campaign become drafts"
            ),
        )
    pending = [planned for planned in matches if planned.action in UNSENT]
    if not pending:
        first = matches[0]
        raise UsageError(
            _("cannot make a draft for {send} ({action}): {reason}").format(
                send=first.send.id, action=status_word(first.action), reason=first.decision.reason
            ),
            hint=first.decision.hint or _("choose a send that has not been sent"),
        )
    return pending


def _confirm_drafts(context: OnlineContext, pending: Sequence[PlannedSend], *, auto_approve: bool) -> None:
    for planned in pending:
        missing = sum(result is None for _, result in planned.resolved.uploads)
        row = _("  {send} → drafts of {account}, files to upload: {count}")
        context.show_progress(row.format(send=planned.send.id, account=planned.account.name, count=missing))
    if not auto_approve:
        question = _("Drafts to make: {count}. Nothing will be sent. Continue?").format(count=len(pending))
        confirm(question, _("Not confirmed: no draft was made."))


def _make_draft(context: OnlineContext, planned: PlannedSend) -> ReadyDraft:
    """Make one draft while no other runner of this account is at work."""
    appid = planned.account.appid
    with context.ledger.lock(appid, LOCK_WAIT_S):
        state = fold(context.ledger.read(appid))
        now = decide(planned.send, planned.content_digest, decision_context(context, state))
        if now.action not in UNSENT:
            raise UsageError(
                _("another run changed this send; its action is now {action}: {reason}").format(
                    action=status_word(now.action), reason=now.reason
                ),
                hint=_("run `campaign status` to see its status"),
                location=planned.send.id,
            )
        ports = context.upload_ports(planned.account, state, planned.send.id)
        ready = drafting.create_draft(planned, ports)
    if ready is None:
        raise AssertionError("only sends that need a draft were chosen")
    return ready


def _drafted_text(drafts: Sequence[Draft]) -> str:
    lines = []
    for planned, ready in drafts:
        line = _("{send}: account {account} already has the draft {media_id}, unchanged")
        if ready.is_new:
            line = _("{send}: draft {media_id} added to account {account}")
        lines.append(line.format(send=planned.send.id, media_id=ready.media_id, account=planned.account.name))
        lines += [f"  {note}" for note in ready.notes]
    lines.append(
        "\n"
        + _(
            "Nothing was sent. Check the draft on mp.weixin.qq.com under 草稿箱 (drafts). To change "
            "it, edit the campaign's files, not the draft: `campaign apply` sends the draft only "
            "if it is unchanged."
        )
    )
    return "\n".join(lines)


def _drafted_row(draft: Draft) -> dict[str, object]:
    planned, ready = draft
    return {
        "id": planned.send.id,
        "account": planned.account.name,
        "media_id": ready.media_id,
        "added": ready.is_new,
        "notes": list(ready.notes),
    }


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
        confirm(question, _("Not confirmed: no draft was deleted."))
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
