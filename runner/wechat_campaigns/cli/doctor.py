"""Check everything that a send requires, and list the tags of an account."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from json import dumps
from pathlib import Path
from typing import Any

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.options import ACCOUNTS, DIR, ENV, FILE, SHARD, Effect
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CampaignError, UsageError, worst_exit_code
from wechat_campaigns.core.files import write_file
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import Account
from wechat_campaigns.core.threads import map_in_threads
from wechat_campaigns.ledger.events import LEDGER, Ledger
from wechat_campaigns.plan.doctor import run_checks
from wechat_campaigns.wechat.endpoints import ReadOnlyApi

TIMEOUT_S = 10.0


@command(
    effect=Effect.WECHAT_READ,
    options=(ACCOUNTS, SHARD, DIR, ENV),
    examples={
        "campaign doctor --env production": N_("before the first real send"),
        "campaign doctor --env test --smoke --record answers.json": N_("what WeChat answers, without values"),
    },
)
@click.option("--smoke", is_flag=True, help="Also make each read of this tool once; send nothing.")
@click.option(
    "--record", metavar="FILE", type=FILE,
    help="With --smoke: write what one account was asked and answered, without any private value.",
)  # fmt: skip
def doctor(context: OnlineContext, smoke: bool, record: Path | None) -> int:
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
    exchanges: list[dict[str, Any]] = []
    if record is not None and not (smoke and len(environment.accounts) == 1):
        message = _("`--record` writes down the reads of `--smoke` of one account")
        raise UsageError(message, hint=_("add `--smoke --accounts NAME`"))
    secrets = context.secrets  # before threads share it

    def connect(account: Account) -> ReadOnlyApi:
        secrets.check_variables(account)  # before the ledger is asked, which may fail for reasons of its own
        api = context.read_api(account)
        return api.record(exchanges) if record else api

    def read_token(account: Account) -> None:
        with suppress(CampaignError):
            secrets.for_calls(account)

    # Before anything is said of one: of two accounts whose programs print the same, both are wrong.
    map_in_threads(read_token, [one for one in context.selected_accounts.values() if one.token is not None])
    checks = run_checks(
        replace(context.settings, environment=environment),
        connect=connect,
        open_ledger=open_ledger,
        clock_skew=clock_skew,
        clock=context.clock,
        state_dir=str(context.state_dir),
        streams={LEDGER, *environment.by_appid} if context.selection else None,
        smoke=smoke,
    )
    if record is not None:
        [account] = environment.accounts.values()
        recorded = {
            "format_version": 1, "source": "campaign doctor --smoke --record",
            "date": f"{context.clock():%Y-%m-%d}", "account": {"kind": account.kind}, "exchanges": exchanges,
        }  # fmt: skip
        written = f"{dumps(recorded, ensure_ascii=False, indent=1)}\n"
        write_file(record, written.encode(errors="replace"), f"--record {record}")
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
