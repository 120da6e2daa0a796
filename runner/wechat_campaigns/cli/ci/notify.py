"""Tell the targets of `notify` what a reviewed plan waits for, and what it holds back."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, FILE
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import CampaignError, ExitCode, UsageError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.plan import planfile


@command(
    effect=Effect.LEDGER_RECORD,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV),
    examples={"campaign ci notify plan.json": N_("notify approvers and duty, once a day of each send")},
)
@click.argument("plan_file", type=FILE)
def notify(context: OnlineContext, plan_file: Path) -> int:
    """Notify targets of the sends that a plan file would make, and of those that it should make but does not.

    That is, of `approval_needed`, `held` and `scheduled_missed` in `notify.when`. The ledger records what
    was notified, so each send is reported once a day, however often a plan is made; a send that was made
    meanwhile is left out. A notification that fails is a warning; a plan file that was edited or has expired
    is refused.
    """
    from wechat_campaigns.cli.notifications import notify as notify_targets
    from wechat_campaigns.code_host.ci_run import current_run
    from wechat_campaigns.guard.run import check_ci_run
    from wechat_campaigns.notify.notices import plan_notices

    if (run := current_run()) is not None:
        check_ci_run(run)
    data = planfile.read(plan_file)
    planfile.check_whole(data)
    planfile.check_not_expired(data, context.clock())
    if data["environment"] != context.settings.environment.name:
        raise UsageError(
            _("the plan was made for environment {reviewed}, but this is {environment}").format(
                reviewed=data["environment"], environment=context.settings.environment.name
            ),
            hint=_("pass `--env {name}`").format(name=data["environment"]),
        )
    state = None
    with suppress(CampaignError):  # whoever tells them reads it too, and warns
        state = context.state()
    notices = list(plan_notices(data, state, timezone=context.settings.policy.timezone))
    new, taken = notify_targets(context, notices, commit=data.get("commit"))
    message = _("Nothing new to report, or no target of `notify` wants it.")
    if taken:
        template = ngettext(
            "Reported {count} send that waits for approval or is held back.",
            "Reported {count} sends that wait for approval or are held back.",
            taken,
        )
        message = template.format(count=taken)
    elif new:
        message = _("Warning: nobody was notified; the next run tries again.")
    print_message(message)
    context.output_data(str, {"reported": taken, "note": message})
    return ExitCode.OK
