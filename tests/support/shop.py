"""A folder of campaigns with the command as a process of its own in it, over any ledger."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.support.playground import Sandbox
from wechat_campaigns.cli.main import run as campaign
from wechat_campaigns.core.errors import ExitCode

SETTINGS = """\
{more}default_environment: shop
environments:
  shop:
    api: {url}
    ledger: "{ledger}"
    resend_after: 0
    accounts: {{main: {{kind: service, appid: wx0000000000000001, secret: {{env: WECHAT_MAIN_SECRET}}}}}}
"""
SHOP_APPID = "wx0000000000000002"
LEDGER_KEY = "5e" * 32
ROOTS = {"AppSecret": "WECHAT_MAIN_SECRET", "ledger_key": "LEDGER_KEY"}
"""What the macs of an account may have as their root, and the variable of each."""
BOTH_ROOTS = pytest.mark.parametrize("root", ROOTS)
"""Of a test that attacks macs: it goes by the fixture `root` of its shops."""
SENDALL = "message/mass/sendall"


def campaign_file(text: str, more: str = "") -> str:
    """A campaign of one text to the tag 会员."""
    return f"filter: {{tag: 会员}}\nmsgtype: text\ncontent: {text}\n{more}"


@dataclass(frozen=True)
class Shop:
    """A folder of campaigns, and the command as a process of its own in it."""

    folder: Path
    sandbox: Sandbox
    start: tuple[str, ...] = ("-m", "wechat_campaigns")
    """What Python runs as the command."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What is in the environment of each command beside what it needs."""

    def write(self, **campaigns: str) -> None:
        """Write campaigns, by name."""
        for name, text in campaigns.items():
            (self.folder / "campaigns" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def edit(self, name: str, before: str, after: str) -> None:
        """Replace a part of a campaign file, or of `_settings`."""
        file = self.folder / "campaigns" / f"{name}.yaml"
        text = file.read_text(encoding="utf-8")
        assert before in text
        file.write_text(text.replace(before, after), encoding="utf-8")

    def use_root(self, root: str) -> None:
        """Let the macs of `main` have this root from now on."""
        file, key = self.folder / "campaigns/_settings.yaml", ", ledger_key: {env: LEDGER_KEY}"
        text = file.read_text(encoding="utf-8").replace(key, "")
        secret = "secret: {env: WECHAT_MAIN_SECRET}"
        more = key if root == "ledger_key" else ""
        file.write_text(text.replace(secret, f"{secret}{more}", 1), encoding="utf-8")

    def add_settings(self, more: str) -> str:
        """Add to the settings; as they were before."""
        before = (self.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
        self.write(_settings=before + more)
        return before

    def add_environment(self, name: str, *replaced: tuple[str, str]) -> None:
        """Add an environment like `shop`, with these parts of its text replaced."""
        file = self.folder / "campaigns/_settings.yaml"
        text = file.read_text(encoding="utf-8")
        (more,) = re.findall(r"^  shop:\n(?:    .*\n)+", text, re.MULTILINE)
        for before, after in (("  shop:", f"  {name}:"), *replaced):
            assert before in more
            more = more.replace(before, after)
        file.write_text(text + more, encoding="utf-8")

    def move(self, before: str, after: str) -> None:
        """Give a file another place."""
        files = self.folder / "campaigns"
        (files / after).parent.mkdir(exist_ok=True)
        (files / f"{before}.yaml").rename(files / f"{after}.yaml")

    def begin(
        self,
        *words: str,
        process_group: int | None = None,
        stdin: int | None = None,
        streams: int = subprocess.PIPE,
        **variables: str,
    ) -> subprocess.Popen[str]:
        """Start the command in an environment that has nothing but what it needs, and these variables."""
        return subprocess.Popen(
            [sys.executable, *self.start, *words],
            cwd=self.folder, env=self.environment | variables, text=True,
            stdin=stdin, stdout=streams, stderr=streams, process_group=process_group,
        )  # fmt: skip

    def run(self, *words: str, **variables: str) -> tuple[int, str]:
        """Run the command to its end: its exit code, and all that it said."""
        process = self.begin(*words, **variables)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err
        return process.returncode, out + err

    def data(self, *words: str, **variables: str) -> tuple[int, Any]:
        """Run the command to its end for its JSON: its exit code, and that."""
        code, said = self.run(*words, "--format", "json", **variables)
        assert "{" in said, said
        return code, json.JSONDecoder().raw_decode(said, said.index("{"))[0]

    def run_here(self, *words: str, **variables: str) -> tuple[int, str]:
        """Run the command in this process, which is sooner: to prepare a test, or to look."""
        said = io.StringIO()
        with (
            chdir(self.folder), patch.dict(os.environ, self.environment | variables, clear=True),
            redirect_stdout(said), redirect_stderr(said),
        ):  # fmt: skip
            return campaign(words), said.getvalue()

    def succeed(self, *words: str) -> str:
        """Run the command in this process, where it must succeed; all that it said."""
        code, said = self.run_here(*words)
        assert code == ExitCode.OK, said
        return said

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the command gets."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "LC_ALL": "C.UTF-8",
            "CAMPAIGN_STATE_DIR": f"{self.folder}.state",
            "GIT_CONFIG_NOSYSTEM": "1",
            "WECHAT_MAIN_SECRET": "0" * 32,
            "LEDGER_KEY": LEDGER_KEY,
            **self.variables,
        }

    def apply(self, *words: str) -> int:
        """Run apply without a question; its exit code."""
        return self.run("apply", "--auto-approve", *words)[0]

    def log(self) -> list[dict[str, Any]]:
        """Every event of the ledger."""
        _code, out = self.run_here("ledger", "log", "--format", "json")
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def texts(self) -> list[str]:
        """The texts that were taken, in order."""
        return [job["content"]["text"] for job in self.sandbox.jobs()]

    def posts(self) -> int:
        """How many mass calls were made."""
        return sum(one["path"] == f"/cgi-bin/{SENDALL}" for one in self.sandbox.requests())

    def plan(self, *words: str) -> dict[str, Any]:
        """What `plan` says, and the file that it writes."""
        code, said = self.run_here("plan", "--format", "json", "--out", str(self.plan_file), *words)
        assert code == ExitCode.OK, said
        found: dict[str, Any] = json.loads(self.plan_file.read_text(encoding="utf-8"))
        return found

    @property
    def plan_file(self) -> Path:
        return self.folder / "plan.json"

    def reviewed(self, by: str) -> tuple[str, ...]:
        """The words that bind an apply to the plan made last: by its file, or by its digest alone."""
        if by == "file":
            return "--plan", str(self.plan_file)
        return "--expect-digest", json.loads(self.plan_file.read_text(encoding="utf-8"))["plan_digest"]

    def summary(self) -> dict[str, int]:
        found: dict[str, int] = self.plan()["counts"]
        return found

    def row(self, name: str, *words: str) -> dict[str, Any]:
        (found,) = [row for row in self.plan(*words)["sends"] if row["id"] == name]
        return found

    def lose_an_answer(self, kind: str = "cut_before") -> None:
        """Leave a send unknown: the call did not arrive, or its answer did not."""
        self.sandbox.fault(endpoint=SENDALL, kind=kind)
        assert self.run_here("apply", "--auto-approve")[0] == ExitCode.UNKNOWN


MakeShop = Callable[..., Shop]


def with_second_account(shop: Shop, variable: str = "WECHAT_MAIN_SECRET") -> Shop:
    """Put the account `shop`, whose secret is in a variable of its own if named, beside `main`."""
    file = shop.folder / "campaigns/_settings.yaml"
    accounts = file.read_text(encoding="utf-8").rstrip().removesuffix("}")
    second = f", shop: {{kind: service, appid: {SHOP_APPID}, secret: {{env: {variable}}}}}}}\n"
    file.write_text(f"{accounts}{second}    default_account: main\n", encoding="utf-8")
    return shop
