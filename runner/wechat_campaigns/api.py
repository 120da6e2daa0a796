"""The tool for other programs: `load` a campaigns folder, `plan` it, `apply` what was reviewed."""

import threading
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from wechat_campaigns.notify.audit import push_appended
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.run.apply import ApplyRun
from wechat_campaigns.run.plan import plan_selected
from wechat_campaigns.send.outcome import SendOutcome, exit_code
from wechat_campaigns.workspace import OnlineWorkspace, Workspace

__all__ = ["apply", "exit_code", "load", "plan"]


def load(
    root: Path | str = "campaigns",
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> OnlineWorkspace:
    """Open a campaigns folder; use it in a `with` block, which closes ledger and sandbox.

    Args:
        root: the campaigns folder.
        environment: a name of `_settings.yaml`; None takes the default one.
        variables: template variables that win over all others.

    Returns:
        What `plan` and `apply` take. Of the folder only `_settings.yaml` is read now.

    Raises:
        UsageError: the folder or the environment does not exist.
        InvalidError: the settings have problems; it carries all of them.
    """
    workspace = OnlineWorkspace(
        Path(root).absolute(), environment=environment, variables=dict(variables or {})
    )
    _ = workspace.settings
    workspace.push = partial(push_appended, warn=warnings.warn)
    return workspace


def plan(campaigns: OnlineWorkspace, select: Sequence[str] = (), *, offline: bool = False) -> Plan:
    """Decide what would be sent; only reads are made.

    Args:
        campaigns: from `load`.
        select: ids or patterns; empty means all.
        offline: use no network: neither WeChat nor the ledger's server is asked.

    Returns:
        The plan: `plan.plan_digest`, `plan.counts()`, and `plan.sends` with an action and a reason each.

    Raises:
        InvalidError: campaigns have problems; it carries all of them.
        CampaignError: WeChat or the ledger did not do what was asked.
    """
    select = tuple(select)
    if offline:
        with Workspace(campaigns.root, campaigns.environment, campaigns.variables) as files:
            return plan_selected(files, select, files.fold_ledger()).valid_plan()
    return plan_selected(campaigns, select, campaigns.planning_state()).valid_plan()


def apply(
    campaigns: OnlineWorkspace,
    select: Sequence[str] = (),
    *,
    digest: str,
    stopping: threading.Event | None = None,
) -> tuple[SendOutcome, ...]:
    """Plan again and send what is due, if the plan is still the one that was reviewed.

    Args:
        campaigns: from `load`.
        select: ids or patterns, the same as of the plan that was reviewed.
        digest: of that plan; a program that has none sends nothing, whatever it passes here.
        stopping: once set, the send in hand is finished and no other is started.

    Returns:
        What happened to each send, in the order in which it happened; then the sends that were held back,
        because they are blocked, in conflict or expired.

    Raises:
        StalePlanError: the plan, or the settings since `load`, have changed; nothing was sent.
        PolicyError: this run may not apply, or an approval is missing.
        InvalidError: as for `plan`.
    """
    stopping = stopping or threading.Event()
    with campaigns.reopened() as fresh:  # hours may have passed since the plan: everything is read again
        return ApplyRun(workspace=fresh, select=tuple(select), digest=str(digest), stopping=stopping).run()
