"""A program installed without extras works on texts, in every command and every format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wechat_campaigns.core.extras import EXTRAS

WITHOUT = """\
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))
from wechat_campaigns.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
"""Python finds none of these libraries, as where they are not installed."""

SETTINGS = """\
default_environment: production
vars: {brand: 示例商城}
environments:
  production:
    api: https://api.weixin.qq.com
    ledger: sqlite
    accounts:
      main: {kind: service, appid: wx1234567890abcdef, secret: {env: UNSET}}
"""


def run(folder: Path, missing: tuple[str, ...], *words: str) -> subprocess.CompletedProcess[str]:
    libraries = ",".join(library for extra in missing for library in EXTRAS[extra])
    command = [sys.executable, "-c", WITHOUT, libraries, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    ["render welcome", "plan --offline --report html=page.html", "plan --offline --format markdown",
     "report --report html=page.html", "report --format csv", "calendar --report html=page.html", "archive",
     "reference"],
)  # fmt: skip
def test_a_text_needs_no_extra(words: str, tmp_path: Path) -> None:
    """Pages show texts and pictures without the libraries of articles."""
    run(tmp_path, tuple(EXTRAS), "init")
    (tmp_path / "campaigns" / "_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    done = run(tmp_path, tuple(EXTRAS), *words.split())
    assert done.returncode == 0, done.stderr
    assert "This is a bug" not in done.stderr


@pytest.mark.slow
def test_the_studio_needs_no_articles(tmp_path: Path) -> None:
    """It is of the extra `sandbox`."""
    missing = {library for libraries in EXTRAS.values() for library in libraries} - {*EXTRAS["sandbox"]}
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"
        "import wechat_campaigns.cli.offline_reads, wechat_campaigns.studio.app"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
