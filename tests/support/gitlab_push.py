"""A bare repository that takes pushes as GitLab does: by push options it opens and updates merge requests.

Source: GitLab, Push options; gitlabhq, `push_options_handler_service.rb`, `post_receive_service.rb`,
`get_urls_service.rb`; read 2026-11.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROWS = "merge_requests.json"


def serve_as_gitlab(remote: Path, project: str) -> None:
    """Let a repository take pushes as GitLab.

    Args:
        project: its address for people.
    """
    config = ["git", f"--git-dir={remote}", "config", "receive.advertisePushOptions", "true"]
    subprocess.run(config, check=True)
    hook = remote / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{__file__}' '{project}'\n", encoding="utf-8")
    hook.chmod(0o755)


def merge_requests(remote: Path) -> list[dict[str, Any]]:
    """Read the merge requests of a repository."""
    file = remote / ROWS
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else []


def _take_push(branch: str, given: list[str], project: str) -> str:
    """Open or update the merge request of a branch, and return what GitLab prints."""
    rows, printed, wrong = merge_requests(Path()), "", ""
    pairs = [one.removeprefix("merge_request.").partition("=")[::2] for one in given]
    options = dict(pairs)
    row = next((row for row in rows if (row["branch"], row["state"]) == (branch, "opened")), None)
    if "description" in options and not options["description"]:
        wrong = "An unknown error occurred"  # an option without a value is true, which is no text
    elif options and row is None and "create" not in options:
        wrong = (
            f"A merge_request.create push option is required to create a merge request for branch {branch}"
        )
    elif options.get("target", "main") != "main":
        wrong = f"Target branch shop/campaigns:{options['target']} does not exist"
    elif options and row is None:
        rows.append(row := {"iid": len(rows) + 1, "branch": branch, "state": "opened", "assignees": []})
    if wrong:
        named = " ".join(f"'{option}'" for option in given)
        printed = _alert(f"WARNINGS: Error encountered with push options {named}: {wrong}")
    if row is None:
        page = f"{project}/-/merge_requests/new?merge_request%5Bsource_branch%5D={branch}"
        return f"{printed}\nTo create a merge request for {branch}, visit:\n  {page}\n\n"
    if options and not wrong:
        row |= {"title": options["title"], "description": options.get("description", "").replace("\\n", "\n")}
        row["assignees"] += [value for key, value in pairs if key == "assign"]
    Path(ROWS).write_text(json.dumps(rows), encoding="utf-8")
    return f"{printed}\nView merge request for {branch}:\n  {project}/-/merge_requests/{row['iid']}\n\n"


def _alert(text: str) -> str:
    """Write a text between two lines, centred and folded at words."""
    lines = [""]
    for word in text.split():
        lines = [*lines, word] if len(lines[-1]) + len(word) > 66 else [*lines[:-1], f"{lines[-1]} {word}"]
    return "\n".join(["=" * 72, "", *(line.strip().center(72) for line in lines), "", "=" * 72, ""])


if __name__ == "__main__":
    [[_old, _new, _ref]] = [line.split() for line in sys.stdin]
    _count = int(os.environ.get("GIT_PUSH_OPTION_COUNT", "0"))
    _given = [os.environ[f"GIT_PUSH_OPTION_{n}"] for n in range(_count)]
    sys.stdout.write(_take_push(_ref.removeprefix("refs/heads/"), _given, sys.argv[1]))
