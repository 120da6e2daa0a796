"""Lint the workflows, the action and the GitLab template; offline. Every tool is of the group `ci-lint`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent


def commands(root: Path) -> Iterator[list[str]]:
    """Yield what has to pass on the files below a folder."""
    workflows = sorted(map(str, (root / ".github" / "workflows").glob("*.yml")))
    action, gitlab = root / "action.yml", root / "docs" / "ci" / "gitlab.yml"
    schema = [str(TOOLS / "check-jsonschema"), "--quiet", "--builtin-schema"]
    yield [str(TOOLS / "zizmor"), "--offline", "--quiet", "--persona", "pedantic", *workflows, str(action)]
    yield [str(TOOLS / "actionlint"), "-no-color", *workflows]
    yield [*schema, "vendor.github-workflows", *workflows]
    yield [*schema, "vendor.github-actions", str(action)]
    yield [*schema, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(gitlab)]


def check(root: Path) -> list[str]:
    """Return what each tool that is not content says."""
    done = [subprocess.run(c, capture_output=True, text=True, check=False, cwd=root) for c in commands(root)]
    return [f"{d.args[0]}:\n{d.stdout}{d.stderr}" for d in done if d.returncode]


def main() -> int:
    """Print each fault; 1 when there is one."""
    faults = check(PROJECT)
    print("\n".join(faults) or "workflows: zizmor, actionlint and the schemas of GitHub and GitLab agree")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
