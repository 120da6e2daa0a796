"""Record in the ledger what a person decided: past sends, an unknown send, changed rules."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import click

from wechat_campaigns.cli.context import OnlineContext, each_of, one_of, show_failed
from wechat_campaigns.cli.ledger import event_line
from wechat_campaigns.cli.options import (
    AUTO_APPROVE,
    DIR,
    ENV,
    VAR,
    Effect,
    accounts,
    campaign_ids,
    reason_option,
)
from wechat_campaigns.cli.output import confirm, confirmed, print_message, require_terminal
from wechat_campaigns.cli.registry import command
from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.errors import (
    ApiError,
    ExitCode,
    InvalidError,
    NotSentError,
    PolicyError,
    UsageError,
    worst_exit_code,
)
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.settings import Account, Secret
from wechat_campaigns.guard.campaigns_folder import check_campaigns_folder, record_campaigns_folder
from wechat_campaigns.guard.recorded_rules import record_guard, vouch
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import acceptance, account_of, existing_job_id, job_id, recipients_of
from wechat_campaigns.plan.decision import campaign_parts, is_only_part
from wechat_campaigns.plan.hints import settle_hint
from wechat_campaigns.plan.rule_changes import changes_since
from wechat_campaigns.plan.warnings import identity
from wechat_campaigns.protocol.decide import SETTLE_AFTER, may_settle
from wechat_campaigns.protocol.events import Entry, Event, EventKind, Head
from wechat_campaigns.protocol.state import Fate, SendState, Status
from wechat_campaigns.report.attention import settings_change
from wechat_campaigns.report.phrases import sends
from wechat_campaigns.run.plan import selected


@command(
    effect=Effect.LEDGER_DECISION,
    options=(reason_option("Why these count as sent; recorded."), DIR, ENV, VAR),
    examples={
        "campaign ledger baseline --all --reason '手动发过'": N_("never send any of these again"),
    },
)
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option("--all", "everything", is_flag=True, help="Every campaign in the folder.")
def baseline(context: OnlineContext, select: tuple[str, ...], everything: bool, reason: str) -> int:
    """Record campaigns as already sent (by hand, or before this ledger existed): apply never sends them.

    An unknown send is not recorded: `ledger settle` says what became of it.
    """
    if bool(select) == everything:
        raise UsageError(
            _("the campaigns to record are missing or selected in more than one way"),
            hint=_("pass campaign ids or `--all`"),
        )
    compiled, meant, _campaigns = selected(context, select)
    if compiled.errors:
        # If they were skipped, they would be new, and sent, once somebody corrects them.
        raise InvalidError(compiled.errors)
    state = context.initialized_state()
    check_campaigns_folder(context.root, context.settings, state)
    environment = context.settings.environment
    accounts = environment.accounts
    statuses = {send.id: _baseline_status(send, accounts[send.account].appid, state) for send in meant}
    # What an account may have had before the settings called it by another name, under that name.
    others = {
        send.id: part.send
        for send in meant
        if statuses[send.id] is Status.REJECTED and is_only_part(send, environment)
        for part in campaign_parts(send, state.stream(accounts[send.account].appid))
        if part.revision == send.revision and part.status in (Status.UNKNOWN, Status.DISPUTED)
    }
    # What WeChat refused may have been sent by hand since: until it is marked, apply would send it.
    unsent = [send for send in meant if statuses[send.id] is Status.REJECTED and send.id not in others]
    unknown = [send.id for send in meant if statuses[send.id] in (Status.UNKNOWN, Status.DISPUTED)]
    unknown += others.values()
    heads: dict[str, Head] = {}
    for send in unsent:
        appid = accounts[send.account].appid
        # Each names the event before it: where one is taken out, the next ones tell.
        known_by = identity(send, send.content_digest)
        data = {**known_by, "account": send.account, "reason": reason, "actor": context.actor()}
        entry = Entry(stream=appid, kind=EventKind.BASELINE, data=data)
        heads[appid] = context.ledger.append(entry, after=heads.get(appid, state.stream(appid).head)).head
    recorded_before = [send.id for send in meant if statuses[send.id] is Status.ACCEPTED]
    lines = [
        _("{sends} recorded as already sent; recorded before: {known}").format(
            sends=sends(len(unsent)), known=len(recorded_before)
        )
    ]
    lines += [
        _("{send}: unknown, so not recorded").format(send=name)
        + f"\n→ {settle_hint(name, environment.env_option)}"
        for name in unknown
    ]
    code = context.output_sentence(
        "\n".join(lines),
        recorded=[send.id for send in unsent],
        known_before=recorded_before,
        unknown=unknown,
    )
    return ExitCode.UNKNOWN if unknown else code


def _baseline_status(send: Send, appid: str, state: LedgerState) -> Status:
    """Return where a message stands, under every id that it has had."""
    stream = state.stream(appid)
    names = stream.aliases(send.id, *send.formerly)
    found = {known.status for known in stream.revisions(names) if known.revision == send.revision}
    order = (Status.DISPUTED, Status.UNKNOWN, Status.ACCEPTED)
    return next((status for status in order if status in found), Status.REJECTED)


FIRST_MSG_ID_TO_ALL: Final = 1_000_000_001
FIRST_MSG_ID: Final = 3_147_483_649
"""Where WeChat's counters begin: of sends to everyone, and to a tag or openids.

Source: answers that others reported, read 2026-11.
"""
SECRET_REFUSED: Final = frozenset({40001, 40013, 40125})
"""AppID and AppSecret do not belong together. Source: stable_token (2026-11)."""


@command(
    effect=Effect.LEDGER_DECISION,
    options=(reason_option("How you know; recorded."), DIR, ENV),
    examples={
        "campaign ledger settle sale --sent 3147483730 --reason '后台已发出'": N_("the send went out"),
        "campaign ledger settle sale --not-sent --reason '后台没有'": N_(
            "the send did not go out: `campaign apply` may send it again"
        ),
    },
)
@click.argument("send_id", metavar="ID")
@click.option(
    "--sent",
    "msg_id",
    type=click.IntRange(min=0),
    is_flag=False,
    flag_value=0,
    metavar="[MSG_ID]",
    help="It was sent; this is its msg_id, which a send by hand need not have.",
)
@click.option("--not-sent", is_flag=True, help="It was not sent; it may be sent again.")
@click.option(
    "--account",
    "account",
    metavar="NAME",
    shell_complete=accounts,
    help="The account's name or appid, if several accounts have such a send.",
)
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    metavar="N",
    help="The send's revision, if several of them can be settled.",
)
def settle(
    context: OnlineContext,
    send_id: str,
    msg_id: int | None,
    not_sent: bool,
    account: str | None,
    revision: int | None,
    reason: str,
) -> int:
    """Record the outcome of an unknown send, or of one by hand, after checking the WeChat console."""
    if (msg_id is None) != not_sent:
        raise UsageError(_("exactly one outcome is required"), hint=_("pass `--sent MSG_ID` or `--not-sent`"))
    state, send_id = context.state(), context.full_id(send_id)
    found = _unknown_sends(state, send_id, with_msg_id=msg_id is not None)
    meant = (one for one in found if account in (None, account_of(one), one.appid))
    send = _only_send([one for one in meant if revision in (None, one.revision)], send_id)
    stream = state.stream(send.appid)
    if msg_id is not None and (msg_id or send.fate is not Fate.HANDED_OVER):
        _check_msg_id(msg_id, send)
    data = {
        "send": send.send,
        "revision": send.revision,
        "sent": not not_sent,
        "msg_id": msg_id or None,
        "reason": reason,
        "actor": context.actor(),
    }
    seen = stream.seen(send).published
    is_found = send.fate is Fate.HANDED_OVER and not not_sent and len(seen) == 1
    if is_found:  # of two articles with its title either may be its own
        data |= {"msg_data_id": seen[0][0], "sent_on": seen[0][1]}
    entry = Entry(stream=send.appid, kind=EventKind.SETTLED, data=data)
    if not_sent and send.fate is Fate.UNKNOWN:  # else no call was made
        _check_age(send, context.clock() - _confirmed_clock_skew(context, send.appid))
    context.ledger.append(entry, after=stream.head)
    message = _("{send}: settled as sent, msg_id {msg_id}") if msg_id else _("{send}: settled as sent")
    if not_sent:
        message = _("{send}: settled as not sent; `campaign apply` may send it again")
    message = message.format(send=send_id, msg_id=msg_id)
    if is_found:
        article = _("its figures are those of the article of {day}, msg_data_id {number}")
        message = _("; ").join((message, article.format(day=seen[0][1], number=seen[0][0])))
    return context.output_sentence(
        message, send=send_id, revision=send.revision, sent=not not_sent, msg_id=msg_id or None
    )


def _confirmed_clock_skew(context: OnlineContext, appid: str) -> timedelta:
    """Compare this clock with WeChat's: a clock that is ahead would make every call look old enough.

    Raises:
        CampaignError: WeChat sent no date to compare with, or it refuses the AppSecret.
    """
    if (account := context.settings.environment.by_appid.get(appid)) is None:
        return timedelta()  # nothing can be recorded for it either
    try:
        context.write_api(account).mass_ready()
    except ApiError as error:  # has a date, too: not every machine may call for the account
        if error.errcode in SECRET_REFUSED:
            raise
    if context.watch.error is None:
        raise NotSentError(
            _("cannot tell how old the last call is: the response has no date to check this clock against"),
            hint=_("run the same command again where WeChat itself answers"),
            location=appid,
        )
    return context.watch.error


def _check_msg_id(msg_id: int, send: SendState) -> None:
    """Refuse a number that WeChat gives to no such job, such as the msg_data_id."""
    first = FIRST_MSG_ID_TO_ALL if recipients_of(send) in ("all", "") else FIRST_MSG_ID
    if msg_id < first and msg_id != existing_job_id(send):
        message = _("{msg_id} cannot be the msg_id of this send: WeChat counts them from {first}")
        raise UsageError(
            message.format(msg_id=msg_id, first=first),
            hint=_("pass the msg_id that WeChat or its event named, not the msg_data_id"),
        )


def _check_age(record: SendState, now: datetime) -> None:
    """Refuse to free a send whose last call may still arrive."""
    if may_settle(record, now):
        return
    raise UsageError(
        _(
            "the last call of this send was made less than {minutes} minutes ago and may still reach WeChat"
        ).format(minutes=round(SETTLE_AFTER.total_seconds() / 60)),
        hint=_("wait that long, check the WeChat console, then run the same command again"),
    )


def _unknown_sends(state: LedgerState, send_id: str, *, with_msg_id: bool) -> list[SendState]:
    """List the unknown sends of this id; and, when its msg_id is given, those that WeChat named none for."""
    return [
        send
        for send in state.sends_by_id(send_id)
        if send.fate in (Fate.UNKNOWN, Fate.HANDED_OVER) or (with_msg_id and _may_get_msg_id(send))
    ]


def _may_get_msg_id(send: SendState) -> bool:
    """Return whether a person may record the msg_id: none is recorded, or one that a person gave."""
    accepted = acceptance(send)
    is_settled = accepted is not None and accepted.kind == EventKind.SETTLED
    return send.fate is Fate.ACCEPTED and (is_settled or job_id(send) is None)


def _only_send(matches: Sequence[SendState], send_id: str) -> SendState:
    if not matches:
        raise UsageError(
            _("{send} is not an unknown send").format(send=send_id),
            hint=_("run `campaign status` to list all sends"),
        )
    appids = sorted({send.appid for send in matches})
    if len(appids) > 1:
        message = _("several accounts have the send {send}").format(send=send_id)
        raise UsageError(message, hint=one_of("--account", appids))
    if len(matches) > 1:
        revisions = map(str, sorted(send.revision for send in matches))
        raise UsageError(
            _("several revisions of {send} can be settled").format(send=send_id),
            hint=one_of("--revision", revisions),
        )
    return matches[0]


@command(
    effect=Effect.LEDGER_DECISION,
    options=(reason_option("Why these rules apply from now on; recorded."), AUTO_APPROVE, DIR, ENV),
    examples={
        "campaign ledger guard --env production --reason '新标签人数已商定'": N_("accept changed rules"),
    },
)
@click.option(
    "--new-secret",
    is_flag=True,
    help="The AppSecret or ledger_key was changed: keep earlier events authentic.",
)
@click.option(
    "--old-secret",
    "variables",
    metavar="VARIABLE",
    multiple=True,
    help="The same, and this environment variable holds the old AppSecret or ledger_key; may be repeated.",
)
def guard(
    context: OnlineContext, reason: str, new_secret: bool, variables: tuple[str, ...], auto_approve: bool
) -> int:
    """Accept the rules of the settings (protected, approvals, policy) that changed since the last apply.

    Also records who may approve, and that the ledger belongs to this campaigns folder, for example after a
    move. Requires the AppSecret or ledger_key and runs only on a person's machine. Shows what changed. After
    a change of that secret, or from one to the other, only the old one can verify the earlier events: pass it
    with --old-secret. Without it, a terminal is asked about each event that could lead to a send or hide one.
    """
    environment = context.settings.environment
    if current_run() is not None:
        raise PolicyError(
            _("`campaign ledger guard` is not allowed in CI, where any commit could start it"),
            hint=_("run it on the machine of a person who holds the AppSecret or ledger_key"),
            location=_("environment {name}").format(name=environment.name),
        )
    # Without checking macs: this command is what settles a forged guard.
    state = context.initialized_state(sending=False, verified=False)
    settings = context.settings
    changes = changes_since(context.newest_guards(), settings)
    rules = "\n".join(f"  {settings_change(change)}" for change in changes)
    context.show_progress(rules or _("no rule has changed"))
    if not auto_approve:
        question = _("Type {name} to accept these rules").format(name=environment.name)
        confirm(question, _("Not confirmed: nothing was done."), answer=environment.name)
    accounts = environment.by_appid
    secrets, ledger = context.secrets, context.ledger
    old_secrets = [
        secrets.other(Secret(env=name), name=_("old AppSecret or ledger_key")) for name in variables
    ]
    who = {"why": reason, "actor": context.actor()}

    def record(account: Account) -> bool:
        if new_secret or old_secrets:
            vouch(secrets, ledger, account, old_secrets, partial(_is_genuine, context), **who)
        else:
            secrets.check_signer(account)
        return record_guard(secrets, ledger, account, trusted=True, **who)

    made, failed = each_of({account.name: account for account in accounts.values()}, record)
    code = show_failed(failed)
    recorded = [name for name, is_new in made.items() if is_new]
    if new_secret or old_secrets:
        state = context.initialized_state(sending=False)
    moved = record_campaigns_folder(
        context.root, settings, ledger, state, accounts, context.actor(), moved=True
    )
    recorded = sorted({*recorded, *(accounts[appid].name for appid in moved)})
    message = _("recorded the rules and the campaigns folder of {name} for: {accounts}")
    names = _(", ").join(recorded) or _("no account (already recorded)")
    written = context.output_sentence(
        message.format(name=environment.name, accounts=names),
        environment=environment.name,
        recorded=recorded,
    )
    return worst_exit_code((code, written))


def _is_genuine(context: OnlineContext, events: Sequence[Event]) -> bool:
    """Show events that only the old AppSecret could verify, and ask whether they are what happened."""
    require_terminal(_("pass the old AppSecret or ledger_key: `--old-secret VARIABLE`"))
    for event in events:
        print_message(f"  {event_line(event, context.settings)}")
    question = ngettext("Is this event genuine?", "Are these {count:,} events genuine?", len(events))
    return confirmed(question.format(count=len(events)))
