"""Show the status of each send."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

import click

from wechat_campaigns.cli.context import LedgerContext, OnlineContext
from wechat_campaigns.cli.options import ACCOUNTS, DIR, ENV, JOBS, SHARD, VAR, Effect, campaign_ids
from wechat_campaigns.cli.output import error_label, print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CampaignError, ExitCode, UsageError, worst_exit_code
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.ledger.fold import LedgerState, wrong_secret_error, wrong_secrets
from wechat_campaigns.ledger.records import has_no_job_id, job_to_query
from wechat_campaigns.notify.notices import Notice
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.report.send_status import SendRow, StatusView, send_status, unsent_rows
from wechat_campaigns.send.jobs import JobStatuses, refresh_job_status

WAIT_S = 5.0
WAIT_LIMIT_S = 1800

Failed = Mapping[str, CampaignError]
"""By AppID, why WeChat did not answer for the account."""


@command(
    effect=Effect.WECHAT_READ,
    read_only=Effect.LEDGER_READ,
    formats=("text", "json", "markdown", "prometheus"),
    options=(ACCOUNTS, SHARD, JOBS, DIR, ENV, VAR),
    examples={
        "campaign status": N_("every send in the ledger, and campaigns that expired unsent"),
        "campaign status tasting": N_("every send of a `for_each`"),
        "campaign status sale --wait": N_("wait until WeChat has finished"),
    },
)
@click.argument("send_id", metavar="[SELECT]", required=False, shell_complete=campaign_ids)
@click.option("--wait", is_flag=True, help="Query again until every job has ended.")
@click.option(
    "--timeout", "timeout_s", metavar="SECONDS", type=float, default=WAIT_LIMIT_S, show_default=True,
    help="How long to wait.",
)  # fmt: skip
def status(context: LedgerContext, send_id: str | None, wait: bool, timeout_s: float, jobs: int) -> int:
    """Show the status of each send; query WeChat (mass/get) for those that have not ended.

    SELECT is the id of a campaign or a send, a folder, or a pattern such as 'spring-*'.

    An AppSecret is read only for such a query; without one, events are shown and their MACs are not checked.

    Of a send by hand it reads draft, figures and events, and records what speaks for it; only `ledger settle`
    ends it. It is overdue (exit 13) from the morning after its window.

    Also lists the campaigns that wait for an approval, and those whose window ended before they were sent:
    exit 13 until they say `ready: false`, are removed or get a later `not_after`. With --wait, exits 8 if
    some do not end in time.
    """
    from wechat_campaigns.plan.hints import on_hold
    from wechat_campaigns.report.json import status_data
    from wechat_campaigns.report.markdown import status_markdown
    from wechat_campaigns.report.metrics import due_for, status_metrics
    from wechat_campaigns.report.text import status_text
    from wechat_campaigns.run.plan import fits

    send_id = context.full_id(send_id) if send_id is not None else None
    state = context.fold_ledger(own=True)
    sends, moment = _campaigns(context, state)
    unsent = list(unsent_rows([s for s in sends if send_id is None or fits(send_id, s.id)], moment))
    refreshed = partial(_refreshed, context, send_id, set[Notice](), jobs)
    rows, failed = refreshed(state, may_be_empty=bool(unsent))
    if wait:
        rows, failed = _waited(context, refreshed, rows, failed, timeout_s)
    environment = context.settings.environment
    names = {appid: one.name for appid, one in environment.by_appid.items() if context.selects(appid)}
    view = StatusView(
        environment=environment.name,
        rows=(*rows, *unsent),
        unverified=context.unverified,
        failed=failed,
    )
    now = context.clock()
    reasons = {appid: state.stream(appid).hold_reason(now) for appid in names}
    held = {appid: reason for appid, reason in reasons.items() if reason is not None}
    context.output(
        {
            "text": lambda: status_text(view, context.text_options),
            "json": lambda: json_text(status_data(view)),
            "markdown": lambda: status_markdown(view),
            "prometheus": lambda: status_metrics(
                view, names, held=held, due=due_for(sends, replace(moment, now=now)), now=now
            ),
        }
    )
    context.tell_unverified()
    for appid, reason in held.items():
        said, hint = on_hold(names[appid], reason, environment.env_option)
        print_message(f"{said}\n→ {hint}")
    for error in failed.values():
        print_message(f"{error_label()}{error}\n→ {error.hint}")
    states = {Fate.UNKNOWN if has_no_job_id(row.known) else row.known.fate for row in rows}
    is_missed = any(row.action is PlanAction.EXPIRED for row in view.rows)
    code = ExitCode.MISSED if is_missed else ExitCode.OK
    code = ExitCode.FAILED if Fate.DELIVERY_FAILED in states else code
    code = ExitCode.UNKNOWN if Fate.UNKNOWN in states else code
    if wait and any(_may_end(row, failed) for row in rows):
        message = _("Some sends have not finished within {seconds:.0f} s; run the same command again.")
        context.show_progress(message.format(seconds=timeout_s))
        code = ExitCode.UNKNOWN
    return worst_exit_code([code, *(error.exit_code for error in failed.values())])


def _may_end(row: SendRow, failed: Failed) -> bool:
    """Return whether asking again may tell more of a send: its account was not refused."""
    return row.unfinished and row.known.appid not in failed


def _untold(context: LedgerContext, state: LedgerState, told: Collection[Notice]) -> list[Notice]:
    """List what happened lately and nobody was told: this run learnt it, or one that was cancelled.

    Args:
        told: what this run tried to tell, once.
    """
    if not context.settings.notify:
        return []
    from wechat_campaigns.notify.notices import recorded_notices, untold

    now, wanted = context.clock(), {moment for one in context.settings.notify for moment in one.when}
    found = untold(recorded_notices(state, context.settings.environment, now), state.notified, now.date())
    return [one for one in found if one not in told and one.moment in wanted and context.selects(one.appid)]


def _campaigns(context: LedgerContext, state: LedgerState) -> tuple[list[Send], DecisionContext]:
    """Return the sends of the files whose past the ledger knows, and what a decision about them rests on."""
    from wechat_campaigns.run.plan import compile_selected, decision_context

    accounts = context.settings.environment.accounts
    unknown_past = {accounts[name].appid for name in context.uninitialized(state)}
    compiled = compile_selected(context, ())
    moment = replace(decision_context(context, state), is_current=compiled.presence_check())
    chosen = (send for send in compiled.sends if send.account in context.selected_accounts)
    return [send for send in chosen if accounts[send.account].appid not in unknown_past], moment


def _waited(
    context: LedgerContext,
    refreshed: Callable[..., tuple[list[SendRow], Failed]],
    rows: list[SendRow],
    failed: Failed,
    timeout_s: float,
) -> tuple[list[SendRow], Failed]:
    deadline, printed = time.monotonic() + timeout_s, -1
    message = _("{ended} of {total} sends finished; checking again every {seconds:.0f} s")
    while any(_may_end(row, failed) for row in rows) and time.monotonic() < deadline:
        ended = sum(not row.unfinished for row in rows)
        if ended != printed:
            context.show_progress(message.format(ended=ended, total=len(rows), seconds=WAIT_S))
        printed = ended
        time.sleep(min(WAIT_S, max(0.0, deadline - time.monotonic())))
        rows, failed = refreshed(context.fold_ledger(own=True), may_be_empty=True)
    return rows, failed


def _selected(context: LedgerContext, state: LedgerState, send_id: str | None) -> list[SendState]:
    from wechat_campaigns.run.plan import fits

    chosen = (send for send in state.sends if send_id is None or fits(send_id, send.send))
    return [send for send in chosen if context.selects(send.appid)]


def _ask_wechat(
    context: OnlineContext, sends: Sequence[SendState], state: LedgerState, told: set[Notice], jobs: int
) -> JobStatuses:
    from wechat_campaigns.cli.notifications import notify

    accounts = context.settings.environment.by_appid
    try:
        asked = refresh_job_status(
            sends, accounts=accounts, connect=context.read_api, ledger=context.ledger, state=state, most=jobs
        )
    finally:  # what one account let know is told, whatever another answers
        new = _untold(context, state, told)
        told.update(new)
        if new:
            notify(context, new, commit=None)
    if (error := asked.unrecorded) is not None:
        message = _("Warning: what WeChat returned is not recorded: {error}").format(error=error)
        print_message(f"{message}\n→ {error.hint}")
    return asked


def _look_at_hand_overs(context: OnlineContext, state: LedgerState) -> dict[str, CampaignError]:
    """Record what drafts, figures and events show of sends by hand; return what failed, by AppID."""
    from wechat_campaigns.cli.history import refresh_figures
    from wechat_campaigns.plan.by_hand import look, open_sends
    from wechat_campaigns.plan.draft_box import draft_fingerprint
    from wechat_campaigns.wechat.statistics import read_statistics

    failed: dict[str, CampaignError] = {}
    accounts = context.settings.environment.by_appid
    waiting = {appid: open_sends(state.stream(appid)) for appid in accounts if context.selects(appid)}
    kept = {appid: read_statistics(context.statistics_file(appid)) for appid in waiting if waiting[appid]}
    refresh_figures(context, state, kept)  # prints why not: an account may have no permission to read them
    for appid, days in kept.items():
        try:
            api, stream = context.read_api(accounts[appid]), state.stream(appid)
            for known in waiting[appid]:
                draft = draft_fingerprint(known.data["body"]["mpnews"]["media_id"], api)
                if (entry := look(stream, known, days, draft, context.clock())) is not None:
                    state.add(context.ledger.append(entry))
        except CampaignError as error:
            failed[appid] = error
    return failed


def _refreshed(
    context: LedgerContext,
    send_id: str | None,
    told: set[Notice],
    jobs: int,
    state: LedgerState,
    *,
    may_be_empty: bool,
) -> tuple[list[SendRow], Failed]:
    sends = _selected(context, state, send_id)
    if send_id is not None and not sends and not may_be_empty:
        raise UsageError(
            _("the ledger has no send {name}").format(name=send_id),
            hint=_("run `campaign status` to list all sends"),
        )
    failed: dict[str, CampaignError] = {}
    asked, accounts = JobStatuses(), context.settings.environment.by_appid
    by_hand = any(send.fate is Fate.HANDED_OVER for send in sends)
    has_jobs = any(send.appid in accounts and job_to_query(send) is not None for send in sends)
    # A secret is read only to call WeChat or a target of `notify`; then the macs are checked, too.
    if isinstance(context, OnlineContext) and (has_jobs or by_hand or _untold(context, state, told)):
        state = context.state(own=True)
        if wrong := wrong_secrets(state, context.settings.environment):  # by it, no event proves anything
            error = wrong_secret_error(wrong, context.settings.environment)
            print_message(f"{error}\n→ {error.hint}")
        failed = _look_at_hand_overs(context, state) if by_hand else {}
        asked = _ask_wechat(context, _selected(context, state, send_id), state, told, jobs)
        asked = asked._replace(failed={**failed, **asked.failed})
    now, environment = context.clock(), context.settings.environment
    rows = [
        send_status(send, state, now, environment, asked.by_msg_id)
        for send in _selected(context, state, send_id)
    ]
    return sorted(rows, key=lambda row: (row.account, row.known.at, row.known.send)), asked.failed
