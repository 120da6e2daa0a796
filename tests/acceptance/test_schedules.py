"""The files for systemd, cron and Kubernetes are well formed, and their command line sends what is due."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.optional_parts import skip_or_fail
from tests.support.shop import MakeShop, campaign_file
from wechat_campaigns.core.errors import ExitCode

FILES = Path(__file__).parents[2] / "docs" / "ci"


def systemd_words() -> list[str]:
    service = (FILES / "campaign-apply.service").read_text(encoding="utf-8")
    (line,) = re.findall(r"^ExecStart=(.+)$", service, flags=re.M)
    return shlex.split(line)[1:]


def cron_words() -> list[str]:
    pages = [page.read_text(encoding="utf-8") for page in FILES.parent.glob("where-it-runs*.md")]
    (line,) = {found for page in pages for found in re.findall(r"^\*/10 .*", page, flags=re.M)}
    return str(line).partition("campaign ")[2].split()


def kubernetes_words() -> list[str]:
    *_claim, job = yaml.safe_load_all((FILES / "kubernetes.yml").read_text(encoding="utf-8"))
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return [str(word) for word in container["args"]]


@pytest.mark.parametrize("words_of", [systemd_words, cron_words, kubernetes_words])
def test_command_line_of_a_schedule_sends_what_is_due(make_shop: MakeShop, words_of: object) -> None:
    assert callable(words_of)
    shop = make_shop()
    shop.write(now=campaign_file("now"))
    words = ["shop" if word == "production" else word for word in words_of()]
    assert shop.run(*words)[0] == ExitCode.OK
    assert shop.texts() == ["now"]


def test_systemd_takes_its_files(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        skip_or_fail("systemd-analyze is missing")
    for name in ("campaign-apply.service", "campaign-apply.timer"):
        text = (FILES / name).read_text(encoding="utf-8")
        here = re.sub(r"(?<=^ExecStart=)\S+", sys.executable, text, flags=re.M)
        here = re.sub(r"(?<=^ExecStartPre=)\S+", sys.executable, here, flags=re.M)
        (tmp_path / name).write_text(here, encoding="utf-8")
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
