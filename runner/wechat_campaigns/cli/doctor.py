"""Check everything that a send requires."""

from __future__ import annotations

import os
from datetime import timedelta

import requests

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, NO_COLOR
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.hosts import certificates
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.core.run_log import http_call
from wechat_campaigns.core.state_folder import FORMER
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.plan.doctor import DoctorPorts, run_checks, state_checks, worst

TIMEOUT_S = 10.0


@command(
    effect=Effect.WECHAT_READ,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV, NO_COLOR),
    examples={"campaign doctor --env production": N_("before the first real send")},
)
def doctor(context: Context) -> int:
    """Check settings, clock, credentials, IP allow list, permissions, quota, ledger, extras; send nothing.

    Also prints where this machine keeps its state. Each problem has a hint. Exits 4 when the problem is
    with WeChat, 6 when it is with the ledger.
    """
    from wechat_campaigns.ledger.git.store import GitLedger
    from wechat_campaigns.report.doctor import doctor_data, doctor_text

    def clock_skew() -> timedelta | None:
        with requests.Session() as http:
            http.trust_env = not context.is_sandbox
            http.verify = certificates(os.environ)
            dated = context.watch.begin()
            # Only the clock's header is wanted; the platform answers every path with one.
            url = f"{context.api_url}/cgi-bin/get_api_domain_ip"
            with http_call("GET", url) as call:
                answer = http.get(url, timeout=TIMEOUT_S)
                call["status"] = answer.status_code
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
