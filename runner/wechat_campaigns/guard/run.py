"""Whether this run is one to apply from: the right event, the default branch, its newest campaigns."""

from pathlib import Path

from wechat_campaigns.code_host.ci_run import CiRun, current_run, require_default_branch
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Secret, Settings
from wechat_campaigns.guard.checkout import check_up_to_date
from wechat_campaigns.plan.rule_changes import programs_of

APPLY_EVENTS = {
    # Only what runs the default branch's own code, begun by somebody who may write to it.
    "GitHub": frozenset({"push", "workflow_dispatch", "schedule", "repository_dispatch"}),
    "GitLab": frozenset({"push", "web", "schedule", "api", "trigger"}),
}
"""Events an apply may come from; anything else, known or not, is refused."""


def check_run(root: Path, settings: Settings) -> None:
    """Refuse to apply from a pull request, another branch or an outdated checkout.

    A rehearsal reaches nobody and may run anywhere, unless its environment is protected.

    Raises:
        PolicyError: says why, and what to run instead.
    """
    run, environment = current_run(), settings.environment
    if run is None or (environment.is_sandbox and not environment.protected):
        return
    check_ci_run(run)
    check_up_to_date(root, require_default_branch(run), whole=_starts_programs(settings))


def _starts_programs(settings: Settings) -> bool:
    places = (
        p for one in settings.environment.accounts.values() for p in (one.secret, one.token, one.ledger_key)
    )
    commands = any(place is not None and place.command for place in places)
    return bool(commands or settings.policy.checks or programs_of(settings))


def check_secret_place(place: Secret) -> None:
    """Refuse to run a `secret: {command: …}` or to read a file where the settings may be a stranger's.

    Raises:
        PolicyError: this is the run of a pull request, or of another branch than the default one.
    """
    if place.command or place.file:
        check_ci_run(current_run())


def check_ci_run(run: CiRun | None) -> None:
    """Refuse to apply where a stranger's change may be running.

    Args:
        run: None on a machine that is not a CI runner, where a person answers for what is sent.

    Raises:
        PolicyError: the event, the branch or the repository is not one to apply from.
    """
    if run is None:
        return
    hint = _("merge the change; the run on the default branch then applies what was reviewed")
    if run.event not in APPLY_EVENTS[run.service]:
        what = _("a run triggered by `{event}` is not allowed to send").format(event=run.event or "unknown")
    elif run.branch != (branch := require_default_branch(run)):
        what = _("only {default} may apply, and this run is not on it").format(default=branch)
    elif run.fork and run.event == "schedule":
        what = _("a scheduled run in a fork is not allowed to send")
        hint = _("run it in the original repository")
    else:
        return
    raise PolicyError(
        _("apply is refused: {what}").format(what=what),
        hint=hint,
        location=_("{service} run").format(service=run.service),
    )
