"""Run a plan: accounts side by side, each in order; then name what was left out."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import Account
from wechat_campaigns.core.threads import AT_A_TIME, map_in_threads
from wechat_campaigns.plan.plan import CALLING, Plan
from wechat_campaigns.send.account_run import AccountRun
from wechat_campaigns.send.outcome import SendOutcome, left_outcome
from wechat_campaigns.send.posting import RunContext

if TYPE_CHECKING:
    from wechat_campaigns.workspace import OnlineWorkspace

LOCK_WAIT_S = 10.0


def apply(
    plan: Plan,
    *,
    workspace: OnlineWorkspace,
    run_context: RunContext,
    stopping: threading.Event,
    jobs: int = AT_A_TIME,
) -> tuple[SendOutcome, ...]:
    """Settle unknown sends, then make the due ones; accounts side by side, each in order.

    Args:
        plan: made moments ago; its due sends are decided on again one by one.
        run_context: by what right it sends.
        stopping: once set, the send in hand is finished and no other is started.
        jobs: accounts at a time; the sends of one are always made one after the other.

    Returns:
        One outcome for each send that was tried or left out, accounts in name order; then what the plan
        blocked or found in conflict, and those whose window nobody used. Never raises for a failed send.
    """
    due = len(plan.calls()) + run_context.others
    runs = [
        AccountRun(workspace, account, _of_account(plan, account), run_context, stopping, due)
        for account in _busy(plan)
    ]
    done = [outcome for outcomes in (_share(runs, jobs) if runs else ()) for outcome in outcomes]
    return (*done, *map(left_outcome, (*plan.waiting(), *plan.held_sends())))


def _share(runs: list[AccountRun], jobs: int) -> list[list[SendOutcome]]:
    """Run the accounts that no other runner holds, each runner from its own place; then wait for the others.

    So several runners given the same campaigns divide the accounts among them.
    """
    start = random.randrange(len(runs))  # noqa: S311 (spreads the runners, no secret)
    turned = [*runs[start:], *runs[:start]]
    done: dict[str, list[SendOutcome] | None] = {}
    for wait_s in (0.0, LOCK_WAIT_S):
        left = [run for run in turned if done.get(run.account.appid) is None]
        made = map_in_threads(partial(AccountRun.run, wait_s=wait_s), left, jobs)
        done |= zip((run.account.appid for run in left), made, strict=True)
    return [done[run.account.appid] or [] for run in runs]


def _of_account(plan: Plan, account: Account) -> Plan:
    return replace(plan, sends=tuple(one for one in plan.sends if one.account.appid == account.appid))


def _busy(plan: Plan) -> list[Account]:
    # By appid: several names may stand for one account, which must not be sent to from two threads.
    planned = {p.account.appid: p.account for p in plan.sends if p.action in (*CALLING, PlanAction.UNKNOWN)}
    return sorted(planned.values(), key=lambda account: account.name)
