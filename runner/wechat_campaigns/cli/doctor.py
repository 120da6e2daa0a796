"""Check everything that a send requires."""

from __future__ import annotations

import os
from datetime import timedelta

import click

from wechat_campaigns.cli.completers import accounts
from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect, check_read_only
from wechat_campaigns.cli.options import DIR, ENV, DecisionOption
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.prompt import confirm
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.run_log import http_call
from wechat_campaigns.core.sessions import open_session
from wechat_campaigns.core.settings import Account, AccountKind
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.plan.doctor import DoctorPorts, run_checks, state_folder_check, worst

TIMEOUT_S = 10.0


@command(
    effect=Effect.WECHAT_READ,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV),
    examples={
        "campaign doctor --env production": N_("before the first real send"),
        "campaign doctor --smoke trial": N_("what a real test account (测试号) answers"),
    },
)
@click.option(
    "--smoke",
    cls=DecisionOption,
    metavar="ACCOUNT",
    shell_complete=accounts,
    help="Only make three calls as this test account that WeChat must reject, and compare the answers.",
)
def doctor(context: OnlineContext, smoke: str | None) -> int:
    """Check settings, clock, credentials, IP allow list, permissions, quota, ledger, extras; send nothing.

    Also prints where this machine keeps its state. Each problem has a hint. The exit code is
    that of the worst problem.
    """
    return _check_environment(context) if smoke is None else _smoke(context, context.account(smoke))


def _check_environment(context: OnlineContext) -> int:
    from wechat_campaigns.report.doctor import doctor_data, doctor_text
    from wechat_campaigns.wechat.network_faults import describe_fault
    from wechat_campaigns.wechat.responses import not_sent_error

    def clock_skew() -> timedelta | None:
        with open_session(context.api_url) as http, http.within(TIMEOUT_S):
            dated = context.watch.begin()
            # Only the clock's header is wanted; WeChat answers every path with one.
            url = f"{context.api_url}/cgi-bin/get_api_domain_ip"
            try:
                with http_call("GET", url) as call:
                    answer = http.get(url, timeout=TIMEOUT_S)
                    call["status"] = answer.status_code
            except OSError as error:
                fault = describe_fault(error, context.api_url)
                raise not_sent_error("", fault.message, fault.hint) from None
            dated(answer.headers.get("Date"))
            return context.watch.error

    def open_ledger() -> Ledger:
        context.fold_ledger()  # refuses a sandbox the ledger of production sends
        return context.ledger

    ports = DoctorPorts(
        connect=context.read_api,
        open_ledger=open_ledger,
        clock=context.clock,
        clock_skew=clock_skew,
        is_durable=lambda: context.ledger.survives_power_cut(),
    )
    checks = (*run_checks(context.settings, ports), state_folder_check(str(context.state_dir)))
    context.output_data(lambda: doctor_text(checks, context.text_options), doctor_data(checks))
    return worst(checks)


def _smoke(context: OnlineContext, account: Account) -> int:
    from wechat_campaigns.report.doctor import calls_text, smoke_data, smoke_exit_code, smoke_text
    from wechat_campaigns.send.smoke import smoke

    # That WeChat must reject its calls does not make them reads.
    check_read_only("campaign doctor --smoke", Effect.WECHAT_WRITE, os.environ)
    if account.kind is not AccountKind.TEST:
        raise PolicyError(
            _("account {name} is not a test account (测试号), so no call was made").format(name=account.name),
            hint=_("name an account with `kind: test`"),
        )
    print_message(calls_text(account))
    if not context.is_sandbox:
        confirm(
            _("Type the AppID {appid} to make these calls to WeChat").format(appid=account.appid),
            _("Not confirmed: no call was made."),
            answer=account.appid,
            hint=_("run it in a terminal: it has no option that skips the question"),
        )
    answers = smoke(context.write_api(account))
    context.output_data(lambda: smoke_text(answers, context.text_options), smoke_data(account, answers))
    return smoke_exit_code(answers)
