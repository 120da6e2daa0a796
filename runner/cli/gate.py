"""Whether this run may apply: the right event, the default branch, its newest campaigns."""

from __future__ import annotations

import os
from pathlib import Path

from runner.ci.place import CiRun, check_place, ci_run
from runner.cli.session import Session


def current_run() -> CiRun | None:
    """Describe the CI run this process belongs to; None on a person's machine."""
    return ci_run(os.environ, lambda path: Path(path).read_text(encoding="utf-8"))


def check_run(session: Session) -> None:
    """Refuse to apply from a pull request, another branch or an outdated checkout.

    A rehearsal reaches nobody and may run anywhere, unless its environment is protected.

    Raises:
        PolicyError: says why, and what to run instead.
    """
    run = current_run()
    if run is None or (session.rehearsing and not session.settings.environment.protected):
        return
    check_place(run)
    if run.default_branch is not None:
        from runner.ci.checkout import check_newest

        check_newest(session.options.root, run.default_branch)
