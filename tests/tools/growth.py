"""Print how many lines of Python a branch adds to each package, beside where it left the default branch.

Run `python -m tests.tools.growth [REF]`; without REF, it is `origin/HEAD`.
"""

import sys
from collections import Counter
from pathlib import PurePosixPath

from tests.support.commits import git
from tests.support.source import ROOT


def main(ref: str = "origin/HEAD") -> None:
    """Print the packages that grew or shrank, then all of them together."""
    base = git(ROOT, "merge-base", ref, "HEAD")
    found = Counter[str]()
    for line in git(ROOT, "diff", "--numstat", "--no-renames", base, "--", "*.py").splitlines():
        added, removed, path = line.split("\t")
        folders = PurePosixPath(path).parent.parts
        found["/".join(folders[: 3 if folders[:1] == ("runner",) else 2])] += int(added) - int(removed)
    for package, count in sorted(found.items()):
        print(f"{count:+7,}  {package}")
    print(f"{found.total():+7,}  since {base[:12]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
