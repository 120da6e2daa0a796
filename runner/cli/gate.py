"""Whether this run may apply: the right event, the branch's newest campaigns, the approvals asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from runner.ci.place import CiRun, check_place, ci_run
from runner.cli.session import Session
from runner.errors import PolicyError
from runner.reading.files import Files
from runner.words import _

if TYPE_CHECKING:
    from runner.ci.approvals import Request
    from runner.plan import Plan

REVIEW_TOKEN = "CAMPAIGN_REVIEW_TOKEN"  # noqa: S105 (the name of a variable, no secret)


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


def check_approved(session: Session, plan: Plan) -> dict[str, str]:
    """Refuse due sends whose files did not come by requests that were approved as they are.

    Returns:
        `approved`: who approved what, for the ledger; empty when the environment asks for nothing.

    Raises:
        PolicyError: an approval is missing, or nobody can be asked.
    """
    wanted = session.settings.environment.approvals
    if wanted is None or not plan.due():
        return {}
    from runner.ci.approvals import check_approvals
    from runner.ci.checkout import check_same, last_changes

    run, folder = current_run(), session.options.root
    if run is None or run.default_branch is None:
        raise PolicyError(
            _(
                "this environment asks for approvals, and only a run of GitHub or GitLab "
                "can ask who gave them"
            ),
            remedy=_("apply by the workflow; see docs/ci.md"),
            where=_("environment {name}").format(name=plan.environment),
        )
    changes = last_changes(folder, made_of(session, {planned.send.campaign for planned in plan.due()}))
    ask = _reviews(run, run.default_branch)
    requests = {commit: ask(commit) for commit in changes}
    said = check_approvals(requests, wanted, branch=run.default_branch)
    for commit, request in requests.items():
        if request is not None:
            check_same(folder, request.head, changes[commit])
    return {"approved": said}


def _reviews(run: CiRun, branch: str) -> Callable[[str], Request | None]:
    own = os.environ.get("GITHUB_TOKEN") if run.service == "GitHub" else None
    token = os.environ.get(REVIEW_TOKEN) or own
    if not token:
        raise PolicyError(
            _("who approved cannot be asked: {variable} is not set").format(variable=REVIEW_TOKEN),
            remedy=_(
                "give the run a token that may read pull requests (GitHub) or the API (GitLab: read_api)"
            ),
            where=_("{service} run").format(service=run.service),
        )
    if run.service == "GitHub":
        from runner.ci.github import API, github, pull_of

        hub = github(os.environ.get("GITHUB_API_URL", API), token)
        return lambda commit: pull_of(hub, run.repository, branch, commit)
    from runner.ci.gitlab import gitlab, merge_request_of

    lab = gitlab(os.environ.get("CI_API_V4_URL", "https://gitlab.com/api/v4"), token)
    return lambda commit: merge_request_of(lab, run.repository, branch, commit)


class _Witness(Files):
    """Reads files and remembers which."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.seen: set[PurePosixPath] = set()

    def locate(self, base_file: PurePosixPath, path: str) -> PurePosixPath:
        located = super().locate(base_file, path)
        self.seen.add(located)
        return located


def made_of(session: Session, campaigns: Iterable[str]) -> set[PurePosixPath]:
    """Name every file that has a part in what is sent, by rendering once more and watching."""
    from runner.load import campaign_files
    from runner.prepare import prepare
    from runner.settings.load import SETTINGS_FILE

    root, chosen = session.options.root, sorted(campaigns)
    files = _Witness(root)
    variables = session.options.variables
    # Here, not in forked workers: what they read would be seen by nobody, and not be asked about.
    prepare(root, settings=session.settings, files=files, variables=variables, only=chosen, workers=1)
    found = {*files.seen, *campaign_files(root, chosen), PurePosixPath(SETTINGS_FILE)}
    return {file for file in found if (root / file).is_file()}
