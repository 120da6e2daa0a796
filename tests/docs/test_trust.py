"""The page that tells an auditor what to read: its files, their lines, and nothing left out."""

from __future__ import annotations

import re

from tests.docs.blocks import ROOT

ROW = re.compile(r"^\| `(runner/[^`]+)` \| (\d+) \|", re.M)


def test_the_files_have_the_lines_that_the_page_says() -> None:
    listed = {path: int(lines) for path, lines in ROW.findall((ROOT / "docs/trust.md").read_text("utf-8"))}
    assert listed == {path: (ROOT / path).read_text("utf-8").count("\n") for path in listed}
    protocol = {
        f"runner/wechat_campaigns/protocol/{file.name}"
        for file in (ROOT / "runner/wechat_campaigns/protocol").glob("*.py")
    }
    assert protocol - set(listed) == {"runner/wechat_campaigns/protocol/__init__.py"}
