"""By what right a command sends: who runs it, which rules are set aside, what was reviewed."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.session import Session, commit_of
from runner.errors import PolicyError, UsageError
from runner.words import _

if TYPE_CHECKING:
    from runner.ledger.state import LedgerState
    from runner.plan import Plan


def actor(session: Session) -> dict[str, str]:
    """Say who runs this and where, as far as the environment tells: user, commit, CI run."""
    known = {
        "user": os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN") or _user(),
        "commit": commit_of(session.options.root),
        "run": run_url(),
    }
    return {key: value for key, value in known.items() if value}


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def run_url() -> str | None:
    """Name the address of the CI run this is, if it is one."""
    if url := os.environ.get("CI_JOB_URL"):
        return url
    server, repo, run = (os.environ.get(f"GITHUB_{n}") for n in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repo}/actions/runs/{run}" if server and repo and run else None


def unknown_sends(state: LedgerState, ids: Sequence[str]) -> frozenset[str]:
    """Read the ID of each `--resend`, as `LedgerState.same` gives it. Raises UsageError: no unknown send."""
    from runner.ledger.state import Status

    unknown = {state.same(known.send) for known in state.sends.values() if known.status is Status.OPEN}
    for send_id in ids:
        if state.same(send_id) not in unknown:
            raise UsageError(
                _("--resend {send}: no unknown send has this id").format(send=send_id),
                remedy=_("take an id from `campaign status`"),
            )
    return frozenset(state.same(send_id) for send_id in ids)


def rules_aside(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read the RULE=REASON of each `--allow`."""
    from runner.policy import LIFTED

    allowed = {}
    for pair in pairs:
        rule, _equals, reason = pair.partition("=")
        if rule not in LIFTED:
            raise UsageError(
                _("--allow {pair}: no rule of this name can be set aside").format(pair=pair),
                remedy=_("use one of: {names}; a hold is lifted with `campaign unhold`").format(
                    names=", ".join(sorted(LIFTED))
                ),
            )
        if not reason.strip():
            raise UsageError(
                _("--allow {pair}: the reason is missing").format(pair=pair),
                remedy=_("write --allow {rule}=REASON; the reason is recorded").format(rule=rule),
            )
        allowed[rule] = reason.strip()
    return allowed


def reviewed(
    session: Session, plan: Plan, state: LedgerState, plan_file: Path | None, digest: str | None
) -> tuple[str, dict[str, int | None]]:
    """Check the plan against what was reviewed: its digest, and the audiences the review counted."""
    from runner.planning import planfile

    if plan_file is not None:
        data = planfile.read(plan_file)
        if digest is not None:
            planfile.check_has(data, digest)
        planfile.check_file(data, plan, state, session.clock())
        return str(data["plan_digest"]), planfile.audiences(data)
    if digest is not None:
        planfile.check_digest(digest, plan, state)
        return digest, {}
    if session.settings.environment.protected:
        raise PolicyError(
            _("this environment is protected: apply needs a reviewed plan"),
            remedy=_("give --plan FILE or --expect-digest DIGEST from the plan that was reviewed"),
            where=_("environment {name}").format(name=plan.environment),
        )
    return plan.digest, {planned.send.id: planned.resolved.audience.count for planned in plan.due()}
