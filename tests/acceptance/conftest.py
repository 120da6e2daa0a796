"""What the tests of the real command share."""

import subprocess
import uuid
from pathlib import Path

import pytest

from tests.support.playground import Command, Sandbox
from tests.support.shop import SETTINGS, MakeShop, Shop
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command in this process; gives its exit code, standard output and standard error."""

    def run_it(*words: str) -> tuple[int, str, str]:
        code = run(words)
        return code, *capsys.readouterr()

    return run_it


@pytest.fixture
def root() -> str:
    """What the macs of a shop have as their root; a test may be given another one."""
    return "AppSecret"


@pytest.fixture
def make_shop(sandbox: Sandbox, tmp_path: Path, root: str, request: pytest.FixtureRequest) -> MakeShop:
    """Makes folders, clones of one another, that share one ledger; `own` is one that nobody shares."""
    remote = tmp_path / "remote.git"
    ledgers = {
        "sqlite": f"sqlite:{tmp_path / 'ledger.sqlite3'}",
        "git": f"git:{remote}#ledger",
    }

    def make(ledger: str = "sqlite", name: str = "shop", begin: bool = True, more: str = "") -> Shop:
        folder = tmp_path / name
        (folder / "campaigns").mkdir(parents=True)
        if ledger == "git" and not remote.exists():
            subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
        if ledger == "postgres" and ledger not in ledgers:
            ledgers[ledger] = request.getfixturevalue("server").address(f"s{uuid.uuid4().hex}")
        own = f"sqlite:{tmp_path / name}.sqlite3"
        settings = SETTINGS.format(url=sandbox.url, ledger=ledgers.get(ledger, own), more=more)
        (folder / "campaigns" / "_settings.yaml").write_text(settings, encoding="utf-8")
        shop = Shop(folder, sandbox)
        shop.use_root(root)
        if begin:
            assert shop.run_here("ledger", "init")[0] == ExitCode.OK
        return shop

    return make
