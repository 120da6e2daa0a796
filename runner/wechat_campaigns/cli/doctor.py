"""Check everything that a send requires, and list the tags of an account."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.options import ACCOUNTS, DIR, ENV, SHARD, Effect
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CampaignError, worst_exit_code
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.core.settings import Account
from wechat_campaigns.core.threads import map_in_threads
from wechat_campaigns.ledger.events import LEDGER, Ledger
from wechat_campaigns.plan.doctor import run_checks

TIMEOUT_S = 10.0


@command(
    effect=Effect.WECHAT_READ,
    options=(ACCOUNTS, SHARD, DIR, ENV),
    examples={"campaign doctor --env production": N_("before the first real send")},
)
def doctor(context: OnlineContext) -> int:
    """Check settings, clock, credentials, IP allow list, permissions, quota, ledger; send nothing.

    Also prints where this machine keeps its state. Each problem has a hint. The exit code is
    that of the worst problem.
    """
    from wechat_campaigns.report import json, text
    from wechat_campaigns.wechat.endpoints import query_clock

    def clock_skew() -> timedelta | None:
        query_clock(context.api_url, context.watch, TIMEOUT_S)
        return context.watch.error

    def open_ledger() -> Ledger:
        context.fold_ledger(own=True)  # refuses a sandbox the ledger of production sends
        return context.ledger

    environment = replace(context.settings.environment, accounts=context.selected_accounts)
    secrets = context.secrets  # before threads share it

    def read_token(account: Account) -> None:
        with suppress(CampaignError):
            secrets.for_calls(account)

    # Before anything is said of one: of two accounts whose programs print the same, both are wrong.
    map_in_threads(read_token, [one for one in context.selected_accounts.values() if one.token is not None])
    checks = run_checks(
        replace(context.settings, environment=environment),
        connect=context.read_api,
        open_ledger=open_ledger,
        clock_skew=clock_skew,
        clock=context.clock,
        state_dir=str(context.state_dir),
        streams={LEDGER, *environment.by_appid} if context.selection else None,
    )
    data = json.doctor_data(checks, environment.accounts)
    context.output_data(lambda: text.doctor_text(checks, context.text_options), data)
    return worst_exit_code(check.exit_code for check in checks)


@command(
    effect=Effect.WECHAT_READ,
    options=(ACCOUNTS, DIR, ENV),
    examples={"campaign tags --env production --accounts main": N_("names, ids, counts")},
)
def tags(context: OnlineContext) -> int:
    """List the tags with their follower counts."""
    from wechat_campaigns.report.text import tags_text

    rows, code = context.read_each(lambda account: context.read_api(account).tags_get())
    context.output_data(lambda: tags_text(rows, context.text_options), {"accounts": rows})
    return code
