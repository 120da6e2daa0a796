"""A program installed without extras works on texts, in every command and every format."""

import subprocess
import sys
from pathlib import Path

from wechat_campaigns.core.errors import EXTRAS

WITHOUT = """\
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
from wechat_campaigns.cli.main import run
for words in sys.argv[2:]:
    if code := run(words.split()):
        sys.exit(f"{words}: {code}")
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


def run(folder: Path, *lines: str) -> None:
    libraries = ",".join(library for libraries in EXTRAS.values() for library in libraries)
    command = [sys.executable, "-c", WITHOUT, libraries, *lines]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "This is a bug" not in done.stderr


def test_a_text_needs_no_extra(tmp_path: Path) -> None:
    run(tmp_path, "init")
    (tmp_path / "campaigns" / "_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ brand }}的会员，你好'\n"
    (tmp_path / "campaigns" / "sale.yaml").write_text(text, encoding="utf-8")
    run(
        tmp_path,
        "render sale", "plan --offline --report html=plan.html", "plan --offline --format markdown",
        "report --report html=page.html", "report --format csv", "calendar --report html=page.html",
        "archive", "reference",
    )  # fmt: skip
    assert "示例商城的会员" in (tmp_path / "plan.html").read_text(encoding="utf-8")


def test_the_studio_needs_no_articles(tmp_path: Path) -> None:
    missing = {library for libraries in EXTRAS.values() for library in libraries} - {*EXTRAS["sandbox"]}
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"
        "import wechat_campaigns.cli.studio, wechat_campaigns.studio.app"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
