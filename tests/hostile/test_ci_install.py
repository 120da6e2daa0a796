"""Jobs that hold the AppSecret, in a checkout whose files pose as what installs the tool.

The scripts run for real. Each hostile file leaves a marker when it runs. A spy in the new environment records
what every process of the installation could read: its own variables and those of its parents.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.actions_runner import PROJECT, ActionsRunner, Event, toolcache
from tests.support.code_hosts import FakeCodeHost, serve
from tests.support.hosted_repository import SALE, TOOLS, HostedRepository
from tests.support.playground import Sandbox
from wechat_campaigns.source.secret import SANDBOX_SECRET

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

WORKFLOW = PROJECT / ".github" / "workflows" / "campaigns.yml"
TEMPLATE = yaml.safe_load((PROJECT / "docs" / "ci" / "gitlab.yml").read_text(encoding="utf-8"))

MODULES = (
    "venv.py", "pip/__init__.py", "pip/__main__.py", "pip.py", "ensurepip/__init__.py", "sitecustomize.py",
    "usercustomize.py", "runner/wechat_campaigns/__init__.py", "runner/wechat_campaigns/cli/__init__.py",
    "hatchling/__init__.py", "wechat_campaigns.py", "wechat_campaigns/__init__.py",
    "babel/__init__.py", "yaml/__init__.py", "zipfile.py", "json.py", "site.py", "setup.py", "backend.py",
    "campaign.py",
)  # fmt: skip
"""Names that Python, pip or a build would import, were the checkout on its path."""
SCRIPTS = ("python3", "python", "git", "bash", "campaign/bin/python", "bin/campaign", ".venv/bin/python")
"""Names that a shell would run, were the checkout on PATH."""
FILES = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "setup.cfg": "[metadata]\nname = wechat-campaigns\n[options]\npy_modules = venv\n",
    "pip.conf": "[global]\nindex-url = http://127.0.0.1:9/simple\nno-index = true\n",
    "pip/pip.conf": "[global]\nindex-url = http://127.0.0.1:9/simple\n",
    "uv.toml": 'index-url = "http://127.0.0.1:9/simple"\n',
    "requirements.lock": "./stranger\n",
    "runner/requirements.lock": "./stranger\n",
    ".github/build.lock": "./stranger\n",
    ".python-version": "../../../../stranger\n",
    "pyvenv.cfg": "home = .\ninclude-system-site-packages = true\n",
    "python3._pth": ".\nimport site\n",
    "stranger.pth": "import venv\n",
}
SPY = """\
import json, os, sys
seen, pid = {{}}, os.getpid()
while pid not in (0, 1, {reader}):
    try:
        with open(f"/proc/{{pid}}/environ", encoding="utf-8", errors="replace") as file:
            seen[pid] = file.read()
        with open(f"/proc/{{pid}}/stat", encoding="utf-8") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        break
with open({log!r}, "a", encoding="utf-8") as file:
    file.write(json.dumps({{"argv": sys.orig_argv, "seen": list(seen.values())}}) + "\\n")
"""


@dataclass
class Trap:
    """Hostile files, the markers they would leave, and the spy's records."""

    folder: Path
    markers: Path = field(init=False)

    def __post_init__(self) -> None:
        self.markers = self.folder / "markers"
        self.markers.mkdir()

    def lay(self, checkout: Path) -> None:
        """Write every hostile file into a checkout."""
        for name in MODULES:
            body = f"import os\nopen(os.path.join({str(self.markers)!r}, {name.replace('/', '.')!r}), 'w')\n"
            self._write(checkout / name, body)
        for name in SCRIPTS:
            text = f"#!/bin/sh\ntouch '{self.markers}/{name.replace('/', '.')}'\n"
            self._write(checkout / name, text).chmod(0o755)
        for name, text in FILES.items():
            self._write(checkout / name, text)
        self._write(checkout / "stranger" / "setup.py", f"open({str(self.markers / 'stranger')!r}, 'w')\n")

    @staticmethod
    def _write(file: Path, text: str) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def path(self) -> str:
        """Return the PATH of a job whose new environments are spied upon."""
        cache, folder = toolcache(self.folder), self.folder / "spied"
        folder.mkdir()
        spy = self._write(folder / "spy.py", SPY.format(reader=os.getpid(), log=str(self.folder / "log")))
        for name in ("python3", "python"):
            script = (
                f'#!/bin/bash\n"{cache}/python3" "$@" || exit\n'
                'if [[ " $* " == *" -m venv "* ]]; then\n'
                f'  for site in "${{@: -1}}"/lib/python3.*/site-packages; do\n'
                f'    echo "import runpy; runpy.run_path({str(spy)!r})" >"$site/spy.pth"\n  done\nfi\n'
            )
            self._write(folder / name, script).chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    def sprung(self) -> list[str]:
        return sorted(file.name for file in self.markers.iterdir())

    def records(self) -> tuple[list[str], list[str]]:
        """What processes without a secret (the installation, the pictures) and with one could read."""
        lines = (self.folder / "log").read_text(encoding="utf-8").splitlines()
        records: list[dict[str, Any]] = [json.loads(line) for line in lines]
        command = [
            r for r in records
            if any(word.endswith("/bin/campaign") for word in r["argv"]) and "phones" not in r["argv"]
        ]  # fmt: skip
        install = [r for r in records if r not in command]
        assert any("pip" in r["argv"] for r in install), "the spy saw no pip"
        return ["\0".join(r["seen"]) for r in install], ["\0".join(r["seen"]) for r in command]


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    (tmp_path / "trap").mkdir()
    return Trap(tmp_path / "trap")


@pytest.fixture
def hosted(tmp_path: Path, sandbox: Sandbox, trap: Trap) -> HostedRepository:
    """A repository whose main branch holds every hostile file, and a merged sale."""
    made = HostedRepository(folder=tmp_path, sandbox=sandbox)
    made.begin()
    trap.lay(tmp_path / "author")
    made.git("add", "--force", ".")
    made.git("commit", "--quiet", "-m", "Add tools")
    made.git("push", "--quiet", "origin", "main")
    made.merge_commit(made.request(sale=SALE))
    return made


@pytest.fixture
def code_host() -> Iterator[FakeCodeHost]:
    made = FakeCodeHost()
    with serve(made):
        yield made


def test_the_files_would_run(tmp_path: Path, trap: Trap) -> None:
    checkout = tmp_path / "checkout"
    trap.lay(checkout)
    env = {**os.environ, "PYTHONHASHSEED": "1"}  # so that each is an interpreter of its own
    for words in (["-m", "venv", "x"], ["-m", "pip", "--version"], ["-m", "wechat_campaigns"]):
        subprocess.run([sys.executable, *words], cwd=checkout, env=env, capture_output=True, check=False)
    assert {"venv.py", "pip.__init__.py", "wechat_campaigns.__init__.py"} <= set(trap.sprung())


def test_the_action_runs_nothing_of_the_checkout(
    hosted: HostedRepository, trap: Trap, code_host: FakeCodeHost
) -> None:
    actions = ActionsRunner(
        remote=hosted.remote, folder=hosted.folder / "disk", token=code_host.writing_token,
        env={"GITHUB_API_URL": code_host.url, "PATH": trap.path()},
        vars={"CAMPAIGNS_LIVE": "true"}, secrets={"WECHAT_MAIN_SECRET": SANDBOX_SECRET},
    )  # fmt: skip
    actions.folder.mkdir()
    payload = {"repository": {"default_branch": "main", "fork": False}}
    jobs = actions.run(WORKFLOW, Event("push", payload, hosted.git("rev-parse", "HEAD"), "refs/heads/main"))
    assert jobs["apply"].result == "success", jobs["review"].log + jobs["apply"].log
    assert re.search(r"phones/message-1\.png|no pictures of the phones", jobs["review"].log)
    assert hosted.texts() == ["今晚八点，会员全场八折。"]
    assert trap.sprung() == []
    install, command = trap.records()
    seeing = [seen for seen in command if SANDBOX_SECRET in seen]
    assert len(seeing) >= 2, (
        "the spy sees secrets where there are some: `review` and `apply` have the AppSecret"
    )
    for secret in (SANDBOX_SECRET, code_host.writing_token, "WECHAT_MAIN_SECRET", "CAMPAIGN_LEDGER_TOKEN"):
        assert not [seen for seen in install if secret in seen]


def gitlab(hosted: HostedRepository, user: int, *script: str) -> subprocess.CompletedProcess[str]:
    """Run the template's `before_script` in a checkout of main as a user of the image, and then a script."""
    checkout = hosted.folder / "builds" / "campaigns"
    subprocess.run(["git", "clone", "--quiet", hosted.remote.as_uri(), str(checkout)], check=True)
    bin = hosted.folder / "image"
    bin.mkdir()
    (bin / "id").write_text(f"#!/bin/sh\necho {user}\n", encoding="utf-8")
    (bin / "id").chmod(0o755)
    env = {
        "PATH": f"{bin}:{TOOLS}:{os.environ['PATH']}",
        "HOME": str(hosted.folder),
        "GITLAB_CI": "true",
        "WECHAT_MAIN_SECRET": SANDBOX_SECRET,
        **TEMPLATE["variables"],
        "GIT_CONFIG_VALUE_0": str(checkout),
    }
    lines = "\n".join([*TEMPLATE[".campaign"]["before_script"], *script])
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", lines],
        cwd=checkout, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_template_runs_nothing_of_the_checkout(hosted: HostedRepository, trap: Trap) -> None:
    done = gitlab(hosted, 10001, "command -v campaign", "campaign validate", "campaign plan --offline")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == str(TOOLS / "campaign")
    assert trap.sprung() == []


def test_the_template_installs_nothing_and_refuses_to_be_root(hosted: HostedRepository) -> None:
    jobs = [job for job in TEMPLATE.values() if isinstance(job, dict) and "script" in job]
    lines = [line for job in jobs for part in ("script", "after_script") for line in job.get(part, ())]
    assert len(jobs) >= 6
    assert not re.search(r"\b(apt|apt-get|apk|dnf|pip|pipx|uv|curl|wget|npm)\b", "\n".join(lines))
    assert {job["extends"] for job in jobs} <= {".campaign", ".apply", "apply"}
    assert not any("image" in job or "before_script" in job for job in jobs)
    done = gitlab(hosted, 0, "echo went on")
    assert (done.returncode, "went on" in done.stdout) == (64, False)


NAME = re.compile(
    r"""(?:\b(?:install|add|download|inject|run|tool|uvx|requires?)\b[^\n]*[\s"'`=]"""
    r"""|^\s*-?\s*["'])(?<!-m )(?<!-m", ")wechat[-_]campaigns"""
    r"""(?!\[\w+\][ ]@[ ]git\+)(?:\[|[=<>~!]=|["'`\s,]|$)""",
    re.MULTILINE,
)
"""An installer, or an entry of a list of requirements, that names the tool as an index would know it.

With an address of git behind the name, no index is asked.
"""


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("pip install 'wechat-campaigns[articles]'", True),
        ("pipx install wechat-campaigns", True),
        ("uvx --from 'wechat-campaigns[articles] @ git+ADDRESS@COMMIT' campaign", False),
        ("uvx --from 'wechat-campaigns[articles] @ 1.0' campaign", True),
        ("uv add wechat_campaigns==1.0", True),
        ('    - "wechat-campaigns[articles]"', True),
        ("uvx wechat-campaigns plan", True),
        ("pip install './CHECKOUT[articles]'", False),
        ("pip install dist/wechat_campaigns-1.0.0-py3-none-any.whl", False),
        ("cd wechat-campaigns", False),
    ],
)
def test_the_pattern_knows_an_installation_by_name(text: str, bad: bool) -> None:
    assert bool(NAME.search(text)) is bad


def test_nothing_says_to_install_a_name_that_nobody_owns() -> None:
    """No page, hint, translation, template, hook or workflow: whoever takes the name would be run."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True)
    names = [name for name in done.stdout.decode().split("\0") if name and name != "CHANGELOG.md"]
    assert len(names) > 300
    found = []
    for name in names:
        file = PROJECT / name
        # This test's own examples; the extra `all`, which installers resolve to the copy at hand.
        if file == Path(__file__) or not file.is_file() or file.is_symlink():
            continue
        text = file.read_bytes().decode("utf-8", errors="ignore")
        text = re.sub(r'"-m",\s+"', '"-m", "', text)  # a call of the module, over two lines
        if name == "pyproject.toml":
            text = text.replace('all = ["wechat-campaigns[articles,heic,postgres,callback,sandbox]"]', "")
        found += [f"{name}: {hit[0].strip()}" for hit in NAME.finditer(text)]
    assert found == []
