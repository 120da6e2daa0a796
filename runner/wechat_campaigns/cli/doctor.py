"""Check everything that a send requires."""

from __future__ import annotations

import os
from datetime import timedelta

import requests

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, NO_COLOR
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.core.state_folder import FORMER
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.plan.doctor import DoctorPorts, run_checks, state_checks, worst

TIMEOUT_S = 10.0


@command(
    formats=TEXT_AND_JSON,
    options=(DIR, ENV, NO_COLOR),
    examples={"campaign doctor --env production": N_("before the first real send")},
)
def doctor(context: Context) -> int:
    """Check settings, clock, credentials, IP allow list, permissions, quota, ledger, extras; send nothing.

    Also prints where this machine keeps its state. Each problem has a hint. The exit code is
    that of the worst problem.
    """
    from wechat_campaigns.ledger.git.store import GitLedger
    from wechat_campaigns.report.doctor import doctor_data, doctor_text
    from wechat_campaigns.wechat.network_faults import describe_fault
    from wechat_campaigns.wechat.responses import not_sent_error

    def clock_skew() -> timedelta | None:
        with requests.Session() as http:
            http.trust_env = not context.is_sandbox
            dated = context.watch.begin()
            # Only the clock's header is wanted; the platform answers every path with one.
            try:
                answer = http.get(f"{context.api_url}/cgi-bin/get_api_domain_ip", timeout=TIMEOUT_S)
            except OSError as error:
                fault = describe_fault(error, context.api_url)
                raise not_sent_error("", fault.message, fault.hint) from None
            dated(answer.headers.get("Date"))
            return context.watch.error

    def open_ledger() -> Ledger:
        context.fold_ledger()  # refuses a sandbox the ledger of production sends
        return context.ledger

    def survives_power_cut() -> bool:
        store = context.ledger.store
        return not isinstance(store, GitLedger) or store.survives_power_cut()

    ports = DoctorPorts(
        connect=context.read_api,
        open_ledger=open_ledger,
        clock_skew=clock_skew,
        is_durable=survives_power_cut,
    )
    former = context.root.resolve().parent / FORMER
    unused = str(former) if os.path.lexists(former) else ""
    checks = (*run_checks(context.settings, ports), *state_checks(str(context.state_dir), unused))
    context.output_data(lambda: doctor_text(checks, context.text_options), doctor_data(checks))
    return worst(checks)
